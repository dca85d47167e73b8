//! The memory ports keep the contracts every other implementation keeps.

use engine::testing::memory::MemoryStore;
use engine::testing::{block_on, contracts};

#[test]
fn the_memory_store_keeps_the_contract_of_calls() {
    block_on(contracts::call_store(async || MemoryStore::default()));
}

#[test]
fn the_memory_store_keeps_the_contract_of_texts() {
    block_on(contracts::sms_outbox(async || MemoryStore::default()));
}
