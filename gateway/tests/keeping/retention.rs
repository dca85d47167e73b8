//! A server that finds in its store what is too old.

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::bodies;
use crate::server::Server;

const SAID: &str = "Noelle of 12 Mill Street";

#[tokio::test]
async fn what_is_too_old_goes_when_a_server_starts_and_what_is_not_stays() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    for call in ["call-old", "call-quiet", "call-new"] {
        server.hears(&bodies::transcript(call, SAID)).await;
        server.hears(&bodies::report(call)).await;
    }
    server.hears(&bodies::status("call-live", "ringing")).await;
    // A call with an alert that runs is never removed.
    let alerts = server.get("/api/alerts").await;
    for alert in alerts["items"].as_array().unwrap() {
        let resolve = format!("/api/alerts/{}/resolve", alert["id"].as_str().unwrap());
        assert_eq!(server.post(&resolve, &json!({})).await.0, 200);
    }
    server.terminate();
    let file = dir.path().join("cordboard.db");
    let mut connection = SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    for (call, days) in [("call-old", "-400 days"), ("call-quiet", "-40 days"), ("call-live", "-400 days")] {
        let aged = "UPDATE calls SET started_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?2), \
            updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?2), ended_at = CASE WHEN status = 'active' THEN NULL \
            ELSE strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?2) END WHERE id = ?1";
        sqlx::query(aged).bind(call).bind(days).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();

    let server = Server::start(dir.path(), &[]);
    let words = async |call: &str| server.get(&format!("/api/calls/{call}/events")).await.to_string().contains(SAID);
    server.eventually("/api/calls/call-old", |call| call["status"] == 404).await;
    server.eventually("/api/calls/call-quiet", |call| call["summary"] == Value::Null).await;
    assert!(!words("call-quiet").await);
    let events = server.get("/api/calls/call-quiet/events").await;
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    assert!(kinds.contains(&json!("spoke")) && kinds.contains(&json!("reported")), "{kinds:?}");
    assert_eq!(server.get("/api/calls/call-quiet").await["from"], bodies::CALLER, "who called is still known");
    assert!(words("call-new").await);
    assert_eq!(server.get("/api/calls/call-live").await["id"], "call-live");
    server.terminate();
}
