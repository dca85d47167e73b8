//! `/api/calls/…`: a call from its first ring to its report, as an operator sees it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answered, App, HARBOUR_SECRET, bodies};

#[tokio::test]
async fn what_is_not_understood_opens_no_call() {
    let app = App::start().await;
    let mut unknown = bodies::status("call-unheard", "ringing");
    unknown["message"]["type"] = json!("not.invented.yet");
    for body in [unknown, bodies::status("call-unheard", "not-found"), bodies::status("call-unheard", "levitating")] {
        app.webhook(&body).await.acknowledges();
    }
    app.get("/api/calls/call-unheard").await.refuses(404);
    app.rings("call-unheard").await.acknowledges();
    assert_eq!(app.get("/api/calls/call-unheard").await.is(200).json()["phase"], "ringing");
}

#[tokio::test]
async fn a_call_is_on_the_board_from_its_first_ring_to_its_end() {
    let app = App::start().await;
    app.rings("call-lived").await.acknowledges();
    let board = app.eventually("/api/calls/active", |board| shows(board, "call-lived", "ringing")).await;
    assert_eq!(board[0]["from"], bodies::CALLER);
    assert_eq!(board[0]["direction"], "inbound");

    app.answers("call-lived").await.acknowledges();
    app.says("call-lived", "The basement is flooded").await.acknowledges();
    let board = app.eventually("/api/calls/active", |board| board[0]["last_line"].is_object()).await;
    assert_eq!(board[0]["phase"], "in_progress");
    assert_eq!(board[0]["last_line"], json!({"role": "caller", "text": "The basement is flooded"}));

    app.hangs_up("call-lived").await.acknowledges();
    app.reports("call-lived").await.acknowledges();
    app.eventually("/api/calls/active", |board| *board == json!([])).await;
    let call = app.get("/api/calls/call-lived").await.is(200).json();
    assert_eq!(call["phase"], "ended");
    assert_eq!(call["ended_reason"], "customer-ended-call");
    assert_eq!(call["duration_s"], 5);
}

#[tokio::test]
async fn nothing_new_costs_a_poller_only_a_head() {
    let app = App::start().await;
    let first = app.get("/api/calls/active").await.is(200);
    assert_eq!(first.json(), json!([]));
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.contains(':') && tag.ends_with('"'), "{tag}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let request = app.as_admin(Method::GET, "/api/calls/active").header("if-none-match", known);
        let answered = Answered::to(request).await.is(304);
        assert_eq!((answered.text.as_str(), answered.header("etag")), ("", tag.as_str()));
    }
    let request = app.as_admin(Method::GET, "/api/calls/active").header("if-none-match", "\"other\"");
    Answered::to(request).await.is(200);
}

#[tokio::test]
async fn the_tag_changes_when_the_board_does() {
    let app = App::start().await;
    let before = app.get("/api/calls/active").await.header("etag").to_owned();
    app.rings("call-tagged").await.acknowledges();
    app.eventually("/api/calls/active", |board| shows(board, "call-tagged", "ringing")).await;
    let request = app.as_admin(Method::GET, "/api/calls/active").header("if-none-match", &before);
    assert_ne!(Answered::to(request).await.is(200).header("etag"), before);
}

#[tokio::test]
async fn the_timeline_tells_a_call_in_order_with_its_texts() {
    let app = App::start().await;
    app.rings("call-told").await.acknowledges();
    app.answers("call-told").await.acknowledges();
    app.says("call-told", "The basement is flooded").await.acknowledges();
    app.asks_for("call-told", "sendSMSAlert", json!({"priority": "P1", "message": "Water everywhere"})).await.is(200);
    app.hangs_up("call-told").await.acknowledges();
    app.reports("call-told").await.acknowledges();

    let timeline = app.get("/api/calls/call-told/events").await.is(200).json();
    assert_eq!(timeline["next"], Value::Null);
    let items = timeline["items"].as_array().unwrap();
    let place = |kind: &str| {
        let found = items.iter().position(|item| item["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {items:#?}"))
    };
    let told = ["status", "spoke", "tool_called", "sms_owed", "sms", "tool_answered", "ended", "reported"].map(place);
    assert!(told.is_sorted(), "{told:?} in {items:#?}");
    assert_eq!(items.iter().filter(|item| item["type"] == "sms").count(), 2);
    assert!(items.iter().all(|item| item["seq"].is_u64() && item["at"].is_string()));
    assert!(
        items.iter().all(|item| item.get("effect").is_none()),
        "a digest of ours, and more than JavaScript can count to"
    );
    let seqs: Vec<u64> = items.iter().map(|item| item["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted(), "told in the order in which it happened: {seqs:?}");
}

#[tokio::test]
async fn a_long_timeline_comes_in_pages_without_gap_or_repeat() {
    let app = App::start().await;
    app.rings("call-paged").await.acknowledges();
    app.answers("call-paged").await.acknowledges();
    app.says("call-paged", "Roots, I think").await.acknowledges();
    let whole = app.get("/api/calls/call-paged/events").await.json()["items"].clone();

    let (mut paged, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let page = app.get(&format!("/api/calls/call-paged/events?limit=1&after={after}")).await.is(200).json();
        paged.extend(page["items"].as_array().unwrap().clone());
        after = page["next"].clone();
    }
    assert_eq!(json!(paged), whole);
}

#[tokio::test]
async fn a_tenants_calls_can_be_looked_at_alone() {
    let app = App::start().await;
    app.rings("call-of-boreal").await.acknowledges();
    let theirs = bodies::from_harbour(bodies::status("call-of-harbour", "ringing"));
    app.webhook_as(HARBOUR_SECRET, theirs.to_string()).await.acknowledges();
    app.eventually("/api/calls/active", |board| board.as_array().unwrap().len() == 2).await;
    for (tenant, call) in [("boreal", "call-of-boreal"), ("harbour", "call-of-harbour")] {
        let board = app.get(&format!("/api/calls/active?tenant={tenant}")).await.json();
        assert_eq!((board.as_array().unwrap().len(), &board[0]["id"]), (1, &json!(call)));
    }
}

#[tokio::test]
async fn the_same_call_id_at_two_tenants_is_two_calls() {
    let app = App::start().await;
    app.rings("call-shared").await.acknowledges();
    let theirs = bodies::from_harbour(bodies::status("call-shared", "ended"));
    app.webhook_as(HARBOUR_SECRET, theirs.to_string()).await.acknowledges();
    app.eventually("/api/calls/active?tenant=boreal", |board| shows(board, "call-shared", "ringing")).await;
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_makes_no_sense_is_422() {
    let app = App::start().await;
    app.get("/api/calls/call-never").await.refuses(404);
    app.get("/api/calls/call-never/events").await.refuses(404);
    app.get(&format!("/api/calls/{}", "x".repeat(129))).await.refuses(404);
    app.get("/api/nothing/here").await.refuses(404);
    for (path, field) in [
        ("/api/calls/call-never/events?limit=501", "limit"),
        ("/api/calls/call-never/events?limit=many", "limit"),
        ("/api/calls/call-never/events?after=first", "after"),
        ("/api/calls/active?tenant=No%20Such", "tenant"),
    ] {
        assert_eq!(app.get(path).await.refuses(422).json()["errors"][0]["field"], field, "{path}");
    }
    let answered = Answered::to(app.as_admin(Method::POST, "/api/calls/active")).await.refuses(405);
    assert_eq!(answered.header("allow"), "GET, HEAD");
}

fn shows(board: &Value, call: &str, phase: &str) -> bool {
    let calls = board.as_array().unwrap();
    calls.iter().any(|shown| shown["id"] == call && shown["phase"] == phase)
}
