//! The bus outside, over a real NATS server: what counts as delivered, and that nothing committed goes unheard, whoever
//! is killed.

mod adapter;
#[path = "../support/database.rs"]
#[allow(dead_code)]
mod database;
#[path = "../support/halting.rs"]
mod halting;
mod listener;
mod nats_server;
#[path = "../durability/server.rs"]
#[allow(dead_code)]
mod server;
mod stories;
