//! What is read again and again without asking the store: calls, and whatever else says how it is loaded.
//!
//! ```text
//! read → front (in process) ─ hit
//!            └─ miss → one flight per key → behind (shared, if there is one) ─ hit
//!                                                └─ miss → a permit → the store → put in both
//! ```
//! The front is changed before anybody is told of a change ([`ReadThrough::heard`]), and a read after a commit waits for
//! it ([`ReadThrough::committed`]): nobody is shown less than they were told. What is behind may be away, slow or wrong:
//! it then costs a few short waits and fails nothing.

mod ahead;
mod behind;
mod checks;
mod filler;
mod flights;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use engine::call::{CallView, Fact, Frame};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, TenantId};
use engine::ports::{Basis, Cache, CacheKey, Entry, FindsCalls, Found, Lease, Looked, Stamp, Update};
use engine::priority::Priority;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use self::ahead::Ahead;
use self::behind::Behind;
pub use self::behind::Standing;
use self::checks::Checks;
pub use self::filler::Filler;
use self::flights::{Flight, Flights};
use crate::limits::Limits;
use crate::metrics::cache::{self as metrics, FRONT, Outcome};

/// What a read came to: `None` is that there is no such thing.
pub type Answer = Result<Option<Entry>, Failure>;

/// One thing that is read through the cache.
#[derive(Clone)]
pub struct Wanted {
    pub key: CacheKey,
    /// How long it is kept at most, here and behind.
    pub ttl: Duration,
    /// How long it is good without anybody saying so. After that it is loaded again before it is shown.
    pub good_for: Duration,
    /// Whether an entry from outside this process is what somebody of ours would have written under this key.
    pub genuine: fn(&CacheKey, &Entry) -> bool,
}

/// Reads through the cache. Cheap to clone.
#[derive(Clone)]
pub struct ReadThrough(Arc<Inner>);

struct Inner {
    front: Arc<dyn Cache>,
    behind: Option<Behind>,
    store: Arc<dyn FindsCalls>,
    ahead: Ahead,
    flights: Flights,
    checks: Checks,
    /// Reads of the store at once.
    loads: Semaphore,
    /// Loads outlive the request that asked first: others wait for them too.
    runtime: Handle,
    ttl: Duration,
    good_for: Duration,
    fill_within: Duration,
    stale_for: Duration,
}

/// What may be done with what the front has.
enum Verdict {
    Good(Entry),
    /// Good, and old enough to be loaded again beside.
    Aging(Entry),
    /// Good if nobody else knows better.
    Unchecked(Found),
    /// Of no use once it has been so for `stale_for`, unless nothing better can be had.
    Outdated(Entry, Duration, Changed),
    Missing(Changed),
}

/// Whether it is known that something changed: what others have may then be as old as what we have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changed {
    Yes,
    No,
}

/// What comes of comparing what we have with what others have.
enum Settled {
    /// And they do not have it.
    Ours(Found),
    Both(Found),
    Theirs(Found),
    /// Only the store can tell.
    Nobodys,
}

impl ReadThrough {
    pub fn new(
        front: Arc<dyn Cache>,
        behind: Option<Arc<dyn Cache>>,
        store: Arc<dyn FindsCalls>,
        limits: &Limits,
    ) -> ReadThrough {
        ReadThrough(Arc::new(Inner {
            front,
            behind: behind.map(|cache| Behind::new(cache, limits)),
            store,
            ahead: Ahead::default(),
            flights: Flights::default(),
            checks: Checks::new(limits.cache_check_after),
            loads: Semaphore::new(limits.cache_loads),
            runtime: Handle::current(),
            ttl: limits.cache_ttl,
            good_for: limits.cache_good_for,
            fill_within: limits.cache_fill_within,
            stale_for: limits.cache_stale_for,
        }))
    }

    /// The call as it is served, if it is this tenant's; with `None`, whichever of this id changed last.
    pub async fn call(&self, tenant: Option<&TenantId>, id: &CallId) -> Answer {
        let (wanted, load) = self.wanted_call(tenant, id);
        self.cached(wanted, load).await
    }

    /// Reads what is wanted; `load` asks the store, and is not called when that is not needed.
    pub async fn cached<F>(&self, wanted: Wanted, load: impl FnOnce() -> F + Send + 'static) -> Answer
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let looked = self.look(&wanted.key).await;
        match self.judge(&wanted, looked) {
            Verdict::Good(entry) => Ok(Some(metrics::counted(FRONT, Outcome::Hit, entry))),
            Verdict::Aging(entry) => {
                drop(self.fly(wanted, None, Changed::No, load));
                Ok(Some(metrics::counted(FRONT, Outcome::Hit, entry)))
            }
            Verdict::Unchecked(found) => {
                let entry = found.entry.clone();
                let checked = self.fly(wanted, Some(found), Changed::No, load).await;
                let confirmed = !matches!(&checked, Ok(other) if other.as_ref() != Some(&entry));
                metrics::asked(FRONT, if confirmed { Outcome::Hit } else { Outcome::Miss });
                checked.or(Ok(Some(entry)))
            }
            Verdict::Outdated(entry, since, changed) => {
                let flight = self.fly(wanted, None, changed, load);
                self.instead_of(entry, since, flight).await
            }
            Verdict::Missing(changed) => {
                metrics::asked(FRONT, Outcome::Miss);
                self.fly(wanted, None, changed, load).await
            }
        }
    }

    /// Recorded, and about to be told: a read from now on shows at least this.
    pub async fn committed(&self, frame: &Frame) {
        self.0.ahead.note(&frame.call, frame.seq);
        self.0.flights.cut(&CacheKey::call(&frame.call));
        if !counts(frame) {
            return;
        }
        for key in [Some(frame.call.tenant.clone()), None].map(CacheKey::Dashboard) {
            let _ = self.0.front.outdate(&key).await;
            self.0.flights.cut(&key);
        }
    }

    /// Somebody is about to be told of this.
    pub async fn heard(&self, update: &Update) {
        let inner = &self.0;
        match update {
            Update::Call { call, .. } => {
                let entry = entry_of(call);
                let _ = inner.front.put(&key_of(call), &entry, Basis::News, inner.ttl).await;
                inner.ahead.reached(&call.id, &entry.stamp);
            }
            Update::Erased { tenant, id } => {
                let key = CacheKey::Call { tenant: Some(tenant.clone()), id: id.clone() };
                let _ = inner.front.forget(&key).await;
                inner.flights.cut(&key);
            }
            update => {
                let Some(key) = shown_in(update) else { return };
                let _ = inner.front.outdate(&key).await;
                inner.flights.cut(&key);
            }
        }
    }

    /// Calls as the store has them now.
    pub async fn warm(&self, calls: &[Arc<CallView>]) {
        for call in calls {
            let _ = self.0.front.put(&key_of(call), &entry_of(call), Basis::News, self.0.ttl).await;
        }
    }

    /// Erases what is kept of a call, here and behind. Fails when what is behind cannot be reached: it then keeps the
    /// call until its time is over.
    pub async fn forget(&self, call: &CallKey) -> Result<(), Failure> {
        let key = CacheKey::call(call);
        self.0.front.forget(&key).await?;
        self.0.flights.cut(&key);
        match &self.0.behind {
            Some(behind) => behind.forget(&key).await,
            None => Ok(()),
        }
    }

    /// Erases everything that is kept, here and behind.
    pub async fn forget_all(&self) -> Result<(), Failure> {
        self.0.front.clear().await?;
        self.0.flights.cut_all();
        match &self.0.behind {
            Some(behind) => behind.clear().await,
            None => Ok(()),
        }
    }

    /// How what is behind fares; `None` when there is nothing behind.
    pub fn standing(&self) -> Option<Standing> {
        self.0.behind.as_ref().map(Behind::standing)
    }

    fn wanted_call(
        &self,
        tenant: Option<&TenantId>,
        id: &CallId,
    ) -> (Wanted, impl FnOnce() -> futures_util::future::BoxFuture<'static, Answer> + Send + 'static) {
        let (tenant, id, store) = (tenant.cloned(), id.clone(), self.0.store.clone());
        let key = CacheKey::Call { tenant: tenant.clone(), id: id.clone() };
        let load = move || -> futures_util::future::BoxFuture<'static, Answer> {
            Box::pin(async move { Ok(store.find(tenant.as_ref(), &id).await?.map(|call| entry_of(&call))) })
        };
        (Wanted { key, ttl: self.0.ttl, good_for: self.0.good_for, genuine: is_call }, load)
    }

    /// What the front has, once it has what was committed. Where that takes long the store is asked instead.
    async fn look(&self, key: &CacheKey) -> Looked {
        let deadline = Instant::now() + self.0.fill_within;
        loop {
            let told = self.0.ahead.told();
            let looked = self.peek(key).await;
            if !self.found_lags(key, &looked) {
                return looked;
            }
            if timeout_at(deadline, told).await.is_err() {
                return Looked { outdated_for: Some(Duration::MAX), ..looked };
            }
        }
    }

    /// A front that fails has nothing.
    async fn peek(&self, key: &CacheKey) -> Looked {
        let nothing = Looked { found: None, lease: Lease(0), outdated_for: None };
        self.0.front.get(key).await.unwrap_or(nothing)
    }

    fn found_lags(&self, key: &CacheKey, looked: &Looked) -> bool {
        looked.found.as_ref().is_some_and(|found| self.lags(key, &found.entry.stamp))
    }

    fn lags(&self, key: &CacheKey, stamp: &Stamp) -> bool {
        matches!(key, CacheKey::Call { id, .. } if self.0.ahead.is_ahead_of(id, stamp))
    }

    fn judge(&self, wanted: &Wanted, looked: Looked) -> Verdict {
        let Looked { found, outdated_for, .. } = looked;
        let Some(found) = found else {
            return Verdict::Missing(if outdated_for.is_some() { Changed::Yes } else { Changed::No });
        };
        if let Some(since) = outdated_for {
            return Verdict::Outdated(found.entry, since, Changed::Yes);
        }
        if found.age >= wanted.good_for {
            return Verdict::Outdated(found.entry, found.age - wanted.good_for, Changed::No);
        }
        if !wanted.is_young(&found) {
            return Verdict::Aging(found.entry);
        }
        match &self.0.behind {
            Some(behind) if !self.0.checks.is_fresh(&wanted.key, found.age) && !behind.rests() => {
                Verdict::Unchecked(found)
            }
            _ => Verdict::Good(found.entry),
        }
    }

    /// Waits for the store, but not longer than what we have may be shown; where the store fails, it is the best there is.
    async fn instead_of(&self, entry: Entry, since: Duration, flight: Flight) -> Answer {
        let left = self.0.stale_for.saturating_sub(since);
        let landed = match timeout(left / 2, flight.clone()).await {
            Ok(landed) => landed,
            Err(_) if left.is_zero() => flight.await,
            Err(_) => Err(Failure::retry("cache: the store is slow")),
        };
        match landed {
            Ok(loaded) => {
                metrics::asked(FRONT, Outcome::Miss);
                Ok(loaded)
            }
            Err(_) => Ok(Some(metrics::counted(FRONT, Outcome::Stale, entry))),
        }
    }

    /// Joins the flight for this key, or starts one.
    fn fly<F>(
        &self,
        wanted: Wanted,
        known: Option<Found>,
        changed: Changed,
        load: impl FnOnce() -> F + Send + 'static,
    ) -> Flight
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let this = self.clone();
        self.0.flights.join(&self.0.runtime, wanted.key.clone(), move || async move {
            this.fetch(wanted, known, changed, load).await
        })
    }

    /// Leases are taken first: what happens while we ask is not overwritten by what we heard.
    async fn fetch<F>(
        &self,
        wanted: Wanted,
        known: Option<Found>,
        changed: Changed,
        load: impl FnOnce() -> F + Send,
    ) -> Answer
    where
        F: Future<Output = Answer> + Send,
    {
        let looked = self.peek(&wanted.key).await;
        let here = looked.lease;
        // Another flight may have landed between our first look and this one.
        if known.is_none()
            && changed == Changed::No
            && !self.found_lags(&wanted.key, &looked)
            && let Verdict::Good(entry) = self.judge(&wanted, looked)
        {
            return Ok(Some(entry));
        }
        let there = match &self.0.behind {
            Some(behind) => behind.get(&wanted.key).await,
            None => None,
        };
        let lease = there.as_ref().map(|looked| looked.lease);
        match self.settle(&wanted, known, there.filter(|_| changed == Changed::No)) {
            Settled::Ours(found) => {
                self.0.checks.note(&wanted.key);
                self.lend(&wanted, &found, lease);
                Ok(Some(found.entry))
            }
            Settled::Both(found) => {
                self.0.checks.note(&wanted.key);
                Ok(Some(found.entry))
            }
            Settled::Theirs(found) => {
                self.0.checks.note(&wanted.key);
                self.keep(&wanted, &found, here).await;
                Ok(Some(found.entry))
            }
            Settled::Nobodys => {
                let permit = self.0.loads.acquire().await.expect("never closed");
                let loaded = load().await?;
                drop(permit);
                let Some(entry) = loaded else {
                    // Erased behind our back.
                    let _ = self.0.front.forget(&wanted.key).await;
                    return Ok(None);
                };
                let found = Found { entry, age: Duration::ZERO };
                self.keep(&wanted, &found, here).await;
                self.lend(&wanted, &found, lease);
                Ok(Some(found.entry))
            }
        }
    }

    /// What we know against what others know.
    fn settle(&self, wanted: &Wanted, known: Option<Found>, looked: Option<Looked>) -> Settled {
        let ours = |known: Option<Found>| known.map_or(Settled::Nobodys, Settled::Ours);
        let (Some(behind), Some(looked)) = (&self.0.behind, looked) else { return ours(known) };
        let changed = looked.outdated_for.is_some();
        let good = |found: &Found| {
            let Entry { stamp, .. } = &found.entry;
            !changed
                && behind.trusts(found)
                && wanted.is_young(found)
                && wanted.key.admits(stamp.tenant.as_ref())
                && !self.lags(&wanted.key, stamp)
                && (wanted.genuine)(&wanted.key, &found.entry)
        };
        let theirs = looked.found.filter(good);
        behind.asked(if theirs.is_some() { Outcome::Hit } else { Outcome::Miss });
        match (known, theirs) {
            // Something they were told of, and we perhaps not.
            _ if changed => Settled::Nobodys,
            (Some(known), Some(theirs)) if theirs.entry.stamp.seq < known.entry.stamp.seq => Settled::Ours(known),
            (Some(known), Some(theirs)) if theirs.entry == known.entry => Settled::Both(known),
            (_, Some(theirs)) => Settled::Theirs(theirs),
            (known, None) => ours(known),
        }
    }

    /// For the rest of its time.
    async fn keep(&self, wanted: &Wanted, found: &Found, lease: Lease) {
        let left = wanted.ttl.saturating_sub(found.age);
        let _ = self.0.front.put(&wanted.key, &found.entry, Basis::Loaded(lease), left).await;
        if let CacheKey::Call { id, .. } = &wanted.key {
            self.0.ahead.reached(id, &found.entry.stamp);
        }
    }

    /// Puts it behind, and lets nobody wait for that. Without a lease it was not reached, or nobody would have it.
    fn lend(&self, wanted: &Wanted, found: &Found, lease: Option<Lease>) {
        let Some(lease) = lease else { return };
        let (this, key, entry) = (self.clone(), wanted.key.clone(), found.entry.clone());
        let left = wanted.ttl.saturating_sub(found.age);
        self.0.runtime.spawn(async move {
            if let Some(behind) = &this.0.behind {
                behind.put(&key, &entry, Basis::Loaded(lease), left).await;
            }
        });
    }
}

impl Wanted {
    /// A quarter of its time is left for somebody to ask for it, and be answered, while it is loaded again.
    fn is_young(&self, found: &Found) -> bool {
        found.age < self.good_for && found.age < self.ttl / 4 * 3
    }
}

fn key_of(call: &CallView) -> CacheKey {
    CacheKey::Call { tenant: Some(call.tenant.clone()), id: call.id.clone() }
}

/// Whether there may be an emergency more on the line, or less.
fn counts(frame: &Frame) -> bool {
    let moves = |fact: &Fact| {
        matches!(
            fact,
            Fact::Status { .. }
                | Fact::PrioritySet { .. }
                | Fact::Ended(_)
                | Fact::Reported(_)
                | Fact::WentSilent { .. }
        )
    };
    frame.state.priority == Some(Priority::P1) && frame.facts.iter().any(moves)
}

/// The call in which a change shows that its own history does not tell of.
fn shown_in(update: &Update) -> Option<CacheKey> {
    let (tenant, call) = match update {
        Update::Sms { sms } => (&sms.tenant, sms.call.as_ref()),
        Update::Alert { alert } => (&alert.tenant, alert.call.as_ref()),
        Update::Call { .. } | Update::Erased { .. } | Update::Speaking { .. } => return None,
    };
    Some(CacheKey::Call { tenant: Some(tenant.clone()), id: call?.clone() })
}

fn entry_of(call: &CallView) -> Entry {
    let stamp = Stamp { tenant: Some(call.tenant.clone()), seq: call.seq, at: call.updated_at };
    Entry { stamp, body: serde_json::to_vec(call).expect("a call is JSON").into() }
}

/// It reads back as the very bytes we would have written: so it is of our version, of this call, of that tenant.
fn is_call(key: &CacheKey, entry: &Entry) -> bool {
    let CacheKey::Call { id, .. } = key else { return false };
    let Ok(call) = serde_json::from_slice::<CallView>(&entry.body) else { return false };
    call.id == *id && entry_of(&call) == *entry
}
