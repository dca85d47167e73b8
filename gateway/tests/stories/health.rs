//! `/healthz`, `/readyz`, `/metrics`, `/api/metrics`; what every answer carries; and how an app stops.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answered, App};

#[tokio::test]
async fn an_app_says_that_it_lives_and_what_it_stands_on() {
    let app = App::start().await;
    let alive = app.anybody(Method::GET, "/healthz").await.is(200).json();
    assert_eq!(alive["status"], "ok");
    assert!(alive["version"].is_string());
    let ready = app.anybody(Method::GET, "/readyz").await.is(200).json();
    assert_eq!(ready["status"], "ready");
    let latency = ready["dependencies"]["store"]["latency_ms"].as_f64().unwrap();
    assert_eq!(latency, (latency * 100.0).round() / 100.0, "two decimals at most");
    assert!(ready["dependencies"]["bus"].get("latency_ms").is_none(), "nobody was asked: {ready:#}");
    for dependency in ["store", "bus"] {
        assert_eq!(ready["dependencies"][dependency]["state"], "ok", "{ready:#}");
    }
    let head = app.anybody(Method::HEAD, "/healthz").await.is(200);
    assert_eq!(head.text, "");
}

#[tokio::test]
async fn prometheus_reads_requests_and_the_process_without_a_token() {
    let app = App::start().await;
    app.anybody(Method::GET, "/healthz").await.is(200);
    let scraped = app.anybody(Method::GET, "/metrics").await.is(200);
    assert!(scraped.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "cordboard_http_requests_total{route=\"/healthz\",method=\"GET\",status=\"2xx\"}",
        "cordboard_http_request_duration_seconds_bucket{resource=\"/healthz\",le=\"0.2\"}",
        "cordboard_panics_total",
        "process_resident_memory_bytes",
        "tokio_alive_tasks",
    ] {
        assert!(scraped.text.lines().any(|found| found.starts_with(line)), "{line} in {}", scraped.text);
    }
}

#[tokio::test]
async fn a_stranger_makes_no_new_series() {
    let app = App::start().await;
    app.anybody(Method::GET, "/made/up/by/a/stranger").await.refuses(404);
    Answered::to(app.request(Method::from_bytes(b"BREW").unwrap(), "/healthz")).await.refuses(405);
    let scraped = app.anybody(Method::GET, "/metrics").await.text;
    assert!(scraped.contains("route=\"unmatched\""));
    assert!(!scraped.contains("stranger") && !scraped.contains("BREW"));
}

#[tokio::test]
async fn metrics_want_their_token_once_one_is_set() {
    let app = App::start_with(|settings| settings.metrics.token = "token-of-prometheus".into()).await;
    app.anybody(Method::GET, "/metrics").await.refuses(401);
    Answered::to(app.request(Method::GET, "/metrics").bearer_auth("token-of-nobody")).await.refuses(401);
    Answered::to(app.request(Method::GET, "/metrics").bearer_auth("token-of-prometheus")).await.is(200);
}

#[tokio::test]
async fn the_last_minute_is_told_in_four_numbers() {
    let app = App::start().await;
    app.anybody(Method::GET, "/healthz").await.is(200);
    let figures = app.get("/api/metrics").await.is(200).json();
    let mut names: Vec<_> = figures.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["activeConnections", "avgResponseTime", "errorRate", "throughput"]);
    assert_eq!(figures["errorRate"], 0.0);
    assert!(figures["throughput"].as_u64().unwrap() >= 1, "{figures}");
    assert!(figures["activeConnections"].as_u64().unwrap() >= 1, "{figures}");
}

#[tokio::test]
async fn every_answer_forbids_what_a_hostile_transcript_would_need() {
    let app = App::start().await;
    for path in ["/", "/page.js", "/healthz", "/api/sms", "/no/such/url"] {
        let answered = app.anybody(Method::GET, path).await;
        let policy = answered.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answered.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answered.header("referrer-policy"), "no-referrer", "{path}");
        assert!(!answered.header("cache-control").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_request_keeps_the_id_it_came_with_unless_that_is_hostile() {
    let app = App::start().await;
    let with_id = |id: &'static str| Answered::to(app.request(Method::GET, "/nowhere").header("x-request-id", id));
    assert_eq!(with_id("proxy-7f.3").await.refuses(404).header("x-request-id"), "proxy-7f.3");
    for hostile in ["", "two words", "<script>"] {
        let made = with_id(hostile).await.refuses(404);
        assert_eq!(made.header("x-request-id").len(), 36, "{made:?}");
    }
}

#[tokio::test]
async fn the_page_runs_no_script_but_its_own() {
    let app = App::start().await;
    let page = app.anybody(Method::GET, "/").await.is(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(page.text.matches("<script").count(), 1);
    assert!(page.text.contains("<script src=\"/page.js\" defer></script>"));
    assert!(!page.text.contains(" style=") && !page.text.contains(" onclick="));
    let script = app.anybody(Method::GET, "/page.js").await.is(200);
    assert!(script.header("content-type").starts_with("text/javascript"));
    assert!(!script.text.contains("innerHTML") && !script.text.contains("eval("));
    assert!(app.anybody(Method::GET, "/page.css").await.is(200).header("content-type").starts_with("text/css"));
    app.anybody(Method::GET, "/favicon.svg").await.is(200);
}

#[tokio::test]
async fn an_app_that_is_told_to_stop_ends_its_streams_and_takes_nobody_more() {
    let mut app = App::start().await;
    let mut live = app.live().await;
    assert_eq!(live.next().await["t"], "welcome");
    app.stops().await;
    let mut last = json!(null);
    while let Some(frame) = live.next_or_end().await {
        last = frame;
    }
    assert_eq!((&last["t"], &last["why"]), (&json!("bye"), &json!("drain")));
    assert!(app.request(Method::GET, "/healthz").send().await.is_err());
}
