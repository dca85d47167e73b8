//! The binary as it is run: what it prints, what it answers, and the code it ends with.

#[path = "support/command.rs"]
mod command;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use command::{Running, cordboard};

const BOREAL: &str = include_str!("stories/playbooks/boreal.toml");
const HARBOUR: &str = include_str!("stories/playbooks/harbour.toml");

/// Runs to the end.
fn run(arguments: &[&str]) -> Output {
    cordboard().args(arguments).output().unwrap()
}

fn server(dir: &Path) -> Running {
    let mut command = cordboard();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir);
    Running::start(command)
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Ended with this code and one message that has all these words.
fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    let message = std::str::from_utf8(&output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.starts_with("cordboard: "), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message}");
    }
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn settings_that_cannot_work_end_with_3_and_say_what_to_change() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("cordboard.toml");
    std::fs::write(&file, "drain_s = 5\nlissten = \"127.0.0.1:0\"\n").unwrap();
    let file = file.to_str().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = busy.local_addr().unwrap().to_string();
    let data = root.path().join("data");
    let data = data.to_str().unwrap();
    let none = root.path().join("none.toml");
    for (arguments, words) in [
        (&["--config", file][..], &["cordboard.toml:2", "`lissten`", "`listen`"][..]),
        (&["config", "check", "--config", file], &["`lissten`"]),
        (&["--config", none.to_str().unwrap()], &["none.toml"]),
        (&["--listen", "nowhere"], &["--listen", "\"nowhere\"", "127.0.0.1:8080"]),
        (&["--listen", "0.0.0.0:0"], &["CORDBOARD_PLATFORMS__VAPI__SECRET"]),
        (&["--listen", &busy, "--data-dir", data], &["cannot listen on", &busy, "--listen"]),
    ] {
        assert_refused(&run(arguments), 3, words);
    }
    let variable = cordboard().env("CORDBOARD_LISEN", "127.0.0.1:0").output().unwrap();
    assert_refused(&variable, 3, &["CORDBOARD_LISEN", "`CORDBOARD_LISTEN`"]);
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_2() {
    for (arguments, word) in [
        (&["serf"][..], "serf"),
        (&["trigger", "earthquake"], "end-of-call-report"),
        (&["simulate", "--drops", "2"], "a chance from 0 to 1"),
        (&["demo", "--scenario", "quake"], "provider-down"),
        (&["demo", "--data-dir", "data"], "of its own"),
        (&["--port", "1"], "--port"),
    ] {
        assert_refused(&run(arguments), 2, &[word]);
    }
    let unsaid = ["trigger", "transcript", "--secret", "s", "--to", "127.0.0.1:1"];
    assert_refused(&run(&unsaid), 2, &["127.0.0.1:1"]);
}

#[test]
fn settings_are_checked_and_printed_without_secrets() {
    let checked = cordboard().env("CORDBOARD_DRAIN_S", "7").args(["config", "check"]).output().unwrap();
    let text = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(0), "{text}");
    assert!(text.contains("drain_s") && text.contains("CORDBOARD_DRAIN_S") && text.contains("boreal"), "{text}");

    let secret = "not-to-be-printed";
    let variable = "CORDBOARD_PLATFORMS__VAPI__SECRET";
    let printed = cordboard().env(variable, secret).args(["config", "print", "-o", "json"]).output().unwrap();
    let settings = json(&printed);
    let settings = settings.as_array().unwrap();
    let of = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!(of("platforms.vapi.secret")["from"], variable);
    assert_eq!(of("listen")["from"], "default");
    assert!(!String::from_utf8(printed.stdout).unwrap().contains(secret));
}

#[test]
fn every_playbook_that_is_refused_is_told_and_without_a_default_nothing_starts() {
    let root = tempfile::tempdir().unwrap();
    let (dir, data) = (root.path().join("playbooks"), root.path().join("data"));
    std::fs::create_dir(&dir).unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
    let with = |arguments: &[&str]| {
        let mut command = cordboard();
        command.env("CORDBOARD_PLAYBOOKS__DIR", &dir).args(arguments).arg("--data-dir").arg(&data);
        command.output().unwrap()
    };
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    assert_refused(&with(&serve), 3, &["holds no playbook"]);

    write("boreal.toml", &BOREAL.replace("tenant = \"boreal\"", "tenant = \"boreal\"\nnmae = \"\""));
    write("harbour.toml", &HARBOUR.replace("text = [\"nurse\"]", "text = [\"nobody\"]"));
    write("twin.toml", HARBOUR);
    let both = ["boreal.toml:3: ", "nmae", "harbour.toml:", "priorities.P1.text"];
    assert_refused(&with(&["config", "check"]), 3, &both);
    assert_refused(&with(&serve), 3, &both[..2]);
    assert!(!data.join("playbooks/harbour.toml").exists(), "a start that is refused keeps nothing");

    write("boreal.toml", BOREAL);
    write("harbour.toml", HARBOUR);
    assert_refused(&with(&["config", "check"]), 3, &["twin.toml:2: ", "`harbour`", "harbour.toml"]);
    std::fs::remove_file(dir.join("twin.toml")).unwrap();
    let checked = with(&["config", "check"]);
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(text.contains("harbour.toml") && text.contains("default tenant  boreal"), "{text}");
    let none = cordboard()
        .env("CORDBOARD_PLAYBOOKS__DIR", &dir)
        .env("CORDBOARD_PLAYBOOKS__DEFAULT_TENANT", "austral")
        .args(["config", "check"])
        .output()
        .unwrap();
    assert_refused(&none, 3, &["`playbooks.default_tenant` is `austral`", "boreal, harbour"]);
}

#[test]
fn a_sighup_reads_the_playbooks_again_and_ends_nothing() {
    let root = tempfile::tempdir().unwrap();
    let playbooks = root.path().join("playbooks");
    std::fs::create_dir(&playbooks).unwrap();
    std::fs::write(playbooks.join("boreal.toml"), BOREAL).unwrap();
    let mut command = cordboard();
    command.env("CORDBOARD_PLAYBOOKS__DIR", &playbooks).env("CORDBOARD_PLAYBOOKS__POLL_S", "0");
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(root.path().join("data"));
    let server = Running::start(command);
    std::fs::write(playbooks.join("harbour.toml"), HARBOUR).unwrap();
    server.hang_up();
    let url = server.webhook_url();
    let ring = ["trigger", "status-update", "--to", &url, "--secret", "secret-of-harbour"];
    let asked_at = Instant::now();
    while run(&ring).status.code() != Some(0) {
        assert!(asked_at.elapsed() < Duration::from_secs(30), "the new playbook is never found");
    }
    assert_eq!(server.terminate().code(), Some(0));

    // With the built-in ones there is nothing to read, and nothing to die of.
    let server = self::server(&root.path().join("other"));
    server.hang_up();
    let url = server.webhook_url();
    let other = root.path().join("other");
    let rung = run(&["trigger", "status-update", "--to", &url, "--data-dir", other.to_str().unwrap()]);
    assert_eq!(rung.status.code(), Some(0), "{rung:?}");
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_server_answers_samples_and_simulations_and_stops_when_told_to() {
    let dir = TempDir::new().unwrap();
    let data_dir = dir.path().to_str().unwrap();
    let server = server(dir.path());
    let url = server.webhook_url();

    let answered = run(&["trigger", "tool-calls", "--to", &url, "--data-dir", data_dir]);
    assert_eq!(answered.status.code(), Some(0), "{answered:?}");
    let result = json(&answered)["results"][0]["result"].as_str().unwrap().to_owned();
    assert!(result.contains("P1"), "{result}");
    let urgent = run(&["trigger", "tool-calls", "--priority", "p4", "--to", &url, "--data-dir", data_dir]);
    assert!(json(&urgent)["results"][0]["result"].as_str().unwrap().contains("P4"), "{urgent:?}");

    let stranger = run(&["trigger", "transcript", "--to", &url, "--secret", "wrong"]);
    assert_eq!(stranger.status.code(), Some(5), "{stranger:?}");

    let base = url.trim_end_matches("/webhooks/vapi");
    let simulated =
        run(&["simulate", "--to", base, "--data-dir", data_dir, "--calls", "5", "--rate", "200", "--baseline"]);
    assert_eq!(simulated.status.code(), Some(0), "{simulated:?}");
    let summary = json(&simulated);
    let sent = summary["sent"].as_u64().unwrap();
    assert!(sent > 50 && summary["by_status"]["200"] == sent && summary["baseline"]["sent"] == sent, "{summary}");
    assert!(summary["p99_over_baseline"].as_f64().unwrap() > 0.0);
    assert!(simulated.stderr.is_empty(), "{simulated:?}");

    let wrong = run(&["simulate", "--to", base, "--secret", "wrong", "--calls", "1", "--rate", "1000"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    let by_status = json(&wrong)["by_status"].clone();
    assert!(by_status["401"].as_u64().unwrap() > 0 && by_status["200"].is_null(), "{by_status}");

    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn what_is_away_ends_with_6() {
    // Bound and dropped: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{address}");
    let to = ["--to", base.as_str(), "--secret", "s"];
    assert_refused(&run(&[&["trigger", "transcript"][..], &to].concat()), 6, &[&base]);
    let simulated = run(&[&["simulate", "--calls", "1", "--rate", "1000"][..], &to].concat());
    assert_eq!(simulated.status.code(), Some(6), "{simulated:?}");
    let dir = TempDir::new().unwrap();
    let data_dir = dir.path().to_str().unwrap();
    let examined = run(&["doctor", "--listen", "127.0.0.1:0", "--data-dir", data_dir, "--public-url", &base]);
    assert_eq!(examined.status.code(), Some(6), "{examined:?}");
}

#[test]
fn a_second_server_does_not_get_the_data_directory_of_the_first() {
    let dir = TempDir::new().unwrap();
    let _first = server(dir.path());
    let second = run(&["--listen", "127.0.0.1:0", "--data-dir", dir.path().to_str().unwrap()]);
    assert_refused(&second, 3, &["in use", "--data-dir"]);
}

#[test]
fn the_doctor_finds_a_server_well_and_a_wrong_secret() {
    let dir = TempDir::new().unwrap();
    let server = server(dir.path());
    let url = server.webhook_url();
    let base = url.trim_end_matches("/webhooks/vapi");
    let listen = base.trim_start_matches("http://");
    let ask = |command: &mut Command| {
        let arguments = ["doctor", "-o", "json", "--public-url", base, "--listen", listen, "--data-dir"];
        command.args(arguments).arg(dir.path()).output().unwrap()
    };
    let well = ask(&mut cordboard());
    assert_eq!(well.status.code(), Some(0), "{well:?}");
    assert_eq!(state(&well, "takes ours"), "ok");
    assert_eq!(state(&well, "port"), "ok");

    // It speaks no TLS: that is a matter of certificates and proxies, not of the network.
    let encrypted = base.replace("http:", "https:");
    let encrypted = run(&[
        "doctor",
        "-o",
        "json",
        "--listen",
        listen,
        "--public-url",
        &encrypted,
        "--data-dir",
        dir.path().to_str().unwrap(),
    ]);
    assert_eq!(encrypted.status.code(), Some(1), "{encrypted:?}");
    assert!(String::from_utf8_lossy(&encrypted.stdout).contains("TLS: "), "{encrypted:?}");

    let wrong = ask(cordboard().env("CORDBOARD_PLATFORMS__VAPI__SECRET", "another"));
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert_eq!(state(&wrong, "takes ours"), "fail");
    assert_eq!(state(&wrong, "refuses strangers"), "ok");
}

fn state(output: &Output, check: &str) -> String {
    let checks = json(output);
    let found = checks.as_array().unwrap().iter().find(|found| found["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {checks}"))["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_demo_plays_its_calls_on_a_free_port_and_ends() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = busy.local_addr().unwrap().to_string();
    let fast = ["--calls", "2", "--rate", "6000", "--speed", "200"];
    for scenario in ["calm", "duplicates"] {
        // A carrier that is configured must not be used to play.
        let mut command = cordboard();
        command.env("CORDBOARD_SMS__PROVIDER", "twilio").args(["demo", "--listen", &listen, "--scenario", scenario]);
        let played = command.args(fast).output().unwrap();
        let banner = String::from_utf8(played.stdout).unwrap();
        let log = String::from_utf8(played.stderr).unwrap();
        assert_eq!(played.status.code(), Some(0), "{banner}{log}");
        assert!(
            banner.trim_end().lines().last().is_some_and(|end| end.starts_with("played ") && end.contains(" p99 ")),
            "{banner}"
        );
        assert!(
            banner.contains("sandbox") && banner.contains("/webhooks/vapi") && !banner.contains(&listen),
            "{banner}"
        );
    }
}

#[test]
fn a_demo_offers_nothing_that_it_refuses() {
    let help = String::from_utf8(run(&["demo", "--help"]).stdout).unwrap();
    assert!(help.contains("--listen") && !help.contains("--config") && !help.contains("--data-dir"), "{help}");
}

#[test]
fn a_demo_without_end_ends_when_told_to() {
    let mut command = cordboard();
    command.args(["demo", "--listen", "127.0.0.1:0", "--seed", "4"]);
    let demo = Running::start(command);
    assert!(demo.webhook_url().starts_with("http://127.0.0.1:"));
    assert_eq!(demo.terminate().code(), Some(0));
}

#[test]
fn shells_are_told_the_commands() {
    let script = run(&["completions", "bash"]);
    assert_eq!(script.status.code(), Some(0));
    assert!(String::from_utf8(script.stdout).unwrap().contains("simulate"));
}

#[test]
fn a_healthcheck_tells_a_server_that_lives_from_one_that_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let running = server(dir.path());
    let url = running.webhook_url();
    let listen = url.trim_start_matches("http://").trim_end_matches("/webhooks/vapi").to_owned();
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let output = run(&[arguments, &["--listen", &listen]].concat());
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]), "{output:?}");
    }
    assert_eq!(running.terminate().code(), Some(0));
    assert_refused(&run(&["healthcheck", "--listen", &listen]), 6, &[]);
}
