//! How well a playbook recognises what it was not trained on. Only compiled for tests and the trainer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::features::Concepts;
use super::training::{Trained, Turn};
use super::{Model, Recogniser};
use crate::priority::Priority;

/// What one turn was taken for, by a model that has not seen it.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// By the phrases, doubted hints left out.
    pub by_phrases: Priority,
    /// Of the model, in log-odds.
    pub score: f32,
}

impl Judged {
    pub fn at(self, threshold: f32) -> Priority {
        if self.score >= threshold { Priority::P1 } else { self.by_phrases }
    }
}

/// Judges every turn by a model trained on the others, a `folds`th left out at a time.
pub fn cross_validated(turns: &[Turn], concepts: &Concepts, recogniser: &Recogniser, folds: usize) -> Vec<Judged> {
    let mut judged = vec![Judged { by_phrases: Priority::P4, score: 0.0 }; turns.len()];
    for fold in 0..folds {
        let is_held_out = |place: usize| place % folds == fold;
        let seen = turns.iter().enumerate().filter(|(place, _)| !is_held_out(*place)).map(|(_, turn)| turn);
        let file = Trained::on(seen, concepts).file(f32::INFINITY);
        let model = Arc::new(Model::new(&file, concepts.clone()).expect("a trainer writes whole files"));
        let silent = recogniser.clone().with_model(Some(model.clone()));
        for (place, turn) in turns.iter().enumerate().filter(|(place, _)| is_held_out(*place)) {
            judged[place] = Judged { by_phrases: silent.hear(&turn.text).priority, score: model.score_of(&turn.text) };
        }
    }
    judged
}

/// The lowest threshold at which no more than this share of the other turns is taken for an emergency.
pub fn threshold(turns: &[Turn], judged: &[Judged], false_alarms: f32) -> f32 {
    let others = || turns.iter().zip(judged).filter(|(turn, _)| turn.priority != Priority::P1).map(|(_, it)| it);
    let by_phrases = others().filter(|it| it.by_phrases == Priority::P1).count();
    let mut scores: Vec<f32> = others().filter(|it| it.by_phrases != Priority::P1).map(|it| it.score).collect();
    scores.sort_by(|one, other| other.total_cmp(one));
    let allowed = ((others().count() as f32 * false_alarms) as usize).saturating_sub(by_phrases);
    // The first score that is one too many, and a hair above it.
    scores.get(allowed).map_or(f32::NEG_INFINITY, |score| score + 1e-3)
}

/// Turns by what they are and what they were taken for, of all languages together and of each.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<(Priority, String), [usize; 4]>);

impl Tally {
    pub fn of<'a>(taken: impl IntoIterator<Item = (&'a Turn, Priority)>) -> Tally {
        let mut tally = Tally::default();
        for (turn, taken_for) in taken {
            for language in ["all", &turn.language] {
                tally.0.entry((turn.priority, language.to_owned())).or_default()[taken_for as usize] += 1;
            }
        }
        tally
    }

    /// Percent of the turns of this priority that were taken for it.
    pub fn recall(&self, priority: Priority, language: &str) -> f32 {
        self.share(priority, language, |is| is == priority)
    }

    /// Percent of the turns of other priorities that were taken for this one.
    pub fn false_alarms(&self, priority: Priority, language: &str) -> f32 {
        self.share(priority, language, |is| is != priority)
    }

    fn share(&self, taken_for: Priority, language: &str, counts: impl Fn(Priority) -> bool) -> f32 {
        let rows = self.0.iter().filter(|((is, spoken), _)| spoken == language && counts(*is));
        let (taken, all) = rows
            .fold((0, 0), |(taken, all), (_, row)| (taken + row[taken_for as usize], all + row.iter().sum::<usize>()));
        100.0 * taken as f32 / all.max(1) as f32
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for language in ["all", "fr", "en", "mix"] {
            write!(f, "  {language:3}")?;
            for priority in Priority::ALL {
                let (recall, alarms) = (self.recall(priority, language), self.false_alarms(priority, language));
                write!(f, "  {priority} {recall:6.2} % ({alarms:5.2} % false)")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
