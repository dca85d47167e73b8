//! What the store promises, where there is much in it: pages of a million calls, a restart with 100,000 live ones, and
//! what the group commit is worth. Each measurement has a Postgres of its own, which syncs; the server is the real one.
//! Prints a table, and fails when a promise is not kept.
//!
//! `just bench-store`

mod commits;
mod data;
mod pages;
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
    /// Of each way to commit, in all.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Only these: pages, restart, commits.
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
    table.verdict()
}
