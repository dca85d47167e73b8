//! A sliding window: what has left of late, exactly.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::Moment;
use crate::phone::PhoneNumber;

/// Oldest first; no more entries than one window allows.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(VecDeque<(Moment, u32)>);

impl Recent {
    /// The first moment at which `cost` more would still be at most `most` within any `within`. A cost above `most`
    /// waits until nothing else is in the window.
    pub fn opens_at(&self, cost: u32, most: u32, within: Duration) -> Moment {
        let room = most.saturating_sub(cost);
        let mut sum = 0_u32;
        for (at, spent) in self.0.iter().rev() {
            sum = sum.saturating_add(*spent);
            if sum > room {
                return at.saturating_add(within);
            }
        }
        Moment::ZERO
    }

    /// Forgets what is older than `within`, twice over for a clock that was asked a little earlier.
    pub fn push(&mut self, now: Moment, cost: u32, within: Duration) {
        while self.0.front().is_some_and(|(at, _)| at.saturating_add(2 * within) < now) {
            self.0.pop_front();
        }
        self.insert(now, cost);
    }

    /// What left at `left` counts from `by` later on.
    pub fn delay(&mut self, left: Moment, by: Duration) {
        if by.is_zero() {
            return;
        }
        let found = self.0.iter().rposition(|(at, _)| *at == left);
        if let Some((at, cost)) = found.and_then(|index| self.0.remove(index)) {
            self.insert(at + by, cost);
        }
    }

    pub fn is_empty(&self, now: Moment, within: Duration) -> bool {
        self.0.back().is_none_or(|(at, _)| at.saturating_add(within) <= now)
    }

    fn insert(&mut self, at: Moment, cost: u32) {
        let index = self.0.partition_point(|(other, _)| *other <= at);
        self.0.insert(index, (at, cost));
    }
}

/// The guard against loops: messages between the same two numbers. Carriers block a pair that exceeds it.
/// Source: 30 in 30 seconds, error 14107, read 2026-11.
#[derive(Clone, Debug)]
pub struct Pairs {
    most: u32,
    within: Duration,
    /// Swept whenever it has doubled since the last time, so that it holds little more than the pairs of one window.
    pairs: HashMap<(Box<str>, PhoneNumber), Recent>,
    sweep_at: usize,
}

/// Pairs kept before the first sweep.
const FEW: usize = 256;

impl Pairs {
    pub fn new(most: u32, within: Duration) -> Pairs {
        Pairs { most, within, pairs: HashMap::new(), sweep_at: FEW }
    }

    /// When the next message from `sender` to `to` may leave. It may be in the past.
    pub fn opens_at(&self, sender: &str, to: &PhoneNumber) -> Moment {
        let recent = self.pairs.get(&(sender.into(), to.clone()));
        recent.map_or(Moment::ZERO, |recent| recent.opens_at(1, self.most, self.within))
    }

    pub fn takes(&mut self, sender: &str, to: &PhoneNumber, now: Moment) {
        if self.pairs.len() >= self.sweep_at {
            self.pairs.retain(|_, recent| !recent.is_empty(now, self.within));
            self.sweep_at = (2 * self.pairs.len()).max(FEW);
        }
        self.pairs.entry((sender.into(), to.clone())).or_default().push(now, 1, self.within);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Moment {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_pair_that_talks_too_much_waits_and_others_do_not() {
        let mut pairs = Pairs::new(30, seconds(30));
        let to: PhoneNumber = "+15145550110".parse().unwrap();
        (0..30).for_each(|n| pairs.takes("+15145550199", &to, seconds(100) + Duration::from_millis(n)));
        assert_eq!(pairs.opens_at("+15145550199", &to), seconds(130), "when the first of them is thirty seconds old");
        assert_eq!(pairs.opens_at("+15145550198", &to), Moment::ZERO);
        assert_eq!(pairs.opens_at("+15145550199", &"+15145550111".parse().unwrap()), Moment::ZERO);
    }

    #[test]
    fn pairs_that_fell_silent_are_forgotten() {
        let mut pairs = Pairs::new(30, seconds(30));
        for n in 0..10_000_u64 {
            let to = format!("+1514555{n:04}").parse().unwrap();
            pairs.takes("+15145550199", &to, seconds(n));
        }
        assert!(pairs.pairs.len() <= 2 * FEW, "{}", pairs.pairs.len());
    }
}
