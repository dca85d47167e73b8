//! When each webhook of many calls is due: at a steady rate, or as fast as people speak.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::Duration;

use engine::priority::Priority;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::bodies::{Message, SimulatedCall};
use super::dialogues::{self, Dialogue};
use super::load::Shot;
use super::script::{Subscription, beats};
use super::sign::Signer;

/// Who calls: the n-th call is the same for the same seed and epoch.
#[derive(Clone, Debug)]
pub struct Cast {
    pub seed: u64,
    /// Milliseconds since 1970 at which the run is said to begin.
    pub epoch_ms: u64,
    pub subscription: Subscription,
    pub signer: Signer,
}

impl Cast {
    /// Dialogues take turns, so every run has its share of emergencies.
    pub fn dialogue(number: u64) -> &'static Dialogue {
        let all = dialogues::all();
        &all[(number % all.len() as u64) as usize]
    }

    fn call(&self, number: u64, due: Duration) -> SimulatedCall {
        let seed = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number);
        SimulatedCall::new(Cast::dialogue(number), self.subscription, seed, self.at(due))
    }

    fn at(&self, due: Duration) -> u64 {
        self.epoch_ms + u64::try_from(due.as_millis()).unwrap_or(u64::MAX / 2)
    }

    fn shot(&self, message: Message, due: Duration) -> Shot {
        let headers = self.signer.headers(&message.body);
        Shot { due, kind: message.kind, body: message.body, headers, wanted: message.wanted }
    }

    /// Webhooks of the first `calls` calls.
    pub fn webhooks(&self, calls: u64) -> u64 {
        (0..calls).map(|number| beats(Cast::dialogue(number), self.subscription).len() as u64).sum()
    }

    /// How urgent the first `calls` calls are.
    pub fn by_priority(calls: u64) -> BTreeMap<Priority, u64> {
        let mut counts = BTreeMap::new();
        for number in 0..calls {
            *counts.entry(Cast::dialogue(number).priority).or_default() += 1;
        }
        counts
    }
}

/// So many webhooks a second, taken at random from so many calls at once; each call's own stay in order.
pub struct Steady {
    cast: Cast,
    calls: u64,
    concurrency: usize,
    rate: f64,
    begun: u64,
    sent: u64,
    live: Vec<SimulatedCall>,
    rng: StdRng,
}

impl Steady {
    /// `rate` in webhooks per second.
    pub fn new(cast: Cast, calls: u64, concurrency: usize, rate: f64) -> Steady {
        let rng = StdRng::seed_from_u64(cast.seed);
        Steady { cast, calls, concurrency: concurrency.max(1), rate, begun: 0, sent: 0, live: Vec::new(), rng }
    }

    fn fill(&mut self, due: Duration) {
        while self.live.len() < self.concurrency && self.begun < self.calls {
            self.live.push(self.cast.call(self.begun, due));
            self.begun += 1;
        }
    }
}

impl Iterator for Steady {
    type Item = Shot;

    fn next(&mut self) -> Option<Shot> {
        let due = Duration::from_secs_f64(self.sent as f64 / self.rate);
        self.fill(due);
        if self.live.is_empty() {
            return None;
        }
        let chosen = self.rng.random_range(0..self.live.len());
        let message = self.live[chosen].advance(self.cast.at(due))?;
        if self.live[chosen].pause().is_none() {
            self.live.swap_remove(chosen);
        }
        self.sent += 1;
        Some(self.cast.shot(message, due))
    }
}

/// Calls that begin at a rate and are played with the pauses of speech; without end, unless one is set.
pub struct Natural {
    cast: Cast,
    /// No more calls begin than these.
    most: u64,
    /// Between the beginnings of two calls.
    every: Duration,
    /// Calls that begin together at the start.
    at_once: u64,
    /// How many times faster than people speak.
    speed: f64,
    begun: u64,
    live: HashMap<u64, SimulatedCall>,
    due: BinaryHeap<Reverse<(Duration, u64)>>,
}

impl Natural {
    pub fn new(cast: Cast, calls_per_min: f64, at_once: u64, speed: f64) -> Natural {
        let every = Duration::from_secs_f64(60.0 / calls_per_min);
        Natural {
            cast,
            most: u64::MAX,
            every,
            at_once: at_once.max(1),
            speed,
            begun: 0,
            live: HashMap::new(),
            due: BinaryHeap::new(),
        }
    }

    /// Ends once so many calls have begun and all have ended.
    pub fn at_most(self, calls: u64) -> Natural {
        Natural { most: calls, ..self }
    }

    /// When the next call begins.
    fn next_beginning(&self) -> Duration {
        self.every.mul_f64(self.begun.saturating_sub(self.at_once - 1) as f64)
    }

    fn begin(&mut self, at: Duration) {
        let number = self.begun;
        self.live.insert(number, self.cast.call(number, at));
        self.due.push(Reverse((at, number)));
        self.begun += 1;
    }
}

impl Iterator for Natural {
    type Item = Shot;

    fn next(&mut self) -> Option<Shot> {
        let beginning = self.next_beginning();
        if self.begun < self.most && self.due.peek().is_none_or(|first| beginning <= first.0.0) {
            self.begin(beginning);
        }
        let Reverse((due, number)) = self.due.pop()?;
        let call = self.live.get_mut(&number)?;
        let message = call.advance(self.cast.at(due))?;
        match call.pause() {
            Some(pause) => self.due.push(Reverse((due + pause.div_f64(self.speed), number))),
            None => drop(self.live.remove(&number)),
        }
        Some(self.cast.shot(message, due))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;
    use crate::simulator::sign::Proof;

    fn cast(seed: u64) -> Cast {
        let signer = Signer::new(Proof::Header, "secret".to_owned().into()).unwrap();
        Cast { seed, epoch_ms: 1_790_000_000_000, subscription: Subscription::All, signer }
    }

    fn call_id(shot: &Shot) -> String {
        let body: Value = serde_json::from_slice(&shot.body).unwrap();
        body["message"]["call"]["id"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_steady_plan_plays_every_call_to_its_end_at_the_rate_asked_for() {
        let shots: Vec<Shot> = Steady::new(cast(1), 12, 5, 100.0).collect();
        assert_eq!(shots.len() as u64, cast(1).webhooks(12));
        for (number, shot) in shots.iter().enumerate() {
            assert_eq!(shot.due, Duration::from_secs_f64(number as f64 / 100.0));
        }
        let reports = shots.iter().filter(|shot| shot.kind == "end-of-call-report").count();
        assert_eq!(reports, 12);
        assert_eq!(shots.iter().map(call_id).collect::<HashSet<_>>().len(), 12);
    }

    #[test]
    fn many_calls_are_live_at_once_but_never_more_than_asked_for() {
        let mut live = HashSet::new();
        let mut most = 0;
        for shot in Steady::new(cast(1), 20, 5, 100.0) {
            live.insert(call_id(&shot));
            most = most.max(live.len());
            if shot.kind == "end-of-call-report" {
                live.remove(&call_id(&shot));
            }
        }
        assert_eq!(most, 5);
    }

    #[test]
    fn the_same_seed_makes_the_same_plan() {
        let bodies =
            |seed| -> Vec<bytes::Bytes> { Steady::new(cast(seed), 3, 3, 10.0).map(|shot| shot.body).collect() };
        assert_eq!(bodies(4), bodies(4));
        assert_ne!(bodies(4), bodies(5));
    }

    #[test]
    fn natural_calls_begin_at_their_rate_and_end() {
        let shots: Vec<Shot> = Natural::new(cast(1), 30.0, 1, 2.0).take(400).collect();
        assert!(shots.is_sorted_by_key(|shot| shot.due));
        assert_eq!(shots[0].due, Duration::ZERO);
        let beginnings: Vec<Duration> = shots.iter().filter(|shot| is_first(shot)).map(|shot| shot.due).collect();
        let every_two_seconds = |(number, due): (usize, &Duration)| *due == Duration::from_secs(2 * number as u64);
        assert!(beginnings.iter().enumerate().all(every_two_seconds), "{beginnings:?}");
        assert!(shots.iter().any(|shot| shot.kind == "end-of-call-report"));
    }

    #[test]
    fn a_storm_begins_many_calls_together() {
        let shots = Natural::new(cast(1), 30.0, 60, 2.0).take(400);
        assert_eq!(shots.filter(|shot| is_first(shot) && shot.due.is_zero()).count(), 60);
    }

    #[test]
    fn so_many_natural_calls_begin_and_all_end() {
        let shots: Vec<Shot> = Natural::new(cast(1), 30.0, 2, 2.0).at_most(5).collect();
        assert_eq!(shots.len() as u64, cast(1).webhooks(5));
        assert_eq!(shots.iter().filter(|shot| shot.kind == "end-of-call-report").count(), 5);
    }

    fn is_first(shot: &Shot) -> bool {
        let body: Value = serde_json::from_slice(&shot.body).unwrap();
        body["message"]["status"] == "queued"
    }
}
