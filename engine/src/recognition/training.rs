//! Makes the model from a corpus. Logistic regression by stochastic gradient with AdaGrad, in a fixed order: the same
//! corpus always makes the same file. Only compiled for tests and the trainer.

use super::features::{self, BUCKETS, Concepts};
use super::{model, turns, words};
use crate::priority::Priority;

const EPOCHS: usize = 60;
/// Trainings whose weights are averaged: what they agree on stays.
const RUNS: usize = 5;
const RATE: f32 = 1.0;
/// Pull of every seen weight towards zero, per visit.
const DECAY: f32 = 2e-5;
/// A missed emergency weighs this much more than a false one.
const MISSED: f32 = 2.0;
/// One of so many features is left out at each visit, so that no single word decides.
const LEFT_OUT: u64 = 3;

/// One turn of a corpus.
#[derive(Clone, Debug)]
pub struct Turn {
    pub priority: Priority,
    /// `fr`, `en` or `mix`.
    pub language: String,
    pub text: String,
}

/// Reads `P1<TAB>fr<TAB>text` lines; `#` opens a comment.
///
/// # Panics
/// At a line that is none of this.
pub fn read(corpus: &str) -> Vec<Turn> {
    let lines = corpus.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let turn = |line: &str| {
        let mut fields = line.splitn(3, '\t');
        let mut field = || fields.next().unwrap_or_else(|| panic!("three fields wanted: {line}")).trim().to_owned();
        let priority = field().parse().unwrap_or_else(|_| panic!("a priority wanted: {line}"));
        Turn { priority, language: field(), text: field() }
    };
    lines.map(turn).collect()
}

pub struct Trained {
    weights: Vec<f32>,
    bias: f32,
}

struct Example {
    features: Vec<u16>,
    is_emergency: bool,
}

impl Trained {
    pub fn on<'a>(turns: impl IntoIterator<Item = &'a Turn>, concepts: &Concepts) -> Trained {
        let examples: Vec<Example> = turns.into_iter().map(|turn| Example::of(turn, concepts)).collect();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut mean = Trained { weights: vec![0.0; BUCKETS], bias: 0.0 };
        for _ in 0..RUNS {
            let trained = Trained::once(&examples, &mut random);
            mean.bias += trained.bias / RUNS as f32;
            mean.weights.iter_mut().zip(&trained.weights).for_each(|(mean, weight)| *mean += weight / RUNS as f32);
        }
        mean
    }

    fn once(examples: &[Example], random: &mut Random) -> Trained {
        let mut trained = Trained { weights: vec![0.0; BUCKETS], bias: 0.0 };
        let mut steepness = vec![1.0_f32; BUCKETS + 1];
        let mut order: Vec<usize> = (0..examples.len()).collect();
        for _ in 0..EPOCHS {
            random.shuffle(&mut order);
            for place in &order {
                trained.learn(&examples[*place], &mut steepness, random);
            }
        }
        trained
    }

    /// The model, quantised as it is shipped.
    pub fn file(&self, threshold: f32) -> Vec<u8> {
        model::file(&self.weights, self.bias, threshold)
    }

    fn learn(&mut self, example: &Example, steepness: &mut [f32], random: &mut Random) {
        let kept = example.features.iter().filter(|_| !random.next().is_multiple_of(LEFT_OUT));
        let seen: Vec<usize> = kept.map(|bucket| usize::from(*bucket)).collect();
        let scale = 1.0 / (seen.len().max(1) as f32).sqrt();
        let score = seen.iter().map(|bucket| self.weights[*bucket]).sum::<f32>() * scale + self.bias;
        let chance = 1.0 / (1.0 + (-score).exp());
        let error = if example.is_emergency { (chance - 1.0) * MISSED } else { chance };
        let slope = error * scale;
        for bucket in seen {
            steepness[bucket] += slope * slope;
            let weight = &mut self.weights[bucket];
            *weight -= RATE * slope / steepness[bucket].sqrt() + DECAY * *weight;
        }
        steepness[BUCKETS] += error * error;
        self.bias -= RATE * error / steepness[BUCKETS].sqrt();
    }
}

impl Example {
    fn of(turn: &Turn, concepts: &Concepts) -> Example {
        let said = words::said(&turns::of_caller(&turn.text));
        Example { features: features::of(&said, concepts), is_emergency: turn.priority == Priority::P1 }
    }
}

/// xorshift64: the order of the examples, the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn shuffle(&mut self, places: &mut [usize]) {
        for last in (1..places.len()).rev() {
            places.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}
