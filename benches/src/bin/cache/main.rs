//! What reading through the cache spares the store: calls read by Zipf's law by many at once, while they change.
//!
//! `cache [--redis URL] [--calls N] [--readers N] [--changes PER_SECOND] [--seconds N]`, over the embedded store. A change
//! is told a little after its commit, as the relay tells it. How old what was read is, the clock here decides: since the
//! oldest commit that it does not show.

mod counted;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actors::Limits;
use actors::bus::LocalBus;
use actors::cache::ReadThrough;
use clap::Parser;
use engine::call::{Answer, Call, CallView, Fact, Frame, Phase, Role, SmsCounts};
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::{Cache, CallStore, Clock, EventBus, SystemClock, Update};
use gateway::cache::local::LocalCache;
use gateway::cache::redis::{RedisCache, RedisSettings};
use gateway::stores::sqlite::SqliteStore;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use rand::RngExt;

use self::counted::Counted;

/// What one question about one call costs a store: the call, its texts, its alert.
const STATEMENTS_PER_FIND: usize = 3;
/// How long a change is on its way from its commit to those who are told.
const TELLING: Duration = Duration::from_millis(3);

#[derive(Parser)]
struct Args {
    /// A Redis behind the cache of this process.
    #[arg(long)]
    redis: Option<String>,
    #[arg(long, default_value_t = 10_000)]
    calls: usize,
    #[arg(long, default_value_t = 64)]
    readers: usize,
    /// Calls that change in a second, by the same law as they are read.
    #[arg(long, default_value_t = 100)]
    changes: u32,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

struct Stand {
    calls: Vec<Watched>,
    /// Sums of 1 + 1/2 + 1/3 + …
    sums: Vec<f64>,
    store: Arc<Counted>,
    cache: ReadThrough,
    bus: LocalBus,
    over: AtomicBool,
}

struct Watched {
    key: CallKey,
    /// Of every commit: when it was answered. The first is `seq` 1.
    commits: Mutex<Vec<Instant>>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let metrics = gateway::metrics::install();
    let directory = tempfile::tempdir()?;
    let stand = Arc::new(Stand::build(&args, directory.path()).await?);
    let before = stand.store.finds();
    let changing = tokio::spawn(change(stand.clone(), args.changes));
    let (ages, waits) = read(&stand, &args).await?;
    stand.over.store(true, Ordering::SeqCst);
    changing.await?;
    let (reads, finds) = (waits.len(), stand.store.finds() - before);
    println!("calls, readers, changes/s     {} {} {}", args.calls, args.readers, args.changes);
    println!("behind                        {}", if args.redis.is_some() { "redis" } else { "nothing" });
    println!("reads/s                       {}", reads / args.seconds);
    println!(
        "read, us: p50 p99 max         {} {} {}",
        waits.value_at_quantile(0.5),
        waits.value_at_quantile(0.99),
        waits.max()
    );
    println!("statements per 1,000 reads    {:.2}", (finds * STATEMENTS_PER_FIND * 1_000) as f64 / reads as f64);
    println!("oldest that was shown, ms     {}", ages.load(Ordering::SeqCst));
    for line in metrics.render().lines().filter(|line| line.starts_with("cordboard_cache_requests_total")) {
        println!("{line}");
    }
    Ok(())
}

impl Stand {
    async fn build(args: &Args, directory: &std::path::Path) -> anyhow::Result<Stand> {
        let store = SqliteStore::open(&directory.join("bench.db"), 4).await?;
        let store = Arc::new(Counted { store, finds: AtomicUsize::new(0) });
        let behind = match &args.redis {
            Some(url) => Some(connect(url).await?),
            None => None,
        };
        let limits = Limits::default();
        let cache = ReadThrough::new(Arc::new(LocalCache::new(64 << 20)), behind, store.clone(), &limits);
        let bus = LocalBus::new(65_536).through(cache.clone());
        let calls = (0..args.calls).map(|n| Watched::new(&format!("call-{n}"))).collect::<Result<_, _>>()?;
        let sums = (1..=args.calls).scan(0.0, |sum, rank| {
            *sum += 1.0 / rank as f64;
            Some(*sum)
        });
        let stand = Stand { calls, sums: sums.collect(), store, cache, bus, over: AtomicBool::new(false) };
        for chunk in stand.calls.chunks(500) {
            stand.commit(chunk.iter()).await?;
        }
        Ok(stand)
    }

    fn draw(&self) -> &Watched {
        let place = rand::rng().random_range(0.0..*self.sums.last().expect("there are calls"));
        &self.calls[self.sums.partition_point(|sum| *sum <= place)]
    }

    /// Recorded, noted, answered, and a little later told.
    async fn commit<'a>(&self, calls: impl Iterator<Item = &'a Watched>) -> anyhow::Result<()> {
        let calls: Vec<&Watched> = calls.collect();
        let frames: Vec<Frame> = calls.iter().map(|call| call.next()).collect();
        for result in self.store.store.append(&frames).await {
            result?;
        }
        for (call, frame) in calls.iter().zip(&frames) {
            self.cache.committed(frame).await;
            call.commits.lock().push(Instant::now());
        }
        tokio::time::sleep(TELLING).await;
        for frame in &frames {
            let view = frame.state.view(&frame.call.tenant, &frame.call.call, SmsCounts::default(), None);
            self.bus.publish(&Update::Call { seq: frame.seq, call: view, events: Arc::new([]) }).await?;
        }
        Ok(())
    }
}

impl Watched {
    fn new(id: &str) -> anyhow::Result<Watched> {
        let key = CallKey { tenant: TenantId::parse("bench")?, call: CallId::parse(id)? };
        Ok(Watched { key, commits: Mutex::default() })
    }

    fn next(&self) -> Frame {
        let (seq, at) = (self.commits.lock().len() as u64 + 1, SystemClock.now());
        let state = Call { seq, phase: Phase::InProgress, updated_at: at, ..Call::new("bench", at) };
        Frame {
            call: self.key.clone(),
            seq,
            key: EventKey::new(format!("ev:{seq}")),
            at,
            decided_at: at,
            facts: vec![Fact::Spoke { role: Role::Caller, text: "there is water in the basement".into() }],
            answer: Answer::Ack,
            texts: Vec::new(),
            state: Arc::new(state),
        }
    }

    /// How long ago the oldest commit was answered that is not shown, when the read began then.
    fn age(&self, shown: u64, began: Instant) -> Duration {
        let commits = self.commits.lock();
        let missed = commits.get(usize::try_from(shown).expect("few commits"));
        missed.map_or(Duration::ZERO, |commit| began.saturating_duration_since(*commit))
    }
}

/// At an even pace, one call at a time.
async fn change(stand: Arc<Stand>, per_second: u32) {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / per_second.max(1));
    while per_second > 0 && !stand.over.load(Ordering::SeqCst) {
        pace.tick().await;
        stand.commit(std::iter::once(stand.draw())).await.expect("the store takes what follows");
    }
}

async fn read(stand: &Arc<Stand>, args: &Args) -> anyhow::Result<(Arc<AtomicU64>, Histogram<u64>)> {
    let (oldest, ends) = (Arc::new(AtomicU64::new(0)), Instant::now() + Duration::from_secs(args.seconds));
    let readers = (0..args.readers).map(|_| {
        let (stand, oldest) = (stand.clone(), oldest.clone());
        tokio::spawn(async move {
            let mut waits = Histogram::<u64>::new(3)?;
            while Instant::now() < ends {
                let (call, began) = (stand.draw(), Instant::now());
                let entry = stand.cache.call(Some(&call.key.tenant), &call.key.call).await?;
                waits.record(u64::try_from(began.elapsed().as_micros())?)?;
                let shown: CallView = serde_json::from_slice(&entry.expect("every call is there").body)?;
                oldest.fetch_max(u64::try_from(call.age(shown.seq, began).as_millis())?, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
            anyhow::Ok(waits)
        })
    });
    let mut waits = Histogram::<u64>::new(3)?;
    for reader in readers.collect::<Vec<_>>() {
        waits.add(reader.await??)?;
    }
    Ok((oldest, waits))
}

async fn connect(url: &str) -> anyhow::Result<Arc<dyn Cache>> {
    let within = Duration::from_millis(50);
    let prefix = format!("bench-{}", std::process::id());
    let settings =
        RedisSettings { url: url.to_owned(), ca: None, prefix, command_within: within, connect_within: within * 40 };
    let redis = RedisCache::new(&settings)?;
    while !redis.is_connected() {
        tokio::time::sleep(within).await;
    }
    Ok(Arc::new(redis))
}
