//! A clock that moves when it is told to.

use std::sync::Mutex;
use std::time::Duration;

use super::lock;
use crate::ports::Clock;
use crate::time::Timestamp;

#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub fn at(now: Timestamp) -> ManualClock {
        ManualClock(Mutex::new(now))
    }

    pub fn set(&self, now: Timestamp) {
        *lock(&self.0) = now;
    }

    pub fn advance(&self, by: Duration) {
        let mut now = lock(&self.0);
        *now = now.plus(by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}
