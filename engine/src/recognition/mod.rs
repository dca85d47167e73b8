//! How urgent is what a caller said, and why.
//!
//! ```text
//! text ─ turns ─ words ─ scope ─┬─ phrases of the playbook ──┐
//!        (only   (noise (denied, │                            ├─ the most urgent, and its reason
//!        caller)  gone)  past…)  └─ model, if one is named ───┘
//! ```
//!
//! The phrases are the business's, the grammar of denial and time is ours. A phrase that is meant always counts; the
//! model finds emergencies nobody names, and doubts what the playbook calls a hint. Unsure between an emergency and less,
//! it is an emergency.

mod denial;
mod dictionary;
#[cfg(feature = "testing")]
pub mod evaluation;
mod features;
mod language;
mod markers;
mod model;
mod names;
mod phrases;
mod scope;
mod supposition;
mod time;
#[cfg(feature = "testing")]
pub mod training;
pub(crate) mod turns;
mod words;

use std::borrow::Cow;
use std::sync::Arc;

use dictionary::{Dictionary, Fits, Slot};
use model::Opinion;
use phrases::{Found, Heard, Phrase};
use scope::Scope;
use words::{Gap, Word};

use crate::priority::Priority;

pub use language::language_of;
pub use model::{Model, SHIPPED as SHIPPED_MODELS, concepts, shipped as shipped_model};
pub(crate) use words::fold;

/// Words the model hears at once; a longer turn is heard sentence by sentence.
const ONE_BREATH: usize = 45;
/// Characters of the caller's words in a reason.
const MAX_QUOTE_CHARS: usize = 60;

/// What a playbook listens for.
#[derive(Clone, Debug, Default)]
pub struct Recogniser {
    dictionary: Dictionary,
    lists: Vec<(Box<str>, Slot)>,
    /// Per priority, P1 first; those that exclude first.
    phrases: [Vec<Phrase>; 4],
    model: Option<Arc<Model>>,
}

/// Phrases outside of any priority: who is meant, what is asked for.
#[derive(Clone, Debug, Default)]
pub struct Phrases {
    dictionary: Dictionary,
    phrases: Vec<Phrase>,
}

impl Phrases {
    /// The error says what is wrong with the phrase.
    pub fn add(&mut self, text: &str) -> Result<(), Cow<'static, str>> {
        let phrase = Phrase::parse(text, &mut self.dictionary, |_| None)?;
        let place = if phrase.excludes { 0 } else { self.phrases.len() };
        self.phrases.insert(place, phrase);
        Ok(())
    }

    /// Whether the caller said one of them and did not deny it.
    pub fn are_in(&self, text: &str) -> bool {
        let said = words::said(&turns::of_caller(text));
        let fits = self.dictionary.look_up(&said);
        let mut heard = Heard { words: &said, fits: &fits, is_about_now: false, excluded: vec![false; said.len()] };
        self.phrases.iter().any(|phrase| {
            if phrase.excludes {
                phrase.exclude(&mut heard);
                return false;
            }
            phrase.find(&heard).is_some_and(|found| found.scope == Scope::Meant)
        })
    }
}

/// How urgent it is by what was said alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub priority: Priority,
    /// For people: `heard « refoulement »`, `sounds like an emergency (0.97)`. One line, short.
    pub because: Box<str>,
}

impl Recogniser {
    pub fn new(model: Option<Arc<Model>>) -> Recogniser {
        Recogniser { model, ..Recogniser::default() }
    }

    /// Words that phrases call `<name>`. The first word without a letter is returned as refused.
    pub fn add_list<'a>(&mut self, name: &str, words: impl IntoIterator<Item = &'a str>) -> Result<(), &'a str> {
        let slot = self.dictionary.new_slot();
        self.lists.push((name.into(), slot));
        words.into_iter().try_for_each(|word| if self.dictionary.add(slot, word) { Ok(()) } else { Err(word) })
    }

    /// A phrase that makes a call this urgent. The error says what is wrong with it.
    pub fn add_phrase(&mut self, priority: Priority, text: &str) -> Result<(), Cow<'static, str>> {
        self.add(priority, text, false)
    }

    /// A phrase that does unless the second opinion is sure that it means nothing: "my name is Flood".
    pub fn add_hint(&mut self, priority: Priority, text: &str) -> Result<(), Cow<'static, str>> {
        self.add(priority, text, true)
    }

    fn add(&mut self, priority: Priority, text: &str, is_hint: bool) -> Result<(), Cow<'static, str>> {
        let lists = &self.lists;
        let list = |name: &str| lists.iter().find(|(known, _)| **known == *name).map(|(_, slot)| *slot);
        let mut phrase = Phrase::parse(text, &mut self.dictionary, list)?;
        phrase.is_hint = is_hint;
        let phrases = &mut self.phrases[priority as usize];
        let place = if phrase.excludes { 0 } else { phrases.len() };
        phrases.insert(place, phrase);
        Ok(())
    }

    /// The same with another second opinion, or none.
    #[cfg(feature = "testing")]
    pub fn with_model(mut self, model: Option<Arc<Model>>) -> Recogniser {
        self.model = model;
        self
    }

    /// The most urgent thing the caller said; P4 when it is nothing. Turns of the agent in `text` are not read.
    pub fn hear(&self, text: &str) -> Verdict {
        let caller = turns::of_caller(text);
        let said = words::said(&caller);
        let opinion = self.model.as_ref().map(|model| model.opinion(breaths(&said)));
        let mut ear =
            Ear { text: &caller, fits: self.dictionary.look_up(&said), said: &said, opinion, dismissed: None };
        let by_model = |ear: &Ear| ear.opinion.and_then(Opinion::alarm);
        ear.listen_for(Priority::P1, self)
            .or_else(|| by_model(&ear))
            .or_else(|| ear.listen_for(Priority::P2, self))
            .or_else(|| ear.listen_for(Priority::P3, self))
            .or_else(|| ear.listen_for(Priority::P4, self))
            .unwrap_or_else(|| Verdict {
                priority: Priority::P4,
                because: ear.dismissed.take().unwrap_or_else(|| "heard nothing urgent".into()),
            })
    }
}

/// One text being listened to.
struct Ear<'a> {
    text: &'a str,
    said: &'a [Word],
    fits: Fits,
    opinion: Option<Opinion>,
    /// The first phrase that was said and did not count, and why.
    dismissed: Option<Box<str>>,
}

impl Ear<'_> {
    fn listen_for(&mut self, priority: Priority, recogniser: &Recogniser) -> Option<Verdict> {
        let excluded = vec![false; self.said.len()];
        let is_about_now = priority == Priority::P1;
        let mut heard = Heard { words: self.said, fits: &self.fits, is_about_now, excluded };
        let mut dismissed = None;
        let mut verdict = None;
        for phrase in &recogniser.phrases[priority as usize] {
            if phrase.excludes {
                phrase.exclude(&mut heard);
                continue;
            }
            let Some(found) = phrase.find(&heard) else { continue };
            let quote = quote(self.text, self.said, &found);
            let is_doubted = phrase.is_hint && is_about_now && self.opinion.is_some_and(Opinion::is_sure_of_nothing);
            if found.scope == Scope::Meant && !is_doubted {
                verdict = Some(Verdict { priority, because: format!("heard « {quote} »").into() });
                break;
            }
            dismissed.get_or_insert_with(|| format!("heard « {quote} », {}", dismissal(found.scope)).into());
        }
        self.dismissed = self.dismissed.take().or(dismissed);
        verdict
    }
}

impl Opinion {
    fn alarm(self) -> Option<Verdict> {
        let because = format!("sounds like an emergency ({:.2})", self.probability());
        self.is_alarmed().then(|| Verdict { priority: Priority::P1, because: because.into() })
    }
}

fn dismissal(scope: Scope) -> &'static str {
    match scope {
        Scope::Meant => "but it does not sound like an emergency",
        Scope::Denied => "but denied",
        Scope::Past => "but in the past",
        Scope::Named => "but only as a name",
        Scope::Supposed => "but only supposed or asked about",
    }
}

/// The caller's own words, on one line, bounded.
fn quote(text: &str, said: &[Word], found: &Found) -> String {
    let words = &said[found.words.clone()];
    let span = words.first().zip(words.last()).map_or("", |(first, last)| &text[first.place.start..last.place.end]);
    let line: String = span.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    match line.char_indices().nth(MAX_QUOTE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A turn at a time, and of a long one a few sentences.
fn breaths(said: &[Word]) -> impl Iterator<Item = &[Word]> {
    let mut rest = said;
    std::iter::from_fn(move || {
        let is_stop = |place: &usize| rest[*place].gap == Gap::Stop;
        let end = if rest.len() <= ONE_BREATH {
            rest.len()
        } else {
            (1..ONE_BREATH).rev().find(is_stop).unwrap_or(ONE_BREATH)
        };
        let (breath, after) = rest.split_at(end);
        rest = after;
        (!breath.is_empty()).then_some(breath)
    })
}
