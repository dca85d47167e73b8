//! What people watch the server by: its metrics, the rules and the dashboard made of them, and the files it is deployed
//! with. Names and labels in those are checked against a server that runs.

#[path = "../support/command.rs"]
mod command;
mod counted;
mod dashboard;
mod deploy;
mod exposition;
#[path = "../stories/harness/mod.rs"]
#[allow(dead_code, reason = "stories of one kind need part of it")]
mod harness;
mod names;
mod programs;
mod promql;
mod promtool;
mod proxies;
mod repository;
mod rules;
mod series;
