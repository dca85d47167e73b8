//! `cordboard playbook new`, as it is run: what it asks, writes and refuses.

#[path = "support/command.rs"]
mod command;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use command::cordboard;
use engine::playbook::{Language, Playbook, Reception};
use engine::priority::Priority;
use engine::time::Timestamp;

const ANSWERS: [&str; 6] = [
    "Clinique Évasion",
    "fr, en",
    "dental",
    "America/Toronto mon-fri 08:00-17:00, sat 09:00-12:00",
    "Marie Côté 514-555-0110",
    "none",
];

/// Answers these lines on standard input.
fn answered(dir: &Path, arguments: &[&str], lines: &[&str]) -> Output {
    let mut command = cordboard();
    command.args(["playbook", "new", "--dir"]).arg(dir).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    // One that refuses a flag has ended before it reads.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap()
}

fn playbook(file: &Path) -> Playbook {
    Playbook::parse(&fs::read_to_string(file).unwrap(), "written.toml").unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn six_answers_make_a_playbook_that_is_accepted() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("play books");
    let written = answered(&dir, &[], &ANSWERS);
    assert_eq!(written.status.code(), Some(0), "{written:?}");
    assert_eq!(said(&written).matches("/6 ").count(), 6, "six questions: {}", said(&written));
    let file = dir.join("clinique-evasion.toml");
    let steps = String::from_utf8_lossy(&written.stdout).into_owned();
    assert!(steps.contains(file.to_str().unwrap()) && steps.contains("config check"), "{steps}");

    let clinic = playbook(&file);
    assert_eq!((clinic.name.as_ref(), &clinic.languages[..]), ("Clinique Évasion", &[Language::Fr, Language::En][..]));
    assert_eq!(clinic.time_zone.iana_name(), Some("America/Toronto"));
    // A Friday at noon, and a Sunday.
    for (at, open) in [(1_800_032_400_000, true), (1_800_205_200_000, false)] {
        assert_eq!(clinic.is_open(Timestamp::from_millis(at)), Some(open));
    }
    assert_eq!(clinic.classify("my tooth got knocked out", None).priority, Priority::P1);
    assert_eq!(clinic.classify("j'ai mal aux dents", None).priority, Priority::P2);
    for priority in Priority::ALL {
        assert_eq!(clinic.recipients(priority)[0].phone.as_str(), "+15145550110");
    }
    let Reception::Transient(assistant) = &clinic.reception else { panic!("{:?}", clinic.reception) };
    let prompt = assistant["model"]["messages"][0]["content"].as_str().unwrap();
    assert!(prompt.contains("clinique dentaire") && prompt.contains("samedi 09:00-12:00"), "{prompt}");

    let mut check = cordboard();
    check.env("CORDBOARD_PLAYBOOKS__DIR", &dir).env("CORDBOARD_PLAYBOOKS__DEFAULT_TENANT", "clinique-evasion");
    let checked = check.args(["config", "check"]).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let table = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(table.contains("templates.alert.fr") && table.contains("2 segments (GSM-7)"), "{table}");
}

#[test]
fn every_trade_and_language_makes_a_playbook_that_is_accepted() {
    let root = tempfile::tempdir().unwrap();
    for trade in ["drains", "dental", "other"] {
        for languages in ["fr", "en", "en,fr"] {
            let name = format!("A \"{trade}\" \\ {{{{ {languages} }}}} # 'quoted' 1");
            let flags = ["--name", &name, "--languages", languages, "--trade", trade, "--hours", "UTC"];
            let rest = ["--emergency", "owner: +15145550110", "--assistant", "assistant-1"];
            let written = answered(root.path(), &[&flags[..], &rest].concat(), &[]);
            assert_eq!(written.status.code(), Some(0), "{written:?}");
            assert!(!said(&written).contains("/6 "), "what a flag answers is not asked: {}", said(&written));
        }
    }
    let mut files: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 9);
    for file in files {
        let playbook = playbook(&file);
        assert!(matches!(&playbook.reception, Reception::Assistant { id, .. } if id.as_ref() == "assistant-1"));
        assert_eq!(playbook.routing.assistants, [Box::from("assistant-1")]);
        assert_eq!(playbook.warnings, [], "{}", file.display());
    }
}

#[test]
fn a_bad_answer_is_refused_with_its_reason_and_asked_for_again() {
    let root = tempfile::tempdir().unwrap();
    let [name, languages, trade, hours, emergency, assistant] = ANSWERS;
    let lines = [
        "",
        name,
        "klingon",
        languages,
        "plumbing",
        trade,
        "Mars/Olympus mon 08:00-17:00",
        "UTC sometimes",
        hours,
        "Marie",
        "Marie 911",
        emergency,
        "an id with spaces",
        assistant,
    ];
    let written = answered(root.path(), &[], &lines);
    assert_eq!(written.status.code(), Some(0), "{written:?}");
    let said = said(&written);
    for reason in [
        "a business has a name",
        "\"klingon\" is neither fr nor en",
        "\"plumbing\" is none of: drains, dental, other",
        "no time zone is called \"Mars/Olympus\"",
        "\"sometimes\" is no opening time",
        "there is no number in it",
        "\"911\" is not a telephone number",
        "id of an assistant, or none",
    ] {
        assert!(said.contains(reason), "{reason} in {said}");
    }
    assert!(root.path().join("clinique-evasion.toml").exists());
}

#[test]
fn what_cannot_be_written_is_not_begun() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("clinique-evasion.toml");
    fs::write(&file, "mine").unwrap();
    let there = answered(root.path(), &[], &ANSWERS);
    assert_eq!((there.status.code(), fs::read_to_string(&file).unwrap().as_str()), (Some(3), "mine"), "{there:?}");
    assert!(said(&there).contains("is there already") && !said(&there).contains("2/6"), "{}", said(&there));

    let dir = root.path().join("new");
    let ended = answered(&dir, &[], &ANSWERS[..3]);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(said(&ended).contains("the answers ended") && said(&ended).contains("--hours"), "{}", said(&ended));
    let flag = answered(&dir, &["--trade", "plumbing"], &ANSWERS);
    assert_eq!(flag.status.code(), Some(2), "{flag:?}");
    assert!(said(&flag).contains("--trade: \"plumbing\" is none of"), "{}", said(&flag));
    assert!(!dir.exists());

    let blocked = answered(&file, &[], &ANSWERS);
    assert_eq!(blocked.status.code(), Some(3), "a file is no directory: {blocked:?}");
}

#[test]
fn answers_may_come_from_a_file_which_is_not_asked_twice() {
    let root = tempfile::tempdir().unwrap();
    let answers = root.path().join("answers.txt");
    let write = |lines: &[&str]| fs::write(&answers, lines.join("\n")).unwrap();
    let arguments = ["--answers", answers.to_str().unwrap()];
    write(&["Clinique", "fr", "dentist", "UTC", "Marie +15145550110", "none"]);
    let refused = answered(root.path(), &arguments, &[]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(said(&refused).contains("answers.txt:3: \"dentist\" is none of"), "{}", said(&refused));
    write(&["Clinique", "fr", "dental", "UTC", "Marie +15145550110", "none"]);
    let written = answered(root.path(), &arguments, &[]);
    assert_eq!(written.status.code(), Some(0), "{written:?}");
    assert!(root.path().join("clinique.toml").exists());
    let missing = answered(root.path(), &["--answers", "nowhere.txt"], &[]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
}
