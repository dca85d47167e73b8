//! A Redis that is killed, hangs, is emptied, is full, takes no writes or wants another password, while a crowd reads:
//! every read is answered, rightly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::harness::App;
use crate::server::{OwnRedis, until};

const CALLS: usize = 10;
const READERS: usize = 8;

/// An app with some calls, and readers who never stop.
struct Crowd {
    app: Arc<App>,
    reads: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    readers: JoinSet<()>,
}

impl Crowd {
    async fn over(url: &str) -> Crowd {
        let url = url.to_owned();
        let app = App::start_with(|settings| {
            settings.cache.url = url.into();
            // A busy machine is no Redis that hangs.
            settings.cache.timeout_ms = 200;
        });
        let app = Arc::new(app.await);
        for call in 0..CALLS {
            app.answers(&format!("call-{call}")).await.acknowledges();
        }
        let mut crowd = Crowd { app, reads: Arc::default(), over: Arc::default(), readers: JoinSet::new() };
        for reader in 0..READERS {
            let (app, reads, over) = (crowd.app.clone(), crowd.reads.clone(), crowd.over.clone());
            crowd.readers.spawn(async move {
                for n in reader.. {
                    let call = format!("call-{}", n % CALLS);
                    let shown = app.get(&format!("/api/calls/{call}")).await.is(200).json();
                    assert_eq!(shown["id"], *call);
                    reads.fetch_add(1, Ordering::SeqCst);
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                }
            });
        }
        crowd
    }

    /// Returns when so many more reads were answered, and what was said meanwhile is shown.
    async fn reads_on(&self, line: &str) {
        for call in 0..CALLS {
            let call = format!("call-{call}");
            self.app.webhook(&said(&call, line)).await.acknowledges();
            let shown = self.app.get(&format!("/api/calls/{call}")).await.is(200).json();
            assert_eq!(shown["last_line"]["text"], line, "whoever reads after an answer is shown what it was about");
        }
        let wanted = self.reads.load(Ordering::SeqCst) + 200;
        until("read on", async || self.reads.load(Ordering::SeqCst) >= wanted).await;
    }

    /// Looked at until it is: on a busy machine the store may answer too late now and then.
    async fn is_ready(&self) {
        until("ready", async || self.app.anybody(Method::GET, "/readyz").await.status == 200).await;
    }

    async fn cache(&self) -> Value {
        self.app.anybody(Method::GET, "/readyz").await.json()["dependencies"]["cache"].clone()
    }

    async fn until_cache(&self, state: &str) {
        until(state, async || self.cache().await["state"] == state).await;
    }

    /// As Prometheus reads it.
    async fn asked(&self, outcome: &str) -> u64 {
        let text = self.app.anybody(Method::GET, "/metrics").await.is(200).text;
        let series = format!("cordboard_cache_requests_total{{cache=\"redis\",outcome=\"{outcome}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(series.as_str()));
        line.expect("the series is always there").parse().unwrap()
    }

    /// No reader was ever disappointed.
    async fn ends(mut self) {
        self.over.store(true, Ordering::SeqCst);
        while let Some(reader) = self.readers.join_next().await {
            reader.expect("every read was answered rightly");
        }
    }
}

fn said(call: &str, line: &str) -> Value {
    let mut body = crate::harness::bodies::transcript(call, line);
    // Another moment, so that it is another event.
    let moment = body["message"]["timestamp"].as_u64().unwrap() + crate::number() as u64 * 1_000;
    body["message"]["timestamp"] = moment.into();
    body
}

fn listed(redis: &OwnRedis) -> usize {
    redis.cli(&["ZRANGE", "cordboard:calls:active", "0", "-1"]).lines().filter(|line| !line.is_empty()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_and_comes_back_empty_in_mid_load() {
    let Some(mut redis) = OwnRedis::start(&[]).await else { return };
    let crowd = Crowd::over(&redis.url).await;
    crowd.until_cache("ok").await;
    crowd.reads_on("one").await;
    redis.kill();
    crowd.reads_on("three").await;
    crowd.until_cache("degraded").await;
    let trouble = crowd.cache().await["troubles"][0].to_string();
    assert!(trouble.contains("redis: not connected"), "{trouble}");
    crowd.reads_on("fourth").await;
    assert!(redis.run().await, "its port is free");
    crowd.until_cache("ok").await;
    until("listed again", async || listed(&redis) == CALLS).await;
    crowd.reads_on("after that").await;
    until("told again", async || redis.cli(&["GET", "cordboard:call:call-3"]).contains("after that")).await;
    crowd.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_costs_a_few_reads_a_short_wait() {
    let Some(redis) = OwnRedis::start(&[]).await else { return };
    let crowd = Crowd::over(&redis.url).await;
    crowd.until_cache("ok").await;
    crowd.reads_on("one").await;
    let (errors, began) = (crowd.asked("error").await, std::time::Instant::now());
    redis.hang();
    crowd.reads_on("three").await;
    crowd.until_cache("degraded").await;
    crowd.reads_on("fourth").await;
    // Those under way when it began, and one a second.
    let (errors, seconds) = (crowd.asked("error").await - errors, began.elapsed().as_secs());
    assert!(errors <= READERS as u64 + 3 + seconds, "{errors} reads waited in vain in {seconds} s");
    redis.go_on();
    crowd.until_cache("ok").await;
    crowd.reads_on("after that").await;
    until("told again", async || redis.cli(&["GET", "cordboard:call:call-3"]).contains("after that")).await;
    crowd.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_emptied_in_mid_load() {
    let Some(redis) = OwnRedis::start(&[]).await else { return };
    let crowd = Crowd::over(&redis.url).await;
    until("listed", async || listed(&redis) == CALLS).await;
    for round in ["one", "three", "fourth"] {
        redis.cli(&["FLUSHALL"]);
        crowd.reads_on(round).await;
    }
    redis.cli(&["FLUSHALL"]);
    until("listed again", async || listed(&redis) == CALLS).await;
    until("told again", async || redis.cli(&["GET", "cordboard:call:call-3"]).contains("fourth")).await;
    crowd.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_room_or_that_takes_no_writes_shows_nothing_old() {
    let Some(redis) = OwnRedis::start(&[]).await else { return };
    let crowd = Crowd::over(&redis.url).await;
    crowd.until_cache("ok").await;
    crowd.reads_on("one").await;
    for (trouble, code, mend) in [
        (["CONFIG", "SET", "maxmemory", "1"], "OOM", ["CONFIG", "SET", "maxmemory", "0"]),
        (["REPLICAOF", "127.0.0.1", "1", ""], "READONLY", ["REPLICAOF", "NO", "ONE", ""]),
    ] {
        let words =
            |command: [&'static str; 4]| command.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
        assert_eq!(redis.cli(&words(trouble)), "OK");
        until(code, async || {
            // Somebody has to write for it to be noticed.
            crowd.app.webhook(&said("call-0", code)).await.acknowledges();
            crowd.cache().await["troubles"][0].as_str().is_some_and(|why| why.contains(code))
        })
        .await;
        crowd.reads_on(code).await;
        assert_eq!(redis.cli(&words(mend)), "OK");
        crowd.until_cache("ok").await;
        crowd.reads_on(&format!("after {code}")).await;
    }
    crowd.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_wrong_fails_nothing_and_may_be_mended() {
    let Some(redis) = OwnRedis::start(&["--requirepass", "right"]).await else { return };
    let crowd = Crowd::over(&redis.url.replace("redis://", "redis://:wrong@")).await;
    crowd.reads_on("one").await;
    crowd.until_cache("degraded").await;
    crowd.is_ready().await;
    let mended = redis.cli(&["-a", "right", "--no-auth-warning", "CONFIG", "SET", "requirepass", "wrong"]);
    assert_eq!(mended, "OK");
    crowd.until_cache("ok").await;
    crowd.reads_on("three").await;
    crowd.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_redis_and_finds_it_later() {
    let Some(mut redis) = OwnRedis::start(&[]).await else { return };
    redis.kill();
    let crowd = Crowd::over(&redis.url).await;
    crowd.reads_on("one").await;
    assert_eq!(crowd.cache().await["state"], "degraded");
    assert!(redis.run().await, "its port is free");
    crowd.until_cache("ok").await;
    until("listed", async || listed(&redis) == CALLS).await;
    crowd.ends().await;
}
