//! What the group commit is worth: the same frames, through the same guarded statement, many at once and one at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use benches::cpu;
use benches::postgres::Postgres;
use benches::table::Line;
use engine::call::{Answer, Call, Fact, Frame, Phase, Role};
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::CallStore;
use engine::time::Timestamp;
use gateway::stores::postgres::PostgresStore;
use gateway::stores::sqlite::SqliteStore;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Arguments, data};

/// Calls that each wait for their frame before they go on.
const CALLERS: usize = 512;
/// Frames in one transaction, as the committer takes them.
const BATCH: usize = 512;
const CONNECTIONS: usize = 32;
/// Frames of one call.
const LENGTH: u64 = 20;
/// Turns of each way: what else the machine does falls on both.
const TURNS: u32 = 4;

const FASTER: f64 = 3.0;
const CHEAPER: f64 = 5.0;

/// What one way came to.
#[derive(Clone, Copy, Default)]
struct Outcome {
    frames: u64,
    took: Duration,
    /// Ours and the database's.
    worked: Duration,
}

impl Outcome {
    fn add(&mut self, other: Outcome) {
        self.frames += other.frames;
        self.took += other.took;
        self.worked += other.worked;
    }

    fn per_second(&self) -> f64 {
        self.frames as f64 / self.took.as_secs_f64()
    }

    fn micros_per_frame(&self) -> f64 {
        self.worked.as_secs_f64() * 1e6 / self.frames.max(1) as f64
    }
}

pub async fn measured(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let turn = Duration::from_secs(arguments.seconds.unwrap_or(20).into()) / TURNS;
    let mut lines = on_postgres(turn).await?;
    lines.extend(on_sqlite(turn).await?);
    Ok(lines)
}

async fn on_postgres(turn: Duration) -> anyhow::Result<Vec<Line>> {
    let postgres = Postgres::start()?;
    let open = async || PostgresStore::open(&data::settings(&postgres)).await.map_err(|failure| anyhow!("{failure}"));
    let grouped: Arc<dyn CallStore> = Arc::new(open().await?);
    let mut single: Vec<Arc<dyn CallStore>> = Vec::new();
    for _ in 0..CONNECTIONS {
        single.push(Arc::new(open().await?));
    }
    let worked = || cpu::ours() + postgres.worked();
    let (together, alone) = turns(turn, &grouped, &single, worked).await?;
    Ok(compared("Postgres", together, alone, true))
}

/// For information: here one writes at a time whatever we do.
async fn on_sqlite(turn: Duration) -> anyhow::Result<Vec<Line>> {
    let directory = tempfile::tempdir()?;
    let store =
        SqliteStore::open(&directory.path().join("bench.db"), 1).await.map_err(|failure| anyhow!("{failure}"))?;
    let store: Arc<dyn CallStore> = Arc::new(store);
    let (together, alone) = turns(turn, &store, &vec![store.clone(); CONNECTIONS], cpu::ours).await?;
    Ok(compared("SQLite", together, alone, false))
}

async fn turns(
    turn: Duration,
    grouped: &Arc<dyn CallStore>,
    single: &[Arc<dyn CallStore>],
    worked: impl Fn() -> Duration,
) -> anyhow::Result<(Outcome, Outcome)> {
    let (mut together, mut alone) = (Outcome::default(), Outcome::default());
    for number in 0..TURNS {
        let (begun, before) = (Instant::now(), worked());
        let frames = grouped_for(turn, grouped.clone(), number).await?;
        together.add(Outcome { frames, took: begun.elapsed(), worked: worked() - before });
        let (begun, before) = (Instant::now(), worked());
        let frames = one_by_one_for(turn, single, number).await?;
        alone.add(Outcome { frames, took: begun.elapsed(), worked: worked() - before });
    }
    Ok((together, alone))
}

fn compared(store: &str, together: Outcome, alone: Outcome, promised: bool) -> Vec<Line> {
    let (faster, cheaper) =
        (together.per_second() / alone.per_second(), alone.micros_per_frame() / together.micros_per_frame());
    let speeds = format!("{:.0}/s against {:.0}/s: {faster:.1}×", together.per_second(), alone.per_second());
    let costs =
        format!("{:.0} µs against {:.0} µs: {cheaper:.1}×", together.micros_per_frame(), alone.micros_per_frame());
    let (fast, cheap) = if promised { ("≥ 3×", "≥ 5×") } else { ("", "") };
    let under = format!("{CALLERS} calls, {CONNECTIONS} connections");
    vec![
        Line::new(&format!("{store}: frames together, one by one"), under.clone(), speeds)
            .wants(fast, !promised || faster >= FASTER),
        Line::new(&format!("{store}: CPU per frame"), under, costs).wants(cheap, !promised || cheaper >= CHEAPER),
    ]
}

/// As the committer does: what has come while the commit before was in flight is the next one.
async fn grouped_for(turn: Duration, store: Arc<dyn CallStore>, number: u32) -> anyhow::Result<u64> {
    let (queue, mut waiting) = mpsc::channel::<(Frame, oneshot::Sender<bool>)>(CALLERS);
    let committing = tokio::spawn(async move {
        let mut taken = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut taken, BATCH).await > 0 {
            let (frames, replies): (Vec<Frame>, Vec<_>) = taken.drain(..).unzip();
            let verdicts = store.append(&frames).await;
            replies.into_iter().zip(verdicts).for_each(|(reply, verdict)| {
                // Whoever waited may have ended with its turn.
                let _ = reply.send(verdict.is_ok());
            });
        }
    });
    let mut callers = JoinSet::new();
    let ends = Instant::now() + turn;
    for caller in 0..CALLERS {
        let queue = queue.clone();
        callers.spawn(async move {
            let mut written = 0;
            while Instant::now() < ends {
                let (reply, answer) = oneshot::channel();
                queue.send((frame("together", number, caller, written), reply)).await?;
                ensure!(answer.await?, "a frame was not taken");
                written += 1;
            }
            anyhow::Ok(written)
        });
    }
    drop(queue);
    let written = sum(callers).await;
    committing.await?;
    written
}

async fn one_by_one_for(turn: Duration, stores: &[Arc<dyn CallStore>], number: u32) -> anyhow::Result<u64> {
    let mut callers = JoinSet::new();
    let ends = Instant::now() + turn;
    for (caller, store) in stores.iter().cloned().enumerate() {
        callers.spawn(async move {
            let mut written = 0;
            while Instant::now() < ends {
                let verdicts = store.append(&[frame("alone", number, caller, written)]).await;
                ensure!(verdicts == [Ok(())], "a frame was not taken: {verdicts:?}");
                written += 1;
            }
            anyhow::Ok(written)
        });
    }
    sum(callers).await
}

async fn sum(mut callers: JoinSet<anyhow::Result<u64>>) -> anyhow::Result<u64> {
    let mut sum = 0;
    while let Some(written) = callers.join_next().await {
        sum += written??;
    }
    Ok(sum)
}

/// What most webhooks of a busy minute are: somebody said something.
fn frame(way: &str, turn: u32, caller: usize, place: u64) -> Frame {
    let (call, seq) = (place / LENGTH, 1 + place % LENGTH);
    let at = Timestamp::from_millis(1_787_000_000_000 + i64::try_from(place).unwrap_or_default());
    let mut state = Call::new("bench", at);
    (state.phase, state.from, state.seq) = (Phase::InProgress, Some("+15145550142".into()), seq);
    Frame {
        call: CallKey {
            tenant: TenantId::parse("bench").expect("a short id"),
            call: CallId::parse(&format!("{way}-{turn}-{caller}-{call}")).expect("a short id"),
        },
        seq,
        key: EventKey::new(format!("tr:caller:{seq}")),
        at,
        decided_at: at,
        facts: vec![Fact::Spoke { role: Role::Caller, text: "il y a de l'eau partout dans le sous-sol".into() }],
        answer: Answer::Ack,
        texts: Vec::new(),
        state: Arc::new(state),
    }
}
