//! The calls that are live now, kept in memory from what the bus says, and every change to them for whoever watches.
//! It never waits for a watcher: one that lags is told so and takes a new snapshot. Started again it reads the store.
//! Nothing waits for the feed to have read all of it but who wants to see all of it: calls are answered meanwhile.

mod live;
mod missed;

use std::sync::Arc;
use std::time::Duration;

use engine::call::{CallView, Event, EventKind, Line};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, TenantId};
use engine::ports::{CallStore, Update};
use engine::time::Timestamp;
use parking_lot::RwLock;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tokio::time::timeout;

use self::live::Live;
use self::missed::Missed;
use crate::bus::LocalBus;
use crate::metrics;
use crate::supervise::{Supervised, supervise};

/// Live calls as of one offset. The offset grows with every change; the epoch changes whenever the feed had to start
/// again from the store.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub epoch: Arc<str>,
    pub offset: u64,
    /// Oldest first.
    pub calls: Vec<Arc<CallView>>,
}

/// One change, and the offset of the feed after it.
#[derive(Clone, Debug)]
pub struct Change {
    pub offset: u64,
    pub update: Update,
    /// The call as it is shown now, when the update is about one that is live.
    pub call: Option<Arc<CallView>>,
}

/// Reads the live calls. Cheap to clone.
#[derive(Clone)]
pub struct LiveFeed {
    live: Arc<RwLock<Live>>,
    changes: broadcast::Sender<Arc<Change>>,
    /// What is being said right now: shed when full.
    mentions: mpsc::Sender<Mention>,
    /// Whether the store was read.
    loaded: watch::Sender<bool>,
}

/// At start the live calls are waited for so long. More are read while everything else works.
const LOADED_WITHIN: Duration = Duration::from_millis(100);

struct Mention {
    call: CallKey,
    line: Line,
    heard_at: Timestamp,
}

impl LiveFeed {
    pub(crate) async fn start(bus: &LocalBus, store: Arc<dyn CallStore>, backlog: usize) -> (LiveFeed, Supervised) {
        let (mentions, mentioned) = mpsc::channel(backlog);
        let live = Arc::new(RwLock::new(Live::of(Vec::new())));
        let changes = broadcast::channel(backlog).0;
        let feed = LiveFeed { live, changes, mentions, loaded: watch::Sender::new(false) };
        let worker = Arc::new(Worker {
            updates: Mutex::new(bus.subscribe()),
            mentioned: Mutex::new(mentioned),
            feed: feed.clone(),
            store,
        });
        let feeding = supervise("live_feed", move || worker.clone().run());
        let _ = timeout(LOADED_WITHIN, feed.loaded()).await;
        (feed, feeding)
    }

    /// Returns when every live call is shown that there was at start.
    pub async fn loaded(&self) {
        // Fails only when the sender is gone, and we hold it.
        let _ = self.loaded.subscribe().wait_for(|loaded| *loaded).await;
    }

    /// Live calls, of one tenant or of all.
    pub fn snapshot(&self, tenant: Option<&TenantId>) -> Snapshot {
        self.live.read().snapshot(tenant)
    }

    /// A snapshot and every change after it, of all tenants: the watcher filters. A receiver that lags must subscribe
    /// again.
    pub fn subscribe(&self, tenant: Option<&TenantId>) -> (Snapshot, broadcast::Receiver<Arc<Change>>) {
        let live = self.live.read();
        (live.snapshot(tenant), self.changes.subscribe())
    }

    /// Volatile news of a call, heard at this time of our clock: shown if there is room, never stored.
    pub fn mention(&self, call: &CallKey, event: &Event, heard_at: Timestamp) {
        if let EventKind::Speaking { role, text } = &event.kind {
            let line = Line { role: *role, text: text.clone() };
            let _ = self.mentions.try_send(Mention { call: call.clone(), line, heard_at });
        }
    }

    /// When somebody was last heard speaking in a live call, if anybody was since the feed started.
    pub fn heard_at(&self, call: &CallKey) -> Option<Timestamp> {
        self.live.read().heard.get(call).copied()
    }

    /// `counted` is the call as the store has it, when the update is about one of its messages.
    fn apply(&self, update: Update, counted: Option<Arc<CallView>>) {
        let mut live = self.live.write();
        let call = live.apply(&update, counted);
        live.offset += 1;
        let change = Arc::new(Change { offset: live.offset, update, call });
        // Sent under the lock: a snapshot and the changes after it always fit together.
        let _ = self.changes.send(change);
    }

    fn shows(&self, call: &CallKey) -> bool {
        self.live.read().calls.contains_key(call)
    }
}

struct Worker {
    updates: Mutex<broadcast::Receiver<Update>>,
    mentioned: Mutex<mpsc::Receiver<Mention>>,
    feed: LiveFeed,
    store: Arc<dyn CallStore>,
}

/// How often the gauges of live calls are set: scraped seldom, changed often.
const GAUGE_TICK: Duration = Duration::from_secs(1);

impl Worker {
    async fn run(self: Arc<Self>) {
        let _alive = metrics::alive("live_feed");
        let (mut updates, mut mentioned) = (self.updates.lock().await, self.mentioned.lock().await);
        let mut gauges = tokio::time::interval(GAUGE_TICK);
        // Subscribed first, read afterwards: what commits in between is seen twice, never missed.
        if !*self.feed.loaded.borrow() {
            self.read_while_it_changes(&mut updates).await;
        }
        loop {
            tokio::select! {
                update = updates.recv() => match update {
                    Ok(update) => self.apply(update).await,
                    Err(RecvError::Lagged(_)) => self.start_again(&mut updates).await,
                    Err(RecvError::Closed) => return,
                },
                Some(Mention { call, line, heard_at }) = mentioned.recv() => {
                    self.feed.live.write().hear(&call, heard_at);
                    self.feed.apply(Update::Speaking { call, line: Arc::new(line) }, None);
                }
                _ = gauges.tick() => self.feed.live.read().count_by_priority(),
            }
        }
    }

    async fn apply(&self, update: Update) {
        let counted = match &update {
            Update::Sms { sms } => self.counted(&sms.tenant, sms.call.as_ref()).await,
            Update::Alert { alert } => self.counted(&alert.tenant, alert.call.as_ref()).await,
            _ => None,
        };
        self.feed.apply(update, counted);
    }

    /// The call of a message or an alert with its messages counted, if it is shown. What cannot be read now is counted with the
    /// call's next change.
    async fn counted(&self, tenant: &TenantId, call: Option<&CallId>) -> Option<Arc<CallView>> {
        let key = CallKey { tenant: tenant.clone(), call: call?.clone() };
        if !self.feed.shows(&key) {
            return None;
        }
        self.store.find(Some(&key.tenant), &key.call).await.ok().flatten()
    }

    /// Too far behind the bus to catch up update by update.
    async fn start_again(&self, updates: &mut broadcast::Receiver<Update>) {
        metrics::live_reset("lagged");
        self.read_while_it_changes(updates).await;
    }

    /// What arrives while the store is read is newer than what is read: it is kept, the newest of each call, and shown
    /// on top.
    async fn read_while_it_changes(&self, updates: &mut broadcast::Receiver<Update>) {
        let mut missed = Missed::default();
        let mut reading = Box::pin(self.read_store_until_it_works());
        loop {
            tokio::select! {
                () = &mut reading => break,
                update = updates.recv() => match update {
                    Ok(update) => missed.note(update),
                    Err(RecvError::Lagged(_)) => reading = Box::pin(self.read_store_until_it_works()),
                    Err(RecvError::Closed) => return,
                },
            }
        }
        for update in missed.updates {
            self.apply(update).await;
        }
        self.feed.loaded.send_replace(true);
    }

    async fn read_store_until_it_works(&self) {
        while let Err(failure) = self.read_store().await {
            tracing::warn!(%failure, "live feed could not read the store, will retry");
            tokio::time::sleep(GAUGE_TICK).await;
        }
    }

    async fn read_store(&self) -> Result<(), Failure> {
        *self.feed.live.write() = Live::of(self.store.live().await?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use engine::call::{Phase, Role, SmsCounts};
    use engine::ids::EventKey;
    use engine::testing::{fixtures, frames};

    use super::*;
    use crate::limits::Limits;
    use crate::testing::{Rig, TestStore};

    async fn tell(rig: &Rig, call: &str, kind: EventKind, n: u64) {
        rig.system.calls.apply(&fixtures::key(call), "test", vec![fixtures::event(kind, n)]).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_and_the_changes_after_it_show_every_committed_change_once() {
        let rig = Rig::start(Limits::default()).await;
        tell(&rig, "c1", EventKind::Status(Phase::Ringing), 1).await;
        rig.until(|| rig.system.live.snapshot(None).calls.len() == 1).await;
        let (snapshot, mut changes) = rig.system.live.subscribe(None);
        tell(&rig, "c1", fixtures::spoke("water everywhere"), 2).await;
        tell(&rig, "c2", EventKind::Status(Phase::Ringing), 3).await;
        tell(&rig, "c1", EventKind::Ended(fixtures::hung_up()), 4).await;
        let mut seen = Vec::new();
        for offset in snapshot.offset + 1..=snapshot.offset + 3 {
            let change = changes.recv().await.unwrap();
            assert_eq!(change.offset, offset, "offsets have no holes");
            let Update::Call { call, .. } = &change.update else { panic!("{change:?}") };
            seen.push((call.id.to_string(), change.call.is_some()));
        }
        // The view may be newer than the frame: c1 may be shown ended with either of its two changes.
        assert_eq!(seen.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["c1", "c2", "c1"]);
        assert!(!seen[2].1, "an ended call is live no more");
        let live = rig.system.live.snapshot(None);
        assert_eq!(live.calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["c2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_wants_to_see_every_call_waits_for_a_store_that_takes_its_time() {
        let store = Arc::new(TestStore::over(Arc::default()));
        store.append(&[frames::frame_in(&frames::call("acme", "c1"), 1, Phase::Ringing)]).await;
        store.hides_live_calls(3);
        let (bus, began) = (LocalBus::new(16), tokio::time::Instant::now());
        let (feed, _feeding) = LiveFeed::start(&bus, store, 16).await;
        assert_eq!((began.elapsed(), feed.snapshot(None).calls.len()), (LOADED_WITHIN, 0));
        feed.loaded().await;
        assert_eq!(feed.snapshot(None).calls.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_said_is_shown_but_never_recorded() {
        let rig = Rig::start(Limits::default()).await;
        tell(&rig, "c1", EventKind::Status(Phase::InProgress), 1).await;
        rig.until(|| rig.system.live.snapshot(None).calls.len() == 1).await;
        let speaking = fixtures::event(EventKind::Speaking { role: Role::Caller, text: "il y a de l'".into() }, 2);
        rig.system.live.mention(&fixtures::key("c1"), &speaking, fixtures::at(2));
        let last_line = || rig.system.live.snapshot(None).calls[0].last_line.clone();
        rig.until(|| last_line().is_some()).await;
        assert_eq!(rig.store.load(&fixtures::key("c1")).await.unwrap().unwrap().state.last_line, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_messages_of_a_call_are_counted_as_they_move() {
        let rig = Rig::start(Limits::default()).await;
        let alert = fixtures::tool_call("t1", "sendSMSAlert", serde_json::json!({"priority": "P2", "message": "x"}));
        tell(&rig, "c1", EventKind::Status(Phase::InProgress), 1).await;
        tell(&rig, "c1", alert, 2).await;
        let counts = || rig.system.live.snapshot(None).calls.first().map(|call| call.sms);
        rig.until(|| counts() == Some(SmsCounts { sent: 1, ..SmsCounts::default() })).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_that_fell_behind_starts_again_from_the_store() {
        let rig = Rig::start(Limits { live_backlog: 4, ..Limits::default() }).await;
        let epoch = rig.system.live.snapshot(None).epoch;
        let key = |n: u64| EventKey::new(format!("tr:{n}"));
        let said = |n| Event { key: key(n), ..fixtures::event(fixtures::spoke("encore"), n) };
        rig.system.calls.apply(&fixtures::key("c1"), "test", (0..64).map(said).collect()).await.unwrap();
        rig.until(|| rig.system.live.snapshot(None).epoch != epoch).await;
        assert_eq!(rig.system.live.snapshot(None).calls[0].seq, 64);
    }
}
