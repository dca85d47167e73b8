//! `cordboard vapi` against an organisation of our own: what it prints, what it changes, and that it does so once.

#[path = "support/command.rs"]
mod command;
#[path = "support/fake_vapi.rs"]
mod fake_vapi;

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use command::cordboard;
use fake_vapi::{FakeVapi, KEY, Organisation};

const PUBLIC: &str = "https://calls.example.com";
const SECRET: &str = "webhook-secret-of-the-test";

/// The shipped drain company, with an assistant and a number of its own.
fn playbooks() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let shipped = include_str!("../../config/playbooks/boreal.toml");
    let routed = shipped
        .replace("assistants = []", "assistants = [\"asst-reception\"]")
        .replace("numbers = []", "numbers = [\"+15145550100\"]");
    std::fs::write(dir.path().join("boreal.toml"), routed).unwrap();
    dir
}

fn organisation() -> Organisation {
    Organisation {
        assistants: vec![json!({
            "id": "asst-reception", "name": "Reception", "firstMessage": "Bonjour!",
            "serverMessages": ["status-update"],
            "model": { "provider": "openai", "model": "m", "tools": [{ "type": "endCall" }], "toolIds": ["t-1", "t-2"] },
        })],
        numbers: vec![
            json!({ "id": "pn-1", "number": "+15145550100" }),
            json!({ "id": "pn-2", "number": "+15145550199" }),
        ],
        tools: vec![
            json!({ "id": "t-1", "type": "function", "function": { "name": "classifyPriority" } }),
            json!({ "id": "t-2", "type": "transferCall" }),
        ],
        ..Organisation::default()
    }
}

async fn vapi(playbooks: &Path, base_url: &str, arguments: &[&str]) -> Output {
    let mut command = cordboard();
    command.env("CORDBOARD_PLAYBOOKS__DIR", playbooks).env("CORDBOARD_PLATFORMS__VAPI__BASE_URL", base_url);
    command.env("CORDBOARD_PLATFORMS__VAPI__API_KEY", KEY).env("CORDBOARD_PLATFORMS__VAPI__SECRET", SECRET);
    command.arg("vapi").args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_is_planned_and_set_up_once() {
    let playbooks = playbooks();
    let fake = FakeVapi::start(organisation());
    let run = async |arguments: &[&str]| vapi(playbooks.path(), &fake.url, arguments).await;

    let planned = run(&["plan", "--url", PUBLIC, "--check", "-o", "json"]).await;
    assert_eq!(planned.status.code(), Some(1), "{planned:?}");
    let changes: Value = serde_json::from_str(stdout(&planned)).unwrap();
    let changes = changes["changes"].as_array().unwrap();
    let of = |field: &str| changes.iter().find(|change| change["field"] == field);
    assert_eq!(of("server.url").unwrap()["to"], "https://calls.example.com/webhooks/vapi");
    assert_eq!(of("fallbackDestination").unwrap()["resource"], json!({ "kind": "number", "id": "pn-1" }));
    assert!(of("model.tools.sendSMSAlert").is_some() && of("model.toolIds").is_some());
    assert!(fake.organisation().patches.is_empty(), "a plan changes nothing");
    assert!(!stdout(&planned).contains(SECRET));

    let applied = run(&["apply", "--url", PUBLIC]).await;
    assert_eq!(applied.status.code(), Some(0), "{applied:?}");
    assert!(!stdout(&applied).contains(SECRET));
    {
        let organisation = fake.organisation();
        let assistant = &organisation.assistants[0];
        assert_eq!(assistant["server"]["secret"], SECRET);
        assert_eq!(assistant["server"]["backoffPlan"]["maxRetries"], 3);
        assert!(assistant["serverMessages"].as_array().unwrap().contains(&json!("end-of-call-report")));
        assert_eq!(assistant["model"]["toolIds"], json!(["t-2"]));
        assert_eq!(assistant["firstMessage"], "Bonjour!");
        assert_eq!(organisation.numbers[1], json!({ "id": "pn-2", "number": "+15145550199" }), "somebody else's");
        assert_eq!(organisation.patches.len(), 2);
    }

    let again = run(&["plan", "--url", PUBLIC, "--check"]).await;
    assert_eq!((again.status.code(), stdout(&again)), (Some(0), "everything is set up\n"), "{again:?}");
    fake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_set_up_says_why_and_with_which_code() {
    let playbooks = playbooks();
    let fake = FakeVapi::start(organisation());
    for (arguments, base_url, code, word) in [
        (&["plan"][..], fake.url.as_str(), 3, "public_url"),
        (&["plan", "--url", PUBLIC, "--assistant", "asst-nobody"], fake.url.as_str(), 4, "asst-nobody"),
        (&["plan", "--url", PUBLIC, "--tenant", "nobody"], fake.url.as_str(), 4, "boreal"),
        (&["plan", "--url", PUBLIC], "http://127.0.0.1:1", 6, "cannot be reached"),
        (&["tools", "--language", "de"], fake.url.as_str(), 2, "fr or en"),
    ] {
        let output = vapi(playbooks.path(), base_url, arguments).await;
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(word), "{arguments:?}: {message}");
    }
    let mut command = cordboard();
    command.env("CORDBOARD_PLATFORMS__VAPI__BASE_URL", &fake.url).env("CORDBOARD_PLATFORMS__VAPI__API_KEY", "wrong");
    command.args(["vapi", "plan", "--url", PUBLIC, "--assistant", "asst-reception"]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    fake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_printed_in_the_businesss_language_with_the_server_and_without_the_secret() {
    let playbooks = playbooks();
    for (arguments, word) in [(&["tools", "--url", PUBLIC][..], "urgent"), (&["tools", "--language", "en"], "urgent")] {
        let output = vapi(playbooks.path(), "http://127.0.0.1:1", arguments).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let tools: Vec<Value> = serde_json::from_str(stdout(&output)).unwrap();
        let classify = tools.iter().find(|tool| tool["function"]["name"] == "classifyPriority").unwrap();
        assert!(classify["function"]["description"].as_str().unwrap().contains(word));
        assert_eq!(classify["server"]["url"].is_string(), arguments.contains(&"--url"));
        assert_eq!(classify["function"]["parameters"]["required"], json!(["description"]));
        assert!(!stdout(&output).contains(SECRET));
    }
}
