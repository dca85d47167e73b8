//! What was said of a word: that it is so, that it is not, that it is over, or that it might be.
//!
//! The grammar of French and English as spoken, the same for every trade. A missed emergency is a flooded basement, a
//! false one a needless text, so every scope ends early: at the next subject, pause or contrast.

use std::sync::LazyLock;

use super::markers::Markers;
use super::words::{Gap, Word};
use super::{denial, names, supposition, time};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Meant,
    /// "pas d'eau", "no flooding or anything".
    Denied,
    /// "l'an passé", "has been fixed".
    Past,
    /// "au cas où", "do you do emergencies".
    Supposed,
    /// "rue de l'Inondation", "my name is Flood".
    Named,
}

/// Marks every word. The order decides where scopes overlap: what is past or supposed is so, denied or not.
pub fn mark(words: &mut [Word]) {
    denial::mark(words);
    time::mark(words);
    supposition::mark(words);
    names::mark(words);
}

/// After these something else is said: "c'est pas grave mais ça déborde".
static CONTRASTS: LazyLock<Markers> = LazyLock::new(|| {
    Markers::new(
        "mais | sauf que | sauf | par contre | cependant | pourtant | parce que | parce | car | donc | alors | puis la
         pis la | puis | pis | et la | fait que | faque | sinon | en tout cas | c est juste que | juste que
         but | except | however | though | although | because | cause | cuz | so | and now | then | yet | only that
         it s just that | just that | otherwise | anyway | still",
    )
});

/// A new subject, so a new statement, where a recogniser hears no comma.
#[rustfmt::skip]
const SUBJECTS: [&str; 33] = [
    "je", "j", "tu", "il", "elle", "on", "nous", "vous", "ils", "elles", "ca", "c", "ce", "cela", "y", "moi",
    "i", "it", "we", "they", "there", "he", "she", "you", "this", "my", "our", "mon", "ma", "mes", "notre", "nos",
    "everything",
];
#[rustfmt::skip]
const DEFINITES: [&str; 25] = [
    "her", "his", "their", "sa", "son", "ses", "leur",
    "le", "la", "les", "l", "mon", "ma", "mes", "notre", "nos", "votre", "ton", "ta", "the", "my", "our", "your",
    "this", "that",
];
#[rustfmt::skip]
const PREPOSITIONS: [&str; 34] = [
    "de", "d", "dans", "sur", "par", "en", "pour", "sous", "chez", "avec", "vers", "au", "aux", "a", "du", "des", "tout", "toute",
    "in", "on", "of", "from", "into", "for", "at", "through", "under", "with", "to", "by", "near", "around", "all", "out",
];

pub fn is_contrast(words: &[Word], at: usize) -> bool {
    CONTRASTS.begins(words, at)
}

pub fn is_subject(word: &str) -> bool {
    SUBJECTS.contains(&word)
}

pub fn is_article(word: &str) -> bool {
    matches!(word, "the" | "a" | "an" | "my" | "our" | "this" | "that" | "your")
}

pub fn is_preposition(word: &str) -> bool {
    PREPOSITIONS.contains(&word)
}

/// A thing of its own begins here, "le drain", not one that belongs to what was said before, "dans le drain".
pub fn is_new_thing(words: &[Word], at: usize) -> bool {
    DEFINITES.contains(&words[at].text.as_ref()) && !(at > 0 && is_preposition(&words[at - 1].text))
}

/// Where the sentence around `at` begins.
pub fn sentence_start(words: &[Word], at: usize) -> usize {
    (1..=at).rev().find(|place| words[*place].gap == Gap::Stop).unwrap_or(0)
}

/// Behind the last word of the sentence around `at`.
pub fn sentence_end(words: &[Word], at: usize) -> usize {
    (at + 1..words.len()).find(|place| words[*place].gap == Gap::Stop).unwrap_or(words.len())
}

pub fn set(words: &mut [Word], scope: Scope) {
    words.iter_mut().for_each(|word| word.scope = scope);
}

#[cfg(test)]
mod tests {
    use super::Scope::{self, *};
    use crate::recognition::{turns, words};

    /// The scope of the first word that begins so.
    fn scope_of(text: &str, word: &str) -> Scope {
        words::said(&turns::of_caller(text))
            .iter()
            .find(|said| said.text.starts_with(word))
            .expect("the word was said")
            .scope
    }

    #[test]
    fn what_is_said_of_a_word_is_understood() {
        for (text, word, scope) in [
            ("y'a pas d'eau dans le sous-sol", "eau", Denied),
            ("y'a pas d'eau dans le sous-sol", "sol", Denied),
            ("y a pus une goutte d'eau", "eau", Denied),
            ("c'est pas une urgence", "urgence", Denied),
            ("c'est pas l'urgence du siècle", "urgence", Denied),
            ("ça déborde pas", "deborde", Denied),
            ("c'est pas que ça déborde", "deborde", Denied),
            ("rien ne déborde", "deborde", Denied),
            ("no flooding or anything", "flooding", Denied),
            ("nothing is overflowing", "overflowing", Denied),
            ("isn't an emergency", "emergency", Denied),
            ("c'est pas pressant mais ça déborde", "deborde", Meant),
            ("ça marche pas le refoulement continue", "refoulement", Meant),
            ("ça arrête pas de déborder", "deborder", Meant),
            ("je sais pas quoi faire ça déborde", "deborde", Meant),
            ("it won't stop overflowing", "overflowing", Meant),
            ("no, the basement is flooding", "flooding", Meant),
            ("l'an passé on a eu un refoulement", "refoulement", Past),
            ("un refoulement, c'est réglé", "refoulement", Past),
            ("we had a flood last year", "flood", Past),
            ("the flood has been fixed", "flood", Past),
            ("we used to have floods", "floods", Past),
            ("l'an passé aussi, et là ça refoule", "refoule", Meant),
            ("ça refoule depuis la semaine passée", "refoule", Meant),
            ("c'est pas réglé, ça déborde", "deborde", Meant),
            ("they said it was fixed but it floods", "floods", Meant),
            ("my basement is flooding right now. the toilet was fixed last week", "flooding", Meant),
            ("my basement is flooding right now, the toilet was fixed last week", "flooding", Meant),
            ("mon sous-sol est inondé en ce moment. la toilette a été réparée l'an passé", "inonde", Meant),
            ("ça déborde partout. le drain a été réparé la semaine passée", "deborde", Meant),
            ("User: it's flooding right now. AI: Since when? User: the toilet was fixed last week", "flooding", Meant),
            ("my basement is flooding right now. the toilet was fixed last week", "toilet", Past),
            ("we had a flood in the basement. the walls were soaked. it has been fixed", "flood", Past),
            ("the drain backed up this morning. it has been fixed", "backed", Past),
            ("y a eu un refoulement ce matin. c'est réglé", "refoulement", Past),
            ("the drain backed up this morning. the toilet was fixed last week", "backed", Meant),
            ("the basement is flooded. the toilet was fixed last week", "flooded", Meant),
            ("y a un refoulement au sous-sol. la toilette a été réparée l'an passé", "refoulement", Meant),
            ("on a eu un refoulement. mon assureur est au courant. ça a été réglé l'an passé", "refoulement", Past),
            ("y a eu un refoulement. ça a été réglé l'an passé", "refoulement", Past),
            ("the toilet flooded this morning but it has been fixed", "flooded", Past),
            ("we had a flood last year and it's back", "flood", Meant),
            ("we had a flood last year. we paid for it. now it's coming back", "flood", Meant),
            ("we had a flood last year. a plumber came. i still have his invoice", "flood", Past),
            ("on a eu un refoulement l'an passé. un plombier est venu. j'ai encore sa facture", "refoulement", Past),
            ("au cas où ça déborde", "deborde", Supposed),
            ("pour éviter une inondation", "inondation", Supposed),
            ("combien pour une urgence", "urgence", Supposed),
            ("do you do emergencies", "emergencies", Supposed),
            ("in case of flooding", "flooding", Supposed),
            ("how much to come, my basement is flooded", "flooded", Meant),
            ("avez-vous un service d'urgence, j'ai un refoulement", "refoulement", Meant),
        ] {
            assert_eq!(scope_of(text, word), scope, "{word} in {text:?}");
        }
    }
}
