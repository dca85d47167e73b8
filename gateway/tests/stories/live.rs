//! `/api/live/sse`: the board as it changes.

use reqwest::Method;
use serde_json::json;

use crate::harness::{App, HARBOUR_SECRET, Stream, bodies};

#[tokio::test]
async fn a_stream_begins_with_a_welcome_and_what_there_is() {
    let app = App::start().await;
    let mut live = app.live().await;
    let welcome = live.next().await;
    assert_eq!((&welcome["t"], &welcome["v"], &welcome["role"]), (&json!("welcome"), &json!(1), &json!("admin")));
    for channel in ["calls", "sms", "alerts"] {
        let snapshot = live.next().await;
        assert_eq!((&snapshot["t"], &snapshot["ch"]), (&json!("snap"), &json!(channel)));
        assert_eq!((&snapshot["part"], &snapshot["parts"], &snapshot["rows"]), (&json!(1), &json!(1), &json!([])));
        assert!(snapshot["epoch"].is_string() && snapshot["off"].is_u64());
    }
}

#[tokio::test]
async fn the_snapshot_is_what_the_board_shows_and_carries_its_tag() {
    let app = App::start().await;
    app.rings("call-there").await.acknowledges();
    app.eventually("/api/calls/active", |board| board[0]["id"] == "call-there").await;
    let snapshot = app.live().await.next_of("snap", "calls").await;
    let board = app.get("/api/calls/active").await;
    assert_eq!(snapshot["rows"], board.json());
    let tag = format!("\"{}:{}\"", snapshot["epoch"].as_str().unwrap(), snapshot["off"]);
    assert_eq!(board.header("etag"), tag);
}

#[tokio::test]
async fn a_call_is_patched_in_and_taken_off_without_a_hole() {
    let app = App::start().await;
    let mut live = app.live().await;
    let mut off = live.next_of("snap", "calls").await["off"].clone();
    app.rings("call-patched").await.acknowledges();
    loop {
        let patch = live.next_of("patch", "calls").await;
        assert_eq!(patch["from"], off);
        off = patch["off"].clone();
        if patch["set"][0]["phase"] == "ringing" {
            assert_eq!((&patch["set"][0]["id"], &patch["del"]), (&json!("call-patched"), &json!([])));
            break;
        }
    }
    app.hangs_up("call-patched").await.acknowledges();
    loop {
        let patch = live.next_of("patch", "calls").await;
        assert_eq!(patch["from"], off);
        off = patch["off"].clone();
        if patch["del"] == json!(["call-patched"]) {
            return;
        }
    }
}

#[tokio::test]
async fn a_text_is_followed_until_it_is_delivered() {
    let app = App::start().await;
    let mut live = app.live().await;
    app.rings("call-texted").await.acknowledges();
    app.asks_for("call-texted", "sendSMSAlert", json!({"priority": "P4", "message": "Call back"})).await.is(200);
    app.asks_for("call-urgent", "sendSMSAlert", json!({"priority": "P1", "message": "Come"})).await.is(200);
    loop {
        let patch = live.next_of("patch", "sms").await;
        let rows = patch["set"].as_array().unwrap();
        if rows.iter().any(|sms| sms["call"] == "call-urgent" && sms["state"] == "delivered") {
            return;
        }
    }
}

#[tokio::test]
async fn a_stream_of_one_tenant_tells_nothing_of_another() {
    let app = App::start().await;
    let mut live = Stream::open(app.as_admin(Method::GET, "/api/live/sse?tenant=harbour")).await;
    app.rings("call-of-boreal").await.acknowledges();
    let theirs = bodies::from_harbour(bodies::status("call-of-harbour", "ringing"));
    app.webhook_as(HARBOUR_SECRET, theirs.to_string()).await.acknowledges();
    loop {
        let frame = live.next().await;
        assert!(!frame.to_string().contains("call-of-boreal"), "{frame}");
        if frame.to_string().contains("call-of-harbour") {
            return;
        }
    }
}

#[tokio::test]
async fn what_a_caller_is_saying_is_shown_before_it_is_final() {
    let app = App::start().await;
    app.answers("call-speaking").await.acknowledges();
    app.eventually("/api/calls/active", |board| board[0]["id"] == "call-speaking").await;
    app.webhook(&bodies::partial_transcript("call-speaking", "The base")).await.acknowledges();
    let shown = |board: &serde_json::Value| board[0]["last_line"]["text"] == "The base";
    app.eventually("/api/calls/active", shown).await;
}
