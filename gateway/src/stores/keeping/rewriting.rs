//! Recorded JSON without what is to be forgotten. What cannot be read any more is emptied: nobody can tell what is in it.

use engine::alert::{Alert, What};
use engine::call::{Answer, Call, Fact, Forget};
use engine::traces::Traces;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::stores::columns::json;

/// What is taken out: words or a caller, and besides the number wherever it still is.
#[derive(Clone, Copy, Debug)]
pub struct Out<'a> {
    pub what: Forget,
    pub number: Option<&'a Traces>,
}

impl<'a> Out<'a> {
    pub const WORDS: Out<'static> = Out { what: Forget::Words, number: None };

    pub fn number(number: &'a Traces) -> Out<'a> {
        Out { what: Forget::Number, number: Some(number) }
    }

    /// As it is to be written; `None` where nothing changes. So for all of these.
    pub fn facts(self, written: &str) -> Option<String> {
        let forget = |facts: &mut Vec<Fact>, what| facts.iter_mut().for_each(|fact| fact.forget(what));
        self.rewritten(written, forget).unwrap_or_else(|| emptied(written, "[]"))
    }

    pub fn answer(self, written: &str) -> Option<String> {
        self.rewritten(written, Answer::forget).unwrap_or_else(|| emptied(written, "\"ack\""))
    }

    /// A line of a receipt.
    pub fn entry(self, written: &str) -> Option<String> {
        let forget = |what: &mut What, how| match what {
            What::Opened { words, .. } | What::Updated { words, .. } if how == Forget::Caller => words.forget(),
            _ => {}
        };
        self.rewritten(written, forget).unwrap_or_else(|| emptied(written, "{\"type\":\"unanswered\"}"))
    }

    /// The snapshot after it; `None` where it cannot be read.
    pub fn state(self, written: &str) -> Option<Call> {
        let now = self.rewritten(written, Call::forget)?;
        serde_json::from_str(now.as_deref().unwrap_or(written)).ok()
    }

    /// As [`Out::state`].
    pub fn alert(self, written: &str) -> Option<Alert> {
        let forget = |alert: &mut Alert, how| {
            if how == Forget::Caller {
                alert.words.forget();
            }
        };
        let now = self.rewritten(written, forget)?;
        serde_json::from_str(now.as_deref().unwrap_or(written)).ok()
    }

    /// `None`: it cannot be read.
    fn rewritten<T: DeserializeOwned + Serialize>(
        self,
        written: &str,
        forget: impl Fn(&mut T, Forget),
    ) -> Option<Option<String>> {
        let mut value: T = serde_json::from_str(written).ok()?;
        forget(&mut value, self.what);
        let mut now = json(&value);
        if let Some(number) = self.number.filter(|number| number.in_text(&now)) {
            let mut tree = serde_json::to_value(&value).ok()?;
            number.mask(&mut tree);
            now = json(&tree);
            // A short number can look like a part of a moment: then all goes that is about a caller.
            if serde_json::from_str::<T>(&now).is_err() {
                forget(&mut value, Forget::Caller);
                now = json(&value);
            }
        }
        Some((now != written).then_some(now))
    }
}

fn emptied(written: &str, empty: &str) -> Option<String> {
    (written != empty).then(|| empty.to_owned())
}

#[cfg(test)]
mod tests {
    use engine::testing::fixtures::CALLER;

    use super::*;

    #[test]
    fn a_number_is_taken_out_and_the_words_around_it_stay() {
        let traces = Traces::of(&CALLER.parse().unwrap());
        let out = Out::number(&traces);
        let facts = r#"[{"type":"spoke","role":"caller","text":"call 514-555-0142"}]"#;
        let left: Vec<Fact> = serde_json::from_str(&out.facts(facts).unwrap()).unwrap();
        assert!(matches!(&left[0], Fact::Spoke { text, .. } if &**text == "call •••"), "{left:?}");
        assert_eq!(out.facts(r#"[{"type":"requested"}]"#), None, "nothing to take out");
        assert_eq!(out.answer(r#"{"tool":{"result":"at 15145550142"}}"#).unwrap(), r#"{"tool":{"result":"at •••"}}"#);
    }

    #[test]
    fn what_cannot_be_read_is_emptied() {
        assert_eq!(Out::WORDS.facts("[{\"type\":\"of tomorrow\"}]").as_deref(), Some("[]"));
        assert_eq!(Out::WORDS.answer("?").as_deref(), Some("\"ack\""));
        assert!(Out::WORDS.state("{}").is_none());
        assert_eq!(Out::WORDS.facts("[]"), None);
        let empty: Answer = serde_json::from_str("\"ack\"").unwrap();
        assert_eq!(empty, Answer::Ack);
    }
}
