//! `cordboard drill` against a server that runs: who was told, who answered, and the code it ends with.

#[path = "support/command.rs"]
mod command;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use command::{Running, cordboard};

const BOREAL: &str = include_str!("stories/playbooks/boreal.toml");

/// The owner is texted and phoned, then the crew; a second for an answer. The owner has this number.
fn server(root: &Path, owner: &str) -> Running {
    let roster = "\n[rosters.emergency]\nsteps = [{ contacts = [\"owner\"], by = [\"sms\", \"call\"] }, { contacts = [\"crew\"] }]\n";
    let playbook = BOREAL.replace("+14185550101", owner).replacen(
        "text = [\"owner\", \"crew\"]\ntext_within_s = 0",
        "roster = \"emergency\"\ntext_within_s = 0\nacknowledge_within_s = 1",
        1,
    );
    let dir = root.join("playbooks");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("boreal.toml"), playbook + roster).unwrap();
    let mut command = cordboard();
    command.env("CORDBOARD_PLAYBOOKS__DIR", &dir).env("CORDBOARD_SMS__SANDBOX__DELIVERY_MS", "1");
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(root.join("data"));
    Running::start(command)
}

fn drill(server: &Running, root: &Path, more: &[&str]) -> Output {
    let mut command = at(server, root);
    command.args(more).output().unwrap()
}

fn at(server: &Running, root: &Path) -> Command {
    let url = server.webhook_url();
    let mut command = cordboard();
    command.args(["drill", "--to", url.trim_end_matches("/webhooks/vapi"), "--data-dir"]).arg(root.join("data"));
    command
}

fn assert_in_order(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for words in wanted {
        let at = rest.find(words).unwrap_or_else(|| panic!("{words:?} is not (in order) in {text}"));
        rest = &rest[at + words.len()..];
    }
}

#[test]
fn a_drill_that_somebody_takes_ends_with_0_and_shows_who() {
    let root = tempfile::tempdir().unwrap();
    // A person picks up and presses 1.
    let server = server(root.path(), "+15005550040");
    let drilled = drill(&server, root.path(), &["--tenant", "boreal"]);
    let text = String::from_utf8(drilled.stdout.clone()).unwrap();
    assert_eq!(drilled.status.code(), Some(0), "{drilled:?}");
    let wanted = [
        "opened",
        "owner         sms   told",
        "owner         call  told",
        "answered",
        "acknowledged  owner (keypress)",
        "taken by owner (keypress)",
    ];
    assert_in_order(&text, &wanted);
    assert!(text.contains("owner         sms   delivered"), "{text}");
    let json = drill(&server, root.path(), &["-o", "json"]);
    let whole: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&whole["state"], &whole["reason"]), (&"acknowledged".into(), &"drill".into()));
}

#[test]
fn a_drill_nobody_takes_ends_with_1_and_one_that_takes_too_long_wakes_nobody_else() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path(), "+14185550101");
    let drilled = drill(&server, root.path(), &[]);
    let text = String::from_utf8(drilled.stdout.clone()).unwrap();
    assert_eq!(drilled.status.code(), Some(1), "{drilled:?}");
    assert_in_order(&text, &["owner         sms   told", "no_answer", "crew          sms   told", "unanswered"]);
    assert!(String::from_utf8_lossy(&drilled.stderr).contains("nobody took it"));
    let quiet = drill(&server, root.path(), &["--priority", "P3", "--wait", "1", "-o", "json"]);
    assert_eq!(quiet.status.code(), Some(1), "{quiet:?}");
    let whole: Value = serde_json::from_slice(&quiet.stdout).unwrap();
    assert_eq!((&whole["state"], &whole["resolved"]["by"]), (&"resolved".into(), &"drill".into()));
}

#[test]
fn whoever_cannot_be_drilled_is_said_clearly() {
    let root = tempfile::tempdir().unwrap();
    let server = server(root.path(), "+14185550101");
    let stranger = drill(&server, root.path(), &["--tenant", "nobody"]);
    assert_eq!(stranger.status.code(), Some(4), "{stranger:?}");
    assert!(String::from_utf8_lossy(&stranger.stderr).contains("no such tenant"));
    let wrong = drill(&server, root.path(), &["--token", "wrong"]);
    assert_eq!(wrong.status.code(), Some(5), "{wrong:?}");
    let mut gone = at(&server, root.path());
    assert_eq!(server.terminate().code(), Some(0));
    let gone = gone.output().unwrap();
    assert_eq!(gone.status.code(), Some(6), "{gone:?}");
    let message = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(message.starts_with("cordboard: http://127.0.0.1:"), "{message}");
}
