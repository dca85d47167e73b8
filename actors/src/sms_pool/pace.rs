//! When a sender may be used next: its own pace, and how long the carrier wants it left alone.
//!
//! A slot is taken only when a message is handed over. (A limiter that takes a slot to answer "may I?" would spend it
//! on an empty queue, and the emergency arriving next would wait for the one after.) There is no burst: what a sender
//! did not use while it was idle is lost, so that no window of a second ever holds more than its share.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// One sender: a number or a service that messages leave by.
pub(super) struct Pace {
    pub name: Arc<str>,
    /// Least time between two messages; zero is as fast as the carrier answers.
    interval: Duration,
    opens_at: Instant,
    /// Attempts refused unprocessed in a row. While there are any, one message at a time tries the door.
    refusals: u32,
    trying: bool,
}

impl Pace {
    pub fn new(name: &str, per_second: Option<f64>, now: Instant) -> Pace {
        let interval = per_second.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok()).unwrap_or_default();
        Pace { name: name.into(), interval, opens_at: now, refusals: 0, trying: false }
    }

    /// When the next slot opens; `None` while the answer of a message that tries the door is awaited.
    pub fn opens_at(&self) -> Option<Instant> {
        (!self.trying).then_some(self.opens_at)
    }

    pub fn is_open(&self, now: Instant) -> bool {
        self.opens_at().is_some_and(|at| at <= now)
    }

    /// How many messages may leave at once now that a slot is open, with `free` hands to carry them.
    pub fn room(&self, free: usize) -> usize {
        let one_by_one = self.refusals > 0 || !self.interval.is_zero();
        if one_by_one { free.min(1) } else { free }
    }

    /// A message leaves now. Returns the refusals before it, to be given back with its answer.
    pub fn takes_one(&mut self, now: Instant) -> u32 {
        self.opens_at = self.opens_at.max(now + self.interval);
        self.trying = self.refusals > 0;
        self.refusals
    }

    /// The answer to a message that left after `before` refusals. Those that were under way together when the first
    /// was refused count as one refusal, and their late successes do not clear it.
    pub fn hears(&mut self, before: u32, rest: Option<Duration>, now: Instant) {
        let newest = before >= self.refusals;
        match rest {
            Some(rest) => {
                self.refusals = self.refusals.max(before.saturating_add(1));
                self.opens_at = self.opens_at.max(now + rest);
            }
            None if newest => self.refusals = 0,
            None => {}
        }
        if newest {
            self.trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_paced_sender_opens_once_per_interval_and_never_catches_up() {
        let start = Instant::now();
        let mut pace = Pace::new("+15145550199", Some(2.0), start);
        assert_eq!((pace.is_open(start), pace.room(8)), (true, 1));
        pace.takes_one(start);
        assert!(!pace.is_open(start + SECOND / 4));
        assert!(pace.is_open(start + SECOND / 2));
        pace.takes_one(start + 10 * SECOND);
        assert_eq!(pace.opens_at(), Some(start + 10 * SECOND + SECOND / 2));
    }

    #[test]
    fn looking_takes_no_slot() {
        let start = Instant::now();
        let pace = Pace::new("+15145550199", Some(1.0), start);
        assert!((0..100).all(|_| pace.is_open(start)));
    }

    #[test]
    fn a_sender_without_a_pace_gives_all_hands_work() {
        for rate in [None, Some(0.0), Some(-1.0), Some(f64::NAN)] {
            let start = Instant::now();
            let mut pace = Pace::new("+15145550199", rate, start);
            pace.takes_one(start);
            assert_eq!((pace.is_open(start), pace.room(8)), (true, 8), "{rate:?}");
        }
    }

    #[test]
    fn messages_refused_together_are_one_refusal_and_then_one_at_a_time_tries_the_door() {
        let start = Instant::now();
        let mut pace = Pace::new("+15145550199", None, start);
        let before: Vec<u32> = (0..3).map(|_| pace.takes_one(start)).collect();
        before.into_iter().for_each(|before| pace.hears(before, Some(SECOND), start));
        assert!(!pace.is_open(start + SECOND / 2));
        assert_eq!(pace.room(8), 1);

        assert_eq!(pace.takes_one(start + SECOND), 1);
        assert_eq!(pace.opens_at(), None, "closed until that one is answered");
        pace.hears(0, None, start + SECOND);
        assert_eq!(pace.opens_at(), None, "a late success of before says nothing");
        pace.hears(1, None, start + SECOND);
        assert_eq!((pace.is_open(start + SECOND), pace.room(8)), (true, 8));
    }

    #[test]
    fn each_refusal_in_a_row_counts_one_more() {
        let start = Instant::now();
        let mut pace = Pace::new("+15145550199", None, start);
        for refusals in 0..4 {
            assert_eq!(pace.takes_one(start), refusals);
            pace.hears(refusals, Some(SECOND), start);
        }
    }
}
