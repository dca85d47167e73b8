//! What is only a name: "rue de l'Inondation", "Floodgate Road", "my name is Flood", "madame Racine".

use std::sync::LazyLock;

use super::markers::{Markers, is_quantity};
use super::scope::Scope;
use super::words::{Gap, Word};

/// A street follows, in French.
const STREETS: [&str; 12] =
    ["rue", "avenue", "ave", "boulevard", "boul", "chemin", "ch", "rang", "montee", "place", "cote", "allee"];
/// A street precedes, in English.
const ROADS: [&str; 16] = [
    "street",
    "road",
    "lane",
    "avenue",
    "drive",
    "crescent",
    "court",
    "boulevard",
    "hill",
    "way",
    "terrace",
    "circle",
    "place",
    "st",
    "rd",
    "ave",
];
const LINKS: [&str; 9] = ["de", "du", "des", "d", "la", "le", "les", "l", "a"];
/// Before the name of a street, in English.
const AT: [&str; 8] = ["on", "at", "of", "from", "near", "to", "is", "along"];

/// The next word is somebody.
static PERSONS: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "madame | monsieur | mr | mrs | ms | mme | je m appelle | m appelle | mon nom c est | mon nom est | nom c est | nom de famille c est
         famille | my name is | my name s | name is | name s | named | nomme | nommee",
    )
});

pub fn mark(words: &mut [Word]) {
    for at in 0..words.len() {
        if let Some(length) = PERSONS.at(words, at) {
            name(words, at + length, 1);
        }
        if STREETS.contains(&words[at].text.as_ref()) {
            french_street(words, at + 1);
        }
        if ROADS.contains(&words[at].text.as_ref()) {
            english_street(words, at);
        }
    }
}

fn french_street(words: &mut [Word], first: usize) {
    let links = words[first.min(words.len())..].iter().take_while(|word| LINKS.contains(&word.text.as_ref())).count();
    if links > 0 || words.get(first).is_some_and(|word| word.is_capital) {
        name(words, first + links, 1);
    }
    let rest = words.get(first + links + 1..).unwrap_or_default();
    let further = rest.iter().take_while(|word| word.gap == Gap::None && (word.is_capital || word.is_hyphened)).count();
    name(words, first + links + 1, further);
}

/// "25 Flood Street", "on emergency hill road": one or two words between a number or "on", and the kind of street.
fn english_street(words: &mut [Word], end: usize) {
    for length in [1, 2] {
        let Some(first) = end.checked_sub(length) else { return };
        let capitals = words[first..=end].iter().all(|word| word.is_capital);
        let is_named = capitals || (first > 0 && is_before_street(&words[first - 1].text));
        if is_named && !super::scope::is_article(&words[first].text) {
            name(words, first, length);
        }
    }
}

fn is_before_street(word: &str) -> bool {
    AT.contains(&word) || is_number(word)
}

fn is_number(word: &str) -> bool {
    is_quantity(word) && word.starts_with(|c: char| c.is_ascii_digit())
}

fn name(words: &mut [Word], first: usize, length: usize) {
    words.iter_mut().skip(first).take(length).for_each(|word| word.scope = Scope::Named);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognition::words;

    fn names(text: &str) -> String {
        let said = words::said(text);
        let names = said.iter().filter(|word| word.scope == Scope::Named).map(|word| word.text.as_ref());
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_name_is_no_event() {
        for (text, name) in [
            ("au douze rue de l'Inondation, ça coule", "inondation"),
            ("sur la rue du torrent gris", "torrent"),
            ("sur le boulevard de la Rivière-qui-Monte c'est lent", "riviere qui monte"),
            ("25 Overflow Lane", "overflow"),
            ("i'm on emergency hill road", "emergency hill"),
            ("my name is Flood", "flood"),
            ("Madame Racine", "racine"),
            ("la rue est inondée", ""),
            ("ma rue déborde", ""),
            ("water from the street", ""),
        ] {
            assert_eq!(names(text), name, "{text}");
        }
    }
}
