//! What the store promises, where there is much in it: pages of a million calls, a restart with 100,000 live ones, what
//! the group commit is worth, and minutes without Postgres. Each measurement has a Postgres of its own, which syncs; the
//! server is the real one. Prints a table, and fails when a promise is not kept.
//!
//! `just bench-store`

#[path = "../../../../gateway/tests/support/checker/mod.rs"]
#[allow(unused_imports, reason = "what is measured uses a part of it")]
mod checker;
mod commits;
mod data;
mod outage;
mod pages;
#[path = "../../../../gateway/tests/support/proxy.rs"]
mod proxy;
mod restart;

use std::path::PathBuf;

use benches::server::binary;
use benches::table::Table;
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Arguments {
    /// Calls in the history.
    #[arg(long, default_value_t = 1_000_000)]
    calls: u32,
    /// Requests for each kind of page.
    #[arg(long, default_value_t = 500)]
    requests: u32,
    /// Live calls at a restart.
    #[arg(long, default_value_t = 100_000)]
    live: u32,
    #[arg(long, default_value_t = 3)]
    restarts: u32,
    /// Of each way to commit, in all (20 when left out), and of each of three outages (300).
    #[arg(long)]
    seconds: Option<u32>,
    /// Webhooks a second during the outages.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Only these: pages, restart, commits, outage.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The server to measure; else the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl Arguments {
    fn wants(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == what)
    }

    fn binary(&self) -> anyhow::Result<PathBuf> {
        self.binary.clone().map_or_else(binary, Ok)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let mut table = Table::default();
    if arguments.wants("commits") {
        commits::measured(&arguments).await?.into_iter().for_each(|line| table.add(line));
    }
    if arguments.wants("restart") {
        restart::measured(&arguments).await?.into_iter().for_each(|line| table.add(line));
    }
    if arguments.wants("pages") {
        pages::measured(&arguments).await?.into_iter().for_each(|line| table.add(line));
    }
    if arguments.wants("outage") {
        outage::measured(&arguments).await?.into_iter().for_each(|line| table.add(line));
    }
    table.verdict()
}
