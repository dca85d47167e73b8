//! `/api/calls`, `/api/dashboard`, `/api/analytics`: what there was, and how it goes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{App, HARBOUR_SECRET, bodies};

const KEYS: [&str; 5] = ["calls_today", "p1_active", "recent_avg_duration_s", "unique_callers_24h", "refreshed_at"];
/// Sooner than the views would be counted if nothing had happened.
const SOON: Duration = Duration::from_secs(60);

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap()).collect()
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The body as of now.
fn of_now(mut body: Value) -> Value {
    body["message"]["timestamp"] = json!(now_ms());
    body
}

/// The story's calls begin one second after the other.
async fn ring(app: &App, calls: &[&str]) {
    for (second, call) in (0_u64..).zip(calls) {
        let mut body = bodies::status(call, "ringing");
        body["message"]["timestamp"] = json!(1_772_636_400_000 + second * 1_000);
        app.webhook(&body).await.acknowledges();
    }
}

/// Looks until the figures are as awaited.
async fn counted(app: &App, path: &str, shows: impl Fn(&Value) -> bool) -> Value {
    let looking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            let figures = app.get(path).await.is(200).json();
            if shows(&figures) {
                return figures;
            }
        }
    };
    tokio::time::timeout(SOON, looking).await.expect("the figures come")
}

#[tokio::test]
async fn a_fresh_server_has_figures_and_all_of_them_are_zero() {
    let app = App::start().await;
    let dashboard = counted(&app, "/api/dashboard", |figures| figures["refreshed_at"].is_string()).await;
    let mut keys: Vec<_> = dashboard.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut promised = KEYS;
    promised.sort_unstable();
    assert_eq!(keys, promised);
    assert!(KEYS[..4].iter().all(|key| dashboard[key].as_f64() == Some(0.0)), "{dashboard}");
    let days = app.get("/api/analytics").await.is(200).json();
    assert_eq!(days.as_array().unwrap().len(), 30);
    assert!(days.as_array().unwrap().iter().all(|day| day["total_calls"] == 0 && day["avg_duration_s"] == 0.0));
    assert_eq!(app.get("/api/calls").await.is(200).json(), json!({"items": [], "next": null}));
}

#[tokio::test]
async fn calls_of_today_are_in_the_figures_within_seconds() {
    let app = App::start().await;
    app.webhook(&of_now(bodies::status("call-today", "in-progress"))).await.acknowledges();
    let alarm = bodies::tool_call("call-today", "t1", "sendSMSAlert", json!({"priority": "P1", "message": "Water"}));
    app.webhook(&of_now(alarm)).await.is(200);
    let figures = app.get("/api/dashboard?tenant=boreal").await.is(200).json();
    assert_eq!(figures["p1_active"], 1, "an emergency is counted at once");
    let figures = counted(&app, "/api/dashboard", |figures| figures["calls_today"] == 1).await;
    assert_eq!((&figures["unique_callers_24h"], &figures["p1_active"]), (&json!(1), &json!(1)));
    // Counted once before there was an alarm, perhaps.
    let days = counted(&app, "/api/analytics?days=7&tenant=boreal", |days| days[6]["urgent_calls"] == 1).await;
    assert_eq!(
        (days.as_array().unwrap().len(), &days[6]["total_calls"], &days[0]["total_calls"]),
        (7, &json!(1), &json!(0))
    );
    let others = app.get("/api/dashboard?tenant=harbour").await.is(200).json();
    assert_eq!((&others["calls_today"], &others["p1_active"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn the_history_is_paged_newest_first_and_new_calls_move_no_page() {
    let app = App::start().await;
    ring(&app, &["call-1", "call-2", "call-3", "call-4", "call-5"]).await;
    let first = app.get("/api/calls?limit=2").await.is(200).json();
    assert_eq!(ids(&first), ["call-5", "call-4"]);
    app.webhook(&of_now(bodies::status("call-6", "ringing"))).await.acknowledges();
    let page = async |next: &Value| {
        app.get(&format!("/api/calls?limit=2&cursor={}", next.as_str().unwrap())).await.is(200).json()
    };
    let second = page(&first["next"]).await;
    assert_eq!(ids(&second), ["call-3", "call-2"]);
    let third = page(&second["next"]).await;
    assert_eq!((ids(&third), &third["next"]), (vec!["call-1"], &Value::Null));
}

#[tokio::test]
async fn a_list_shows_what_was_asked_for() {
    let app = App::start().await;
    ring(&app, &["call-quiet", "call-urgent", "call-over"]).await;
    app.answers("call-urgent").await.acknowledges();
    app.says("call-urgent", "The basement is flooded").await.acknowledges();
    app.hangs_up("call-over").await.acknowledges();
    app.reports("call-over").await.acknowledges();
    let theirs = bodies::from_harbour(bodies::status("call-of-harbour", "ringing"));
    app.webhook_as(HARBOUR_SECRET, theirs.to_string()).await.acknowledges();
    let caller = bodies::CALLER.replace('+', "%2B");
    for (query, expected) in [
        ("state=active&tenant=boreal", vec!["call-urgent", "call-quiet"]),
        ("state=ended", vec!["call-over"]),
        ("priority=P1", vec!["call-over", "call-urgent"]),
        ("priority=P1&state=active", vec!["call-urgent"]),
        ("priority=P2", vec![]),
        ("tenant=harbour", vec!["call-of-harbour"]),
        (&format!("from={caller}&tenant=boreal&state=active"), vec!["call-urgent", "call-quiet"]),
        (&format!("from={}&state=ended", bodies::CALLER), vec!["call-over"]),
        ("from=%2B14185550199", vec![]),
        ("until=2026-03-04T15:00:02Z&tenant=boreal&since=2026-03-04T15:00:01.000Z", vec!["call-urgent"]),
        ("until=2026-03-04T16:00:02%2B01:00&tenant=boreal&since=2026-03-04T16:00:01+01:00", vec!["call-urgent"]),
        ("q=call-over", vec!["call-over"]),
        ("q=OVER", vec!["call-over"]),
        ("q=somebody+is", vec!["call-over"]),
        ("q=555-0117&tenant=harbour", vec!["call-of-harbour"]),
        (&format!("q={caller}&state=ended"), vec!["call-over"]),
        ("q=call-over&state=active", vec![]),
        ("q=nothing-of-the-kind", vec![]),
        ("state=&priority=&tenant=harbour&q=&cursor=&limit=", vec!["call-of-harbour"]),
    ] {
        let list = app.get(&format!("/api/calls?{query}")).await.is(200).json();
        assert_eq!((ids(&list), &list["next"]), (expected, &Value::Null), "{query}");
    }
    // Once its texts have arrived, nothing moves any more.
    let call = app.eventually("/api/calls/call-over", |call| call["sms"]["delivered"] == 2).await;
    let found = app.get("/api/calls?q=call-over").await.is(200).json();
    assert_eq!(found["items"][0], call);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_all_its_fields() {
    let app = App::start().await;
    let fields = async |path: &str| -> Vec<String> {
        let problem = app.get(path).await.refuses(422).json();
        let errors = problem["errors"].as_array().unwrap().iter();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    let bad = "/api/calls?state=over&priority=P9&tenant=NO&from=somebody&since=today&until=1&cursor=x&limit=501";
    let all = ["tenant", "state", "priority", "from", "since", "until", "cursor", "limit"];
    assert_eq!(fields(bad).await, all);
    assert_eq!(fields(&format!("/api/calls?q={}", "x".repeat(101))).await, ["q"]);
    for path in ["/api/analytics?days=0", "/api/analytics?days=367", "/api/analytics?days=all"] {
        assert_eq!(fields(path).await, ["days"], "{path}");
    }
    for list in [
        "/api/calls",
        "/api/calls/active",
        "/api/calls/call-1/events",
        "/api/sms",
        "/api/sms/inbound",
        "/api/alerts",
        "/api/opt-outs",
        "/api/oncall",
        "/api/dashboard",
        "/api/analytics",
        "/api/audit",
    ] {
        assert_eq!(fields(&format!("{list}?prioritiy=P1")).await, ["prioritiy"], "{list}");
    }
}
