//! When something may be used next: a sender, an account, a tenant, a recipient.
//!
//! Paces count segments, because that is what carriers count. Messages are spread evenly and nothing is saved up while
//! idle, so an emergency finds the next slot no further away than one interval. What makes the limit hold is the log of
//! what has left: in any window of a second no more than the limit, whatever else goes wrong. What makes the limit
//! *reached* is that being a little late for a slot does not move the slots after it.
//!
//! No slot is taken by asking. Time is passed in, as [`Moment`]s: the wall clock may jump, a pace must not.

mod learned;
mod levels;
mod recent;

use std::time::Duration;

use self::learned::Learned;
use self::recent::Recent;

pub use learned::recovered;
pub use levels::{Level, Levels, Rates};
pub use recent::Pairs;

/// Time passed since an origin the caller keeps, of a clock that never goes back.
pub type Moment = Duration;

/// How late a message may be for its slot without the slots after it moving too: a commit and a timer's grain.
const LATE: Duration = Duration::from_millis(50);

/// The most an answer's delay is taken for a delay of its request: a carrier whose answers take longer or shorter must not
/// cost more than a hundredth of the pace.
const DOUBT: Duration = Duration::from_millis(10);

/// The least: of two that left a second apart, the first may be a little longer under way though its answer was quick.
const EDGE: Duration = Duration::from_millis(4);

/// One limit in segments per second.
#[derive(Clone, Debug)]
pub struct Pace {
    /// As configured; above zero.
    per_second: f64,
    learned: Learned,
    /// The next slot, by the even spread alone.
    next: Moment,
    recent: Recent,
    /// The slot was open and nothing wanted it: the even spread begins anew with the next message.
    idle: bool,
    /// The quickest answer of late.
    quickest: Option<Duration>,
}

impl Pace {
    /// `None` for a rate that is no limit: not above zero, or so low that a slot would never come.
    pub fn new(per_second: f64) -> Option<Pace> {
        is_usable(per_second).then(|| Pace {
            per_second,
            learned: Learned::default(),
            next: Moment::ZERO,
            recent: Recent::default(),
            idle: true,
            quickest: None,
        })
    }

    /// From now on it goes by another rate; false when that is no limit. What has left still counts.
    pub fn goes_by(&mut self, per_second: f64) -> bool {
        if is_usable(per_second) {
            self.per_second = per_second;
        }
        is_usable(per_second)
    }

    /// Segments per second it goes by now: the configured rate, or what was learned of the carrier.
    pub fn rate(&self, now: Moment) -> f64 {
        self.per_second * self.learned.factor(now)
    }

    /// When a message of `segments` may leave. It may be in the past.
    pub fn opens_at(&self, segments: u32, now: Moment) -> Moment {
        let (most, within) = self.window(now);
        self.next.max(self.recent.opens_at(segments, most, within))
    }

    /// A message leaves now. One larger than a whole window leaves all the same, and the next waits until it is paid.
    pub fn takes(&mut self, segments: u32, now: Moment) {
        let cost = Duration::from_secs_f64(f64::from(segments) / self.rate(now));
        let slot = if self.idle { now } else { self.next.max(now.saturating_sub(LATE)) };
        self.next = slot.saturating_add(cost);
        self.recent.push(now, segments, self.window(now).1);
        self.idle = false;
    }

    /// A message of an earlier life left at `at`. What it left by was the pace of that life: ours begins after the last.
    pub fn remembers(&mut self, segments: u32, at: Moment) {
        let cost = Duration::from_secs_f64(f64::from(segments) / self.rate(at));
        self.next = self.next.max(at.saturating_add(cost));
        self.recent.push(at, segments, self.window(at).1);
        self.idle = false;
    }

    /// A slot was open and nothing wanted it.
    pub fn idles(&mut self) {
        self.idle = true;
    }

    /// The answer to what left at `left` took `took`. What it took longer than the quickest, it may have been under way
    /// longer: it counts from then on, so that the limit holds at the carrier's door too and not only at ours.
    pub fn answered(&mut self, left: Moment, took: Duration) {
        let quickest = self.quickest.map_or(took, |quickest| took.min(quickest + quickest / 64));
        self.quickest = Some(quickest);
        self.recent.delay(left, (took - quickest).clamp(EDGE, DOUBT));
    }

    /// What left at `left` really left `by` later.
    pub fn delay(&mut self, left: Moment, by: Duration) {
        self.recent.delay(left, by);
    }

    /// The carrier says we are too fast.
    pub fn was_too_fast(&mut self, now: Moment) {
        self.learned.halve(now);
    }

    /// What was learned, to be kept over a restart: 1 is the configured rate.
    pub fn factor(&self, now: Moment) -> f64 {
        self.learned.factor(now)
    }

    /// Continues with what an earlier life had learned.
    pub fn resume(&mut self, factor: f64, now: Moment) {
        self.learned = Learned::at(factor, now);
    }

    /// Nothing that has left matters any more.
    pub fn is_forgotten(&self, now: Moment) -> bool {
        self.next <= now && self.recent.is_empty(now, self.window(now).1)
    }

    /// The most segments, and the time within which they are the most: a second, for a whole rate.
    fn window(&self, now: Moment) -> (u32, Duration) {
        let rate = self.rate(now);
        // A rate of 0.5 is one segment in two seconds; 3.75 is three in 0.8 s.
        let most = rate.floor().clamp(1.0, f64::from(u32::MAX));
        (most as u32, Duration::from_secs_f64(most / rate))
    }
}

fn is_usable(per_second: f64) -> bool {
    per_second.is_finite() && per_second > 1e-6
}

#[cfg(test)]
mod tests;
