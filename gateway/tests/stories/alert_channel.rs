//! A channel that is not the carrier: told at once of what is urgent, and instead of a carrier that fails.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::App;
use crate::own_server::{OwnServer, SECRET};

/// `boreal` with a channel at this server; a P1 waits ten minutes for an answer.
async fn with_channel(
    server: &OwnServer,
    format: &str,
    change: impl FnOnce(&mut gateway::settings::Settings),
) -> (App, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let push = format!(
        "[push]\nurl = \"{}\"\nformat = \"{format}\"\nsecret = \"{SECRET}\"\nallow_private = true\n\n[contacts.owner]",
        server.url()
    );
    let playbook = include_str!("playbooks/boreal.toml").replacen("[contacts.owner]", &push, 1).replacen(
        "text_within_s = 0",
        "text_within_s = 0\nacknowledge_within_s = 600",
        1,
    );
    std::fs::write(dir.path().join("boreal.toml"), playbook).unwrap();
    let start = |settings: &mut gateway::settings::Settings| {
        settings.playbooks.dir = dir.path().to_str().unwrap().to_owned();
        settings.public_url = "https://calls.example.com".to_owned();
        change(settings);
    };
    (App::start_with(start).await, dir)
}

async fn alarmed(app: &App, priority: &str) -> String {
    app.rings("call-1").await.acknowledges();
    let asked = json!({"priority": priority, "message": "Water in the basement", "name": "Jo"});
    app.asks_for("call-1", "sendSMSAlert", asked).await.is(200);
    let list = app.get("/api/alerts").await.is(200).json();
    format!("/api/alerts/{}", list["items"][0]["id"].as_str().unwrap())
}

fn pushed(alert: &Value) -> Vec<(String, String)> {
    let told = alert["told"].as_array().unwrap().iter().filter(|it| it["by"] == "push");
    told.map(|it| (it["contact"].as_str().unwrap().to_owned(), it["fate"].as_str().unwrap().to_owned())).collect()
}

fn delivered(count: usize) -> impl Fn(&Value) -> bool {
    move |alert| pushed(alert).iter().filter(|(_, fate)| fate == "delivered").count() == count
}

#[tokio::test]
async fn a_p1_reaches_the_topic_at_once_and_its_link_shows_before_it_acts() {
    let server = OwnServer::start().await;
    let (app, _dir) = with_channel(&server, "ntfy", |_| ()).await;
    let path = alarmed(&app, "P1").await;
    app.eventually(&path, delivered(1)).await;
    let posted = server.log()[0].clone();
    assert_eq!(posted.header("authorization"), format!("Bearer {SECRET}"));
    assert_eq!((posted.header("priority"), posted.header("tags")), ("5", "rotating_light"));
    assert!(posted.header("title").starts_with("=?UTF-8?B?"), "the name has letters no header has");
    assert_eq!(posted.header("x-sequence-id"), posted.header("idempotency-key"));
    assert!(posted.body.contains("Water in the basement") && posted.body.contains("Jo"), "{}", posted.body);
    let link = posted.header("click").strip_prefix("https://calls.example.com").unwrap();
    assert_eq!(posted.body.lines().last(), Some(posted.header("click")));
    for method in [Method::GET, Method::HEAD] {
        app.anybody(method, link).await.is(200);
    }
    assert_eq!(app.get(&path).await.json()["state"], "open", "previews take nothing");
    let acted = app.request(Method::POST, link).body("answer=take").send().await.unwrap();
    assert_eq!(acted.status(), 200);
    let page = acted.text().await.unwrap();
    assert!(page.contains("You have taken it."), "{page}");
    let whole = app.eventually(&path, delivered(2)).await;
    assert_eq!((&whole["state"], &whole["acknowledged"]["by"]), (&json!("acknowledged"), &json!("@team")));
    let last = server.log().last().unwrap().clone();
    assert_eq!((last.header("tags"), last.header("click")), ("white_check_mark", ""));
    let reassured =
        whole["texts"].as_array().unwrap().iter().filter(|it| it["body"].as_str().unwrap().contains("somebody"));
    assert_eq!(reassured.count(), 2, "the others are told");
}

#[tokio::test]
async fn a_webhook_is_signed_and_tried_again_under_its_name() {
    let server = OwnServer::start().await;
    server.answers(503, "{}");
    let (app, _dir) = with_channel(&server, "json", |_| ()).await;
    let path = alarmed(&app, "P1").await;
    app.eventually(&path, delivered(1)).await;
    let log = server.log();
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|posted| posted.is_signed()));
    assert_eq!(log[0].header("idempotency-key"), log[1].header("idempotency-key"));
    let document = log[1].json();
    assert_eq!((&document["type"], &document["priority"]), (&json!("alert.open"), &json!("P1")));
    assert_eq!((&document["call"], &document["tenant"]), (&json!("call-1"), &json!("boreal")));
    assert!(document["link"].as_str().unwrap().starts_with("https://calls.example.com/a/"));
}

#[tokio::test]
async fn a_carrier_that_fails_is_gone_round_and_the_receipt_says_so() {
    let server = OwnServer::start().await;
    let failing = |settings: &mut gateway::settings::Settings| {
        settings.sms.sandbox.script = gateway::settings::SandboxScript::Fail
    };
    let (app, _dir) = with_channel(&server, "ntfy", failing).await;
    let path = alarmed(&app, "P2").await;
    let whole = app.eventually(&path, |it| pushed(it).first().is_some_and(|(_, fate)| fate == "delivered")).await;
    assert_eq!(pushed(&whole)[0].0, "@team");
    let kinds: Vec<&str> =
        whole["receipt"].as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"fell_back"), "{kinds:?}");
    assert_eq!(server.log()[0].header("priority"), "4");
    let log = format!("{:?}", whole);
    assert!(!log.contains(SECRET) && !log.contains(&server.url()), "who may see an alert may not post to its channel");
}
