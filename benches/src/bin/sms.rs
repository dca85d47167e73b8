//! What the SMS pool promises, measured at the carrier: its clock and its log decide. Starts the real server against a
//! carrier of its own on 127.0.0.1, kills what it started, and fails when a promise is not kept.
//!
//! `just bench-sms`, or with shorter runs `just bench-sms --seconds 10`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use benches::carrier::{Arrival, FakeCarrier};
use benches::server::{SECRET, Server, binary};
use clap::Parser;
use engine::ids::{SmsId, TenantId};
use engine::ports::{Clock, SmsOutbox, SystemClock};
use engine::priority::Priority;
use engine::sms::NewSms;
use gateway::stores::sqlite::SqliteStore;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

const SECOND: Duration = Duration::from_secs(1);
const NUMBER: &str = "+15145550199";
/// Until a server that was told to text does so.
const SOON: Duration = Duration::from_secs(15);

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
    /// Bulk messages waiting when the emergency comes.
    #[arg(long, default_value_t = 10_000)]
    bulk: u32,
    /// The server to measure; else the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

struct Bench {
    arguments: Arguments,
    binary: PathBuf,
    carrier: FakeCarrier,
    client: reqwest::Client,
    broken: Vec<&'static str>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let binary = arguments.binary.clone().map_or_else(binary, Ok)?;
    let carrier = FakeCarrier::start(Duration::from_millis(20))?;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let mut bench = Bench { arguments, binary, carrier, client, broken: Vec::new() };
    bench.emergencies().await?;
    bench.behind_bulk().await?;
    for per_second in [10, 100] {
        bench.utilisation(per_second).await?;
        bench.killed(per_second).await?;
    }
    anyhow::ensure!(bench.broken.is_empty(), "not kept: {}", bench.broken.join(", "));
    Ok(())
}

impl Bench {
    /// From the webhook to the first byte at the carrier.
    async fn emergencies(&mut self) -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let server = self.serve(directory.path(), 1_000)?;
        // The first one opens connections.
        self.call(&server, "warm-up", "aaaa").await?;
        self.arrived(1, SOON).await?;
        let (rate, seconds) = (self.arguments.calls_per_second, self.arguments.call_seconds);
        let began = Instant::now() + SECOND / 2;
        let mut calls = JoinSet::new();
        for number in 0..rate * seconds {
            let due = began + SECOND * number / rate;
            let request = self.request(&server, &format!("emergency-{number}"), &word(number));
            calls.spawn(async move {
                sleep_until(due.into()).await;
                let sent = Instant::now();
                request.send().await.and_then(reqwest::Response::error_for_status).map(|_| (number, sent))
            });
        }
        let mut sent = vec![began; (rate * seconds) as usize];
        while let Some(call) = calls.join_next().await {
            let (number, at) = call?.context("a tool call is answered")?;
            sent[number as usize] = at;
        }
        sleep(SECOND).await;
        let mut waits = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
        let log = self.carrier.log();
        for (number, sent) in (0..).zip(&sent) {
            let said = word(number);
            let first = log.iter().find(|arrival| arrival.form.contains(&said));
            let first = first.with_context(|| format!("emergency {number} never reached the carrier"))?;
            waits.saturating_record(u64::try_from(first.at.saturating_duration_since(*sent).as_micros())?);
        }
        let [p50, p99] = [0.5, 0.99].map(|q| waits.value_at_quantile(q) as f64 / 1000.0);
        let measured = format!("p50 {p50:.1}, p99 {p99:.1} ms");
        self.tell(
            "P1: webhook to first byte at the carrier",
            &format!("{rate} calls/s"),
            &measured,
            "p99 <= 30 ms",
            p99 <= 30.0,
        );
        Ok(())
    }

    /// Bulk waits, and then an emergency.
    async fn behind_bulk(&mut self) -> anyhow::Result<()> {
        const PER_SECOND: u32 = 10;
        let directory = tempfile::tempdir()?;
        owe(directory.path(), self.arguments.bulk).await?;
        let server = self.serve(directory.path(), PER_SECOND)?;
        self.arrived(20, SOON).await?;
        self.call(&server, "emergency", "zzzz").await?;
        let answered = Instant::now();
        sleep(SECOND).await;
        let log = self.carrier.log();
        let urgent = log.iter().position(|arrival| arrival.form.contains("zzzz")).context("the emergency left")?;
        let before = log[..urgent].iter().filter(|arrival| arrival.at > answered).count();
        let waited = log[urgent].at.saturating_duration_since(answered);
        let measured = format!("{before} before it, {:.0} ms", waited.as_secs_f64() * 1000.0);
        let bulk = format!("{} P4, {PER_SECOND}/s", self.arguments.bulk);
        self.tell("P1 behind bulk", &bulk, &measured, "<= 1 slot", before <= 1);
        Ok(())
    }

    /// How much of the permitted rate is used, and that it is never exceeded.
    async fn utilisation(&mut self, per_second: u32) -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let seconds = self.arguments.seconds;
        owe(directory.path(), per_second * (seconds + 5)).await?;
        let _server = self.serve(directory.path(), per_second)?;
        let first = self.arrived(1, SOON).await?[0].at;
        sleep_until((first + SECOND * (seconds + 1)).into()).await;
        let log = self.carrier.log();
        let ends = first + SECOND * seconds;
        let used = log.iter().filter(|arrival| arrival.at < ends).count() as f64 / f64::from(per_second * seconds);
        let measured = format!("{:.1} %", used * 100.0);
        let rate = format!("{per_second}/s, {seconds} s");
        self.tell("permitted rate used", &rate, &measured, ">= 98 %", used >= 0.98);
        self.never_more_than(per_second, &log, "most in any second");
        Ok(())
    }

    /// The same limit while the server is killed every ten seconds.
    async fn killed(&mut self, per_second: u32) -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let lives = (self.arguments.seconds / 10).max(2);
        owe(directory.path(), per_second * lives * 11).await?;
        self.carrier.forget();
        for _ in 0..lives {
            let server = self.serve_on(directory.path(), per_second)?;
            sleep(10 * SECOND).await;
            server.kill();
        }
        let log = self.carrier.log();
        self.never_more_than(per_second, &log, "most in any second, killed every 10 s");
        Ok(())
    }

    fn never_more_than(&mut self, limit: u32, log: &[Arrival], what: &'static str) {
        let within = |(index, first): (usize, &Arrival)| {
            log[index..].iter().take_while(|arrival| arrival.at < first.at + SECOND).count()
        };
        let most = log.iter().enumerate().map(within).max().unwrap_or(0);
        let of = format!("{limit}/s, {} sent", log.len());
        self.tell(what, &of, &most.to_string(), &format!("<= {limit}"), most <= limit as usize);
    }

    fn tell(&mut self, what: &'static str, under: &str, measured: &str, wanted: &str, kept: bool) {
        println!("{what:40} {under:24} {measured:28} {wanted:14} {}", if kept { "kept" } else { "NOT KEPT" });
        if !kept {
            self.broken.push(what);
        }
    }

    fn serve(&self, data: &Path, per_second: u32) -> anyhow::Result<Server> {
        self.carrier.forget();
        self.serve_on(data, per_second)
    }

    fn serve_on(&self, data: &Path, per_second: u32) -> anyhow::Result<Server> {
        let settings = [
            ("CORDBOARD_SMS__PROVIDER", "twilio".to_owned()),
            ("CORDBOARD_SMS__TWILIO__ACCOUNT_SID", "AC00000000000000000000000000000000".to_owned()),
            ("CORDBOARD_SMS__TWILIO__AUTH_TOKEN", "no-secret".to_owned()),
            ("CORDBOARD_SMS__TWILIO__FROM", NUMBER.to_owned()),
            ("CORDBOARD_SMS__TWILIO__BASE_URL", self.carrier.url()),
            ("CORDBOARD_SMS__TWILIO__MPS", per_second.to_string()),
        ];
        Server::start(&self.binary, data, &settings)
    }

    fn request(&self, server: &Server, call: &str, said: &str) -> reqwest::RequestBuilder {
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

    async fn call(&self, server: &Server, call: &str, said: &str) -> anyhow::Result<()> {
        self.request(server, call, said).send().await?.error_for_status().map(drop).context("a tool call is answered")
    }

    /// Waits until that many messages have reached the carrier.
    async fn arrived(&self, count: usize, within: Duration) -> anyhow::Result<Vec<Arrival>> {
        let until = Instant::now() + within;
        loop {
            let log = self.carrier.log();
            if log.len() >= count {
                return Ok(log);
            }
            anyhow::ensure!(Instant::now() < until, "{} of {count} messages reached the carrier", log.len());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Writes down so many bulk messages, each to another number, before the server starts. In memory first: they need not
/// be synced one by one.
async fn owe(data: &Path, count: u32) -> anyhow::Result<()> {
    let memory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let file = memory.path().join("cordboard.db");
    let store = SqliteStore::open(&file, 1).await.map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let now = SystemClock.now();
    for number in 0..count {
        let owed = NewSms {
            id: SmsId::from_bits(u128::from(number).to_be_bytes()),
            tenant: TenantId::parse("boreal").context("a short id")?,
            call: None,
            alert: None,
            to: format!("+1514{:07}", 5_550_000 + number).parse().context("a number")?,
            contact: "owner".into(),
            body: "a routine message".into(),
            segments: 1,
            priority: Priority::P4,
            due_at: now,
            expires_at: now.plus(Duration::from_secs(24 * 3600)),
            created_at: now,
            suppressed: None,
        };
        store.submit(&owed, None).await.map_err(|failure| anyhow::anyhow!("{failure}"))?;
    }
    store.close().await;
    std::fs::copy(&file, data.join("cordboard.db")).context("the messages are laid before the server").map(drop)
}

/// A word per number that is in no other text: no digits, which would be taken for somebody's number.
fn word(number: u32) -> String {
    let letter =
        |place: u32| char::from(b'b' + u8::try_from(number / 20_u32.pow(place) % 20).expect("less than twenty"));
    ['q', 'z'].into_iter().chain((0..4).map(letter)).chain(['q', 'z']).collect()
}
