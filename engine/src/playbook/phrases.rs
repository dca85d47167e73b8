//! Plain phrases in what a caller said: whole words, accents and case folded, the simplest negations understood.
//!
//! A missed emergency is a flooded basement, a false one is a needless text; so a negation counts only when nothing but
//! small words stand between it and the phrase: "pas une urgence", "not really an emergency".

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that negate what follows, also across [`FILLERS`].
const NEGATIONS: [&str; 17] = [
    "pas", "aucun", "aucune", "rien", "sans", "jamais", "not", "isn", "isnt", "wasn", "wasnt", "don", "dont",
    "without", "never", "neither", "nothing",
];
/// Words that negate only what follows at once: "no emergency", but "no, a flood".
const BARE_NEGATIONS: [&str; 3] = ["no", "non", "ni"];
/// No definite articles: "ça marche pas le refoulement continue" is a backup.
#[rustfmt::skip]
const FILLERS: [&str; 25] = [
    "un", "une", "d", "de", "du", "vraiment", "exactement", "forcement", "encore", "vraie", "vrai", "grosse", "si",
    "tres", "trop",
    "a", "an", "any", "t", "have", "really", "real", "that", "very", "yet",
];
/// Fillers only behind their first word: "pas du tout", but "ça arrête pas tout déborde".
const FILLER_PAIRS: [(&str, &str); 2] = [("du", "tout"), ("at", "all")];
const MAX_FILLERS: usize = 4;

/// A phrase of a playbook: one word or several in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    pub text: Box<str>,
    words: Vec<Box<str>>,
}

impl Phrase {
    /// `None` when nothing is left of it: `"!"` would match everything.
    pub fn new(text: &str) -> Option<Phrase> {
        let words: Vec<Box<str>> = Said::new(text).0.into_iter().flatten().collect();
        (!words.is_empty()).then(|| Phrase { text: text.into(), words })
    }
}

/// What somebody said, as the folded words of each clause.
#[derive(Clone, Debug)]
pub struct Said(Vec<Vec<Box<str>>>);

impl Said {
    pub fn new(text: &str) -> Said {
        let folded = fold(text);
        let clauses = folded.split(['.', ',', ';', ':', '!', '?', '(', ')', '\n', '…']);
        Said(clauses.map(words).filter(|words| !words.is_empty()).collect())
    }

    /// Whether the phrase was said and meant at least once.
    pub fn means(&self, phrase: &Phrase) -> bool {
        self.0.iter().any(|clause| {
            let at = |start: &usize| clause[*start..].starts_with(&phrase.words);
            (0..clause.len()).filter(at).any(|start| !is_negated(&clause[..start]))
        })
    }
}

/// Lower case without accents; ligatures opened, every kind of apostrophe and dash a space.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match letter {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ʼ' | 'ʻ' | 'ʹ' => folded.push(' '),
            _ => folded.push(letter),
        }
    }
    folded
}

fn words(clause: &str) -> Vec<Box<str>> {
    clause.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(Box::from).collect()
}

fn is_negated(before: &[Box<str>]) -> bool {
    let fillers = fillers_at_end(before).min(MAX_FILLERS);
    let Some(word) = before.len().checked_sub(fillers + 1).map(|place| before[place].as_ref()) else { return false };
    NEGATIONS.contains(&word) || (fillers == 0 && BARE_NEGATIONS.contains(&word))
}

fn fillers_at_end(words: &[Box<str>]) -> usize {
    let mut rest = words;
    while let Some((last, before)) = rest.split_last() {
        let pair = before.last().map(|first| (first.as_ref(), last.as_ref()));
        rest = match pair {
            Some(pair) if FILLER_PAIRS.contains(&pair) => &before[..before.len() - 1],
            _ if FILLERS.contains(&last.as_ref()) => before,
            _ => break,
        };
    }
    words.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(text: &str, phrase: &str) -> bool {
        Said::new(text).means(&Phrase::new(phrase).unwrap())
    }

    #[test]
    fn a_phrase_is_found_by_whole_words_in_any_accent_case_and_apostrophe() {
        for (text, phrase) in [
            ("INONDATION au sous-sol!", "inondation"),
            ("un DEGAT D’EAU chez nous", "dégât d'eau"),
            ("de\u{301}ga\u{302}t dʼeau", "dégât d'eau"),
            ("l’eau dans le sous sol", "eau dans le sous-sol"),
            ("un nœud dans le tuyau", "noeud"),
            ("contract with the City Of Laval", "city of"),
        ] {
            assert!(means(text, phrase), "{phrase:?} in {text:?}");
        }
        for (text, phrase) in [
            ("je suis à Boucherville", "ville"),
            ("des urgences", "urgence"),
            ("la ville. De quoi parlez-vous", "ville de"),
            ("", "urgence"),
        ] {
            assert!(!means(text, phrase), "{phrase:?} not in {text:?}");
        }
    }

    #[test]
    fn a_negated_phrase_is_not_meant_and_an_emergency_beside_it_is() {
        for text in [
            "Ce n'est pas une urgence, juste un prix",
            "c'est pas vraiment une urgence",
            "pas d’urgence",
            "y a aucune urgence",
            "sans urgence",
            "rien qui presse, pas d'urgence",
            "ce n'est pas du tout une urgence",
        ] {
            assert!(!means(text, "urgence"), "{text}");
        }
        for text in [
            "not at all an emergency",
            "not that much of a hurry, not an emergency",
            "it isn't an emergency",
            "it's not really an emergency",
            "no emergency",
        ] {
            assert!(!means(text, "emergency"), "{text}");
        }
        for (text, phrase) in [
            ("je ne sais pas, urgence", "urgence"),
            ("je ne sais pas quoi faire urgence", "urgence"),
            ("non, une urgence", "urgence"),
            ("non une urgence", "urgence"),
            ("ce n'est pas une urgence. Oui, une urgence!", "urgence"),
            ("no it is an emergency", "emergency"),
            ("ça marche pas le refoulement continue", "refoulement"),
            ("ça n'arrête pas tout déborde", "déborde"),
        ] {
            assert!(means(text, phrase), "{text}");
        }
    }

    #[test]
    fn a_phrase_without_a_word_is_no_phrase() {
        assert!(Phrase::new("").is_none());
        assert!(Phrase::new(" '!? ").is_none());
    }
}
