//! The cache of this process, bounded in bytes: what is read seldom gives way to what is read often.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::CallId;
use engine::ports::{Basis, Cache, CacheKey, Entry, Found, Lease, Looked};
use metrics::{counter, gauge};
use moka::Expiry;
use moka::notification::RemovalCause;
use parking_lot::Mutex;

/// Places are changed under one of so many locks; places that share one share their lease too, which costs a load.
const LOCKS: usize = 1024;
/// What an entry takes besides its body, about.
const OVERHEAD_BYTES: usize = 400;
/// How long it is remembered that something changed that is not kept: longer than any news of it is on its way.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Entries live up to this share shorter than asked for, so that what came together does not go together.
const JITTER: f64 = 0.2;

pub struct LocalCache {
    places: moka::sync::Cache<Place, Slots>,
    /// How many changes the places of each lock have seen.
    locks: Box<[Mutex<u64>]>,
    hasher: RandomState,
}

/// Tenants may have calls of the same id: they share a place and nothing else.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    Call(CallId),
    Figures(CacheKey),
}

/// What is kept in a place, of each tenant; nearly always one.
type Slots = Arc<[Slot]>;

#[derive(Clone)]
struct Slot {
    key: CacheKey,
    /// None: it is only known that something changed.
    entry: Option<Entry>,
    put_at: Instant,
    gone_at: Instant,
    outdated_at: Option<Instant>,
}

/// A place is gone when everything in it is.
struct Lifetime;

impl LocalCache {
    /// At most about so many bytes.
    pub fn new(bytes: u64) -> LocalCache {
        let places = moka::sync::Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, slots: &Slots| slots.iter().map(Slot::weight).sum())
            .expire_after(Lifetime)
            .eviction_listener(|_, _, cause| {
                if cause == RemovalCause::Size {
                    counter!("cordboard_cache_evictions_total").increment(1);
                }
            })
            .build();
        let locks = (0..LOCKS).map(|_| Mutex::new(0)).collect();
        LocalCache { places, locks, hasher: RandomState::new() }
    }

    /// Sets the gauges: they are read seldom and change often.
    pub fn measure(&self) {
        self.places.run_pending_tasks();
        gauge!("cordboard_cache_entries").set(self.places.entry_count() as f64);
        gauge!("cordboard_cache_bytes").set(self.places.weighted_size() as f64);
    }

    fn lock(&self, place: &Place) -> &Mutex<u64> {
        let hash = self.hasher.hash_one(place);
        &self.locks[usize::try_from(hash % LOCKS as u64).expect("less than the number of locks")]
    }

    /// Changes what is kept of one tenant in a place, under its lock; `change` says what becomes of the slot it is given.
    fn change<T>(&self, key: &CacheKey, change: impl FnOnce(Option<&Slot>, Lease) -> (Option<Slot>, T)) -> T {
        let place = Place::of(key);
        let mut changes = self.lock(&place).lock();
        let now = Instant::now();
        let slots = self.places.get(&place).unwrap_or_default();
        let known = slots.iter().find(|slot| slot.key == *key && slot.gone_at > now);
        let (slot, told) = change(known, Lease(*changes));
        if let Some(slot) = slot {
            let others = slots.iter().filter(|other| other.key != *key && other.gone_at > now).cloned();
            let slots: Slots = others.chain([slot]).collect();
            self.places.insert(place, slots);
            *changes += 1;
        }
        told
    }
}

impl Place {
    fn of(key: &CacheKey) -> Place {
        match key {
            CacheKey::Call { id, .. } => Place::Call(id.clone()),
            figures @ CacheKey::Dashboard(_) => Place::Figures(figures.clone()),
        }
    }
}

impl Slot {
    fn weight(&self) -> u32 {
        let body = self.entry.as_ref().map_or(0, |entry| entry.body.len());
        u32::try_from(body + OVERHEAD_BYTES).unwrap_or(u32::MAX)
    }

    fn found(&self) -> Option<Found> {
        Some(Found { entry: self.entry.clone()?, age: self.put_at.elapsed() })
    }

    fn outdated(known: Option<&Slot>, key: &CacheKey) -> Slot {
        let now = Instant::now();
        let nothing =
            || Slot { key: key.clone(), entry: None, put_at: now, gone_at: now + REMEMBERED, outdated_at: Some(now) };
        let mut slot = known.cloned().unwrap_or_else(nothing);
        slot.outdated_at.get_or_insert(now);
        slot
    }
}

impl Expiry<Place, Slots> for Lifetime {
    fn expire_after_create(&self, _: &Place, slots: &Slots, now: Instant) -> Option<Duration> {
        slots.iter().map(|slot| slot.gone_at.saturating_duration_since(now)).max()
    }

    fn expire_after_update(&self, place: &Place, slots: &Slots, now: Instant, _: Option<Duration>) -> Option<Duration> {
        self.expire_after_create(place, slots, now)
    }
}

#[async_trait]
impl Cache for LocalCache {
    async fn get(&self, key: &CacheKey) -> Result<Looked, Failure> {
        let place = Place::of(key);
        let changes = self.lock(&place).lock();
        let slots = self.places.get(&place).unwrap_or_default();
        let lease = Lease(*changes);
        drop(changes);
        let now = Instant::now();
        let asked_for = |slot: &&Slot| slot.gone_at > now && (slot.key == *key || key.of_anybody() == *key);
        let newest = |slot: &&Slot| slot.entry.as_ref().map(|entry| entry.stamp.at);
        let slot = slots.iter().filter(asked_for).max_by_key(newest);
        let outdated_for = slot.and_then(|slot| slot.outdated_at).map(|at| at.elapsed());
        Ok(Looked { found: slot.and_then(Slot::found), lease, outdated_for })
    }

    async fn put(&self, key: &CacheKey, entry: &Entry, basis: Basis, ttl: Duration) -> Result<bool, Failure> {
        let key = match key {
            CacheKey::Call { id, .. } => CacheKey::Call { tenant: entry.stamp.tenant.clone(), id: id.clone() },
            figures @ CacheKey::Dashboard(_) => figures.clone(),
        };
        let put = |known: Option<&Slot>, lease: Lease| {
            let older = known
                .and_then(|slot| slot.entry.as_ref())
                .is_some_and(|known| !entry.stamp.replaces(&known.stamp, basis));
            let moved_on = matches!(basis, Basis::Loaded(of) if of != lease);
            let outdated_at = known.and_then(|slot| slot.outdated_at).filter(|_| basis == Basis::News);
            let lost = outdated_at.is_some() && known.is_some_and(|slot| slot.entry.is_none());
            if older || moved_on || lost {
                return (None, false);
            }
            let now = Instant::now();
            let gone_at = now + ttl.mul_f64(1.0 - rand::random_range(0.0..JITTER));
            let slot = Slot { key: key.clone(), entry: Some(entry.clone()), put_at: now, gone_at, outdated_at };
            (Some(slot), true)
        };
        Ok(self.change(&key, put))
    }

    async fn outdate(&self, key: &CacheKey) -> Result<(), Failure> {
        self.change(key, |known, _| (Some(Slot::outdated(known, key)), ()));
        Ok(())
    }

    async fn forget(&self, key: &CacheKey) -> Result<(), Failure> {
        self.change(key, |_, _| (Some(Slot::outdated(None, key)), ()));
        Ok(())
    }

    async fn clear(&self) -> Result<(), Failure> {
        self.places.invalidate_all();
        self.locks.iter().for_each(|lock| *lock.lock() += 1);
        Ok(())
    }
}
