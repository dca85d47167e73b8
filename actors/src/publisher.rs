//! Tells the bus outside what was committed: every frame, in order, at least once, and every text and alert that
//! changed, as it stands. Only the node that leads does. It never ends; a panic, a crash or a bus that was away costs
//! nothing but repetition: the store keeps how far the bus has been told.
//!
//! ```text
//! read after `position` ─▶ deliver ─▶ trail: arrived, may still be lost ─▶ after `SURE_AFTER`: the cursor moves
//!         ▲                  │ the link was cut: back to the cursor
//!         └──────────────────┘
//! ```
//! A server that is killed takes with it what it had not yet handed on, though it had said that it has it. So the
//! cursor follows behind, and what arrived just before is told again.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use engine::call::{CallView, Fact};
use engine::failure::Failure;
use engine::ports::{BusCursor, CallStore, Delivered, Dispatch, OuterBus, Position, StoredFrame, Update};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, broadcast};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::bus::LocalBus;
use crate::lead::Lead;
use crate::metrics::{self, bus};
use crate::supervise::{Supervised, supervise};

/// What was committed by another node is found by looking, this often; also the pause after a failure.
const TICK: Duration = Duration::from_secs(1);
/// Commits come in bursts: so long after the first of them the next look is taken.
const GATHER: Duration = Duration::from_millis(10);
/// Frames, and changes, read at once.
const BATCH: usize = 256;
/// What the bus took is sure to have been handed on after this.
const SURE_AFTER: Duration = Duration::from_secs(2);

/// The bus outside, and where it is kept how far it has been told.
#[derive(Clone)]
pub struct Outside {
    pub bus: Arc<dyn OuterBus>,
    pub cursor: Arc<dyn BusCursor>,
}

pub(crate) struct Publisher {
    pub outside: Outside,
    pub calls: Arc<dyn CallStore>,
    pub lead: Lead,
    /// Says when to look.
    pub news: Mutex<broadcast::Receiver<Update>>,
}

/// How far this life of the publisher has come.
struct Progress {
    /// Of which this node leads.
    term: u64,
    /// Everything up to here has arrived, for all we know.
    position: Position,
    /// What arrived last, oldest first.
    trail: VecDeque<Arrived>,
}

struct Arrived {
    at: Instant,
    position: Position,
    changes: Vec<u64>,
}

/// What is to be told next.
struct Batch {
    dispatches: Vec<Dispatch>,
    /// Everything up to here is in it, or never will be.
    position: Position,
    changes: Vec<u64>,
}

impl Publisher {
    pub fn start(outside: Outside, calls: Arc<dyn CallStore>, lead: Lead, feed: &LocalBus) -> Supervised {
        let news = Mutex::new(feed.subscribe());
        let publisher = Arc::new(Publisher { outside, calls, lead, news });
        supervise("publisher", move || publisher.clone().run())
    }

    async fn run(self: Arc<Self>) {
        let _alive = metrics::alive("publisher");
        let mut news = self.news.lock().await;
        let (mut progress, mut batch, mut failed) = (None, BATCH, false);
        loop {
            if !self.lead.held() {
                bus::behind(0);
            }
            self.lead.until_held().await;
            match self.round(&mut progress, batch).await {
                Ok(told) => {
                    failed = false;
                    batch = (2 * batch).min(BATCH);
                    if told == 0 {
                        wait(&mut news).await;
                    }
                }
                Err(failure) => {
                    // Once, however long it lasts.
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(%failure, "bus not told, will go back and retry");
                    }
                    progress = None;
                    // A line so slow that it breaks under a batch takes a smaller one.
                    batch = (batch / 4).max(1);
                    sleep(TICK).await;
                }
            }
        }
    }

    /// How many were told. A failure means: begin again where the cursor stands.
    async fn round(&self, slot: &mut Option<Progress>, batch: usize) -> Result<usize, Failure> {
        let term = self.lead.term().ok_or_else(|| Failure::retry("this node leads no longer"))?;
        // Where another node led in between, the cursor knows better.
        let progress = match slot.take_if(|progress| progress.term == term) {
            Some(progress) => slot.insert(progress),
            None => slot.insert(self.begin(term).await?),
        };
        let batch = self.next(progress, batch).await?;
        let told = batch.dispatches.len();
        if told > 0 || !progress.trail.is_empty() {
            let delivered = self.attended(progress, self.outside.bus.deliver(&batch.dispatches)).await?;
            count(&batch, delivered);
        }
        progress.arrived(batch);
        self.keep(progress).await?;
        Ok(told)
    }

    /// Nothing is read before the bus is there: it would be old when it is told.
    async fn begin(&self, term: u64) -> Result<Progress, Failure> {
        let position = self.outside.cursor.resume().await?;
        let progress = Progress { term, position, trail: VecDeque::new() };
        self.attended(&progress, self.outside.bus.deliver(&[])).await?;
        Ok(progress)
    }

    async fn next(&self, progress: &Progress, batch: usize) -> Result<Batch, Failure> {
        let (mut dispatches, position) = self.frames(progress.position, batch).await?;
        let under_way: Vec<u64> = progress.trail.iter().flat_map(|arrived| &arrived.changes).copied().collect();
        let mut changes = Vec::new();
        for changed in self.outside.cursor.changed(&under_way, batch).await? {
            let revision = changed.changes.last().copied().unwrap_or_default();
            dispatches.extend(changed.update.map(|update| Dispatch { revision, update }));
            changes.extend(changed.changes);
        }
        Ok(Batch { dispatches, position, changes })
    }

    /// The next frames, and where they end.
    async fn frames(&self, after: Position, batch: usize) -> Result<(Vec<Dispatch>, Position), Failure> {
        let frames = match self.calls.frames_after(after, batch).await {
            Err(failure) if !failure.is_retry() => return self.around(after, failure).await,
            read => read?,
        };
        let end = frames.last().map_or(after, |(frame, _)| frame.position);
        let more = if frames.len() < batch { 0 } else { self.calls.last_position().await?.saturating_sub(end) };
        bus::behind(frames.len() as u64 + more);
        Ok((frames.into_iter().map(dispatch).collect(), end))
    }

    /// One frame that cannot be read is left out rather than waited for. A store of which nothing can be read is not
    /// walked through.
    async fn around(&self, after: Position, failure: Failure) -> Result<(Vec<Dispatch>, Position), Failure> {
        let newest = self.calls.last_position().await?;
        self.calls.frames_after(newest, 1).await?;
        for start in after..=newest {
            match self.calls.frames_after(start, 1).await {
                Ok(frames) => {
                    if start > after {
                        bus::left_out(1);
                        tracing::error!(%failure, frame.position = start, "frame cannot be read and is not published");
                    }
                    let end = frames.last().map_or(start, |(frame, _)| frame.position);
                    return Ok((frames.into_iter().map(dispatch).collect(), end));
                }
                Err(failure) if failure.is_retry() => return Err(failure),
                Err(_) => {}
            }
        }
        Err(failure)
    }

    /// The cursor follows what is sure.
    async fn keep(&self, progress: &mut Progress) -> Result<(), Failure> {
        let Some((position, changes)) = progress.sure() else { return Ok(()) };
        self.outside.cursor.advance(position).await?;
        if !changes.is_empty() {
            self.outside.cursor.told(&changes).await?;
        }
        Ok(())
    }

    /// A delivery may take as long as the bus is away. Meanwhile it is seen how far the bus is behind, and whether
    /// another node has come to lead.
    async fn attended(
        &self,
        progress: &Progress,
        delivery: impl Future<Output = Result<Delivered, Failure>>,
    ) -> Result<Delivered, Failure> {
        let mut delivery = std::pin::pin!(delivery);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        loop {
            tokio::select! {
                delivered = &mut delivery => return delivered,
                _ = tick.tick() => {}
            }
            if self.lead.term() != Some(progress.term) {
                return Err(Failure::retry("this node leads no longer"));
            }
            if let Ok(newest) = self.calls.last_position().await {
                bus::behind(newest.saturating_sub(progress.position));
            }
        }
    }
}

impl Progress {
    fn arrived(&mut self, batch: Batch) {
        if batch.position > self.position || !batch.changes.is_empty() {
            self.position = batch.position;
            self.trail.push_back(Arrived { at: Instant::now(), position: batch.position, changes: batch.changes });
        }
    }

    /// Takes what arrived long enough ago off the trail: the position it ends at, and its changes. Not with every round:
    /// whoever commits frames should seldom wait for it.
    fn sure(&mut self) -> Option<(Position, Vec<u64>)> {
        let mut sure = None;
        if self.trail.front().is_none_or(|oldest| oldest.at.elapsed() < SURE_AFTER + TICK) {
            return sure;
        }
        while let Some(oldest) = self.trail.pop_front_if(|arrived| arrived.at.elapsed() >= SURE_AFTER) {
            let (position, changes) = sure.get_or_insert_with(|| (0, Vec::new()));
            *position = oldest.position;
            changes.extend(oldest.changes);
        }
        sure
    }
}

fn dispatch((mut frame, call): (StoredFrame, Arc<CallView>)) -> Dispatch {
    frame.facts.iter_mut().for_each(Fact::forget_effect);
    Dispatch { revision: frame.seq, update: Update::Call { seq: frame.seq, call, events: frame.facts.into() } }
}

fn count(batch: &Batch, delivered: Delivered) {
    bus::published(delivered.taken);
    bus::left_out(delivered.refused);
    if delivered.refused > 0 {
        let (refused, of) = (delivered.refused, batch.dispatches.len());
        tracing::error!(refused, of, "the bus refuses messages, they are left out");
    }
}

/// Until something was committed here, or it is time to see what others did.
async fn wait(news: &mut broadcast::Receiver<Update>) {
    match timeout(TICK, news.recv()).await {
        Ok(Ok(_) | Err(RecvError::Lagged(_))) => sleep(GATHER).await,
        Ok(Err(RecvError::Closed)) => sleep(TICK).await,
        Err(_) => return,
    }
    // What was said meanwhile, the next look finds.
    *news = news.resubscribe();
}

#[cfg(test)]
#[path = "publisher/tests.rs"]
mod tests;
