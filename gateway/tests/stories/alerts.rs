//! `/api/alerts…`: opened by a tool, walked through a roster, taken in every way there is.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::App;

const ROSTER: &str = r#"
[rosters.emergency]
steps = [{ contacts = ["owner"], by = ["sms", "call"] }, { contacts = ["crew"] }]
"#;

/// The app with a P1 that is walked in steps of a second; `owner` has this number.
async fn walking(owner: &str, change: impl FnOnce(&mut gateway::settings::Settings)) -> (App, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let playbook = include_str!("playbooks/boreal.toml")
        .replace("+14185550101", owner)
        .replacen(
            "text = [\"owner\", \"crew\"]\ntext_within_s = 0",
            "roster = \"emergency\"\ntext_within_s = 0\nacknowledge_within_s = 1",
            1,
        )
        .replace("{{ message }}", "{{ message }} {{ link }}");
    std::fs::write(dir.path().join("boreal.toml"), playbook + ROSTER).unwrap();
    let start = |settings: &mut gateway::settings::Settings| {
        settings.playbooks.dir = dir.path().to_str().unwrap().to_owned();
        change(settings);
    };
    (App::start_with(start).await, dir)
}

async fn alarmed(app: &App, call: &str) -> Value {
    app.rings(call).await.acknowledges();
    let asked = json!({"priority": "P1", "message": "Water in the basement", "name": "Jo <b>"});
    app.asks_for(call, "sendSMSAlert", asked).await.is(200);
    let list = app.get("/api/alerts").await.is(200).json();
    let mine = |alert: &&Value| alert["call"] == call;
    list["items"].as_array().unwrap().iter().find(mine).expect("opened with the tool's answer").clone()
}

fn path(alert: &Value, rest: &str) -> String {
    format!("/api/alerts/{}{rest}", alert["id"].as_str().unwrap())
}

fn told(alert: &Value) -> Vec<(&str, &str, &str)> {
    let told = alert["told"].as_array().unwrap().iter();
    told.map(|it| (it["contact"].as_str().unwrap(), it["by"].as_str().unwrap(), it["fate"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn with_nobody_answering_everybody_is_told_and_the_receipt_says_so() {
    let (app, _dir) = walking("+14185550101", |_| ()).await;
    let alert = alarmed(&app, "call-unheard").await;
    assert_eq!((&alert["state"], &alert["priority"], &alert["reason"]), (&json!("open"), &json!("P1"), &json!("call")));
    assert_eq!(alert["awaits_answer"], true);
    let whole = app.eventually(&path(&alert, ""), |it| it["state"] == "unanswered").await;
    let wanted = [("owner", "sms", "delivered"), ("owner", "call", "no_answer"), ("crew", "sms", "delivered")];
    assert_eq!(told(&whole), wanted);
    assert_eq!(whole["texts"].as_array().unwrap().len(), 2);
    assert_eq!(whole["texts"][0]["alert"], alert["id"]);
    let lines: Vec<&str> =
        whole["receipt"].as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!((lines[0], *lines.last().unwrap()), ("opened", "unanswered"));
    let call = app.get("/api/calls/call-unheard").await.json();
    assert_eq!(call["alert"], json!({"id": alert["id"], "state": "unanswered", "priority": "P1"}));
    let taken = app.as_admin(Method::POST, &path(&alert, "/acknowledge")).send().await.unwrap();
    assert_eq!(taken.status(), 200, "late, and it counts");
    let taken: Value = serde_json::from_str(&taken.text().await.unwrap()).unwrap();
    assert_eq!((&taken["state"], &taken["acknowledged"]["how"]), (&json!("acknowledged"), &json!("api")));
}

#[tokio::test]
async fn a_key_pressed_takes_it_and_nobody_else_is_told() {
    let (app, _dir) = walking("+15005550040", |_| ()).await;
    let alert = alarmed(&app, "call-taken").await;
    let whole = app.eventually(&path(&alert, ""), |it| it["state"] == "acknowledged").await;
    assert_eq!((&whole["acknowledged"]["by"], &whole["acknowledged"]["how"]), (&json!("owner"), &json!("keypress")));
    assert_eq!(app.get("/api/alerts?state=open,escalated").await.json()["items"], json!([]));
    assert_eq!(app.get("/api/alerts?state=acknowledged").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_text_that_cannot_arrive_and_a_machine_are_not_waited_for() {
    // The text is refused at once, and the call ends with a machine.
    let (app, _dir) = walking("+15005550001", |settings| settings.sms.sandbox.latency_ms = 1).await;
    let alert = alarmed(&app, "call-in-vain").await;
    let whole = app.eventually(&path(&alert, ""), |it| it["state"] != "open").await;
    assert_eq!(told(&whole)[..2], [("owner", "sms", "failed"), ("owner", "call", "no_answer")]);
}

#[tokio::test]
async fn a_link_shows_first_and_takes_it_only_when_asked() {
    let (app, _dir) =
        walking("+14185550101", |settings| settings.public_url = "https://calls.example.com".to_owned()).await;
    let alert = alarmed(&app, "call-linked").await;
    let whole = app.get(&path(&alert, "")).await.json();
    let body = whole["texts"][0]["body"].as_str().unwrap();
    let link = body.split_whitespace().find_map(|word| word.strip_prefix("https://calls.example.com")).expect(body);
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let shown = app.anybody(method, link).await.is(200);
        assert!(!shown.text.contains("<b>"), "{}", shown.text);
    }
    assert_eq!(app.get(&path(&alert, "")).await.json()["acknowledged"], Value::Null, "previews acknowledge nothing");
    let forged = format!("{}0", &link[..link.len() - 1]);
    if forged != link {
        app.anybody(Method::GET, &forged).await.refuses(404);
    }
    app.anybody(Method::POST, link).await.refuses(422);
    let acted = app.request(Method::POST, link).body("answer=take").send().await.unwrap();
    assert_eq!(acted.status(), 200);
    let whole = app.get(&path(&alert, "")).await.json();
    assert_eq!((&whole["acknowledged"]["by"], &whole["acknowledged"]["how"]), (&json!("owner"), &json!("link")));
    app.as_admin(Method::POST, &path(&alert, "/resolve")).send().await.unwrap();
    app.anybody(Method::GET, link).await.refuses(404);
}

#[tokio::test]
async fn a_second_word_of_the_same_call_is_the_same_alert() {
    let app = App::start().await;
    let alert = alarmed(&app, "call-twice").await;
    app.webhook(&crate::harness::bodies::tool_call(
        "call-twice",
        "tool_2",
        "sendSMSAlert",
        json!({"priority": "P1", "message": "It is rising"}),
    ))
    .await
    .is(200);
    let whole = app.get(&path(&alert, "")).await.json();
    assert_eq!(app.get("/api/alerts").await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(whole["words"]["message"], "It is rising");
    assert_eq!(whole["texts"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_drill_is_an_alert_of_its_own_and_says_so() {
    let (app, _dir) = walking("+15005550040", |_| ()).await;
    let asked = app
        .as_admin(Method::POST, "/api/alerts")
        .json(&json!({"drill": true, "tenant": "boreal"}))
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 202);
    let alert: Value = serde_json::from_str(&asked.text().await.unwrap()).unwrap();
    let whole = app.eventually(&path(&alert, ""), |it| it["state"] == "acknowledged").await;
    assert_eq!((&whole["reason"], &whole["call"]), (&json!("drill"), &Value::Null));
    assert!(whole["texts"][0]["body"].as_str().unwrap().contains("TEST"), "{whole}");
}

#[tokio::test]
async fn an_alert_outlives_its_server() {
    let data = tempfile::tempdir().unwrap();
    let keep = |settings: &mut gateway::settings::Settings| settings.data_dir = data.path().to_owned();
    let (mut app, _dir) = walking("+14185550101", keep).await;
    let alert = alarmed(&app, "call-outlived").await;
    app.stops().await;
    drop(app);
    let (app, _dir) = walking("+14185550101", keep).await;
    let whole = app.eventually(&path(&alert, ""), |it| it["state"] == "unanswered").await;
    let texted: Vec<_> = told(&whole).into_iter().filter(|(_, by, _)| *by == "sms").map(|(who, ..)| who).collect();
    assert_eq!(texted, ["owner", "crew"], "each once");
    tokio::time::timeout(Duration::from_secs(30), app.get("/api/alerts")).await.unwrap();
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let app = App::start().await;
    app.get("/api/alerts?state=asleep").await.refuses(422);
    app.get("/api/alerts?cursor=x").await.refuses(422);
    app.get("/api/alerts/nothing").await.refuses(404);
    app.get("/api/alerts/00000000000000000000000000000000").await.refuses(404);
    app.anybody(Method::GET, "/api/alerts").await.refuses(401);
    app.anybody(Method::GET, "/a/00000000000000000000000000000000").await.refuses(404);
}

const TURNS: &str = r#"
[oncall]
turns = ["crew", "owner"]
since = "2026-01-05"
weekday = "monday"
at = "08:00"
"#;

#[tokio::test]
async fn whoever_takes_the_shift_is_told_until_it_is_over_and_after_a_restart() {
    let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let playbook = include_str!("playbooks/boreal.toml")
        .replace("language = \"en\"", "language = \"en\"\ntime_zone = \"America/Toronto\"")
        .replacen("text = [\"owner\", \"crew\"]", "text = [\"@oncall\"]", 1);
    std::fs::write(dir.path().join("boreal.toml"), playbook + TURNS).unwrap();
    let start = |settings: &mut gateway::settings::Settings| {
        settings.playbooks.dir = dir.path().to_str().unwrap().to_owned();
        settings.data_dir = data.path().to_owned();
    };
    let mut app = App::start_with(start).await;
    let standing = app.get("/api/oncall?tenant=boreal").await.is(200).json();
    let (now, next) = (standing["now"]["contact"].clone(), standing["next"][0]["contact"].clone());
    assert!(now != next && standing["now"]["why"] == "rotation", "{standing}");

    let take = |app: &App, body: Value| app.as_admin(Method::PUT, "/api/oncall?tenant=boreal").json(&body);
    let until = "2999-01-01T08:00:00.000Z";
    let taken = take(&app, json!({"contact": next, "until": until})).send().await.unwrap();
    assert_eq!(taken.status(), 200);
    assert_eq!(take(&app, json!({"contact": "stranger", "until": until})).send().await.unwrap().status(), 422);
    assert_eq!(take(&app, json!({"contact": next, "until": "soon"})).send().await.unwrap().status(), 422);
    app.stops().await;
    drop(app);
    let app = App::start_with(start).await;
    let standing = app.get("/api/oncall?tenant=boreal").await.json();
    assert_eq!((&standing["now"]["contact"], &standing["now"]["why"]), (&next, &json!("override")));
    let alert = alarmed(&app, "call-on-duty").await;
    assert_eq!(alert["told"][0]["contact"], next, "the one on call is told, by their own name");
}
