//! Stories: the whole product behind real HTTP on a port of its own, one file per noun of its URLs.

mod alert_channel;
mod alerts;
mod answers;
mod auth;
mod calls;
mod carrier;
mod deadman;
mod harness;
mod health;
mod history;
mod live;
mod log;
mod messages;
mod orders;
#[path = "../support/own_server.rs"]
mod own_server;
mod own_tools;
mod playbooks;
mod red_team;
mod shadow;
mod webhooks;
