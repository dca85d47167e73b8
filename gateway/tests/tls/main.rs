//! Servers across a network are reached by TLS: a private authority is trusted where one is named, whoever cannot prove
//! who it is gets nothing, and what is wrong is said so that somebody can mend it. Real servers, real binary.

mod authority;
mod bus;
mod cache;
mod creds;
#[path = "../support/halting.rs"]
#[allow(dead_code, reason = "these stories halt nobody")]
mod halting;
#[path = "../nats/nats_server.rs"]
#[allow(dead_code, reason = "these stories use a part of it")]
mod nats_server;
mod node;
mod own_postgres;
#[path = "../redis/server.rs"]
#[allow(dead_code, reason = "these stories use a part of it")]
mod redis_server;
mod round_trip;
#[path = "../durability/server.rs"]
#[allow(dead_code, reason = "these stories use a part of it")]
mod server;
mod store;

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Hands out numbers, so that nothing of one test is in the way of another.
pub fn number() -> usize {
    static NUMBERS: AtomicUsize = AtomicUsize::new(0);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// Below those the kernel gives to outgoing connections.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(20_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
