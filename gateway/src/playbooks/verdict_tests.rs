use super::*;
use crate::playbooks::source::SourceFile;

const HARBOUR: &str = include_str!("../../tests/stories/playbooks/harbour.toml");

/// A playbook of this tenant; `routing` as it is written, in line 7.
fn text(tenant: &str, routing: &str) -> String {
    let (head, rest) = HARBOUR.split_once("[routing]\n").unwrap();
    let (_, rest) = rest.split_once("\n[").unwrap();
    let head = head.replace("tenant = \"harbour\"", &format!("tenant = \"{tenant}\""));
    let text = format!("{head}[routing]\n{routing}\n[{rest}");
    assert_eq!(Playbook::parse(&text, "fixture").err(), None);
    text
}

fn broken(tenant: &str) -> String {
    format!("tenant = \"{tenant}\"\nname = \n")
}

/// Looks at these files, one after the other version, as a server does.
#[derive(Default)]
struct Server {
    incumbents: Incumbents,
    looks: i64,
}

impl Server {
    fn looks_at(&mut self, files: &[(&str, String)]) -> Verdict {
        let draft = |(name, text): &(&str, String)| {
            Draft::read(SourceFile::new(format!("dir/{name}"), (*name).to_owned(), Ok(text.clone())))
        };
        let drafts: Vec<Draft> = files.iter().map(draft).collect();
        self.looks += 1;
        let verdict = decide(&drafts, &self.incumbents, Timestamp::from_millis(self.looks));
        self.incumbents = verdict.served.clone();
        self.incumbents.extend(verdict.waiting.clone());
        verdict
    }
}

/// `a.toml ash good@1`: the file, its tenant, its state, and the look at which what is in force was taken.
fn told(verdict: &Verdict) -> Vec<String> {
    let line = |entry: &Entry| {
        let tenant = entry.tenant.as_ref().map_or("-", TenantId::as_str);
        let since = entry.in_force.as_ref().map(|since| format!("@{}", since.loaded_at.as_millis()));
        format!("{} {tenant} {}{}", entry.file_name, entry.state.as_str(), since.unwrap_or_default())
    };
    verdict.entries.iter().map(line).collect()
}

fn removed(verdict: &Verdict) -> Vec<&str> {
    verdict.removed.keys().map(TenantId::as_str).collect()
}

fn error(verdict: &Verdict, file: &str) -> String {
    let entry = verdict.entries.iter().find(|entry| entry.file_name == file).unwrap();
    entry.error.as_ref().expect("it is refused").to_string()
}

#[test]
fn what_happens_to_one_file_leaves_the_others_as_they_were() {
    let ash = || ("a.toml", text("ash", ""));
    let birch = || ("b.toml", text("birch", ""));
    for (what, files, expected, gone) in [
        ("nothing changed", vec![ash(), birch()], vec!["a.toml ash good@1", "b.toml birch good@1"], vec![]),
        (
            "one is changed",
            vec![ash(), ("b.toml", text("birch", "numbers = []"))],
            vec!["a.toml ash good@1", "b.toml birch good@2"],
            vec![],
        ),
        (
            "one is broken",
            vec![ash(), ("b.toml", broken("birch"))],
            vec!["a.toml ash good@1", "b.toml birch stale@1"],
            vec![],
        ),
        (
            "one does not even say whose it is",
            vec![ash(), ("b.toml", "[".to_owned())],
            vec!["a.toml ash good@1", "b.toml birch stale@1"],
            vec![],
        ),
        (
            "one is broken and names another tenant",
            vec![ash(), ("b.toml", broken("ash"))],
            vec!["a.toml ash good@1", "b.toml birch stale@1"],
            vec![],
        ),
        ("one is removed", vec![ash()], vec!["a.toml ash good@1"], vec!["birch"]),
        (
            "one is added",
            vec![ash(), birch(), ("c.toml", text("cedar", ""))],
            vec!["a.toml ash good@1", "b.toml birch good@1", "c.toml cedar good@2"],
            vec![],
        ),
        (
            "one is added broken",
            vec![ash(), birch(), ("c.toml", broken("cedar"))],
            vec!["a.toml ash good@1", "b.toml birch good@1", "c.toml cedar out"],
            vec![],
        ),
        (
            "one is renamed",
            vec![ash(), ("z.toml", text("birch", ""))],
            vec!["a.toml ash good@1", "z.toml birch good@1"],
            vec![],
        ),
        (
            "one is renamed and broken",
            vec![ash(), ("z.toml", broken("birch"))],
            vec!["a.toml ash good@1", "z.toml birch stale@1"],
            vec![],
        ),
        (
            "one is another tenant's now",
            vec![ash(), ("b.toml", text("cedar", ""))],
            vec!["a.toml ash good@1", "b.toml cedar good@2"],
            vec!["birch"],
        ),
        (
            "two change places",
            vec![("a.toml", text("birch", "")), ("b.toml", text("ash", ""))],
            vec!["a.toml birch good@1", "b.toml ash good@1"],
            vec![],
        ),
        (
            "a copy is left beside it",
            vec![ash(), ("a-copy.toml", text("birch", "numbers = []")), birch()],
            vec!["a.toml ash good@1", "a-copy.toml birch out", "b.toml birch good@1"],
            vec![],
        ),
        (
            "a copy is left beside one that is broken",
            vec![ash(), ("a-copy.toml", text("birch", "")), ("b.toml", broken("birch"))],
            vec!["a.toml ash good@1", "a-copy.toml birch out", "b.toml birch stale@1"],
            vec![],
        ),
    ] {
        let mut server = Server::default();
        server.looks_at(&[ash(), birch()]);
        let verdict = server.looks_at(&files);
        assert_eq!(told(&verdict), expected, "{what}");
        assert_eq!(removed(&verdict), gone, "{what}");
    }
}

#[test]
fn a_broken_file_is_mended_and_what_was_good_before_never_left() {
    let mut server = Server::default();
    assert_eq!(told(&server.looks_at(&[("a.toml", text("ash", ""))])), ["a.toml ash good@1"]);
    assert_eq!(told(&server.looks_at(&[("a.toml", broken("ash"))])), ["a.toml ash stale@1"]);
    assert_eq!(told(&server.looks_at(&[("a.toml", text("ash", ""))])), ["a.toml ash good@1"]);
    assert_eq!(told(&server.looks_at(&[("a.toml", text("ash", "numbers = []"))])), ["a.toml ash good@4"]);
}

#[test]
fn two_files_of_one_tenant_are_the_firsts() {
    let verdict = Server::default().looks_at(&[("a.toml", text("ash", "")), ("b.toml", text("ash", ""))]);
    assert_eq!(told(&verdict), ["a.toml ash good@1", "b.toml ash out"]);
    let error = error(&verdict, "b.toml");
    assert!(error.starts_with("dir/b.toml:2: tenant: the tenant `ash` already has the playbook a.toml; "), "{error}");
}

#[test]
fn what_one_tenant_holds_no_other_may_claim() {
    for (key, held, claimed, told_as) in [
        ("assistants", "asst-1", "asst-1", "the assistant \"asst-1\""),
        ("numbers", "+14185550142", "1 (418) 555-0142", "the number 1 (41•••0142"),
        ("numbers", "num-1", "num-1", "the number •••"),
        ("secrets", "secret-of-ash", "secret-of-ash", "a secret"),
    ] {
        let mut server = Server::default();
        let ash = ("b.toml", text("ash", &format!("{key} = [\"{held}\"]")));
        server.looks_at(&[("a.toml", text("birch", "")), ash.clone()]);
        // It comes first in the order of the files, and is refused all the same: it is the one that changed.
        let verdict = server.looks_at(&[("a.toml", text("birch", &format!("{key} = [\"{claimed}\"]"))), ash.clone()]);
        assert_eq!(told(&verdict), ["a.toml birch stale@1", "b.toml ash good@1"], "{key}");
        let error = error(&verdict, "a.toml");
        let expected = format!(
            "dir/a.toml:7: routing.{key}: {told_as} of the tenant `birch` is already that of `ash` (b.toml); \
             leave it to one of the two"
        );
        assert_eq!(error, expected);
        assert!(verdict.entries[0].names_another && !verdict.entries[1].names_another);
        let given_up = server
            .looks_at(&[("a.toml", text("birch", &format!("{key} = [\"{claimed}\"]"))), ("b.toml", text("ash", ""))]);
        assert_eq!(told(&given_up), ["a.toml birch good@3", "b.toml ash good@3"], "{key}");
    }
}

#[test]
fn among_new_claims_the_first_file_wins_and_empty_ones_are_none() {
    let claims = |tenant| text(tenant, "numbers = [\"+14185550142\", \"\"]\nassistants = [\"\"]");
    let verdict = Server::default().looks_at(&[("a.toml", claims("ash")), ("b.toml", claims("birch"))]);
    assert_eq!(told(&verdict), ["a.toml ash good@1", "b.toml birch out"]);
    let empty = |tenant| text(tenant, "assistants = [\"\"]\nnumbers = [\" \"]");
    let verdict = Server::default().looks_at(&[("a.toml", empty("ash")), ("b.toml", empty("birch"))]);
    assert_eq!(told(&verdict), ["a.toml ash good@1", "b.toml birch good@1"]);
}

#[test]
fn claims_may_change_hands_and_a_half_done_change_of_hands_is_not_done() {
    let claims = |tenant, id| text(tenant, &format!("assistants = [\"asst-{id}\"]"));
    let before = [("a.toml", claims("ash", "1")), ("b.toml", claims("birch", "2"))];
    let mut server = Server::default();
    server.looks_at(&before);
    let swapped = [("a.toml", claims("ash", "2")), ("b.toml", claims("birch", "1"))];
    assert_eq!(told(&server.looks_at(&swapped)), ["a.toml ash good@2", "b.toml birch good@2"]);

    server.looks_at(&before);
    let half = [("a.toml", claims("ash", "2")), ("b.toml", broken("birch"))];
    assert_eq!(told(&server.looks_at(&half)), ["a.toml ash stale@3", "b.toml birch stale@3"]);
}

#[test]
fn who_steps_back_to_the_last_good_one_may_push_others_back_too() {
    let claims = |tenant, id| text(tenant, &format!("assistants = [\"asst-{id}\"]"));
    let mut server = Server::default();
    let before = [("a.toml", claims("ash", "1")), ("b.toml", claims("birch", "2")), ("c.toml", claims("cedar", "3"))];
    server.looks_at(&before);
    // Each takes what the next one had, and the last is broken: it keeps what it has, and so must they all.
    let chain = [("a.toml", claims("ash", "2")), ("b.toml", claims("birch", "3")), ("c.toml", broken("cedar"))];
    assert_eq!(told(&server.looks_at(&chain)), ["a.toml ash stale@1", "b.toml birch stale@1", "c.toml cedar stale@1"]);
}
