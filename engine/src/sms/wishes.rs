//! What somebody who writes back wants of the texts themselves: no more of them, some again, or help. Everything else is
//! an answer to what was texted, and read by whoever asked.
//!
//! Two tiers. A keyword is the whole message, in any case, accents and punctuation: STOP, ARRÊT, START, AIDE. Whoever
//! asks in words of their own ("stop texting me", "arrêtez de me texter") is heard as well, and a person should look at
//! it: [`Wish::Stop`] says which it was. Both languages count whatever the business speaks.
//! Sources: CWTA common short code guidelines; FCC rule on revoking consent "by any reasonable means", 2025-04.

mod in_words;

use super::wishes::in_words::asks_to_stop;
use crate::playbook::{Language, fold};

/// Longest body that is read for its meaning, in characters; a text is at most 1,600.
const LONGEST: usize = 1_600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Stop(Said),
    /// Texts again.
    Start,
    /// In the language asked; `None`: the word is used in both.
    Help(Option<Language>),
    /// "Yes": from somebody who is opted out, texts again; from everybody else an answer.
    Yes,
    Other,
}

impl Wish {
    pub const fn as_str(self) -> &'static str {
        match self {
            Wish::Stop(Said::Keyword) => "stop",
            Wish::Stop(Said::InWords) => "stop_in_words",
            Wish::Start => "start",
            Wish::Help(_) => "help",
            Wish::Yes => "yes",
            Wish::Other => "other",
        }
    }
}

/// How plainly it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The message was that word and nothing else.
    Keyword,
    /// In their own words: somebody should look whether it was meant.
    InWords,
}

#[rustfmt::skip]
const STOP: [&str; 24] = [
    "stop", "stopall", "stop all", "unsubscribe", "unsub", "cancel", "end", "quit", "revoke", "optout", "opt out",
    "arret", "arrett", "arrete", "arreter", "arretez", "desabonner", "desabonnement", "desabonnez moi", "fin",
    "annuler", "arretez tout", "stop tout", "se desabonner",
];
const START: [&str; 5] = ["start", "unstop", "debut", "reprendre", "subscribe"];
const YES: [&str; 2] = ["yes", "oui"];
const HELP: [(&str, Option<Language>); 3] =
    [("help", Some(Language::En)), ("aide", Some(Language::Fr)), ("info", None)];

/// What a message asks for.
pub fn wish(body: &str) -> Wish {
    let body: String = body.chars().take(LONGEST).collect();
    match keyword(&plain(&body)) {
        Some(wish) => wish,
        None if asks_to_stop(&body) => Wish::Stop(Said::InWords),
        None => Wish::Other,
    }
}

fn keyword(plain: &str) -> Option<Wish> {
    let is_one = |words: &[&str]| words.contains(&plain);
    let help = HELP.iter().find(|(word, _)| *word == plain);
    match help {
        Some((_, language)) => Some(Wish::Help(*language)),
        None if is_one(&STOP) => Some(Wish::Stop(Said::Keyword)),
        None if is_one(&START) => Some(Wish::Start),
        None if is_one(&YES) => Some(Wish::Yes),
        None => None,
    }
}

/// Folded words with one space between them: `ARRÊT !` is `arret`.
fn plain(text: &str) -> String {
    words(&fold(text)).collect::<Vec<_>>().join(" ")
}

fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_understood_in_any_case_accent_and_punctuation() {
        for word in [
            "STOP",
            "stop",
            " Stop. ",
            "STOP!!!",
            "«STOP»",
            "Stop all",
            "STOPALL",
            "Unsubscribe",
            "UNSUB",
            "cancel",
            "End",
            "QUIT",
            "revoke",
            "OptOut",
            "OPT-OUT",
            "opt out",
            "ARRET",
            "Arrêt",
            "ARRE\u{302}T",
            "arrete",
            "ARRÊTEZ",
            "arrêter",
            "Désabonner",
            "désabonnement",
            "FIN",
            "Annuler",
            "ＳＴＯＰ",
            "stop 🛑",
            "'Stop'\r\n",
        ] {
            assert_eq!(wish(word), Wish::Stop(Said::Keyword), "{word}");
        }
        for word in ["START", "unstop", "Début", "REPRENDRE."] {
            assert_eq!(wish(word), Wish::Start, "{word}");
        }
        for (word, language) in
            [("HELP", Some(Language::En)), ("help?", Some(Language::En)), ("Aide", Some(Language::Fr)), ("INFO", None)]
        {
            assert_eq!(wish(word), Wish::Help(language), "{word}");
        }
        for word in ["oui", "YES!"] {
            assert_eq!(wish(word), Wish::Yes, "{word}");
        }
    }

    #[test]
    fn a_keyword_among_other_words_is_no_keyword() {
        for body in [
            "cancel my appointment",
            "annuler mon rendez-vous",
            "the end of the street",
            "I need help with a drain",
            "fin de semaine",
            "Can you stop by tomorrow?",
            "stop the water first",
            "start at noon",
            "1",
            "2",
            "OK",
            "J'y vais!",
            "pass",
            "1 minute",
            "ok but not today",
            "help me",
            "",
            "   ",
            "👍",
            "c'est quoi l'info?",
            "restop",
            "le robinet ne s'arrête pas",
        ] {
            assert_eq!(wish(body), Wish::Other, "{body}");
        }
    }

    #[test]
    fn a_very_long_body_is_read_as_far_as_a_text_can_be() {
        assert_eq!(wish(&format!("{}stop texting me", "x ".repeat(2_000))), Wish::Other);
    }
}
