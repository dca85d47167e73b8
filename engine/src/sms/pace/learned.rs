//! What the carrier taught us about a limit: halved when it says "too fast", given back a little every minute.

use std::time::Duration;

use super::Moment;

/// Given back per minute, of the configured rate.
const BACK_PER_MINUTE: f64 = 0.05;

const LEAST: f64 = 1.0 / 64.0;

/// What is left of a learned factor after a while: 1 is the configured rate again.
pub fn recovered(factor: f64, after: Duration) -> f64 {
    Learned::at(factor, Moment::ZERO).factor(after)
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    factor: f64,
    since: Moment,
}

impl Default for Learned {
    fn default() -> Learned {
        Learned { factor: 1.0, since: Moment::ZERO }
    }
}

impl Learned {
    /// Nonsense is the configured rate.
    pub fn at(factor: f64, since: Moment) -> Learned {
        let factor = if factor.is_finite() { factor.clamp(LEAST, 1.0) } else { 1.0 };
        Learned { factor, since }
    }

    /// Above 0, at most 1.
    pub fn factor(&self, now: Moment) -> f64 {
        let minutes = now.saturating_sub(self.since).as_secs_f64() / 60.0;
        (self.factor + BACK_PER_MINUTE * minutes).min(1.0)
    }

    pub fn halve(&mut self, now: Moment) {
        *self = Learned::at(self.factor(now) / 2.0, now);
    }
}
