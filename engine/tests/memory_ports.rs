//! The memory ports keep the contracts every other implementation keeps.

use std::time::Duration;

use engine::testing::memory::{MemoryCache, MemoryStore};
use engine::testing::{block_on, contracts};

#[test]
fn the_memory_store_keeps_the_contract_of_calls() {
    block_on(contracts::call_store(async || MemoryStore::default()));
}

#[test]
fn the_memory_store_keeps_the_contract_of_texts() {
    block_on(contracts::sms_outbox(async || MemoryStore::default()));
}

#[test]
fn the_memory_cache_keeps_the_contract_of_caches() {
    let pause = async |cache: &MemoryCache| cache.pass(Duration::from_millis(5));
    block_on(contracts::cache(async || MemoryCache::default(), pause));
}

#[test]
fn the_memory_cache_keeps_the_contract_of_live_lists() {
    let list = MemoryCache::default();
    block_on(contracts::live_list(&list, async || list.listed()));
}
