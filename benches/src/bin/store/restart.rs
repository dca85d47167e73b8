//! A server that starts where very many calls are live: when it is ready, and when it answers for one of them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use benches::postgres::Postgres;
use benches::server::{SECRET, Server};
use benches::table::Line;
use serde_json::{Value, json};

use super::{Arguments, data};

const READY_WITHIN: Duration = Duration::from_secs(1);
const ANSWERS_WITHIN: Duration = Duration::from_millis(50);
/// Calls that are heard of right after the start.
const FIRST_CALLS: u32 = 20;

pub async fn measured(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let postgres = Postgres::start()?;
    data::live(&postgres, arguments.live).await?;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
    let directory = tempfile::tempdir()?;
    let settings = [("CORDBOARD_STORE__URL", postgres.url.clone())];
    let binary = arguments.binary()?;
    // The first start makes secrets and reads the program from the disk.
    Server::start(&binary, directory.path(), &settings)?.kill();
    let under = format!("{} live calls", arguments.live);
    let mut lines = Vec::new();
    for round in 0..arguments.restarts {
        let begun = Instant::now();
        let server = Server::start(&binary, directory.path(), &settings)?;
        while client.get(format!("{}/readyz", server.url)).send().await?.status() != 200 {
            ensure!(begun.elapsed() < Duration::from_secs(60), "never ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ready = begun.elapsed();
        let mut answers = Vec::new();
        for n in 0..FIRST_CALLS {
            answers.push(speaks(&client, &server, round * FIRST_CALLS + n, arguments).await?);
        }
        let (first, slowest) = (answers[0], answers.iter().max().copied().context("some were asked")?);
        let listed = listed(&client, &server, directory.path(), begun).await?;
        let kept = ready <= READY_WITHIN;
        lines.push(Line::new("restart: ready", under.clone(), shown(ready)).wants("≤ 1 s", kept));
        let measured = format!("{}, of {FIRST_CALLS} the slowest {}", shown(first), shown(slowest));
        let kept = first <= ANSWERS_WITHIN;
        lines.push(Line::new("restart: first webhook of a call", under.clone(), measured).wants("≤ 50 ms", kept));
        lines.push(Line::new("restart: the whole board", under.clone(), shown(listed)).wants("", true));
    }
    Ok(lines)
}

/// The caller says something in a call nobody has in memory.
async fn speaks(client: &reqwest::Client, server: &Server, n: u32, arguments: &Arguments) -> anyhow::Result<Duration> {
    let call = 1 + n * 7_919 % arguments.live;
    let message = json!({ "message": {
        "type": "transcript", "transcriptType": "final", "role": "user", "transcript": "Êtes-vous là?",
        "timestamp": 1_787_000_000_000_u64, "call": { "id": format!("call-{call}") },
    } });
    let request = client.post(format!("{}/webhooks/vapi", server.url)).header("x-vapi-secret", SECRET).json(&message);
    let begun = Instant::now();
    let response = request.send().await?;
    let took = begun.elapsed();
    ensure!(response.status() == 200, "a webhook: {}", response.status());
    Ok(took)
}

/// From the start of the process until somebody sees every call.
async fn listed(
    client: &reqwest::Client,
    server: &Server,
    data: &std::path::Path,
    begun: Instant,
) -> anyhow::Result<Duration> {
    let token = std::fs::read_to_string(data.join("admin-token"))?;
    let request = client.get(format!("{}/api/calls/active", server.url)).bearer_auth(token.trim());
    let response = request.send().await?;
    ensure!(response.status() == 200, "the board: {}", response.status());
    let calls: Vec<Value> = response.json().await?;
    ensure!(calls.len() > 1_000, "only {} calls are shown", calls.len());
    Ok(begun.elapsed())
}

fn shown(took: Duration) -> String {
    format!("{:.0} ms", took.as_secs_f64() * 1_000.0)
}
