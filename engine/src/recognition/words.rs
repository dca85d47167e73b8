//! What somebody said, as folded words: speech-to-text noise taken out, the pauses kept.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::scope::{self, Scope};

/// Words read of one text. A turn has thirty; what comes after two thousand no longer changes how urgent
/// it is.
const MAX_WORDS: usize = 2_000;
/// Said while thinking; they mean nothing, wherever they stand.
const HESITATIONS: [&str; 17] = [
    "euh", "heu", "hum", "hmm", "uh", "um", "uhm", "er", "ah", "oh", "ben", "bin", "bah", "tse", "tsais", "coudonc",
    "genre",
];
/// A full stop after these ends no sentence.
const ABBREVIATED: [&str; 6] = ["mr", "mrs", "ms", "dr", "st", "ste"];
/// Words a recogniser writes as one, because it does not hear an apostrophe.
#[rustfmt::skip]
const GLUED: [(&str, &[&str]); 39] = [
    ("cest", &["c", "est"]), ("cetait", &["c", "etait"]), ("jai", &["j", "ai"]), ("javais", &["j", "avais"]),
    ("jaimerais", &["j", "aimerais"]), ("ya", &["y", "a"]), ("yavait", &["y", "avait"]), ("yen", &["y", "en"]),
    ("lan", &["l", "an"]), ("lannee", &["l", "annee"]), ("lete", &["l", "ete"]), ("lhiver", &["l", "hiver"]),
    ("lautomne", &["l", "automne"]), ("dun", &["d", "un"]), ("dune", &["d", "une"]), ("quil", &["qu", "il"]),
    ("quon", &["qu", "on"]), ("sest", &["s", "est"]), ("aujourdhui", &["aujourd", "hui"]), ("netait", &["n", "etait"]),
    ("jhabite", &["j", "habite"]), ("leau", &["l", "eau"]), ("deau", &["d", "eau"]), ("dhabitude", &["d", "habitude"]),
    ("pus", &["plus"]), ("chus", &["je", "suis"]), ("chu", &["je", "suis"]), ("jsuis", &["je", "suis"]), ("chais", &["sais"]), ("its", &["it", "s"]), ("theres", &["there", "s"]), ("thats", &["that", "s"]), ("whats", &["what", "s"]),
    ("im", &["i", "m"]), ("ive", &["i", "ve"]), ("weve", &["we", "ve"]), ("theyre", &["they", "re"]),
    ("youre", &["you", "re"]), ("cannot", &["cant"]),
];
/// First halves of `isn't`, written apart by folding.
const BEFORE_T: [&str; 17] = [
    "isn", "wasn", "aren", "weren", "don", "doesn", "didn", "haven", "hasn", "hadn", "won", "can", "couldn", "wouldn",
    "shouldn", "ain", "mustn",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: Cow<'static, str>,
    /// The pause before it.
    pub gap: Gap,
    /// Whether it was meant, or denied, past, only supposed.
    pub scope: Scope,
    /// Written with a capital, though the text is not all capitals.
    pub is_capital: bool,
    /// Tied to the word before by a hyphen.
    pub is_hyphened: bool,
    /// Where it stands in the text.
    pub place: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    None,
    Comma,
    /// The end of a sentence, or of a line.
    Stop,
}

/// The words of `text`, each with its scope.
pub fn said(text: &str) -> Vec<Word> {
    let mut words = split(text);
    scope::mark(&mut words);
    words
}

/// Words alone, for what is not speech: a playbook's phrases.
pub fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::with_capacity(text.len() / 5 + 1);
    let mut gap = Gap::None;
    let mut start = None;
    for (at, letter) in text.char_indices().chain([(text.len(), '\n')]) {
        if is_of_a_word(letter) {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take() {
            push(&mut words, text, start..at, &mut gap);
            if words.len() >= MAX_WORDS {
                break;
            }
        }
        let abbreviates = letter == '.' && words.last().is_some_and(|word| ABBREVIATED.contains(&word.text.as_ref()));
        gap = gap.max(if abbreviates { Gap::None } else { gap_of(letter) });
    }
    words
}

/// Some apostrophes count as letters in Unicode.
fn is_of_a_word(letter: char) -> bool {
    (letter.is_alphanumeric() && !matches!(letter, 'ʼ' | 'ʻ' | 'ʹ')) || is_combining_mark(letter)
}

fn gap_of(letter: char) -> Gap {
    match letter {
        '.' | '!' | '?' | '\n' => Gap::Stop,
        ',' | ';' | ':' | '(' | ')' | '…' | '–' | '—' => Gap::Comma,
        _ => Gap::None,
    }
}

fn push(words: &mut Vec<Word>, text: &str, place: Range<usize>, gap: &mut Gap) {
    let spoken = &text[place.clone()];
    let folded = fold(spoken);
    if HESITATIONS.contains(&folded.as_str()) {
        return;
    }
    if let Some(last) = words.last_mut().filter(|last| folded == "t" && BEFORE_T.contains(&last.text.as_ref())) {
        last.text.to_mut().push('t');
        last.place.end = place.end;
        return;
    }
    let glued = GLUED.iter().find(|(glued, _)| *glued == folded);
    let texts: Vec<Cow<'static, str>> = match glued {
        Some((_, parts)) => parts.iter().map(|part| Cow::Borrowed(*part)).collect(),
        None => vec![Cow::Owned(folded)],
    };
    let is_capital = spoken.starts_with(char::is_uppercase) && spoken.contains(char::is_lowercase);
    let is_hyphened = text[..place.start].ends_with('-');
    for text in texts {
        let gap = std::mem::replace(gap, Gap::None);
        words.push(Word { text, gap, scope: Scope::Meant, is_capital, is_hyphened, place: place.clone() });
    }
}

/// Lower case without accents; ligatures opened, an apostrophe that counts as a letter a space.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        split(text).iter().map(|word| word.text.as_ref()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_the_same_however_a_recogniser_writes_them() {
        for (text, wanted) in [
            ("INONDATION au sous-sol!", "inondation au sous sol"),
            ("un DEGAT D’EAU", "un degat d eau"),
            ("de\u{301}ga\u{302}t dʼeau", "degat d eau"),
            ("c'est, euh, l'eau", "c est l eau"),
            ("cest leau", "c est l eau"),
            ("it isn't, it isnt", "it isnt it isnt"),
            ("un nœud", "un noeud"),
            ("", ""),
        ] {
            assert_eq!(words(text), wanted);
        }
    }

    #[test]
    fn a_pause_stands_before_the_next_word_and_a_word_knows_its_place() {
        let said = split("Oui, là. Ça déborde");
        let gaps: Vec<Gap> = said.iter().map(|word| word.gap).collect();
        assert_eq!(gaps, [Gap::None, Gap::Comma, Gap::Stop, Gap::None]);
        assert_eq!(&"Oui, là. Ça déborde"[said[3].place.clone()], "déborde");
    }
}
