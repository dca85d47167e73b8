//! An acknowledgement means synced to disk. These tests run the real binary: they watch its system calls, kill it in
//! mid-load, and prove that both notice when durability is broken on purpose.

mod carrier;
mod crash;
#[path = "../support/database.rs"]
mod database;
mod proxies;
#[path = "../support/proxy.rs"]
mod proxy;
mod server;
mod system_calls;
