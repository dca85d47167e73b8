//! An open-loop webhook load generator: one kind of message, at a fixed rate, on as many calls as there are messages.
//! Latency counts from when a message was due. Prints the summary as JSON.
//!
//! `cargo run --profile bench -p benches --bin load -- --kind alert --rate 100 --seconds 30 --secret "$(cat data/vapi-secret)"`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use gateway::simulator::load::{self, Options, Shot, Wanted};
use gateway::simulator::{Proof, Signer, Summary};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/vapi")]
    to: reqwest::Url,
    #[arg(long)]
    secret: String,
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// Messages per second.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Requests on their way at once, at most.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Size of a body.
    #[arg(long, default_value_t = 40)]
    kilobytes: usize,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Kind {
    /// A status-update: a fact, made durable.
    #[default]
    Status,
    /// A tool call that texts somebody.
    Alert,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let signer = Signer::new(Proof::Header, arguments.secret.clone().into())?;
    let options = Options { connections: arguments.connections, ahead: 1_024, ..Options::default() };
    let outcome = load::run(plan(&arguments, signer), arguments.to.clone(), options).await?;
    let summary = Summary::new(arguments.to.as_str(), &outcome);
    println!("{}", serde_json::to_string_pretty(&summary).context("a summary is JSON")?);
    anyhow::ensure!(summary.is_clean(), "not every answer was right");
    Ok(())
}

fn plan(arguments: &Arguments, signer: Signer) -> impl Iterator<Item = Shot> + Send + use<> {
    let (kind, rate) = (arguments.kind, arguments.rate);
    let count = (rate * f64::from(arguments.seconds)) as u64;
    let padding = "x".repeat(arguments.kilobytes * 1_024);
    // Calls of another run are other calls.
    let run = std::process::id();
    (0..count).map(move |number| {
        let body = Bytes::from(body(kind, run, number, &padding));
        let wanted = match kind {
            Kind::Status => Wanted::Object,
            Kind::Alert => Wanted::ToolResults(Arc::new([format!("call_{run}_{number}").into()])),
        };
        let due = Duration::from_secs_f64(number as f64 / rate);
        Shot { due, kind: kind.label(), headers: signer.headers(&body), body, wanted }
    })
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Kind::Status => "status-update",
            Kind::Alert => "tool-calls",
        }
    }
}

fn body(kind: Kind, run: u32, number: u64, padding: &str) -> Vec<u8> {
    let mut message = json!({
        "type": kind.label(),
        "timestamp": 1_787_000_000_000_u64 + number,
        "call": { "id": format!("load-{run}-{number}"), "customer": { "number": "+15145550142" } },
        "artifact": { "transcript": padding },
    });
    match kind {
        Kind::Status => message["status"] = json!("in-progress"),
        Kind::Alert => {
            message["toolCallList"] = json!([{ "id": format!("call_{run}_{number}"), "type": "function", "function": {
                "name": "sendSMSAlert", "arguments": { "priority": "P1", "message": "refoulement au sous-sol" } } }]);
        }
    }
    json!({ "message": message }).to_string().into_bytes()
}
