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

impl Answer {
    /// Of a key pressed, or a text in reply. `None`: nobody can tell, and nothing must be made of it.
    pub fn read(words: &str) -> Option<Answer> {
        let said = bare(words);
        let is = |known: &&str| *known == said;
        let begins = |known: &&str| {
            !ALONE.contains(known) && said.strip_prefix(*known).is_some_and(|rest| rest.starts_with(' '))
        };
        if PASS.iter().any(|known| is(known) || begins(known)) {
            return Some(Answer::Pass);
        }
        TAKE.iter().any(|known| is(known) || begins(known)).then_some(Answer::Take)
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
        ] {
            assert_eq!(Answer::read(words), answer, "{words:?}");
        }
    }
}
