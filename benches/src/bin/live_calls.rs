//! What a live call weighs: N calls of 20 turns, 2 tool calls and a message each, kept alive on the real store, beside
//! N bare ractor actors that hold the same state; then how long a random one takes to answer.
//!
//! `cargo run --profile bench -p benches --bin live_calls -- --calls 100000`

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::bus::LocalBus;
use actors::system::{Ports, Senders, System};
use actors::tenants::Tenants;
use actors::{Limits, calls::Calls};
use anyhow::{Context, ensure};
use async_trait::async_trait;
use clap::Parser;
use engine::call::{Call, Event, EventKind, Parties, Phase, Role, ToolCall};
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::{
    CallOutcome, Forwarder, Leaves, NewCall, NewPush, Post, Pusher, SmsProvider, SystemClock, Telephony,
};
use engine::sms::{Answered, Attempt, Sms};
use engine::time::Timestamp;
use engine::tools::Lost;
use gateway::stores::sqlite::SqliteStore;
use hdrhistogram::Histogram;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 100_000)]
    calls: usize,
    /// Random calls touched at the end.
    #[arg(long, default_value_t = 1_000)]
    touches: usize,
    /// Only weigh bare actors; used by this program on itself, because memory once taken is not given back.
    #[arg(long, hide = true)]
    bare: bool,
}

const TURNS: usize = 20;
const CONCURRENCY: usize = 256;
/// Longest wait for the live feed.
const CATCH_UP: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.bare {
        println!("{}", weigh_bare(arguments.calls).await?);
        return Ok(());
    }
    let bare = weigh_bare_elsewhere(arguments.calls)?;
    let directory = tempfile::tempdir()?;
    let system = start(directory.path(), arguments.calls).await?;
    let empty = benches::resident_bytes();
    let started = Instant::now();
    fill(&system.calls, arguments.calls).await?;
    let took = started.elapsed();
    let shown = caught_up(&system, arguments.calls).await?;
    let alive = (benches::resident_bytes() - empty) / arguments.calls as u64;
    ensure!(system.calls.count() == arguments.calls, "{} calls left", system.calls.count());
    let touched = touch(&system.calls, &arguments).await?;
    println!("live calls             {}", arguments.calls);
    println!(
        "filled in              {:.1} s ({:.0} events/s)",
        took.as_secs_f64(),
        events_per_second(&arguments, took)
    );
    println!("all shown after         {:.1} s more", shown.as_secs_f64());
    println!("bytes per live call    {alive}");
    println!("bytes per bare actor   {bare} (the same state and keys)");
    println!("above a bare actor     {} bytes", alive.saturating_sub(bare));
    println!(
        "touch p50 / p99 / max  {:.2} / {:.2} / {:.2} ms",
        at(&touched, 0.5),
        at(&touched, 0.99),
        at(&touched, 1.0)
    );
    system.stop(tokio::time::Instant::now()).await;
    Ok(())
}

/// The relay reads behind the commits; how long until everything is shown.
async fn caught_up(system: &System, calls: usize) -> anyhow::Result<Duration> {
    let started = Instant::now();
    loop {
        let shown = system.live.snapshot(None).calls.len();
        if shown >= calls {
            return Ok(started.elapsed());
        }
        ensure!(started.elapsed() < CATCH_UP, "only {shown} calls shown");
        // Seldom: a snapshot of so many calls is work too.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn events_per_second(arguments: &Arguments, took: Duration) -> f64 {
    (arguments.calls * (TURNS + 4)) as f64 / took.as_secs_f64()
}

fn at(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1_000.0
}

async fn start(directory: &std::path::Path, calls: usize) -> anyhow::Result<System> {
    let store = Arc::new(SqliteStore::open(&directory.join("bench.db"), 4).await?);
    let feed = LocalBus::new(65_536);
    let ports = Ports {
        calls: store.clone(),
        outbox: store.clone(),
        ledger: store.clone(),
        opt_outs: store.clone(),
        alerts: store,
        telephony: Arc::new(Nobody),
        pusher: Arc::new(Nobody),
        watch: None,
        provider: Arc::new(Nobody),
        reports: None,
        bus: Arc::new(feed.clone()),
        feed,
        outside: None,
        cache: None,
        control: None,
        forwarder: Arc::new(Nobody),
        clock: Arc::new(SystemClock),
        election: None,
        bell: None,
    };
    let senders = Senders { names: vec!["+15005550006".to_owned()], per_second: Some(1.0), ..Senders::default() };
    let limits = Limits { calls: calls + 1, answer_within: Duration::from_secs(60), ..Limits::default() };
    Ok(System::start(ports, Tenants::new(gateway::playbooks::shipped()?), senders, limits).await?)
}

/// A carrier that takes its time, so that sending stays out of the picture.
struct Nobody;

#[async_trait]
impl Telephony for Nobody {
    async fn call(&self, _: &NewCall) -> CallOutcome {
        CallOutcome::NoAnswer
    }
}

#[async_trait]
impl Pusher for Nobody {
    async fn push(&self, _: &NewPush) -> Result<(), Lost> {
        Err(Lost::not_asked("nobody is there"))
    }
}

#[async_trait]
impl Forwarder for Nobody {
    async fn post(&self, _: Post<'_>) -> Result<String, Lost> {
        Err(Lost::not_asked("nobody is there"))
    }
}

#[async_trait]
impl SmsProvider for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }

    async fn send_timed(&self, _: &Sms, _: &Attempt, _: Leaves) -> Answered {
        std::future::pending().await
    }
}

async fn fill(calls: &Calls, count: usize) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    for number in 0..count {
        if running.len() >= CONCURRENCY {
            running.join_next().await.context("a task runs")???;
        }
        let calls = calls.clone();
        running
            .spawn(async move { calls.apply(&key(number)?, "bench", conversation()).await.map(drop).context("apply") });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

async fn touch(calls: &Calls, arguments: &Arguments) -> anyhow::Result<Histogram<u64>> {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    // A fixed stride visits calls far apart in memory, the same ones in every run.
    for number in (0..arguments.touches).map(|n| n * 7_919 % arguments.calls) {
        let event = event(
            &format!("tr:caller:touch{number}"),
            EventKind::Spoke { role: Role::Caller, text: "êtes-vous toujours là?".into() },
        );
        let started = Instant::now();
        calls.apply(&key(number)?, "bench", vec![event]).await?;
        histogram.record(u64::try_from(started.elapsed().as_micros())?.max(1))?;
    }
    Ok(histogram)
}

fn key(number: usize) -> anyhow::Result<CallKey> {
    let id = format!("019a9046-121e-766d-bd1f-{number:012x}");
    Ok(CallKey { tenant: TenantId::parse("boreal")?, call: CallId::parse(&id)? })
}

fn event(key: &str, kind: EventKind) -> Event {
    let parties = Parties {
        direction: Some(engine::call::Direction::Inbound),
        from: Some("+15145550142".into()),
        to: Some("+14385550100".into()),
        caller_name: Some("Jeanne Tremblay".into()),
    };
    Event { key: EventKey::new(key), at: Timestamp::from_millis(1_787_000_000_000), parties, kind }
}

fn tool(id: &str, name: &str, arguments: serde_json::Value) -> Event {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    event(&format!("tc:{id}"), EventKind::ToolCalled(ToolCall { id: id.into(), name: name.into(), arguments }))
}

fn conversation() -> Vec<Event> {
    let mut events = vec![
        event("st:ringing", EventKind::Status(Phase::Ringing)),
        event("st:in_progress:1", EventKind::Status(Phase::InProgress)),
    ];
    events.extend((0..TURNS).map(|turn| {
        let (role, text) = if turn % 2 == 0 {
            (Role::Caller, "il y a de l'eau qui remonte par le drain du sous-sol depuis ce matin")
        } else {
            (Role::Agent, "je comprends, quelle est votre adresse complète avec le code postal?")
        };
        event(&format!("tr:{turn}"), EventKind::Spoke { role, text: text.into() })
    }));
    let story = "refoulement d'égout au sous-sol";
    events.push(tool("call_1", "classifyPriority", serde_json::json!({ "description": story })));
    events.push(tool("call_2", "sendSMSAlert", serde_json::json!({ "priority": "P1", "message": story })));
    events
}

struct Bare;

impl Actor for Bare {
    type Msg = ();
    type State = (Arc<Call>, HashSet<u64>);
    type Arguments = (Arc<Call>, HashSet<u64>);

    async fn pre_start(&self, _: ActorRef<()>, held: Self::Arguments) -> Result<Self::State, ActorProcessingErr> {
        Ok(held)
    }
}

/// Bytes per actor that only holds what a call of the same conversation holds.
async fn weigh_bare(count: usize) -> anyhow::Result<u64> {
    let (call, keys) = folded()?;
    let empty = benches::resident_bytes();
    let mut actors = Vec::with_capacity(count);
    for _ in 0..count {
        actors.push(Actor::spawn(None, Bare, (Arc::new(Call::clone(&call)), keys.clone())).await?.0);
    }
    Ok((benches::resident_bytes() - empty) / count as u64)
}

fn folded() -> anyhow::Result<(Call, HashSet<u64>)> {
    let playbook = gateway::playbooks::shipped()?.remove(0);
    let (key, now) = (key(0)?, Timestamp::from_millis(1_787_000_000_000));
    let (mut call, mut keys) = (Call::new("bench", now), HashSet::new());
    for event in conversation() {
        let decision = call.decide(&key, &event, &playbook, now);
        call.advance(&decision.facts, event.at, now);
        keys.insert(event.key.digest());
    }
    Ok((call, keys))
}

fn weigh_bare_elsewhere(calls: usize) -> anyhow::Result<u64> {
    let program = std::env::current_exe()?;
    let output = std::process::Command::new(program).args(["--bare", "--calls", &calls.to_string()]).output()?;
    ensure!(output.status.success(), "weighing bare actors failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
