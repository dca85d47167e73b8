//! Looks after home, and takes everything there that waits in the spool: in order, in batches, while the spool is still
//! being filled; the last batch while whoever records waits for it. Whatever is given to home may be given twice, so an
//! answer that is lost costs a repetition. What home will never take is put aside and stops nothing behind it.

mod alerts;
mod frames;
mod rest;
mod texts;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{Clock, SystemClock};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::gate::Place;
use super::{BREATH, Both, metrics};

/// How long home may take to say that it is well, while nobody waits for it.
const WELL_WITHIN: Duration = Duration::from_secs(1);
/// How long it may take to be made ready, when it was not there at the start.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// Frames taken home at once.
const BATCH: usize = 256;
/// As few are taken home while everybody waits.
const LAST: u64 = 64;
/// Frames, then alerts, so often in turn: while very many alerts are moved, callers talk on, and what they say is more
/// than a few frames again. Not for ever: a store may be slower than they are.
const ROUNDS: usize = 8;
/// How long they wait for that at most: longer than most of them need patience, so only where less was tried.
const LAST_WITHIN: Duration = Duration::from_secs(4);
/// How often it is looked whether somebody wants no texts any more.
const LEARN_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Emptying {
    store: Arc<Both>,
    /// Home has its tables.
    is_prepared: AtomicBool,
    learned: Mutex<Option<Learned>>,
    /// Until when the time away is counted.
    counted: Mutex<Duration>,
    /// How often the last of the spool could not be moved in the time there was.
    rushed: AtomicU32,
}

/// What is known here of home.
#[derive(Clone, Copy)]
struct Learned {
    at: Instant,
    /// The newest thing said there about who wants texts that is known here.
    opt_outs: Option<i64>,
}

impl Emptying {
    pub fn new(store: Arc<Both>, is_prepared: bool) -> Emptying {
        let is_prepared = AtomicBool::new(is_prepared);
        Emptying { store, is_prepared, learned: Mutex::new(None), counted: Mutex::default(), rushed: AtomicU32::new(0) }
    }

    pub async fn run(self: Arc<Self>) {
        loop {
            self.look().await;
            self.count_time_away();
            if !matches!(self.store.gate.place(), Place::Returning { .. }) {
                let knocked = self.store.gate.knock.notified();
                let _ = timeout(self.store.settings.probe_every, knocked).await;
            }
        }
    }

    async fn look(&self) {
        match self.store.gate.place() {
            Place::Home => self.look_after_home().await,
            Place::Away { .. } => {
                self.take_along().await;
                if self.is_well_again().await {
                    self.store.gate.answered();
                }
            }
            Place::Returning { .. } => {
                if let Err(failure) = self.empty().await {
                    self.store.gate.failed(&failure);
                    // It answered, and yet nothing could be moved: not at once again.
                    sleep(self.store.settings.probe_every).await;
                }
            }
        }
    }

    /// What must go on without home: not at once, for another node may send it, or home be back.
    async fn take_along(&self) {
        if self.store.gate.away_for().is_some_and(|away| away < BREATH) {
            return;
        }
        if let Err(failure) = self.take_along_texts().await {
            tracing::warn!(%failure, "texts not taken along, will retry");
        }
        if let Err(failure) = self.take_along_alerts().await {
            tracing::warn!(%failure, "alerts not taken along, will retry");
        }
    }

    async fn look_after_home(&self) {
        if let Err(failure) = self.is_well(WELL_WITHIN).await {
            return self.store.gate.failed(&failure);
        }
        self.learn_what_home_knows().await;
        if self.store.spool.has_texts() {
            // Those that left from here after home was back.
            match self.move_texts().await {
                Ok(()) => self.count_what_is_left().await,
                Err(failure) => tracing::warn!(%failure, "texts not moved, will retry"),
            }
        }
    }

    async fn is_well_again(&self) -> bool {
        if !self.is_prepared.load(Ordering::Acquire) {
            if let Err(failure) = self.store.home.prepare(READY_WITHIN).await {
                tracing::warn!(error = %failure, "the store is not ready");
                return false;
            }
            self.is_prepared.store(true, Ordering::Release);
        }
        let well = self.is_well(self.store.settings.patience).await;
        well.inspect_err(|failure| self.store.gate.looked_in_vain(failure)).is_ok()
    }

    async fn is_well(&self, within: Duration) -> Result<(), Failure> {
        let asked = timeout(within, self.store.home.ping()).await;
        asked.unwrap_or_else(|_| Err(Failure::retry("no answer in time")))
    }

    /// Everything, to the last frame. Fails when home does.
    async fn empty(&self) -> Result<(), Failure> {
        self.give_back_all().await?;
        self.say_what_is_owed().await?;
        // Somebody who is stuck must not keep the others waiting: what is not forgotten now is at the end.
        if let Ok(_turn) = timeout(self.store.settings.patience, self.store.turn.write()).await {
            self.forget_unchanged_alerts().await?;
        }
        for _ in 0..ROUNDS {
            let moved = self.move_all_but_the_last().await?;
            self.move_alerts().await?;
            if moved == 0 {
                break;
            }
        }
        let within = self.last_within();
        if let Ok(moved) = timeout(within, self.move_the_last()).await {
            moved?;
            self.rushed.store(0, Ordering::Relaxed);
            self.learn_what_home_knows().await;
        } else {
            // It works, and there is more of it than fits in: those who wait go on, and next time they wait longer.
            tracing::warn!(within_ms = within.as_millis(), "the last of the spool not moved in time, will retry");
            self.rushed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// How many frames they were.
    async fn move_all_but_the_last(&self) -> Result<usize, Failure> {
        let mut all = 0;
        loop {
            // First those that are at home already: nobody there must send them again.
            self.move_texts().await?;
            let many = self.store.spool.frames() > LAST;
            let moved = if many { self.move_frames(BATCH).await? } else { 0 };
            if moved == 0 {
                return Ok(all);
            }
            all += moved;
        }
    }

    /// Twice as long with every time that was too short.
    fn last_within(&self) -> Duration {
        let rushed = self.rushed.load(Ordering::Relaxed).min(8);
        (2 * self.store.settings.patience * 2_u32.pow(rushed)).min(LAST_WITHIN)
    }

    /// While whoever records waits.
    async fn move_the_last(&self) -> Result<(), Failure> {
        let _texts_turn = self.store.texts_turn.write().await;
        let _turn = self.store.turn.write().await;
        while self.move_frames(BATCH).await? > 0 {}
        self.forget_unchanged_alerts().await?;
        self.move_alerts().await?;
        self.move_texts_unhindered().await?;
        self.say_what_is_owed().await?;
        self.store.spool.count().await?;
        self.store.gate.emptied();
        Ok(())
    }

    /// What home says while others wait for a turn.
    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        timeout(WELL_WITHIN, asked).await.unwrap_or_else(|_| Err(Failure::retry("no answer in time")))
    }

    async fn count_what_is_left(&self) {
        let _turn = self.store.turn.write().await;
        if let Err(failure) = self.store.spool.count().await {
            tracing::warn!(%failure, "spool cannot be counted");
        }
    }

    fn count_time_away(&self) {
        metrics::away(!self.store.gate.is_home());
        metrics::unconfirmed(self.store.spool.frames());
        let mut counted = self.counted.lock();
        match self.store.gate.away_for() {
            None => *counted = Duration::ZERO,
            Some(away) => {
                let news = away.saturating_sub(*counted);
                metrics::was_away(news);
                *counted += Duration::from_secs(news.as_secs());
            }
        }
    }
}

fn now() -> engine::time::Timestamp {
    SystemClock.now()
}
