//! A cache whose time a test lets pass, and which fails when told to.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use super::lock;
use crate::failure::Failure;
use crate::ids::CallId;
use crate::ports::{Basis, Cache, CacheKey, Entry, Found, Lease, LiveList, Looked, Stamp};
use crate::time::Timestamp;

#[derive(Default)]
pub struct MemoryCache {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Since the cache was made.
    now: Duration,
    places: HashMap<String, Place>,
    /// What was cleared may have had any lease.
    cleared: u64,
    live: HashMap<CallId, Timestamp>,
    failing: bool,
}

/// One entry per name, as outside: tenants share it.
#[derive(Default)]
struct Place {
    changes: u64,
    known: Option<Stamp>,
    body: Option<Kept>,
    outdated_at: Option<Duration>,
}

struct Kept {
    entry: Entry,
    put_at: Duration,
    gone_at: Duration,
}

impl MemoryCache {
    pub fn pass(&self, time: Duration) {
        lock(&self.state).now += time;
    }

    pub fn fail(&self, failing: bool) {
        lock(&self.state).failing = failing;
    }

    /// Ids of the calls that are listed as live, in the order in which they started.
    pub fn listed(&self) -> Vec<String> {
        let mut live: Vec<_> = lock(&self.state).live.iter().map(|(id, at)| (*at, id.to_string())).collect();
        live.sort();
        live.into_iter().map(|(_, id)| id).collect()
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, Failure> {
        let mut state = lock(&self.state);
        if state.failing { Err(Failure::retry("cache: told to fail")) } else { Ok(work(&mut state)) }
    }
}

impl State {
    fn place(&mut self, key: &CacheKey) -> &mut Place {
        let cleared = self.cleared;
        self.places.entry(key.name()).or_insert_with(|| Place { changes: cleared, ..Place::default() })
    }
}

impl Place {
    fn put(&mut self, entry: &Entry, basis: Basis, now: Duration, ttl: Duration) -> bool {
        let moved_on = matches!(basis, Basis::Loaded(Lease(lease)) if lease != self.changes);
        let older = self.known.as_ref().is_some_and(|known| !entry.stamp.replaces(known, basis));
        // News of what is out of date, or was forgotten, may be as old as what they are put over.
        let lost = basis == Basis::News && self.outdated_at.is_some() && self.body.is_none();
        if moved_on || older || lost {
            return false;
        }
        if basis != Basis::News {
            self.outdated_at = None;
        }
        self.known = Some(entry.stamp.clone());
        self.body = Some(Kept { entry: entry.clone(), put_at: now, gone_at: now + ttl });
        self.changes += 1;
        true
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &CacheKey) -> Result<Looked, Failure> {
        self.with(|state| {
            let now = state.now;
            let place = state.place(key);
            let kept = place.body.as_ref().filter(|kept| kept.gone_at > now);
            let kept = kept.filter(|kept| key.admits(kept.entry.stamp.tenant.as_ref()));
            let found = kept.map(|kept| Found { entry: kept.entry.clone(), age: now - kept.put_at });
            let outdated_for = place.outdated_at.map(|at| now - at);
            Looked { found, lease: Lease(place.changes), outdated_for }
        })
    }

    async fn put(&self, key: &CacheKey, entry: &Entry, basis: Basis, ttl: Duration) -> Result<bool, Failure> {
        self.with(|state| {
            let now = state.now;
            state.place(key).put(entry, basis, now, ttl)
        })
    }

    async fn outdate(&self, key: &CacheKey) -> Result<(), Failure> {
        self.with(|state| {
            let now = state.now;
            let place = state.place(key);
            place.outdated_at.get_or_insert(now);
            place.changes += 1;
        })
    }

    async fn forget(&self, key: &CacheKey) -> Result<(), Failure> {
        self.with(|state| {
            let now = state.now;
            let place = state.place(key);
            *place = Place { changes: place.changes + 1, outdated_at: Some(now), ..Place::default() };
        })
    }

    async fn clear(&self) -> Result<(), Failure> {
        self.with(|state| {
            state.cleared = state.places.values().map(|place| place.changes).max().unwrap_or(state.cleared) + 1;
            state.places.clear();
            state.live.clear();
        })
    }
}

#[async_trait]
impl LiveList for MemoryCache {
    async fn show(&self, live: &[(CallId, Timestamp)]) -> Result<(), Failure> {
        self.with(|state| state.live = live.iter().cloned().collect())
    }

    async fn change(&self, calls: &[(CallId, Option<Timestamp>)]) -> Result<usize, Failure> {
        self.with(|state| {
            for (id, since) in calls {
                match since {
                    Some(since) => drop(state.live.insert(id.clone(), *since)),
                    None => drop(state.live.remove(id)),
                }
            }
            state.live.len()
        })
    }
}
