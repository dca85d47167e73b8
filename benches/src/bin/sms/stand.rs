//! One server, one carrier and one data directory, and what is owed and asked there.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use benches::carrier::{Arrival, FakeCarrier};
use benches::server::{SECRET, Server};
use engine::ids::{SmsId, TenantId};
use engine::ports::{Clock, SmsOutbox, SystemClock};
use engine::priority::Priority;
use engine::sms::{NewSms, segments};
use gateway::stores::sqlite::SqliteStore;
use serde_json::json;
use tokio::time::sleep;

use super::Arguments;

/// Until a server that was told to text does so.
pub const SOON: Duration = Duration::from_secs(15);

pub struct Stand {
    pub carrier: FakeCarrier,
    pub data: tempfile::TempDir,
    binary: PathBuf,
    client: reqwest::Client,
    /// Segments per second its number may send.
    per_second: u32,
}

impl Stand {
    pub fn new(arguments: &Arguments, per_second: u32) -> anyhow::Result<Stand> {
        let [least, most] = arguments.latency_ms[..] else { anyhow::bail!("two latencies") };
        anyhow::ensure!(least <= most, "--latency-ms: at least, then at most");
        Ok(Stand {
            carrier: FakeCarrier::start(Duration::from_millis(least)..Duration::from_millis(most))?,
            data: tempfile::tempdir()?,
            binary: arguments.binary.clone().context("which server")?,
            client: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?,
            per_second,
        })
    }

    /// Returns when it listens.
    pub async fn serve(&self) -> anyhow::Result<Server> {
        self.serve_with(&[]).await
    }

    pub async fn serve_with(&self, more: &[(&'static str, String)]) -> anyhow::Result<Server> {
        let mut settings = self.carrier.settings(self.per_second);
        settings.extend_from_slice(more);
        let (binary, data) = (self.binary.clone(), self.data.path().to_owned());
        // It waits for the banner on its thread.
        tokio::task::spawn_blocking(move || Server::start(&binary, &data, &settings)).await?
    }

    /// An agent's emergency, as its platform tells it.
    pub fn emergency(&self, server: &Server, call: &str, said: &str) -> reqwest::RequestBuilder {
        let message = json!({ "message": {
            "type": "tool-calls",
            "timestamp": 1_787_000_000_000_u64,
            "call": { "id": call, "customer": { "number": "+15145550142" } },
            "toolCallList": [{ "id": format!("tool-{call}"), "type": "function", "function": {
                "name": "sendSMSAlert",
                "arguments": { "priority": "P1", "message": format!("refoulement {said}") } } }],
        } });
        let url = format!("{}/webhooks/vapi", server.url);
        self.client.post(url).header("x-vapi-secret", SECRET).json(&message)
    }

    /// Waits until the carrier's log is as wanted, and returns it as it is then or when time is up.
    pub async fn log_when(&self, within: Duration, wanted: impl Fn(&[Arrival]) -> bool) -> Vec<Arrival> {
        let until = Instant::now() + within;
        loop {
            let log = self.carrier.log();
            if wanted(&log) || Instant::now() > until {
                return log;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until that many messages have reached the carrier.
    pub async fn arrived(&self, count: usize) -> anyhow::Result<Vec<Arrival>> {
        let log = self.log_when(SOON, |log| log.len() >= count).await;
        anyhow::ensure!(log.len() >= count, "{} of {count} messages reached the carrier", log.len());
        Ok(log)
    }

    /// Writes down so many bulk messages, each to another number, before the server starts. In memory first: they need
    /// not be synced one by one.
    pub async fn owe(&self, bodies: impl IntoIterator<Item = String>) -> anyhow::Result<u32> {
        let memory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
        let file = memory.path().join("cordboard.db");
        let store = open(&file).await?;
        let mut owed = 0;
        for body in bodies {
            store.submit(&bulk(owed, body)?, None).await.map_err(|failure| anyhow!("{failure}"))?;
            owed += 1;
        }
        store.close().await;
        std::fs::copy(&file, self.data.path().join("cordboard.db")).context("laid before the server")?;
        Ok(owed)
    }

    /// The store of a server that is gone.
    pub async fn store(&self) -> anyhow::Result<SqliteStore> {
        open(&self.data.path().join("cordboard.db")).await
    }
}

async fn open(file: &std::path::Path) -> anyhow::Result<SqliteStore> {
    SqliteStore::open(file, 1).await.map_err(|failure| anyhow!("{failure}"))
}

fn bulk(number: u32, body: String) -> anyhow::Result<NewSms> {
    let now = SystemClock.now();
    Ok(NewSms {
        id: SmsId::from_bits(u128::from(number).to_be_bytes()),
        tenant: TenantId::parse("boreal").context("a short id")?,
        call: None,
        alert: None,
        to: format!("+1514{:07}", 5_550_000 + number).parse().context("a number")?,
        contact: "owner".into(),
        segments: segments(&body).count,
        body: body.into(),
        priority: Priority::P4,
        due_at: now,
        expires_at: now.plus(Duration::from_secs(24 * 3600)),
        created_at: now,
        suppressed: None,
    })
}
