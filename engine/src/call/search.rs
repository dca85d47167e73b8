//! Looking for a call by what people remember of it: a piece of its id, a name, some digits, a word of its summary.

use super::state::CallView;
use crate::phone::without_numbers;
use crate::recognition::fold;

/// Words to look for, without their accents and capitals.
#[derive(Clone, Debug)]
pub struct Search {
    folded: String,
    /// What there is of a telephone number in it, however it is written.
    digits: Option<String>,
    in_numbers: bool,
}

/// Fewer digits are in every number.
const FEWEST_DIGITS: usize = 3;

impl Search {
    /// `in_numbers`: whether telephone numbers are looked at, and those a summary quotes.
    pub fn new(words: &str, in_numbers: bool) -> Search {
        let written = words.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')'));
        let digits: String = words.chars().filter(char::is_ascii_digit).collect();
        let is_number = in_numbers && written && digits.len() >= FEWEST_DIGITS;
        Search { folded: fold(words.trim()), digits: is_number.then_some(digits), in_numbers }
    }

    pub fn finds(&self, call: &CallView) -> bool {
        let said = |text: &str| {
            let folded = if self.in_numbers { fold(text) } else { fold(&without_numbers(text)) };
            folded.contains(&self.folded)
        };
        let dialled = |number: &str| {
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            self.digits.as_ref().is_some_and(|wanted| digits.contains(wanted))
        };
        fold(call.id.as_str()).contains(&self.folded)
            || [&call.caller_name, &call.summary].into_iter().flatten().any(|text| said(text))
            || [&call.from, &call.to].into_iter().flatten().any(|number| dialled(number))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::call::{Call, Phase, SmsCounts};
    use crate::testing::frames;

    fn view() -> Arc<CallView> {
        let key = frames::call("acme", "Call-0190ab");
        let named = Call {
            caller_name: Some("Zoé Lefèvre".into()),
            summary: Some("Refoulement d'ÉGOUT au sous-sol. Rappeler au 514-555-0177.".into()),
            ..frames::state(1, Phase::Ended)
        };
        named.view(&key.tenant, &key.call, SmsCounts::default(), None)
    }

    #[test]
    fn a_call_is_found_by_any_piece_of_what_is_known_of_it() {
        for (words, found) in [
            ("0190AB", true),
            ("zoe lef", true),
            ("  Égout ", true),
            ("egout", true),
            ("555-0142", true),
            ("(514) 555", true),
            ("+1 514 555 0100", true),
            ("514-555-0177", true),
            ("01", true),
            ("99", false),
            ("9990", false),
            ("lefevre zoe", false),
        ] {
            assert_eq!(Search::new(words, true).finds(&view()), found, "{words}");
        }
    }

    #[test]
    fn who_sees_no_numbers_finds_none() {
        for digits in ["0142", "+15145550142", "514", "555-0177"] {
            assert!(!Search::new(digits, false).finds(&view()), "{digits}");
        }
        assert!(Search::new("zoé", false).finds(&view()));
    }
}
