//! `cordboard vapi` against an organisation of our own: what it prints, what it changes, and that it does so once.

#[path = "support/command.rs"]
mod command;
#[path = "support/fake_vapi.rs"]
mod fake_vapi;

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use actors::tenants::InForce;
use engine::playbook::Playbook;
use engine::time::Timestamp;
use gateway::platforms::vapi::{Doorkeeper, Request};
use gateway::platforms::{Route, tenant_of};
use gateway::settings::{Settings, Vapi};
use serde_json::{Value, json};
use tempfile::TempDir;

use command::cordboard;
use fake_vapi::{FakeVapi, KEY, Organisation};

const PUBLIC: &str = "https://calls.example.com";
const SECRET: &str = "webhook-secret-of-the-test";
/// Of the drain company alone.
const OWN_SECRET: &str = "webhook-secret-of-the-drain-company";

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

/// The same, with a webhook secret of its own.
fn with_own_secret(playbooks: &Path) {
    let file = playbooks.join("boreal.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, text.replace("\nsecrets = []", &format!("\nsecrets = [\"{OWN_SECRET}\"]"))).unwrap();
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

fn settings() -> Settings {
    toml::from_str(include_str!("../../config/default.toml")).unwrap()
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

#[tokio::test(flavor = "multi_thread")]
async fn a_business_with_a_secret_of_its_own_is_given_that_one_and_it_opens_its_door() {
    let playbooks = playbooks();
    with_own_secret(playbooks.path());
    let fake = FakeVapi::start(organisation());
    let mut command = cordboard();
    command.env("CORDBOARD_PLAYBOOKS__DIR", playbooks.path()).env("CORDBOARD_PLATFORMS__VAPI__BASE_URL", &fake.url);
    command.env("CORDBOARD_PLATFORMS__VAPI__API_KEY", KEY).env("CORDBOARD_PLATFORMS__VAPI__SECRET", SECRET);
    // A credential of the whole deployment would prove the wrong thing as well.
    command.env("CORDBOARD_PLATFORMS__VAPI__CREDENTIAL_ID", "cred-of-the-deployment");
    command.args(["vapi", "apply", "--url", PUBLIC]);
    let applied = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(applied.status.code(), Some(0), "{applied:?}");
    let text = std::fs::read_to_string(playbooks.path().join("boreal.toml")).unwrap();
    let playbook = Arc::new(Playbook::parse(&text, "boreal.toml").unwrap());
    let settings = Vapi { secret: SECRET.into(), ..settings().platforms.vapi };
    let doorkeeper = Doorkeeper::new(&settings, vec![SECRET.into()], std::slice::from_ref(&playbook));
    let in_force =
        InForce { playbooks: vec![playbook.clone()], default: Some(playbook.tenant.clone()), ..InForce::default() };
    let servers = {
        let organisation = fake.organisation();
        [&organisation.assistants[0], &organisation.numbers[0]].map(|set_up| set_up["server"].clone())
    };
    for server in servers {
        let shown = server["secret"].as_str().unwrap_or_default();
        let header = |name: &str| (name == settings.secret_header.to_lowercase()).then_some(shown.as_bytes());
        let request = Request { header: &header, method: "POST", url: "", body: b"{}", now: Timestamp::from_millis(1) };
        let proof = doorkeeper.admit(&request).unwrap();
        let route = Route { assistants: vec!["asst-reception".into()], ..Route::default() };
        assert_eq!(tenant_of(&proof, &route, &in_force).unwrap().tenant, playbook.tenant);
    }
    fake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_sent_when_asked_for() {
    let playbooks = playbooks();
    let fake = FakeVapi::start(organisation());
    let run = async |arguments: &[&str]| vapi(playbooks.path(), &fake.url, arguments).await;
    assert_eq!(run(&["apply", "--url", PUBLIC]).await.status.code(), Some(0));
    with_own_secret(playbooks.path());
    let applied = run(&["apply", "--url", PUBLIC, "--resend-secret"]).await;
    assert_eq!(applied.status.code(), Some(0), "{applied:?}");
    assert!(!stdout(&applied).contains(OWN_SECRET));
    {
        let organisation = fake.organisation();
        let tools = organisation.assistants[0]["model"]["tools"].as_array().unwrap();
        let ours = tools.iter().filter(|tool| tool["server"].is_object()).map(|tool| &tool["server"]);
        let servers = [&organisation.assistants[0]["server"], &organisation.numbers[0]["server"]];
        assert!(servers.into_iter().chain(ours).all(|server| server["secret"] == OWN_SECRET));
    }
    fake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_found_however_they_are_written_and_missed_aloud() {
    let playbooks = playbooks();
    let file = playbooks.path().join("boreal.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let numbers = "numbers = [\"1 (514) 555-0100\", \"pn-gone\"]";
    std::fs::write(&file, text.replace("numbers = [\"+15145550100\"]", numbers)).unwrap();
    let fake = FakeVapi::start(organisation());
    let planned = vapi(playbooks.path(), &fake.url, &["plan", "--url", PUBLIC]).await;
    assert!(stdout(&planned).contains("number pn-1"), "{planned:?}");
    let warned = String::from_utf8_lossy(&planned.stderr).into_owned();
    assert!(warned.contains("pn-gone") && !warned.contains("0100"), "{warned}");
    fake.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_may_be_cut_is_not_believed() {
    let playbooks = playbooks();
    let tools = (0..1000).map(|n| json!({ "id": format!("t-{n}"), "type": "endCall" })).collect();
    let fake = FakeVapi::start(Organisation { tools, ..organisation() });
    let planned = vapi(playbooks.path(), &fake.url, &["plan", "--url", PUBLIC]).await;
    assert_ne!(planned.status.code(), Some(0), "{planned:?}");
    assert!(String::from_utf8_lossy(&planned.stderr).contains("1000 tools"), "{planned:?}");
    fake.stop().await;
}
