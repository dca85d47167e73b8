//! The caches: the port's contract in process and on a Redis, what a server across a network can do to a cache, what
//! others read there, and what reading through it spares the store.

mod foreign;
#[path = "../support/halting.rs"]
mod halting;
// These stories use another part of it.
#[allow(dead_code)]
#[path = "../stories/harness/mod.rs"]
mod harness;
mod readers;
mod server;
mod stand;
mod trouble;
mod walls;
mod zipf;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::testing::contracts;
use gateway::cache::local::LocalCache;
use gateway::cache::redis::RedisCache;
use server::{connected, fresh_prefix, test_server};

async fn pause<C>(_: &C) {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

#[tokio::test]
async fn the_cache_of_this_process_keeps_the_contract() {
    contracts::cache(async || LocalCache::new(1 << 20), pause).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_of_caches() {
    let Some(url) = test_server() else { return };
    contracts::cache(async || connected(&url, &fresh_prefix()).await, pause).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_of_live_lists() {
    let Some(url) = test_server() else { return };
    let prefix = fresh_prefix();
    let redis: RedisCache = connected(&url, &prefix).await;
    let listed = async || {
        let listed = server::cli(&url, &["ZRANGE", &format!("{prefix}:calls:active"), "0", "-1"]);
        listed.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    contracts::live_list(&redis, listed).await;
}

/// Hands out numbers, so that nothing of one test is in the way of another.
pub fn number() -> usize {
    static NUMBERS: AtomicUsize = AtomicUsize::new(0);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}
