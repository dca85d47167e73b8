//! Tools that ask somebody first: a business's own server, and the calls of a returning caller.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{App, bodies};
use crate::own_server::{Act, OwnServer, SECRET};

const SORRY: &str = "I could not book it.";

/// The app with two tools of `boreal`'s own, answered by `server`. The directory holds its playbook while it lives.
async fn app_with(server: &OwnServer) -> (App, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let tool = |name: &str, timeout_ms: u32, effects: bool| {
        format!(
            "[[tools]]\nname = \"{name}\"\ndescription = \"Of our own.\"\nurl = \"{}\"\nsecret = \"{SECRET}\"\n\
             timeout_ms = {timeout_ms}\neffects = {effects}\nallow_private = true\non_error = \"{SORRY}\"\n",
            server.url()
        )
    };
    let tools = [tool("bookVisit", 10_000, true), tool("askPrice", 150, false)].concat();
    let playbook = format!("{}\n{tools}", include_str!("playbooks/boreal.toml"));
    std::fs::write(dir.path().join("boreal.toml"), playbook).unwrap();
    let app = App::start_with(|settings| settings.playbooks.dir = dir.path().to_str().unwrap().to_owned()).await;
    (app, dir)
}

fn result(text: &str) -> (String, String) {
    ("result".to_owned(), text.to_owned())
}

fn sorry() -> (String, String) {
    ("error".to_owned(), SORRY.to_owned())
}

async fn timeline(app: &App, call: &str) -> Vec<Value> {
    app.get(&format!("/api/calls/{call}/events")).await.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_business_answers_a_tool_of_its_own() {
    let server = OwnServer::start().await;
    let (app, _dir) = app_with(&server).await;
    server.answers(200, r#"{"result": {"visit": "Tuesday", "note": "morning\nonly"}}"#);
    let answered = app.asks_for("call-1", "bookVisit", json!({"day": "Tuesday"})).await.is(200);
    assert_eq!(answered.tool_result(), result(r#"{"note":"morning\nonly","visit":"Tuesday"}"#));

    let request = &server.log()[0];
    assert!(request.is_signed());
    assert_eq!(request.header("idempotency-key"), "call-1/bookVisit/tool_1");
    let sent = request.json();
    assert_eq!((&sent["tool"], &sent["tenant"]), (&json!("bookVisit"), &json!("boreal")));
    assert_eq!(sent["arguments"], json!({"day": "Tuesday"}));
    assert_eq!(sent["call"]["from"], bodies::CALLER);

    let told: Vec<String> = timeline(&app, "call-1").await.iter().map(|item| item["type"].to_string()).collect();
    let story = ["tool_called", "errand_begun", "errand_ended", "tool_answered"].map(|kind| format!("\"{kind}\""));
    assert!(told.windows(4).any(|four| four == story), "{told:?}");

    let again = app.asks_for("call-1", "bookVisit", json!({"day": "Tuesday"})).await.is(200);
    assert_eq!(again.text, answered.text, "delivered again, byte for byte");
    let repeated = bodies::tool_call("call-1", "tool_2", "bookVisit", json!({"day": "Tuesday"}));
    assert_eq!(app.webhook(&repeated).await.tool_result(), answered.tool_result(), "asked again by the model");
    assert_eq!(server.log().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_slow_or_broken_costs_its_caller_a_sentence_and_nobody_else_anything() {
    let server = OwnServer::start().await;
    let (app, _dir) = app_with(&server).await;
    for act in [Act::Hang, Act::Answer(500, "", "oops".into()), Act::Pour, Act::Reset] {
        server.will(act);
        let call = format!("call-{}", server.log().len());
        let body = bodies::tool_call(&call, "tool_1", "askPrice", json!({}));
        assert_eq!(app.webhook(&body).await.is(200).tool_result(), sorry());
        let items = timeline(&app, &call).await;
        let ended = items.iter().find(|item| item["type"] == "errand_ended").unwrap();
        assert_eq!(ended["outcome"], "unknown");
        assert!(!ended["why"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_call_goes_on_while_its_tool_is_waited_for() {
    let server = OwnServer::start().await;
    let (app, _dir) = app_with(&server).await;
    server.will(Act::Hang);
    let slow = app.asks_for("call-1", "bookVisit", json!({}));
    tokio::pin!(slow);
    tokio::select! {
        _ = &mut slow => panic!("the server does not answer"),
        () = server.requests(1) => {}
    }
    let flood = bodies::tool_call("call-1", "tool_2", "classifyPriority", json!({"description": "flooded"}));
    tokio::select! {
        _ = &mut slow => panic!("the server does not answer"),
        quick = app.webhook(&flood) => assert!(quick.is(200).tool_result().1.contains("P1")),
    }
}

#[tokio::test]
async fn figures_tell_of_own_tools_under_one_name() {
    let server = OwnServer::start().await;
    let (app, _dir) = app_with(&server).await;
    app.asks_for("call-1", "bookVisit", json!({})).await.is(200);
    app.asks_for("call-1", "lookupCaller", json!({})).await.is(200);
    let metrics = app.get("/metrics").await.is(200).text;
    for line in [
        "cordboard_tool_calls_total{tool=\"forward\",outcome=\"ok\"}",
        "cordboard_tool_calls_total{tool=\"lookupCaller\",outcome=\"ok\"}",
        "cordboard_errands_ended_total{kind=\"forward\",outcome=\"answered\"}",
        "cordboard_errands_ended_total{kind=\"look_up\",outcome=\"answered\"}",
        "cordboard_errands{kind=\"forward\"}",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("bookVisit"), "a business names its tools as it likes");
}

#[tokio::test]
async fn a_returning_caller_is_known_by_the_number_the_platform_saw() {
    let app = App::start().await;
    let first = app.asks_for("call-1", "lookupCaller", json!({"phone": "+14185550199"})).await.is(200);
    let told: Value = serde_json::from_str(&first.tool_result().1).unwrap();
    assert_eq!((&told["known"], &told["calls"]), (&json!(false), &json!([])));
    app.asks_for("call-1", "sendSMSAlert", json!({"priority": "P1", "message": "Water"})).await.is(200);
    app.reports("call-1").await.acknowledges();

    let mut later = bodies::tool_call("call-2", "tool_1", "lookupCaller", json!({}));
    later["message"]["call"]["createdAt"] = json!("2026-03-06T15:00:00.000Z");
    later["message"]["timestamp"] = json!(1_772_809_200_000_u64);
    let second = app.webhook(&later).await.is(200);
    let told: Value = serde_json::from_str(&second.tool_result().1).unwrap();
    assert_eq!(told["known"], true);
    let call = &told["calls"][0];
    assert_eq!((&call["date"], &call["priority"]), (&json!("2026-03-04"), &json!("P1")));
    assert_eq!(call["summary"], "Water in the basement; somebody is on the way.");
    assert!(!second.text.contains("418555"), "{}", second.text);
}
