//! When what the front has was last compared with what is behind.

use std::collections::HashMap;
use std::time::Duration;

use engine::ports::CacheKey;
use parking_lot::Mutex;
use tokio::time::Instant;

/// So many notes, and those that are of no use any more are thrown away.
const MOST: usize = 10_000;

pub(super) struct Checks {
    after: Duration,
    noted: Mutex<HashMap<CacheKey, Instant>>,
}

impl Checks {
    pub fn new(after: Duration) -> Checks {
        Checks { after, noted: Mutex::default() }
    }

    pub fn note(&self, key: &CacheKey) {
        let mut noted = self.noted.lock();
        if noted.len() >= MOST {
            noted.retain(|_, at| at.elapsed() < self.after);
            // All of them of use: the next ones are compared once more than needed.
            if noted.len() >= MOST {
                noted.clear();
            }
        }
        noted.insert(key.clone(), Instant::now());
    }

    /// Whether an entry that was put so long ago needs no comparing.
    pub fn is_fresh(&self, key: &CacheKey, age: Duration) -> bool {
        age < self.after || self.noted.lock().get(key).is_some_and(|at| at.elapsed() < self.after)
    }
}
