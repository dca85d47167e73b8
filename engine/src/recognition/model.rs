//! The second opinion: how much a turn sounds like an emergency, for callers who never say the word.
//!
//! A linear model over hashed features, one byte a weight, trained from `engine/corpus/train.tsv` by
//! `cargo run -p engine --example train_recognition`. Adding bytes is exact, so the same words sound the same everywhere.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::features::{self, BUCKETS, Concepts};
use super::words::Word;

/// First bytes of a file of weights; the digit is the layout's.
const MAGIC: &[u8; 4] = b"CBR1";
const HEADER: usize = 16;
/// Below this score, less than one in five, no hint of a playbook is believed. Lower only costs false alarms: in cross-validation
/// no emergency was lost to it.
const SURE_OF_NOTHING: f32 = -1.5;

/// A model the engine ships, as a playbook names it: `[recognition] model = "drains"`.
pub fn shipped(name: &str) -> Option<Arc<Model>> {
    (name == "drains").then(|| DRAINS.clone())
}

/// Names for a playbook's `[recognition] model`.
pub const SHIPPED: [&str; 1] = ["drains"];

static DRAINS: LazyLock<Arc<Model>> = LazyLock::new(|| {
    let concepts = concepts(include_str!("../../models/drains.toml")).expect("the shipped concepts are lists of words");
    Arc::new(
        Model::new(include_bytes!("../../models/drains.weights"), concepts).expect("the shipped weights are whole"),
    )
});

#[derive(Clone, Debug)]
pub struct Model {
    concepts: Concepts,
    weights: Box<[i8]>,
    /// What one step of a weight is worth.
    step: f32,
    bias: f32,
    /// From this score on a turn is an emergency.
    threshold: f32,
}

impl Model {
    /// Reads a file of weights: magic, step, bias and threshold as little-endian `f32`, then a byte per bucket.
    pub fn new(file: &[u8], concepts: Concepts) -> Option<Model> {
        let weights = file.get(HEADER..).filter(|weights| weights.len() == BUCKETS && file.starts_with(MAGIC))?;
        let number =
            |place: usize| f32::from_le_bytes([file[place], file[place + 1], file[place + 2], file[place + 3]]);
        let weights = weights.iter().map(|byte| i8::from_le_bytes([*byte])).collect();
        Some(Model { concepts, weights, step: number(4), bias: number(8), threshold: number(12) })
    }

    /// What it makes of the loudest of these turns.
    pub(super) fn opinion<'a>(&self, turns: impl Iterator<Item = &'a [Word]>) -> Opinion {
        let score = turns.map(|said| self.score(said)).reduce(f32::max).unwrap_or(f32::NEG_INFINITY);
        Opinion { score, threshold: self.threshold }
    }

    fn score(&self, said: &[Word]) -> f32 {
        let features = features::of(said, &self.concepts);
        let sum: i32 = features.iter().map(|bucket| i32::from(self.weights[usize::from(*bucket)])).sum();
        sum as f32 * self.step / (features.len().max(1) as f32).sqrt() + self.bias
    }

    /// The score of one turn as log-odds, for those who choose the threshold.
    #[cfg(feature = "testing")]
    pub fn score_of(&self, text: &str) -> f32 {
        self.score(&super::words::said(&super::turns::of_caller(text)))
    }
}

/// What the model makes of a text, in log-odds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opinion {
    score: f32,
    threshold: f32,
}

impl Opinion {
    pub fn is_alarmed(self) -> bool {
        self.score >= self.threshold
    }

    pub fn is_sure_of_nothing(self) -> bool {
        self.score < SURE_OF_NOTHING
    }

    pub fn probability(self) -> f32 {
        1.0 / (1.0 + (-self.score).exp())
    }
}

/// Words by concept, in the order of their names: `[acute]`, then `[context]`.
pub fn concepts(text: &str) -> Result<Concepts, toml::de::Error> {
    let Lists { acute, context } = toml::from_str(text)?;
    let words = |lists: &BTreeMap<String, String>| -> Vec<Vec<String>> {
        lists.values().map(|list| list.split_whitespace().map(str::to_owned).collect()).collect()
    };
    Ok(Concepts::new(&words(&acute), &words(&context)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    acute: BTreeMap<String, String>,
    context: BTreeMap<String, String>,
}

/// The file of weights a trainer writes.
#[cfg(feature = "testing")]
pub fn file(weights: &[f32], bias: f32, threshold: f32) -> Vec<u8> {
    let largest = weights.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    let step = (largest / 127.0).max(f32::MIN_POSITIVE);
    let mut file = MAGIC.to_vec();
    [step, bias, threshold].iter().for_each(|number| file.extend(number.to_le_bytes()));
    file.extend(weights.iter().map(|weight| ((weight / step).round() as i8).to_le_bytes()[0]));
    file
}
