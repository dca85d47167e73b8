//! Tells the cache behind the front what the bus says, and keeps the list of live calls there for others to read.
//!
//! Restarted by its supervisor. What could not be told is owed: until it has been, nothing older is believed. Too far
//! behind the bus, or where the list has vanished (somebody flushed it), everything live is told again from the store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use engine::call::CallView;
use engine::ids::{CallId, CallKey};
use engine::ports::{Basis, CacheKey, LiveList, Update};
use engine::time::Timestamp;
use futures_util::{StreamExt, stream};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Mutex, broadcast};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::behind::Behind;
use super::{Changed, ReadThrough, entry_of, key_of, shown_in};
use crate::bus::LocalBus;
use crate::metrics;
use crate::supervise::{Supervised, supervise};

/// Changes of a call's texts and alerts come in bursts: it is loaded once for all that come within this.
const REFRESH: Duration = Duration::from_millis(200);
/// How often the list is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Updates told at once.
const BATCH: usize = 256;
/// Of these, on their way at once.
const AT_ONCE: usize = 64;
/// Calls loaded at once because they changed; the rest of the store's time is for those who wait.
const REFRESHES: usize = 2;
/// Calls remembered at once. With more that are owed, everything is forgotten behind; others are loaded when asked for.
const MOST_OWED: usize = 10_000;

pub struct Filler {
    updates: Mutex<broadcast::Receiver<Update>>,
    cache: ReadThrough,
    list: Arc<dyn LiveList>,
}

/// What is known between two rounds. Lost with a panic: everything is then told again.
struct Round {
    /// The calls that should be listed.
    live: HashMap<CallId, Timestamp>,
    /// To be loaded again.
    changed: HashSet<CallKey>,
    /// Could not be told.
    owed: HashSet<CallKey>,
    /// The list is not what it should be.
    unlisted: bool,
    /// Missed updates.
    lost: bool,
    refreshing: Option<JoinHandle<()>>,
}

impl Filler {
    /// Hears from now on; works from [`Filler::start`] on.
    pub fn new(bus: &LocalBus, cache: ReadThrough, list: Arc<dyn LiveList>) -> Filler {
        Filler { updates: Mutex::new(bus.subscribe()), cache, list }
    }

    pub fn start(self) -> Supervised {
        let filler = Arc::new(self);
        supervise("cache_filler", move || filler.clone().run())
    }

    async fn run(self: Arc<Self>) {
        let Some(behind) = &self.cache.0.behind else { return };
        let _alive = metrics::alive("cache_filler");
        let mut updates = self.updates.lock().await;
        let mut round = Round::first();
        let (mut refresh, mut look) = (interval(REFRESH), interval(LOOK));
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = updates.recv() => match heard {
                    Ok(update) => self.tell(behind, batch(update, &mut updates, &mut round), &mut round).await,
                    Err(RecvError::Lagged(_)) => round.lost = true,
                    Err(RecvError::Closed) => return,
                },
                _ = refresh.tick() => {
                    self.settle(behind, &mut round).await;
                    self.refresh(&mut round);
                }
                _ = look.tick() => self.look(behind, &mut round).await,
            }
        }
    }

    async fn tell(&self, behind: &Behind, updates: Vec<Update>, round: &mut Round) {
        let listing: Vec<_> = updates.iter().filter_map(|update| round.list(update)).collect();
        round.change(updates.iter().filter_map(shown_in).filter_map(call_of));
        let told = stream::iter(updates).map(|update| self.tell_one(behind, update)).buffer_unordered(AT_ONCE);
        let owed: Vec<Option<CallKey>> = told.collect().await;
        owed.into_iter().flatten().for_each(|call| round.owe(call));
        if !listing.is_empty() {
            let listed = behind.list(&*self.list, &listing).await;
            round.unlisted |= listed != Some(round.live.len());
        }
    }

    /// The call it was about, if it did not arrive.
    async fn tell_one(&self, behind: &Behind, update: Update) -> Option<CallKey> {
        let (key, arrived) = match &update {
            Update::Call { call, .. } => {
                let key = key_of(call);
                let arrived = behind.put(&key, &entry_of(call), Basis::News, self.cache.0.ttl).await;
                (key, arrived)
            }
            Update::Erased { tenant, id } => {
                let key = CacheKey::Call { tenant: Some(tenant.clone()), id: id.clone() };
                let arrived = behind.forget(&key).await.is_ok();
                (key, arrived)
            }
            update => {
                let key = shown_in(update)?;
                let arrived = behind.outdate(&key).await;
                (key, arrived)
            }
        };
        call_of(key).filter(|_| !arrived)
    }

    /// What is owed is out of date.
    async fn settle(&self, behind: &Behind, round: &mut Round) {
        if round.owed.is_empty() || behind.rests() {
            return;
        }
        if round.owed.len() >= MOST_OWED {
            if behind.clear().await.is_ok() {
                round.owed.clear();
                round.unlisted = true;
            }
            return;
        }
        let owed: Vec<CallKey> = round.owed.iter().take(BATCH).cloned().collect();
        for call in owed {
            if !behind.outdate(&CacheKey::call(&call)).await {
                return;
            }
            round.owed.remove(&call);
            round.change(std::iter::once(call));
        }
    }

    /// Others read them there: they are loaded without anybody asking. Beside the round, a store may be slow.
    fn refresh(&self, round: &mut Round) {
        if round.changed.is_empty() || round.refreshing.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let (changed, cache) = (std::mem::take(&mut round.changed), self.cache.clone());
        round.refreshing = Some(tokio::spawn(async move {
            let load = |call: CallKey| async {
                let call = call;
                let (wanted, load) = cache.wanted_call(Some(&call.tenant), &call.call);
                // What fails now is loaded by whoever asks for it.
                let _ = cache.fly(wanted, None, Changed::Yes, load).await;
            };
            stream::iter(changed).for_each_concurrent(REFRESHES, load).await;
        }));
    }

    /// Keeps the list from ending with its time, and notices when it is not what it should be.
    async fn look(&self, behind: &Behind, round: &mut Round) {
        let listed = behind.list(&*self.list, &[]).await;
        let Some(listed) = listed else {
            round.unlisted = true;
            return;
        };
        if round.lost {
            behind.distrust();
        }
        if listed == round.live.len() && !round.unlisted && !round.lost {
            return;
        }
        if let Ok(live) = self.cache.0.store.live().await {
            let told = self.tell_all(behind, &live, round).await;
            (round.unlisted, round.lost) = (!told, round.lost && !told);
        }
    }

    /// Ends with the first that does not arrive.
    async fn tell_all(&self, behind: &Behind, live: &[Arc<CallView>], round: &mut Round) -> bool {
        round.live = live.iter().map(|call| (call.id.clone(), call.started_at)).collect();
        for chunk in live.chunks(BATCH) {
            let tell = |call: Arc<CallView>| async move {
                behind.put(&key_of(&call), &entry_of(&call), Basis::News, self.cache.0.ttl).await
            };
            let told: Vec<bool> = stream::iter(chunk.to_vec()).map(tell).buffer_unordered(AT_ONCE).collect().await;
            if told.contains(&false) {
                return false;
            }
        }
        let listed: Vec<_> = round.live.iter().map(|(id, since)| (id.clone(), *since)).collect();
        self.list.show(&listed).await.is_ok()
    }
}

impl Round {
    fn first() -> Round {
        Round {
            live: HashMap::new(),
            changed: HashSet::new(),
            owed: HashSet::new(),
            unlisted: true,
            lost: false,
            refreshing: None,
        }
    }

    /// What an update changes in the list.
    fn list(&mut self, update: &Update) -> Option<(CallId, Option<Timestamp>)> {
        let Update::Call { call, .. } = update else { return None };
        if call.phase.is_live() {
            let since = self.live.insert(call.id.clone(), call.started_at);
            return (since != Some(call.started_at)).then(|| (call.id.clone(), Some(call.started_at)));
        }
        self.live.remove(&call.id).map(|_| (call.id.clone(), None))
    }

    fn change(&mut self, calls: impl Iterator<Item = CallKey>) {
        let room = MOST_OWED.saturating_sub(self.changed.len());
        self.changed.extend(calls.take(room));
    }

    fn owe(&mut self, call: CallKey) {
        if self.owed.len() < MOST_OWED {
            self.owed.insert(call);
        }
    }
}

/// This update and those that wait behind it.
fn batch(first: Update, updates: &mut broadcast::Receiver<Update>, round: &mut Round) -> Vec<Update> {
    let mut batch = vec![first];
    while batch.len() < BATCH {
        match updates.try_recv() {
            Ok(update) => batch.push(update),
            Err(TryRecvError::Lagged(_)) => round.lost = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    batch
}

fn call_of(key: CacheKey) -> Option<CallKey> {
    match key {
        CacheKey::Call { tenant, id } => Some(CallKey { tenant: tenant?, call: id }),
        CacheKey::Dashboard(_) => None,
    }
}
