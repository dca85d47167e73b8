//! The cache behind the front: shared with others, across a network. Asked within a budget, left alone while it fails,
//! and not believed about anything older than the last thing we could not tell it.

use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::ids::CallId;
use engine::ports::{Basis, Cache, CacheKey, Entry, Found, LiveList, Looked};
use engine::time::Timestamp;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::limits::Limits;
use crate::metrics::cache::{self as metrics, BEHIND, Outcome};

pub(super) struct Behind {
    cache: Arc<dyn Cache>,
    budget: Duration,
    /// Failures in a row after which it is left alone, and for how long.
    failures: u32,
    rest: Duration,
    health: Mutex<Health>,
}

struct Health {
    failures: u32,
    rests_until: Option<Instant>,
    /// What is older may lack a change: one of ours that did not arrive, or one from before we were there.
    trusted_since: Instant,
    /// Why the last of each failed, if it did: one may work where another does not.
    troubles: [Option<String>; 3],
}

/// What is asked of it.
#[derive(Clone, Copy)]
enum Asking {
    Read,
    Write,
    List,
}

/// How it fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Why the last thing that was asked of it failed; none when that worked.
    pub trouble: Option<String>,
}

impl Behind {
    pub fn new(cache: Arc<dyn Cache>, limits: &Limits) -> Behind {
        let health =
            Health { failures: 0, rests_until: None, trusted_since: Instant::now(), troubles: [const { None }; 3] };
        Behind {
            cache,
            budget: limits.cache_budget,
            failures: limits.cache_failures,
            rest: limits.cache_rest,
            health: Mutex::new(health),
        }
    }

    pub fn standing(&self) -> Standing {
        Standing { trouble: self.health.lock().troubles.iter().flatten().next().cloned() }
    }

    /// It would not be asked now.
    pub fn rests(&self) -> bool {
        self.health.lock().rests_until.is_some_and(|until| Instant::now() < until)
    }

    pub fn trusts(&self, found: &Found) -> bool {
        found.age <= self.health.lock().trusted_since.elapsed()
    }

    /// Changes of ours may have been lost on the way.
    pub fn distrust(&self) {
        self.health.lock().trusted_since = Instant::now();
    }

    pub fn asked(&self, outcome: Outcome) {
        metrics::asked(BEHIND, outcome);
    }

    pub async fn get(&self, key: &CacheKey) -> Option<Looked> {
        let looked = self.guard(Asking::Read, self.cache.get(key)).await;
        looked.inspect_err(|outcome| self.asked(*outcome)).ok()
    }

    /// False when it could not be reached.
    pub async fn put(&self, key: &CacheKey, entry: &Entry, basis: Basis, ttl: Duration) -> bool {
        let put = self.guard(Asking::Write, self.cache.put(key, entry, basis, ttl)).await;
        put.inspect_err(|_| self.distrust()).is_ok()
    }

    pub async fn outdate(&self, key: &CacheKey) -> bool {
        let outdated = self.guard(Asking::Write, self.cache.outdate(key)).await;
        outdated.inspect_err(|_| self.distrust()).is_ok()
    }

    /// `None` when it could not be reached.
    pub async fn list(&self, list: &dyn LiveList, changes: &[(CallId, Option<Timestamp>)]) -> Option<usize> {
        self.guard(Asking::List, list.change(changes)).await.ok()
    }

    /// Asked also while it rests: what is to be erased is worth a try.
    pub async fn forget(&self, key: &CacheKey) -> Result<(), Failure> {
        self.distrust();
        self.cache.forget(key).await
    }

    pub async fn clear(&self) -> Result<(), Failure> {
        self.distrust();
        self.cache.clear().await
    }

    async fn guard<T>(&self, what: Asking, asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Outcome> {
        if !self.admits() {
            return Err(Outcome::Skipped);
        }
        let asked = timeout(self.budget, asking).await;
        let asked = asked.unwrap_or_else(|_| Err(Failure::retry("no answer in time")));
        self.learn(what, asked.as_ref().err());
        asked.map_err(|_| Outcome::Error)
    }

    fn admits(&self) -> bool {
        let mut health = self.health.lock();
        let now = Instant::now();
        match health.rests_until {
            Some(until) if now < until => false,
            Some(_) => {
                // One tries; should it hang, the next may try after another rest.
                health.rests_until = Some(now + self.rest);
                true
            }
            None => true,
        }
    }

    fn learn(&self, what: Asking, failure: Option<&Failure>) {
        let mut health = self.health.lock();
        let was_well = health.troubles.iter().all(Option::is_none);
        health.troubles[what as usize] = failure.map(Failure::to_string);
        let Some(failure) = failure else {
            (health.failures, health.rests_until) = (0, None);
            if !was_well && health.troubles.iter().all(Option::is_none) {
                tracing::info!("cache works again");
            }
            return;
        };
        if was_well {
            tracing::warn!(%failure, "cache failed, reads go to the store");
        }
        health.failures = health.failures.saturating_add(1);
        if health.failures >= self.failures {
            health.rests_until = Some(Instant::now() + self.rest);
        }
    }
}
