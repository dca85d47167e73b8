//! An acknowledgement means synced to disk. These tests run the real binary: they watch its system calls, kill it in
//! mid-load, and prove that both notice when durability is broken on purpose.

mod carrier;
#[path = "../support/checker/mod.rs"]
mod checker;
mod checks;
mod crash;
#[path = "../support/database.rs"]
mod database;
mod disk_trouble;
mod faults;
mod figures;
#[path = "../support/halting.rs"]
mod halting;
mod load;
#[path = "../support/power/mod.rs"]
mod power;
mod power_cuts;
mod power_model;
mod proxied;
mod proxies;
#[path = "../support/proxy.rs"]
mod proxy;
mod server;
mod system_calls;
