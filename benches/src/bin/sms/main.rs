//! What the SMS pool promises, measured at the carrier: its clock and its log decide. Starts the real server against a
//! carrier of its own on 127.0.0.1, kills what it started, prints a table, and fails when a promise is not kept.
//!
//! `just bench-sms`, or with shorter runs `just bench-sms --seconds 20`

mod emergencies;
mod kills;
mod rates;
mod stand;
mod walk;

use std::path::PathBuf;

use benches::server::binary;
use clap::Parser;

use benches::table::Table;

#[derive(Parser)]
struct Arguments {
    /// Of each measurement of a rate.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Tool calls per second, and for how many seconds.
    #[arg(long, default_value_t = 100)]
    calls_per_second: u32,
    #[arg(long, default_value_t = 20)]
    call_seconds: u32,
    /// Bulk messages waiting when the emergencies come.
    #[arg(long, default_value_t = 10_000)]
    bulk: u32,
    /// Kills of the pool between two of its steps, on each store.
    #[arg(long, default_value_t = 500)]
    kills: u32,
    /// What the carrier takes to answer, in ms: at least and at most.
    #[arg(long, num_args = 2, default_values_t = [50, 150])]
    latency_ms: Vec<u64>,
    /// Only these: emergencies, bulk, rates, killed, walk, kills.
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut arguments = Arguments::parse();
    arguments.binary = Some(arguments.binary.take().map_or_else(binary, Ok)?);
    let mut table = Table::default();
    if arguments.wants("emergencies") {
        table.add(emergencies::at_rate(&arguments).await?);
    }
    if arguments.wants("bulk") {
        table.add(emergencies::behind_bulk(&arguments).await?);
    }
    if arguments.wants("rates") {
        // Each on its own server and carrier, side by side.
        let (slow, fast) = tokio::try_join!(rates::used(&arguments, 10), rates::used(&arguments, 100))?;
        slow.into_iter().chain(fast).for_each(|line| table.add(line));
    }
    if arguments.wants("killed") {
        let (slow, fast, mixed) = tokio::try_join!(
            rates::killed(&arguments, 10, rates::short),
            rates::killed(&arguments, 100, rates::short),
            rates::killed(&arguments, 20, rates::mixed),
        )?;
        slow.into_iter().chain(fast).chain(mixed).for_each(|line| table.add(line));
    }
    if arguments.wants("walk") {
        table.add(walk::on_time(&arguments).await?);
    }
    if arguments.wants("kills") {
        kills::between_steps(arguments.kills)?.into_iter().for_each(|line| table.add(line));
    }
    table.verdict()
}
