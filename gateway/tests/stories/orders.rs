//! `POST /api/sms…`: messages people ask for, and what they decide about those that went wrong.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answered, App};

/// Numbers at which the sandbox acts something out.
const NOT_A_NUMBER: &str = "+15005550001";
const SERVER_ERROR: &str = "+15005550021";
const TAKEN_THOUGH_BROKEN: &str = "+15005550023";
const TAKEN_AND_NEVER_REPORTED: &str = "+15005550024";
const UNREACHABLE: &str = "+15005550030";

fn come(to: &str, priority: &str) -> Value {
    json!({"to": to, "body": "Come at once", "priority": priority})
}

async fn post(app: &App, path: &str, body: &Value) -> Answered {
    Answered::to(app.as_admin(Method::POST, path).json(body)).await
}

async fn order(app: &App, id: &str, verb: &str) -> Answered {
    Answered::to(app.as_admin(Method::POST, &format!("/api/sms/{id}/{verb}"))).await
}

/// Asks for a message; its id.
async fn sends(app: &App, to: &str, priority: &str) -> String {
    let sms = post(app, "/api/sms", &come(to, priority)).await.is(202).json();
    sms["id"].as_str().unwrap().to_owned()
}

async fn becomes(app: &App, id: &str, state: &str) -> Value {
    app.eventually(&format!("/api/sms/{id}"), |sms| sms["state"] == state).await
}

#[tokio::test]
async fn a_message_asked_for_is_answered_at_once_and_delivered() {
    let app = App::start().await;
    let asked = json!({"to": "+14185550101", "body": "é".repeat(200), "priority": "P2"});
    let answered = post(&app, "/api/sms", &asked).await.is(202);
    let sms = answered.json();
    assert_eq!((&sms["state"], &sms["attempts"], &sms["call"]), (&json!("queued"), &json!(0), &Value::Null));
    assert_eq!(
        (&sms["tenant"], &sms["contact"]),
        (&json!("boreal"), &json!("owner")),
        "the default one, and its owner"
    );
    assert_eq!((&sms["segments"], &sms["possible_duplicate"]), (&json!(2), &json!(false)));
    let id = sms["id"].as_str().unwrap();
    assert_eq!(answered.header("location"), format!("/api/sms/{id}"));
    let delivered = becomes(&app, id, "delivered").await;
    assert_eq!((&delivered["attempts"], &delivered["body"]), (&json!(1), &asked["body"]));
}

#[tokio::test]
async fn the_same_key_and_words_are_one_message_answered_alike() {
    let app = App::start().await;
    let asks = async |key: &str, body: &Value| {
        Answered::to(app.as_admin(Method::POST, "/api/sms").header("idempotency-key", key).json(body)).await
    };
    let first = asks("order-1", &come("+14185550101", "P2")).await.is(202);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    becomes(&app, &id, "delivered").await;
    let again = asks("order-1", &come("+14185550101", "P2")).await.is(202);
    assert_eq!((&again.text, again.header("idempotency-replayed")), (&first.text, "true"));
    asks("order-1", &come("+14185550102", "P2")).await.refuses(422);
    let other = asks("order-2", &come("+14185550101", "P2")).await.is(202);
    assert_ne!(other.json()["id"], id.as_str());
    assert_eq!(app.get("/api/sms").await.json()["items"].as_array().unwrap().len(), 2);
    asks(&"k".repeat(256), &come("+14185550101", "P2")).await.refuses(422);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_every_reason() {
    let app = App::start().await;
    let bad = json!({"to": "555-0101", "body": "x".repeat(1601), "priority": "P9", "tenent": "boreal"});
    let problem = post(&app, "/api/sms", &bad).await.refuses(422).json();
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["to", "body", "priority", "request"]);
    post(&app, "/api/sms", &json!([])).await.refuses(400);
    let nobody = json!({"to": "+14185550101", "body": "x", "priority": "P1", "tenant": "nobody"});
    post(&app, "/api/sms", &nobody).await.refuses(422);
    app.anybody(Method::POST, "/api/sms").await.refuses(401);
    assert_eq!(app.get("/api/sms").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_message_is_of_the_tenant_that_was_named() {
    let app = App::start().await;
    let asked = json!({"to": "+14185550101", "body": "x", "priority": "P1", "tenant": "harbour"});
    let sms = post(&app, "/api/sms", &asked).await.is(202).json();
    assert_eq!((&sms["tenant"], &sms["contact"]), (&json!("harbour"), &json!("direct")), "no contact of theirs");
    assert_eq!(app.get("/api/sms?tenant=boreal").await.json()["items"], json!([]));
    assert_eq!(app.get("/api/sms?tenant=harbour").await.json()["items"][0]["id"], sms["id"]);
}

#[tokio::test]
async fn a_business_that_only_watches_sends_nothing_by_hand_either() {
    let dir = tempfile::tempdir().unwrap();
    let playbook = format!("shadow = true\n{}", include_str!("playbooks/boreal.toml"));
    std::fs::write(dir.path().join("boreal.toml"), playbook).unwrap();
    let app = App::start_with(|settings| settings.playbooks.dir = dir.path().to_str().unwrap().to_owned()).await;
    let id = sends(&app, "+14185550101", "P1").await;
    let sms = app.get(&format!("/api/sms/{id}")).await.json();
    assert_eq!(sms["state"], "suppressed");
    order(&app, &id, "retry").await.refuses(409);
}

#[tokio::test]
async fn only_what_is_queued_can_be_cancelled() {
    // One message may leave; the next is due in a hundred seconds.
    let app = App::start_with(|settings| settings.sms.sandbox.mps = 0.01).await;
    let first = sends(&app, "+14185550101", "P1").await;
    becomes(&app, &first, "delivered").await;
    let second = sends(&app, "+14185550101", "P1").await;
    let cancelled = order(&app, &second, "cancel").await.is(200).json();
    assert_eq!((&cancelled["state"], &cancelled["attempts"]), (&json!("cancelled"), &json!(0)));
    let why = order(&app, &second, "cancel").await.refuses(409).json();
    assert_eq!(why["detail"], "it has ended already");
    order(&app, &first, "cancel").await.refuses(409);
    let queued = order(&app, &second, "retry").await.is(200).json();
    assert_eq!(queued["state"], "queued");
    order(&app, &"0".repeat(32), "cancel").await.refuses(404);
    order(&app, "not-an-id", "cancel").await.refuses(404);
}

#[tokio::test]
async fn what_did_not_arrive_is_tried_again_as_the_same_message() {
    let app = App::start().await;
    for (to, state) in [(UNREACHABLE, "undelivered"), (NOT_A_NUMBER, "failed")] {
        let id = sends(&app, to, "P2").await;
        assert_eq!(becomes(&app, &id, state).await["attempts"], 1);
        let again = order(&app, &id, "retry").await.is(200).json();
        assert_eq!((&again["id"], &again["state"], &again["error_code"]), (&json!(id), &json!("queued"), &Value::Null));
        let ended =
            app.eventually(&format!("/api/sms/{id}"), |sms| sms["state"] == state && sms["attempts"] == 2).await;
        assert_eq!(ended["possible_duplicate"], false);
    }
    let id = sends(&app, "+14185550101", "P2").await;
    becomes(&app, &id, "delivered").await;
    order(&app, &id, "retry").await.refuses(409);
}

#[tokio::test]
async fn what_may_have_left_is_sent_again_only_by_force_and_marked() {
    let app = App::start().await;
    let id = sends(&app, SERVER_ERROR, "P3").await;
    becomes(&app, &id, "unknown").await;
    let listed = app.get("/api/sms?state=unknown").await.is(200).json();
    assert_eq!(listed["items"][0]["id"], id.as_str());
    let why = order(&app, &id, "retry").await.refuses(409).json();
    assert!(why["detail"].as_str().unwrap().contains("force"), "{why}");
    order(&app, &id, "cancel").await.refuses(409);
    let forced = post(&app, &format!("/api/sms/{id}/retry"), &json!({"force": true})).await.is(200).json();
    assert_eq!((&forced["state"], &forced["possible_duplicate"]), (&json!("queued"), &json!(true)));
    app.eventually(&format!("/api/sms/{id}"), |sms| sms["state"] == "unknown" && sms["attempts"] == 2).await;

    let assumed = order(&app, &id, "assume-sent").await.is(200).json();
    assert_eq!((&assumed["state"], &assumed["provider_id"]), (&json!("accepted"), &Value::Null));
    order(&app, &id, "assume-sent").await.refuses(409);
    post(&app, &format!("/api/sms/{id}/retry"), &json!({"forse": true})).await.refuses(400);
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_known_again_by_its_report_or_in_the_books() {
    let app = App::start().await;
    let (told, silent) =
        (sends(&app, TAKEN_THOUGH_BROKEN, "P1").await, sends(&app, TAKEN_AND_NEVER_REPORTED, "P3").await);
    let told = becomes(&app, &told, "delivered").await;
    assert_eq!((&told["attempts"], &told["possible_duplicate"]), (&json!(1), &json!(false)));
    let found = |sms: &Value| sms["provider_id"].is_string() && sms["state"] == "delivered";
    let found = app.eventually(&format!("/api/sms/{silent}"), found).await;
    assert_eq!((&found["attempts"], &found["error"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn a_carrier_that_loses_answers_and_no_message_is_not_left_alone() {
    let app = App::start().await;
    for _ in 0..7 {
        let id = sends(&app, TAKEN_THOUGH_BROKEN, "P3").await;
        becomes(&app, &id, "delivered").await;
    }
}

#[tokio::test]
async fn a_body_no_message_needs_is_refused_as_errors_are() {
    let app = App::start().await;
    let long = json!({"to": "+14185550101", "body": "x".repeat(200_000), "priority": "P2"});
    for path in ["/api/sms", "/api/opt-outs"] {
        post(&app, path, &long).await.refuses(413);
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_by_what_is_wanted() {
    let app = App::start_with(|settings| settings.sms.sandbox.mps = 0.01).await;
    let first = sends(&app, "+14185550101", "P1").await;
    becomes(&app, &first, "delivered").await;
    let mut expected = vec![first.clone()];
    for _ in 0..4 {
        expected.insert(0, sends(&app, "+14185550102", "P3").await);
    }
    let (mut seen, mut path) = (Vec::new(), "/api/sms?limit=2".to_owned());
    loop {
        let page = app.get(&path).await.is(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|sms| sms["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/sms?limit=2&cursor={next}");
    }
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!((seen.len(), sorted(seen)), (5, sorted(expected)), "each once");
    let ids = async |query: &str| {
        let page = app.get(&format!("/api/sms?{query}")).await.is(200).json();
        page["items"].as_array().unwrap().iter().map(|sms| sms["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("state=delivered").await, std::slice::from_ref(&first));
    assert_eq!(ids("to=%2B14185550101").await, std::slice::from_ref(&first));
    assert_eq!(ids("to=+14185550101").await, [first], "a plus sign that became a space");
    assert_eq!(ids("to=%2B14185550102&state=queued").await.len(), 4);
    for bad in ["state=lost", "cursor=x", "cursor=1-2", "to=911", "limit=501"] {
        app.get(&format!("/api/sms?{bad}")).await.refuses(422);
    }
}
