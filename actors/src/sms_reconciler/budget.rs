//! How many questions a carrier may be asked besides the messages it is given.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::Limits;

/// Most questions that can be saved up.
const MOST: f64 = 100.0;

/// A share of what is sent, and one now and then where nothing is.
pub struct Budget {
    share: f64,
    every: Duration,
    credit: f64,
    sends_seen: u64,
    free_at: Instant,
}

impl Budget {
    pub fn new(limits: &Limits, now: Instant) -> Budget {
        Budget { share: limits.sweep_share, every: limits.sweep_every, credit: 0.0, sends_seen: 0, free_at: now }
    }

    /// How many may be asked now, after so many sends in all.
    pub fn allows(&mut self, sends: u64, now: Instant) -> usize {
        let new = sends.saturating_sub(self.sends_seen);
        self.sends_seen = sends;
        self.credit = (self.credit + new as f64 * self.share).min(MOST);
        if self.credit < 1.0 && now >= self.free_at {
            self.credit += 1.0;
            self.free_at = now + self.every;
        }
        self.credit as usize
    }

    pub fn spend(&mut self, questions: usize) {
        self.credit = (self.credit - questions as f64).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_what_is_sent_may_be_asked() {
        let start = Instant::now();
        let mut budget = Budget::new(&Limits::default(), start);
        budget.allows(0, start);
        budget.spend(1);
        assert_eq!(budget.allows(9, start), 0);
        assert_eq!(budget.allows(10, start), 1);
        budget.spend(1);
        assert_eq!(budget.allows(60, start), 5);
        budget.spend(2);
        assert_eq!(budget.allows(60, start), 3);
        assert_eq!(budget.allows(1_000_000, start), 100, "what can be saved up is bounded");
    }

    #[test]
    fn one_now_and_then_is_allowed_where_nothing_is_sent() {
        let start = Instant::now();
        let mut budget = Budget::new(&Limits::default(), start);
        assert_eq!(budget.allows(0, start), 1);
        budget.spend(1);
        assert_eq!(budget.allows(0, start + Duration::from_secs(4)), 0);
        assert_eq!(budget.allows(0, start + Duration::from_secs(5)), 1);
        assert_eq!(budget.allows(0, start + Duration::from_secs(60)), 1, "it does not pile up");
    }
}
