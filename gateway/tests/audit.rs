//! `cordboard audit` over the calls of a drain company whose webhook was badly written, and over files that are no
//! calls at all.

#[path = "support/command.rs"]
mod command;
#[path = "support/fake_vapi.rs"]
mod fake_vapi;

use std::collections::HashSet;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use command::cordboard;
use fake_vapi::{FakeVapi, KEY, Organisation};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/audit");

fn audit(arguments: &[&str]) -> Output {
    cordboard().arg("audit").args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn json_of(arguments: &[&str]) -> Value {
    let output = audit(&[arguments, &["-o", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn of<'a>(list: &'a Value, call: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|one| one["evidence"]["call"] == call);
    found.unwrap_or_else(|| panic!("{call} is not in {list}"))
}

fn page(arguments: &[&str]) -> String {
    let output = audit(&[arguments, &["-o", "html", "--out", "-"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output).to_owned()
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What follows `mark` up to the next quotation mark, everywhere.
fn quoted<'a>(page: &'a str, mark: &str) -> Vec<&'a str> {
    page.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn an_emergency_is_found_at_the_sentence_that_made_it_one() {
    let audit = json_of(&[FIXTURES]);
    let missed = of(&audit["emergencies"], "lan-2026-01");
    assert_eq!(missed["evidence"]["at_s"], 5.0);
    assert!(missed["evidence"]["quote"].as_str().unwrap().contains("ça refoule dans le sous-sol"));
    assert!(missed["reason"].as_str().unwrap().contains("refoule"));
    assert_eq!(missed["by"], "transcript");
    assert_eq!(missed["before"]["priority"], "P4");
    assert_eq!(missed["before"]["outcome"], "not_asked");
    assert_eq!(missed["asked"], false);
    assert_eq!(missed["told"][0], json!({ "contact": "owner", "after_s": null, "segments": null }));

    let failed = of(&audit["emergencies"], "lan-2026-04");
    assert_eq!(failed["before"]["outcome"], "failed");
    assert_eq!(failed["before"]["alert_tool"], "notifyTeam");
    assert_eq!(failed["asked"], true, "the agent asked: notifyTeam tells somebody");

    let calls: Vec<&str> =
        audit["emergencies"].as_array().unwrap().iter().map(|one| one["evidence"]["call"].as_str().unwrap()).collect();
    assert_eq!(calls.len(), 8, "{calls:?}");
    assert_eq!(audit["totals"]["untold"], 6);
    assert_eq!(of(&audit["others"], "lan-2026-10")["priority"], "P2");
    assert_eq!(of(&audit["others"], "lan-2026-14")["priority"], "P3");
}

#[test]
fn who_is_told_when_counts_from_the_end_of_the_sentence() {
    let audit = json_of(&[FIXTURES]);
    let flood = of(&audit["emergencies"], "lan-2026-03");
    let told = flood["told"].as_array().unwrap();
    assert_eq!(told.iter().map(|one| &one["contact"]).collect::<Vec<_>>(), ["owner", "on_call"]);
    // Said from 7.0 s on, 6.3 s long; asked for at 20.5 s; the old webhook answered at 24.7 s.
    assert!(told.iter().all(|one| one["after_s"] == 7.2 && one["segments"] == 1), "{told:?}");
    assert_eq!(flood["before"]["told_after_s"], 11.4);
}

#[test]
fn a_priority_the_agent_only_learned_from_the_old_webhook_is_no_evidence() {
    let audit = json_of(&[FIXTURES]);
    let alarm = of(&audit["false_alarms"], "lan-2026-02");
    assert_eq!((&alarm["priority_before"], &alarm["told_before"]), (&json!("P1"), &json!(true)));
    assert!(alarm["evidence"]["quote"].as_str().unwrap().contains("ce n'est pas une urgence"));
    assert!(audit["emergencies"].as_array().unwrap().iter().all(|one| one["evidence"]["call"] != "lan-2026-02"));
}

#[test]
fn waits_failures_and_repeats_of_tools_are_counted_once_each() {
    let audit = json_of(&[FIXTURES]);
    let longest = &audit["silences"][0];
    assert_eq!((&longest["evidence"]["call"], &longest["silence_s"]), (&json!("lan-2026-03"), &json!(4.2)));
    assert_eq!(longest["tools"], json!(["sendSMSAlert"]));
    let totals = &audit["totals"];
    assert_eq!((&totals["silence_worst_s"], &totals["silence_p50_s"]), (&json!(4.2), &json!(1.3)));
    assert_eq!(totals["failed_tool_calls"], 1, "a recording that broke off may have lost the answer");
    assert_eq!(of(&audit["failed_tools"], "lan-2026-04")["failure"], "no_result");
    let repeat = &audit["repeats"][0];
    assert_eq!((&repeat["times"], &repeat["done_once"]), (&json!(3), &json!(true)), "{repeat}");
    assert_eq!(totals["repeated_tool_calls"], 2);
    assert_eq!(audit["tools_not_run"], json!(["createClient"]));
}

#[test]
fn calls_that_were_lost_repeated_or_never_spoken_are_told_apart() {
    let audit = json_of(&[FIXTURES]);
    let lost: Vec<&Value> = audit["without_report"].as_array().unwrap().iter().map(|one| &one["call"]).collect();
    assert_eq!(lost, ["lan-2026-06", "lan-2026-15"]);
    let again = &audit["called_again"][0];
    assert_eq!(again["caller"], "+1514•••0144");
    assert_eq!(again["calls"].as_array().unwrap().len(), 3);
    assert_eq!(audit["called_again"].as_array().unwrap().len(), 1);
    assert_eq!(of(&audit["unjudged"], "lan-2026-13")["why"], "not_connected");
    assert_eq!((&audit["totals"]["calls"], &audit["totals"]["judged"]), (&json!(15), &json!(14)));
    let endings = audit["endings"].as_array().unwrap();
    assert!(endings.iter().any(|end| end["group"] == "platform.transport" && end["fault"] == "platform"));
}

/// Networks spell on a keypad what they withhold: `+266696687` is ANONYMOUS.
#[test]
fn callers_who_hide_their_number_are_not_one_caller() {
    let dir = tempfile::tempdir().unwrap();
    let calls = std::fs::read_to_string(format!("{FIXTURES}/calls.json")).unwrap();
    assert!(calls.contains("+15145550144"));
    let path = write(dir.path(), "calls.json", &calls.replace("+15145550144", "+266696687"));
    assert_eq!(json_of(&[&path])["called_again"], json!([]));
}

#[test]
fn every_link_of_the_page_leads_to_a_place_on_it() {
    let page = page(&[FIXTURES]);
    let places: Vec<&str> = quoted(&page, " id=\"");
    let distinct: HashSet<&str> = places.iter().copied().collect();
    assert_eq!(places.len(), distinct.len(), "no two places have the same name");
    let links = quoted(&page, "href=\"#");
    assert!(links.len() > 30, "{}", links.len());
    for link in links {
        assert!(distinct.contains(link), "#{link} leads nowhere");
    }
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
}

#[test]
fn the_page_quotes_marks_and_masks() {
    let masked = page(&[FIXTURES]);
    assert_eq!(masked.matches("<mark>refoule</mark>").count(), 2, "in the line and in its evidence");
    assert!(masked.contains("ça <mark>refoule</mark> dans le sous-sol"), "{masked}");
    assert!(masked.contains("+1514•••0144") && masked.contains("au •••0199."));
    assert!(!masked.contains("5145550144") && !masked.contains("514 555 0199") && !masked.contains("450 555-0122"));
    let whole = page(&[FIXTURES, "--show-numbers"]);
    assert!(whole.contains("+15145550144") && whole.contains("514 555 0199"));
}

#[test]
fn what_a_caller_says_is_text_on_the_page_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let said = "inondation <script>alert(1)</script> \" onload=\"x";
    let call = json!({
        "id": "c\"><b>", "orgId": "o", "status": "ended", "endedReason": "<i>", "startedAt": "2026-09-01T10:00:00Z",
        "customer": { "number": "<u>" },
        "artifact": { "messages": [{ "role": "user", "message": said, "time": 1_788_256_802_000_i64 }] },
    });
    let file = write(dir.path(), "call.json", &call.to_string());
    let page = page(&[&file, "--show-numbers"]);
    for raw in ["<script", "<b>\"", "<i>", "<u>", "onload=\"x"] {
        assert!(!page.contains(raw), "{raw}");
    }
    assert!(page.contains("&lt;script&gt;"));
}

#[test]
fn the_page_speaks_the_language_of_the_playbook() {
    let dir = tempfile::tempdir().unwrap();
    let french = include_str!("../../config/playbooks/boreal.toml");
    let english =
        french.replace("language = \"fr\"", "language = \"en\"").replace("[\"fr\", \"en\"]", "[\"en\", \"fr\"]");
    let file = write(dir.path(), "english.toml", &english);
    let page_en = page(&[FIXTURES, "--playbook", &file]);
    let page_fr = page(&[FIXTURES]);
    assert!(page_fr.contains("<html lang=\"fr\">") && page_fr.contains("15 appels du 7 au 9 septembre 2026"));
    assert!(page_en.contains("<html lang=\"en\">") && page_en.contains("15 calls from 7 to 9 September 2026"));
}

#[test]
fn the_same_calls_give_the_same_bytes_in_every_form_whatever_the_order_of_the_files() {
    let files = ["calls.json", "page-2.json", "webhooks.jsonl"].map(|name| format!("{FIXTURES}/{name}"));
    for form in [&["-o", "table"][..], &["-o", "json"], &["-o", "html", "--out", "-"]] {
        let one = audit(&[&[&files[0], &files[1], &files[2]].map(String::as_str)[..], form].concat());
        let other = audit(&[&[&files[2], &files[0], &files[0], &files[1]].map(String::as_str)[..], form].concat());
        assert!(!one.stdout.is_empty());
        assert_eq!(stdout(&one), stdout(&other));
    }
}

#[test]
fn the_table_names_calls_and_seconds_and_quotes_nobody() {
    let output = audit(&[FIXTURES]);
    let table = stdout(&output);
    for line in [
        "8 callers described an emergency; during 6 of these calls nobody was told. 1 alarm was false.",
        "Emergencies: 8",
        "  lan-2026-01  0:05  P1  owner and on_call, once the agent asks; here it did not; before: said P4; told nobody",
        "  lan-2026-02  0:05  routine (P4); before: said P1; people were told",
        "  lan-2026-03  0:20  4.2 s  sendSMSAlert",
        "Calls without a report: 2",
    ] {
        assert!(table.lines().any(|shown| shown == line), "{line:?} is not in\n{table}");
    }
    for said in ["refoule", "basement", "5550144", "555 0199"] {
        assert!(!table.contains(said), "{said}");
    }
}

#[test]
fn a_file_that_is_no_export_is_named_with_its_place_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(format!("{FIXTURES}/page-2.json")).unwrap();
    write(dir.path(), "a-good.json", &good);
    write(dir.path(), "b-cut.json", "[{\"id\": \"x\",\n \"orgId\": ");
    write(dir.path(), "c-lines.jsonl", "{\"message\":{\"type\":\"hang\"}}\nnot json\n{\"id\":7}\n");
    write(dir.path(), "d-empty.json", " ");
    write(dir.path(), "e-other.json", "{\"invoice\":1}");
    write(dir.path(), "f-deep.json", &"[".repeat(100_000));
    write(dir.path(), "notes.txt", "not looked at");
    let path = dir.path().to_str().unwrap();
    let output = audit(&[path, "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    for place in [
        "b-cut.json:2:",
        "c-lines.jsonl:2:2: not JSON",
        "c-lines.jsonl:3: neither",
        "d-empty.json: empty",
        "e-other.json: neither",
        "f-deep.json: nested",
    ] {
        assert!(message.contains(place), "{place} is not in {message}");
    }
    assert!(!message.contains("notes.txt"));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["totals"]["calls"], 2);
    assert_eq!(found["unreadable"].as_array().unwrap().len(), 6);
    assert_eq!(audit(&[path, "--skip-bad"]).status.code(), Some(0));
}

#[test]
fn what_cannot_be_done_says_why_and_with_which_code() {
    for (arguments, code, word) in [
        (&[][..], 2, "FILES"),
        (&[FIXTURES, "--since", "3d"], 2, "--from-vapi"),
        (&["--from-vapi", "--since", "soon"], 2, "30d"),
        (&["--from-vapi"], 3, "CORDBOARD_PLATFORMS__VAPI__API_KEY"),
        (&[FIXTURES, "--tenant", "nobody"], 4, "boreal"),
        (&[FIXTURES, "--playbook", "/nowhere/x.toml"], 3, "/nowhere/x.toml"),
        (&["/nowhere/calls.json"], 1, "/nowhere/calls.json"),
        (&[FIXTURES, "--out", "/nowhere/report.txt"], 3, "/nowhere/report.txt"),
    ] {
        let output = audit(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).to_lowercase().contains(&word.to_lowercase()), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_page_goes_to_a_file_and_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let output = cordboard().current_dir(dir.path()).args(["audit", FIXTURES, "-o", "html"]).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), ""));
    assert!(stderr(&output).contains("audit.html"));
    assert!(std::fs::read_to_string(dir.path().join("audit.html")).unwrap().ends_with("</html>\n"));
}

/// Sixty calls, newest first, two of them at the moment where one page ends and the next begins.
fn organisation() -> Organisation {
    let call = |n: u32| {
        let minute = if n == 50 { 49 } else { n };
        json!({
            "id": format!("call-{n:02}"), "orgId": "o", "type": "inboundPhoneCall", "status": "ended",
            "createdAt": format!("2026-09-01T10:{:02}:00.000Z", 59 - minute.min(59)),
            "assistantId": if n.is_multiple_of(2) { "even" } else { "odd" }, "endedReason": "customer-ended-call",
            "artifact": { "transcript": "AI: Bonjour!\nUser: Une inondation!\n" },
        })
    };
    Organisation { calls: (0..60).map(call).collect(), ..Organisation::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_asked_of_vapi_page_by_page_and_each_is_taken_once() {
    let fake = FakeVapi::start(organisation());
    let run = async |arguments: &[&str], key: &str| {
        let mut command = cordboard();
        command.env("CORDBOARD_PLATFORMS__VAPI__BASE_URL", &fake.url).env("CORDBOARD_PLATFORMS__VAPI__API_KEY", key);
        command.args(["audit", "--from-vapi", "-o", "json"]).args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    for (arguments, calls) in [
        (&["--since", "2026-09-01"][..], 60),
        (&["--since", "2026-09-01T10:30:00Z"], 30),
        (&["--since", "2026-09-01", "--limit", "7"], 7),
        (&["--since", "2026-09-01", "--assistant", "even"], 30),
    ] {
        let output = run(arguments, KEY).await;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["totals"]["calls"], calls, "{arguments:?}");
        assert_eq!(found["totals"]["emergencies"], calls, "a transcript without times is enough to judge");
        assert_eq!(found["emergencies"][0]["evidence"]["at_s"], Value::Null, "and no time is invented");
    }
    assert_eq!(run(&[], "wrong").await.status.code(), Some(5));
    fake.stop().await;
}

/// Webhooks as they are documented, where they are at hand.
#[test]
fn recorded_webhooks_of_every_kind_can_be_read() {
    let Ok(contracts) = std::env::var("CORDBOARD_CONTRACTS") else {
        return eprintln!("CORDBOARD_CONTRACTS is not set");
    };
    let audit = json_of(&[&format!("{contracts}/vapi/examples")]);
    assert_eq!(audit["unreadable"], json!([]));
    assert!(audit["totals"]["calls"].as_u64() > Some(0));
    let page = page(&[&format!("{contracts}/vapi/examples")]);
    let places: HashSet<&str> = quoted(&page, " id=\"").into_iter().collect();
    assert!(quoted(&page, "href=\"#").iter().all(|link| places.contains(link)));
}
