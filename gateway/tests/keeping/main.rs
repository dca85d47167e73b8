//! What is kept and what is forgotten, from outside: what is left of somebody who was erased, in the bytes of the
//! embedded store's files and in the tables of Postgres; backups, and stores made of them; and tables brought up to date.

mod backup;
#[path = "../stories/harness/bodies.rs"]
#[allow(dead_code, reason = "another part of it is used here")]
mod bodies;
mod bytes;
#[path = "../support/command.rs"]
mod command;
#[path = "../support/database.rs"]
mod database;
mod erase;
mod migrate;
mod retention;
mod server;
mod tables;
