//! The evidence: of each call that is linked to, the turns that matter and their neighbours, then the whole of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::history::{PastCall, What};
use super::super::shown::Numbers;
use super::super::wording::Wording;
use super::{Cited, Quote, anchor};

/// Longest turn shown, in characters.
const MAX_TURN_CHARS: usize = 600;

#[derive(Serialize)]
pub struct Card {
    id: String,
    title: String,
    /// The platform's own name of the call, and how it ended.
    small: String,
    excerpt: Vec<Shown>,
    /// Everything that was said; empty when the excerpt is everything.
    whole: Vec<Shown>,
}

#[derive(Clone, Serialize)]
struct Shown {
    /// Only where something links to it.
    id: String,
    at: String,
    who: String,
    kind: &'static str,
    words: Quote,
    /// Turns are left out before this one.
    after_gap: bool,
}

/// Cited turns of one call, with the words that were heard.
type Turns = BTreeMap<usize, Option<Box<str>>>;

pub fn cards(cited: &Cited, calls: &[PastCall], wording: &Wording, numbers: Numbers) -> Vec<Card> {
    cited.iter().map(|(index, turns)| card(*index, turns, &calls[*index], wording, numbers)).collect()
}

fn card(index: usize, cited: &Turns, past: &PastCall, wording: &Wording, numbers: Numbers) -> Card {
    let all: Vec<Shown> = (0..past.turns.len()).map(|turn| shown(past, turn, wording, numbers)).collect();
    let near: BTreeSet<usize> = cited.keys().flat_map(|turn| turn.saturating_sub(1)..=turn + 1).collect();
    let mut excerpt: Vec<Shown> = Vec::new();
    let mut last = None;
    for turn in near.into_iter().filter(|turn| *turn < all.len()) {
        let heard = cited.get(&turn);
        let id = heard.map_or_else(String::new, |_| anchor(index, Some(turn)));
        let after_gap = last.is_some_and(|last| turn > last + 1);
        let shown = all[turn].clone();
        let words = Quote::of(&shown.words.before, heard.and_then(Option::as_deref));
        excerpt.push(Shown { id, after_gap, words, ..shown });
        last = Some(turn);
    }
    let whole = if excerpt.len() == all.len() { Vec::new() } else { all };
    let facts = [
        past.began().map(|at| wording.moment(at)),
        past.duration_s().map(|seconds| wording.duration(seconds as f64)),
        past.caller().map(|number| numbers.caller(number)),
    ];
    let ended = past.ended.as_ref().map(|ended| ended.reason.to_string());
    Card {
        id: anchor(index, None),
        title: facts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        small: [Some(past.id.to_string()), ended].into_iter().flatten().collect::<Vec<_>>().join(" · "),
        excerpt,
        whole,
    }
}

fn shown(past: &PastCall, turn: usize, wording: &Wording, numbers: Numbers) -> Shown {
    let (kind, who, text) = match &past.turns[turn].what {
        What::Said { role, text } => {
            let kind = if *role == engine::call::Role::Caller { "caller" } else { "agent" };
            (kind, wording.speaker(*role).to_owned(), text.to_string())
        }
        What::Called(call) => {
            let arguments = serde_json::to_string(&call.arguments).expect("a JSON map can be written");
            ("tool", call.name.to_string(), arguments)
        }
        What::Answered { name, text, .. } => ("tool", format!("→ {name}"), text.to_string()),
    };
    let text = numbers.words(&text);
    let text = match text.char_indices().nth(MAX_TURN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    let at = past.second_of(turn).map_or_else(String::new, Wording::clock);
    Shown { id: String::new(), at, who, kind, words: Quote::of(&text, None), after_gap: false }
}
