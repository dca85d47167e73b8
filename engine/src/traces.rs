//! A telephone number as people and platforms write it, found in text and taken out of it.

use std::borrow::Cow;

use serde_json::Value;

use crate::phone::{DIALABLE_DIGITS, PhoneNumber, dialable, digits_at};

/// What stands where a number was.
pub const GONE: &str = "•••";

/// What a number looks like: with its country's code or without, in groups or not. Numbers spelled out in words are not
/// seen.
#[derive(Clone, Debug)]
pub struct Traces {
    /// With the country's code.
    whole: String,
    /// As it is dialled within the country, without a leading zero.
    national: String,
}

impl Traces {
    pub fn of(number: &PhoneNumber) -> Traces {
        let whole = number.as_str()[1..].to_owned();
        let national = whole[number.calling_code().len()..].to_owned();
        // Of a short number too much else would look like it.
        let national = if national.len() >= DIALABLE_DIGITS { national } else { whole.clone() };
        Traces { whole, national }
    }

    /// Whether this is the number, as a platform tells who calls.
    pub fn is_number(&self, written: &str) -> bool {
        let Some(number) = dialable(written) else { return false };
        let digits = number.trim_start_matches(['+', '0']);
        digits == self.whole || digits == self.national
    }

    pub fn in_text(&self, text: &str) -> bool {
        self.masked(text).is_some()
    }

    /// The text without the number; `None` where it is not in it.
    pub fn masked(&self, text: &str) -> Option<String> {
        let mut masked: Option<String> = None;
        let (mut kept, mut rest, mut place) = (0, text, 0);
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let length = digits_at(&rest[start..]);
            let run = &rest[start..start + length];
            let digits: Cow<'_, str> = run.chars().filter(char::is_ascii_digit).collect();
            place += start;
            if digits.contains(&self.national) {
                let out = masked.get_or_insert_default();
                out.push_str(text[kept..place].trim_end_matches('+'));
                out.push_str(GONE);
                kept = place + length;
            }
            place += length;
            rest = &text[place..];
        }
        let mut masked = masked?;
        masked.push_str(&text[kept..]);
        Some(masked)
    }

    /// Takes the number out of every text and figure of the value. Whether it was anywhere.
    pub fn mask(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => self.masked(text).map(|masked| *text = masked).is_some(),
            Value::Number(figure) if [&self.whole, &self.national].contains(&&figure.to_string()) => {
                *value = GONE.into();
                true
            }
            Value::Array(items) => items.iter_mut().fold(false, |found, item| self.mask(item) | found),
            Value::Object(fields) => fields.values_mut().fold(false, |found, field| self.mask(field) | found),
            _ => false,
        }
    }

    /// Patterns of SQL's `LIKE`: whatever names the number fits one of them, and much else may.
    pub fn patterns(&self) -> [String; 2] {
        let (before, last) = self.national.split_at(self.national.len() - 2);
        let pair = &before[before.len() - 2..];
        [format!("%{pair}{last}%"), format!("%{pair}_{last}%")]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn traces(number: &str) -> Traces {
        Traces::of(&number.parse().unwrap())
    }

    #[test]
    fn a_number_is_found_however_it_is_written_and_others_are_left() {
        let traces = traces("+15145550142");
        for (text, left) in [
            ("call +15145550142 now", Some("call ••• now")),
            ("514-555-0142", Some("•••")),
            ("(514) 555-0142.", Some("(•••.")),
            ("1 514 555 01 42, or 514 555-0199", Some("•••, or 514 555-0199")),
            ("514.555.0142 et 514 555 0142", Some("••• et •••")),
            ("sip:+15145550142@sip.example.com", Some("sip:•••@sip.example.com")),
            ("+15145550143", None),
            ("555-0142", None),
            ("at 12 Mill Street, 51455 50142", Some("at 12 Mill Street, •••")),
            ("", None),
        ] {
            assert_eq!(traces.masked(text).as_deref(), left, "{text}");
            assert_eq!(traces.in_text(text), left.is_some(), "{text}");
        }
    }

    #[test]
    fn whoever_calls_is_recognised_by_their_number_alone() {
        let traces = traces("+15145550142");
        for (written, is_it) in [
            ("+15145550142", true),
            ("15145550142", true),
            ("514-555-0142", true),
            ("sip:+15145550142@sip.example.com", true),
            ("tel:+15145550142", true),
            ("+15145550143", false),
            ("+445145550142", false),
            ("anonymous", false),
            ("", false),
        ] {
            assert_eq!(traces.is_number(written), is_it, "{written}");
        }
    }

    #[test]
    fn a_country_with_a_trunk_zero_and_a_short_number_are_seen_too() {
        assert!(traces("+33199000142").in_text("au 01 99 00 01 42"));
        assert!(traces("+33199000142").is_number("0199000142"));
        assert!(!traces("+2901234").in_text("1234"));
        assert!(traces("+2901234").in_text("290 1234"));
    }

    #[test]
    fn it_is_taken_out_of_every_place_of_a_value() {
        let traces = traces("+15145550142");
        let mut value = json!({"a": ["x", "at 514 555 0142"], "b": {"phone": 5_145_550_142_u64, "n": 7}, "c": null});
        assert!(traces.mask(&mut value));
        assert_eq!(value, json!({"a": ["x", "at •••"], "b": {"phone": "•••", "n": 7}, "c": null}));
        assert!(!traces.mask(&mut value));
    }

    #[test]
    fn every_way_to_write_it_fits_a_pattern() {
        let patterns = traces("+15145550142").patterns();
        assert_eq!(patterns, ["%0142%", "%01_42%"]);
    }
}
