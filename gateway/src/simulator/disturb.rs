//! What a network and a retrying platform do to a plan: webhooks that arrive twice, late, or never.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::load::Shot;

/// Chances are from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Disturbance {
    pub duplicates: f64,
    /// How many more of a webhook that is duplicated.
    pub copies: RangeInclusive<u32>,
    pub reorder: f64,
    pub drops: f64,
    /// Longest delay of a copy and of a webhook that loses its place.
    pub within: Duration,
}

impl Disturbance {
    pub const NONE: Disturbance =
        Disturbance { duplicates: 0.0, copies: 1..=1, reorder: 0.0, drops: 0.0, within: Duration::ZERO };
}

/// What was done to the plan so far.
#[derive(Debug, Default)]
pub struct Counts {
    pub duplicated: AtomicU64,
    pub reordered: AtomicU64,
    pub dropped: AtomicU64,
}

/// A plan, disturbed; still in the order of what is due.
pub struct Disturbed<I: Iterator<Item = Shot>> {
    plan: Peekable<I>,
    held: BinaryHeap<Reverse<Held>>,
    disturbance: Disturbance,
    rng: StdRng,
    counts: Arc<Counts>,
    number: u64,
}

struct Held {
    number: u64,
    shot: Shot,
}

impl<I: Iterator<Item = Shot>> Disturbed<I> {
    pub fn new(plan: I, disturbance: Disturbance, seed: u64) -> Disturbed<I> {
        Disturbed {
            plan: plan.peekable(),
            held: BinaryHeap::new(),
            disturbance,
            rng: StdRng::seed_from_u64(seed),
            counts: Arc::default(),
            number: 0,
        }
    }

    /// Shared, so that it can be read while another thread runs the plan.
    pub fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    fn hold(&mut self, mut shot: Shot) {
        shot.due += self.disturbance.within.mul_f64(self.rng.random());
        self.number += 1;
        self.held.push(Reverse(Held { number: self.number, shot }));
    }

    fn happens(&mut self, chance: f64, count: impl Fn(&Counts) -> &AtomicU64) -> bool {
        let happens = self.rng.random_bool(chance.clamp(0.0, 1.0));
        count(&self.counts).fetch_add(u64::from(happens), Ordering::Relaxed);
        happens
    }
}

impl<I: Iterator<Item = Shot>> Iterator for Disturbed<I> {
    type Item = Shot;

    fn next(&mut self) -> Option<Shot> {
        loop {
            let next_due = self.plan.peek().map(|shot| shot.due);
            let held_first = self.held.peek().is_some_and(|held| next_due.is_none_or(|due| held.0.shot.due <= due));
            if held_first {
                return self.held.pop().map(|held| held.0.shot);
            }
            let shot = self.plan.next()?;
            if self.happens(self.disturbance.drops, |counts| &counts.dropped) {
                continue;
            }
            if self.happens(self.disturbance.duplicates, |counts| &counts.duplicated) {
                let copies = self.rng.random_range(self.disturbance.copies.clone());
                (0..copies).for_each(|_| self.hold(shot.clone()));
            }
            if !self.happens(self.disturbance.reorder, |counts| &counts.reordered) {
                return Some(shot);
            }
            self.hold(shot);
        }
    }
}

impl Held {
    fn order(&self) -> (Duration, u64) {
        (self.shot.due, self.number)
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Held) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Held {}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::simulator::load::Wanted;

    fn plan(shots: u64) -> impl Iterator<Item = Shot> {
        (0..shots).map(|number| Shot {
            due: Duration::from_millis(number * 10),
            kind: "any",
            body: Bytes::from(number.to_string()),
            headers: HeaderMap::new(),
            wanted: Wanted::Anything,
        })
    }

    fn numbers(disturbance: Disturbance) -> (Vec<u64>, Arc<Counts>) {
        let disturbed = Disturbed::new(plan(1_000), disturbance, 5);
        let counts = disturbed.counts();
        let shots: Vec<Shot> = disturbed.collect();
        assert!(shots.is_sorted_by_key(|shot| shot.due));
        (shots.iter().map(|shot| std::str::from_utf8(&shot.body).unwrap().parse().unwrap()).collect(), counts)
    }

    const WITHIN: Duration = Duration::from_millis(100);

    #[test]
    fn an_undisturbed_plan_is_the_plan() {
        assert_eq!(numbers(Disturbance::NONE).0, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn drops_are_missing_and_counted() {
        let (numbers, counts) = numbers(Disturbance { drops: 0.1, ..Disturbance::NONE });
        let dropped = counts.dropped.load(Ordering::Relaxed);
        assert_eq!(numbers.len() as u64, 1_000 - dropped);
        assert!((50..200).contains(&dropped), "{dropped}");
    }

    #[test]
    fn duplicates_come_again_and_are_counted() {
        let (mut numbers, counts) = numbers(Disturbance { duplicates: 0.1, within: WITHIN, ..Disturbance::NONE });
        let duplicated = counts.duplicated.load(Ordering::Relaxed);
        assert_eq!(numbers.len() as u64, 1_000 + duplicated);
        assert!((50..200).contains(&duplicated), "{duplicated}");
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 1_000);
    }

    #[test]
    fn each_webhook_can_be_sent_two_or_three_times() {
        let storm = Disturbance { duplicates: 1.0, copies: 1..=2, reorder: 0.5, within: WITHIN, drops: 0.0 };
        let (numbers, _) = numbers(storm);
        for number in 0..1_000 {
            assert!((2..=3).contains(&numbers.iter().filter(|other| **other == number).count()));
        }
        assert!(!numbers.is_sorted());
    }

    #[test]
    fn reordering_loses_nothing() {
        let (mut numbers, counts) = numbers(Disturbance { reorder: 0.2, within: WITHIN, ..Disturbance::NONE });
        assert!(!numbers.is_sorted());
        assert!(counts.reordered.load(Ordering::Relaxed) > 0);
        numbers.sort_unstable();
        assert_eq!(numbers, (0..1_000).collect::<Vec<_>>());
    }
}
