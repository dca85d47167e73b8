//! What others read in Redis, and what becomes of what they write there.

use std::sync::Arc;

use actors::Limits;
use engine::testing::frames;
use serde_json::{Value, json};

use crate::harness::App;
use crate::server::{cli, connected, fresh_prefix, test_server, until};
use crate::stand::{Counted, Stand};

async fn app(url: &str, prefix: &str) -> App {
    let (url, prefix) = (url.to_owned(), prefix.to_owned());
    App::start_with(|settings| {
        settings.cache.url = url.into();
        settings.cache.prefix = prefix;
    })
    .await
}

#[tokio::test]
async fn a_foreign_client_reads_each_call_and_the_list_of_those_that_live() {
    let Some(url) = test_server() else { return };
    let prefix = fresh_prefix();
    let app = app(&url, &prefix).await;
    let (list, key) = (format!("{prefix}:calls:active"), format!("{prefix}:call:call-seen"));
    let listed = || cli(&url, &["ZRANGE", &list, "0", "-1", "WITHSCORES"]);
    app.answers("call-seen").await.acknowledges();
    app.says("call-seen", "The basement is flooded").await.acknowledges();
    let shown = app.get("/api/calls/call-seen").await.is(200);
    until("the call as it is served", async || cli(&url, &["GET", &key]) == shown.text).await;
    let start = engine::time::Timestamp::from_millis(1_772_636_400_000);
    assert!(shown.json()["started_at"].as_str().unwrap() >= start.to_string().as_str());
    until("listed", async || listed().starts_with("call-seen\n17726364")).await;

    app.asks_for("call-seen", "sendSMSAlert", json!({"priority": "P1", "message": "Water everywhere"})).await.is(200);
    until("its texts counted", async || {
        let call: Value = serde_json::from_str(&cli(&url, &["GET", &key])).unwrap_or_default();
        call["sms"]["delivered"] == 2 && call["alert"].is_object()
    })
    .await;

    let figures = app.get("/api/dashboard?tenant=boreal").await.is(200);
    let kept = || cli(&url, &["GET", &format!("{prefix}:dashboard:boreal")]);
    until("the figures as they are served", async || kept() == figures.text).await;
    assert_eq!(figures.json()["p1_active"], 1);

    let keys = cli(&url, &["--scan", "--pattern", &format!("{prefix}:*")]);
    assert!(keys.lines().count() >= 5, "{keys}");
    for key in keys.lines() {
        let ttl: i64 = cli(&url, &["PTTL", key]).parse().unwrap();
        assert!((0..=3_720_000).contains(&ttl), "{key} stays for {ttl} ms");
    }

    app.hangs_up("call-seen").await.acknowledges();
    until("listed no more", async || listed().is_empty()).await;
    until("ended", async || cli(&url, &["GET", &key]).contains("\"phase\":\"ended\"")).await;
}

/// Everything in Redis is made by somebody else before a process that has nothing of its own reads it.
#[tokio::test]
async fn what_a_foreign_client_puts_there_is_never_shown() {
    let Some(url) = test_server() else { return };
    let prefix = fresh_prefix();
    let redis = Arc::new(connected(&url, &prefix).await);
    let store = Arc::<Counted>::default();
    let call = frames::call("acme", "c1");
    let (key, stamp) = (format!("{prefix}:call:c1"), format!("{prefix}:stamp:call:c1"));
    let first = Stand::over(store.clone(), Some(redis.clone()), Limits::default());
    first.record(&call, 1).await;
    let genuine = first.cache.call(Some(&call.tenant), &call.call).await.unwrap().expect("it is there");
    let genuine = String::from_utf8(genuine.body.to_vec()).unwrap();
    until("in Redis", async || cli(&url, &["GET", &key]) == genuine).await;
    let older_version = genuine.replacen("\"direction\":\"inbound\",", "", 1);
    let other_tenant = genuine.replacen("\"tenant\":\"acme\"", "\"tenant\":\"other\"", 1);
    let other_call = genuine.replacen("\"id\":\"c1\"", "\"id\":\"c2\"", 1);
    let another_seq = genuine.replacen("\"seq\":1", "\"seq\":9", 1);
    assert!([&older_version, &other_tenant, &other_call, &another_seq].iter().all(|forged| **forged != genuine));
    let forgeries: Vec<Vec<&str>> = vec![
        vec!["SET", &key, "garbage"],
        vec!["SET", &key, ""],
        vec!["SET", &key, "{}"],
        vec!["SET", &key, &older_version],
        vec!["SET", &key, &other_tenant],
        vec!["SET", &key, &other_call],
        vec!["SET", &key, &another_seq],
        vec!["EVAL", "redis.call('DEL', KEYS[1]) redis.call('LPUSH', KEYS[1], 'wrong type')", "1", &key],
        vec!["SET", &stamp, "garbage"],
        vec!["SET", &stamp, "999999999999999999999999 1 1 1 good acme"],
        vec!["SET", &stamp, "7 1 1790000001000 1790000001000 good other"],
        vec!["EVAL", "redis.call('DEL', KEYS[1]) redis.call('HSET', KEYS[1], 'wrong', 'type')", "1", &stamp],
        vec!["DEL", &stamp],
        vec!["DEL", &key],
        vec!["PERSIST", &key],
    ];
    for forgery in forgeries {
        cli(&url, &forgery);
        let second = Stand::over(store.clone(), Some(redis.clone()), Limits::default());
        assert_eq!(second.read(&call).await.expect("it is in the store").seq, 1, "{forgery:?}");
        assert_eq!(second.cache.standing().unwrap().trouble, None, "{forgery:?}");
        until("mended", async || cli(&url, &["GET", &key]) == genuine && !cli(&url, &["PTTL", &key]).starts_with('-'))
            .await;
    }
    let finds = store.finds();
    assert!(finds > 1, "each forgery is a miss");
}

#[tokio::test]
async fn a_list_of_the_wrong_type_or_with_others_in_it_is_made_anew() {
    let Some(url) = test_server() else { return };
    let prefix = fresh_prefix();
    let list = format!("{prefix}:calls:active");
    cli(&url, &["SET", &list, "not a list"]);
    let app = app(&url, &prefix).await;
    app.rings("call-listed").await.acknowledges();
    let listed = || cli(&url, &["ZRANGE", &list, "0", "-1"]);
    until("listed", async || listed() == "call-listed").await;
    cli(&url, &["ZADD", &list, "1", "call-of-nobody"]);
    until("listed alone", async || listed() == "call-listed").await;
    cli(&url, &["DEL", &list]);
    until("listed again", async || listed() == "call-listed").await;
}
