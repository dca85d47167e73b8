//! Single metrics, followed from what happens to what is counted.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::exposition::Exposition;
use crate::harness::{Answered, App};

const PATIENCE: Duration = Duration::from_secs(30);

async fn scraped(app: &App) -> Exposition {
    Exposition::read(&app.anybody(Method::GET, "/metrics").await.is(200).text)
}

/// The recorder is the whole process's: other tests count too, where they do the same.
fn value(scraped: &Exposition, name: &str, label: (&str, &str)) -> f64 {
    let labelled = scraped.of(name).filter(|series| series.labels.get(label.0).is_some_and(|value| value == label.1));
    labelled.map(|series| series.value).sum()
}

#[tokio::test]
async fn what_a_browser_measures_is_counted_under_our_names() {
    let app = App::start().await;
    let before = value(&scraped(&app).await, "cordboard_client_vitals_seconds_count", ("metric", "ttfb"));
    let beacon = json!({"type": "vital", "component": "TTFB", "duration": 310, "timestamp": "2026-11-26T00:00:00Z"});
    // As navigator.sendBeacon does: a text, with no type of its own.
    let sent = app.as_admin(Method::POST, "/api/performance").header("content-type", "text/plain;charset=UTF-8");
    let answered = Answered::to(sent.body(beacon.to_string())).await.is(204);
    assert_eq!(answered.text, "");
    let after = value(&scraped(&app).await, "cordboard_client_vitals_seconds_count", ("metric", "ttfb"));
    assert!(after > before, "{before} → {after}");
}

#[tokio::test]
async fn a_beacon_is_small_and_comes_from_somebody_who_is_signed_in() {
    let app = App::start().await;
    let beacon = |size: usize| json!({"type": "vital", "component": "LCP", "duration": 1, "padding": "x".repeat(size)});
    let from_nobody = app.request(Method::POST, "/api/performance").json(&beacon(1));
    Answered::to(from_nobody).await.refuses(401);
    let sent = |size| Answered::to(app.as_admin(Method::POST, "/api/performance").json(&beacon(size)));
    sent(4_000).await.is(204);
    sent(4_096).await.refuses(413);
    Answered::to(app.as_admin(Method::POST, "/api/performance").json(&json!({"type": 1}))).await.refuses(422);
    app.get("/api/performance").await.refuses(405);
}

#[tokio::test]
async fn what_alarms_is_there_before_it_first_happens() {
    let scraped = scraped(&App::start().await).await;
    for (name, label) in [
        ("cordboard_alerts_unanswered_total", ("priority", "P1")),
        ("cordboard_sms_lost_total", ("priority", "P1")),
        ("cordboard_actor_restarts_total", ("kind", "committer")),
        ("cordboard_commit_failures_total", ("why", "unavailable")),
        ("cordboard_provider_requests_total", ("outcome", "unknown")),
        ("cordboard_dependency_up", ("dependency", "store")),
        ("cordboard_store_pool_connections", ("state", "in_use")),
    ] {
        assert!(scraped.of(name).any(|series| series.labels.get(label.0).is_some_and(|v| v == label.1)), "{name}");
    }
}

#[tokio::test]
async fn a_text_is_lost_when_it_is_given_up() {
    let app = App::start().await;
    let lost = async |priority| value(&scraped(&app).await, "cordboard_sms_lost_total", ("priority", priority));
    let before = lost("P3").await;
    let text = json!({"to": "+15005550001", "body": "Water", "priority": "P3"});
    Answered::to(app.as_admin(Method::POST, "/api/sms").json(&text)).await.is(202);
    app.eventually("/api/sms?state=failed", |list| list["items"].as_array().unwrap().len() == 1).await;
    // It is counted when it has been written, a moment after it can be read.
    let counting = async { while lost("P3").await == before {} };
    tokio::time::timeout(PATIENCE, counting).await.expect("it is counted");
    assert_eq!(lost("P3").await, before + 1.0);
}
