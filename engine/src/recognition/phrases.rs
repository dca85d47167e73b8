//! The phrases of a playbook, in a language its owner can write.
//!
//! ```text
//! dégât d'eau            these words in a row; small words between them do not matter: "dégât de l'eau"
//! refoul*                every word that begins so
//! monte|rentre|sort      one of these; a word torn apart ("sous sol" for sous-sol) is one
//! <water>                one of the playbook's list [recognition.words] water
//! eau … monte            later in the sentence, a few words apart; three dots do too
//! <water> + <place>      close together, in either order
//! ! entrée d'eau         not this: what matches is left out before the priority's other phrases are looked for
//! ```

use std::borrow::Cow;
use std::ops::Range;

use super::dictionary::{Dictionary, Fits, Slot};
use super::scope::Scope;
use super::words::{self, Gap, Word};

/// Words that may stand between two steps of a phrase written with `…`.
const FURTHEST: usize = 7;
/// Words that all parts of a phrase written with `+` span together.
const WIDEST: usize = 12;
/// Denying words; a phrase that names one ("arrête pas") means it.
const DENYING: [&str; 9] = ["pas", "plus", "no", "not", "sans", "without", "aucun", "wont", "cant"];
/// Passed over between the words of a phrase, unless it names them.
#[rustfmt::skip]
const SMALL: [&str; 38] = [
    "le", "la", "les", "l", "un", "une", "des", "du", "d", "de", "mon", "ma", "mes", "notre", "nos", "ton", "ta", "votre", "leur", "son",
    "ce", "cette", "tout", "toute", "vraiment", "ben", "bien",
    "the", "a", "an", "my", "our", "your", "this", "that", "all", "really", "like",
];

#[derive(Clone, Debug)]
pub struct Phrase {
    /// Found in any order, close together.
    parts: Vec<Part>,
    /// A `!` phrase: what it matches is left out.
    pub excludes: bool,
    /// Counts unless the second opinion is sure that it is nothing.
    pub is_hint: bool,
    denies: bool,
}

/// Runs of slots, each a little later than the one before.
type Part = Vec<Vec<Slot>>;

/// Where a phrase was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub words: Range<usize>,
    /// `Meant`, or what is said of it instead.
    pub scope: Scope,
}

/// What a phrase is looked for in.
pub struct Heard<'a> {
    pub words: &'a [Word],
    pub fits: &'a Fits,
    /// An emergency is one now; a city that had pipes lined last year is still a city that has pipes lined.
    pub is_about_now: bool,
    /// Left out by a `!` phrase.
    pub excluded: Vec<bool>,
}

impl Phrase {
    /// Reads a phrase. `list` gives the slot of a named list. The error says what is wrong with it.
    pub fn parse(
        text: &str,
        dictionary: &mut Dictionary,
        list: impl Fn(&str) -> Option<Slot>,
    ) -> Result<Phrase, Cow<'static, str>> {
        let (excludes, body) = match text.trim().strip_prefix('!') {
            Some(body) => (true, body),
            None => (false, text),
        };
        let body = body.replace("...", "…");
        let mut denies = false;
        let mut part = |written: &str| -> Result<Part, Cow<'static, str>> {
            let runs = written.split('…').map(|run| {
                let slots = run.split_whitespace().map(|item| slots(item, dictionary, &list, &mut denies));
                let run: Vec<Slot> = slots.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
                if run.is_empty() { Err("a phrase without a word".into()) } else { Ok(run) }
            });
            runs.collect()
        };
        let parts = body.split(" + ").map(&mut part).collect::<Result<Vec<_>, _>>()?;
        Ok(Phrase { parts, excludes, is_hint: false, denies })
    }

    /// The first place where the phrase counts; else the first where it is said at all.
    pub fn find(&self, heard: &Heard) -> Option<Found> {
        if !self.is_possible(heard) {
            return None;
        }
        let mut otherwise = None;
        self.find_parts(heard, &self.parts, None, Scope::Meant, &mut otherwise).or(otherwise)
    }

    /// Leaves out every word the phrase matches.
    pub fn exclude(&self, heard: &mut Heard) {
        if !self.is_possible(heard) {
            return;
        }
        for start in 0..heard.words.len() {
            if let Some(end) = self.end_of_part(heard, &self.parts[0], start) {
                heard.excluded[start..end].fill(true);
            }
        }
    }

    /// Whether every word of it was said somewhere.
    fn is_possible(&self, heard: &Heard) -> bool {
        self.parts.iter().flatten().flatten().all(|slot| heard.fits.has(*slot))
    }

    fn find_parts(
        &self,
        heard: &Heard,
        parts: &[Part],
        around: Option<Range<usize>>,
        scope: Scope,
        otherwise: &mut Option<Found>,
    ) -> Option<Found> {
        let Some((part, rest)) = parts.split_first() else {
            let found = Found { words: around?, scope };
            if found.scope == Scope::Meant {
                return Some(found);
            }
            otherwise.get_or_insert(found);
            return None;
        };
        let near = match &around {
            Some(around) => around.end.saturating_sub(WIDEST)..(around.start + WIDEST).min(heard.words.len()),
            None => 0..heard.words.len(),
        };
        near.clone().find_map(|start| {
            let end = self.end_of_part(heard, part, start).filter(|end| *end <= near.end)?;
            let span = around.as_ref().map_or(start..end, |around| around.start.min(start)..around.end.max(end));
            let overlaps = around.as_ref().is_some_and(|around| start < around.end && around.start < end);
            if overlaps || has_stop(&heard.words[span.clone()]) {
                return None;
            }
            let scope = if scope == Scope::Meant { self.scope_of(heard, &heard.words[start..end]) } else { scope };
            self.find_parts(heard, rest, Some(span), scope, otherwise)
        })
    }

    /// Behind the last word, if the part begins at `start`.
    fn end_of_part(&self, heard: &Heard, part: &Part, start: usize) -> Option<usize> {
        let (first, later) = part.split_first()?;
        let mut end = heard.end_of_run(first, start)?;
        for run in later {
            let furthest = (end + FURTHEST).min(heard.words.len());
            let reach = (end..furthest).find(|at| heard.words[*at].gap == Gap::Stop).unwrap_or(furthest);
            end = (end..reach).find_map(|at| heard.end_of_run(run, at))?;
        }
        Some(end)
    }

    fn scope_of(&self, heard: &Heard, words: &[Word]) -> Scope {
        let is_said_of_it = |scope: &Scope| match scope {
            Scope::Meant => false,
            Scope::Named => true,
            Scope::Denied => !self.denies,
            Scope::Past | Scope::Supposed => heard.is_about_now,
        };
        words.iter().map(|word| word.scope).find(is_said_of_it).unwrap_or(Scope::Meant)
    }
}

impl Heard<'_> {
    /// Behind the last word, if these slots are filled in a row from `start`.
    fn end_of_run(&self, run: &[Slot], start: usize) -> Option<usize> {
        let mut at = start;
        for (n, slot) in run.iter().enumerate() {
            loop {
                let word = self.words.get(at)?;
                if self.excluded[at] || (n > 0 && word.gap != Gap::None) {
                    return None;
                }
                let parts = self.fits.shortest(at, *slot);
                if parts > 0 {
                    at += parts;
                    break;
                }
                if n == 0 || !SMALL.contains(&word.text.as_ref()) {
                    return None;
                }
                at += 1;
            }
        }
        Some(at)
    }
}

fn has_stop(words: &[Word]) -> bool {
    words.iter().skip(1).any(|word| word.gap == Gap::Stop)
}

/// The slots of one item: alternatives are one slot, `d'eau` is `eau`, `rez-de-chaussée` one word that may be torn.
fn slots(
    item: &str,
    dictionary: &mut Dictionary,
    list: &impl Fn(&str) -> Option<Slot>,
    denies: &mut bool,
) -> Result<Option<Slot>, Cow<'static, str>> {
    if let Some(name) = item.strip_prefix('<').and_then(|item| item.strip_suffix('>')) {
        return list(name).map(Some).ok_or_else(|| format!("no list of words is called <{name}>").into());
    }
    let alternatives: Vec<&str> = item.split('|').filter(|word| has_letter(word)).collect();
    if alternatives.is_empty() {
        return Ok(None);
    }
    if let Some(short) = alternatives.iter().find(|word| word.ends_with('*') && word.chars().count() < 4) {
        return Err(format!("{short:?} begins too many words").into());
    }
    if let Some(inside) = alternatives.iter().find(|word| word.strip_suffix('*').unwrap_or(word).contains('*')) {
        return Err(format!("{inside:?} has a * inside a word; it can only end one").into());
    }
    let slot = dictionary.new_slot();
    for word in alternatives {
        *denies |= word.split(['-', '\'']).any(|part| DENYING.contains(&part));
        dictionary.add(slot, without_article(word));
    }
    Ok(Some(slot))
}

fn has_letter(word: &str) -> bool {
    words::fold(word).contains(char::is_alphanumeric)
}

/// `d'eau` → `eau`; `isn't` stays.
fn without_article(word: &str) -> &str {
    match word.split_once(['\'', '’']) {
        Some((article, rest)) if has_letter(rest) && ["d", "l", "D", "L"].contains(&article) => rest,
        _ => word,
    }
}
