//! What somebody says who was told: they take it, or pass it on.

use serde::{Deserialize, Serialize};

use crate::playbook::fold;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Take,
    Pass,
}

/// Folded: small letters without accents, one space between words.
const TAKE: [&str; 27] = [
    "1",
    "ok",
    "okay",
    "oui",
    "yes",
    "j y vais",
    "jy vais",
    "j arrive",
    "jarrive",
    "je m en occupe",
    "je m occupe",
    "je prends",
    "je le prends",
    "je la prends",
    "recu",
    "parfait",
    "c est beau",
    "d accord",
    "on it",
    "i m on it",
    "im on it",
    "on my way",
    "i got it",
    "got it",
    "i ll take it",
    "ack",
    "taking it",
];
const PASS: [&str; 14] = [
    "2",
    "passe",
    "pass",
    "non",
    "no",
    "je passe",
    "je peux pas",
    "je ne peux pas",
    "pas disponible",
    "i pass",
    "can t",
    "i can t",
    "cannot",
    "not available",
];

/// Only by themselves: `1 heure`, `no problem` and `non, j'y vais` are something else.
const ALONE: [&str; 4] = ["1", "2", "no", "non"];

/// One of these behind it, and nobody can tell whether they really go: `ok mais je peux pas`, `yes but not now`.
const DOUBT: [&str; 40] = [
    "pas",
    "plus",
    "jamais",
    "non",
    "ne",
    "n",
    "mais",
    "sauf",
    "impossible",
    "autre",
    "demain",
    "tard",
    "si",
    "qui",
    "quoi",
    "quel",
    "quelle",
    "quand",
    "comment",
    "pourquoi",
    "not",
    "no",
    "never",
    "cannot",
    "t",
    "but",
    "unless",
    "except",
    "else",
    "later",
    "tomorrow",
    "if",
    "who",
    "what",
    "where",
    "when",
    "why",
    "how",
    "which",
    "unable",
];

impl Answer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Answer::Take => "take",
            Answer::Pass => "pass",
        }
    }

    /// Of a key pressed, or a text in reply. `None`: nobody can tell, and nothing must be made of it.
    pub fn read(words: &str) -> Option<Answer> {
        if words.contains('?') {
            return None;
        }
        let said = bare(words);
        let is = |known: &&str| *known == said;
        let begins = |known: &&str| {
            !ALONE.contains(known) && said.strip_prefix(*known).is_some_and(|rest| rest.starts_with(' '))
        };
        if PASS.iter().any(|known| is(known) || begins(known)) {
            return Some(Answer::Pass);
        }
        let doubts = || said.split(' ').any(|word| DOUBT.contains(&word));
        TAKE.iter().any(|known| is(known) || begins(known) && !doubts()).then_some(Answer::Take)
    }
}

/// Letters and digits of the first words, folded.
fn bare(words: &str) -> String {
    let start: String = words.chars().take(160).collect();
    let folded = fold(&start);
    let spaced: String = folded.chars().map(|letter| if letter.is_alphanumeric() { letter } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_say_that_they_take_it_or_pass_it_on_in_many_ways() {
        let (take, pass) = (Some(Answer::Take), Some(Answer::Pass));
        for (words, answer) in [
            ("1", take),
            (" OK ", take),
            ("Ok!", take),
            ("J'y vais", take),
            ("j’y vais tout de suite", take),
            ("Oui, j'arrive", take),
            ("On it.", take),
            ("I'm on it 👍", take),
            ("Reçu", take),
            ("2", pass),
            ("Passe", pass),
            ("pass please", pass),
            ("Non", pass),
            ("je ne peux pas, désolé", pass),
            ("", None),
            ("3", None),
            ("12", None),
            ("okra", None),
            ("nonante", None),
            ("1 heure", None),
            ("no problem", None),
            ("qui est-ce?", None),
            ("oui?", None),
            ("OK?", None),
            ("ok qui est-ce", None),
            ("j'y vais pas", None),
            ("Ok mais je peux pas y aller", None),
            ("oui mais pas avant demain", None),
            ("ok I can't", None),
            ("yes but not now", None),
            ("got it, can someone else go", None),
            ("ok, j'y vais", take),
            ("Oui parfait", take),
            ("ok merci j'arrive dans 20 minutes", take),
            ("on my way, 10 min", take),
        ] {
            assert_eq!(Answer::read(words), answer, "{words:?}");
        }
    }
}
