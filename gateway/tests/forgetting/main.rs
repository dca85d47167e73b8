//! What is left of somebody who was erased: in the bytes of the embedded store's files, in the tables of Postgres, and
//! in a server that goes on running.

mod bytes;
#[path = "../support/command.rs"]
mod command;
#[path = "../support/database.rs"]
mod database;
mod server;
mod tables;
