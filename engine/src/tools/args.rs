//! Arguments as a model writes them: other spellings, older names, French names, one object too many, numbers as text.
//! Nothing in here is trusted, and nothing in here can fail: what cannot be read is missing.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::arguments::EMERGENCY;
use crate::priority::Priority;
use crate::recognition::fold;

/// Keys looked at, per object. A model writes a handful.
const MAX_KEYS: usize = 64;
/// Characters read of one text: three times what a description may have by its schema. A tool bounds further what it
/// sends on.
const MAX_TEXT_CHARS: usize = 3_000;
/// Levels that are an emergency. "High" is none: a model says it of every caller who is in a hurry.
const EMERGENCY_LEVELS: [&str; 8] =
    ["critical", "critique", "emergency", "urgence", "urgent", "urgente", "immediate", "immediat"];
/// Objects that only group arguments; looked into where the argument itself is missing.
const GROUPS: [&str; 7] = ["customerinfo", "clientinfo", "customer", "client", "info", "serviceinfo", "parameters"];

pub struct Args<'a> {
    /// Folded key and value; those of the arguments first, then those of their groups.
    entries: Vec<(String, &'a Value)>,
}

impl<'a> Args<'a> {
    pub fn new(arguments: &'a Map<String, Value>) -> Args<'a> {
        let mut entries: Vec<(String, &Value)> = entries(arguments).collect();
        let groups =
            entries.iter().filter(|(key, _)| GROUPS.contains(&key.as_str())).filter_map(|(_, it)| it.as_object());
        let grouped: Vec<_> = groups.flat_map(self::entries).collect();
        entries.extend(grouped);
        Args { entries }
    }

    /// The first of these names that holds text which is not blank. Names are written folded: `estimatedvalue`.
    pub fn text(&self, names: &[&str]) -> Option<String> {
        self.values(names).find_map(as_text)
    }

    /// A finite number of at least 0: `3000`, `"3 000 $"`.
    pub fn amount(&self, names: &[&str]) -> Option<f64> {
        self.values(names).find_map(as_amount)
    }

    /// `"P1"`, `"p1 - urgence"`, `1`, `"1"`.
    pub fn priority(&self, names: &[&str]) -> Option<Priority> {
        self.values(names).find_map(as_priority)
    }

    /// `true`, also as text: `"true"`, `"oui"`, `"yes"`.
    pub fn is_true(&self, names: &[&str]) -> bool {
        let says_yes = |text: &str| ["true", "oui", "yes", "vrai"].contains(&text.trim().to_lowercase().as_str());
        self.values(names).any(|value| value.as_bool() == Some(true) || value.as_str().is_some_and(says_yes))
    }

    /// Whether the model calls it an emergency, by a flag or a level: `"isEmergency": true`, `"urgency": "critical"`.
    pub fn says_emergency(&self) -> bool {
        let level = |text: String| EMERGENCY_LEVELS.contains(&folded_key(&text).as_str());
        self.is_true(&EMERGENCY) || self.values(&EMERGENCY).filter_map(as_text).any(level)
    }

    /// Text, or a list of texts, joined: `["gps", "camera"]`.
    pub fn list(&self, names: &[&str]) -> String {
        let texts = self.values(names).flat_map(|value| match value {
            Value::Array(items) => items.iter().take(MAX_KEYS).filter_map(as_text).collect(),
            value => Vec::from_iter(as_text(value)),
        });
        texts.collect::<Vec<_>>().join("\n").chars().take(MAX_TEXT_CHARS).collect()
    }

    fn values(&self, names: &[&str]) -> impl Iterator<Item = &'a Value> {
        names.iter().flat_map(|name| self.entries.iter().filter(move |(key, _)| key == name)).map(|(_, value)| *value)
    }
}

fn entries(object: &Map<String, Value>) -> impl Iterator<Item = (String, &Value)> {
    object.iter().take(MAX_KEYS).map(|(key, value)| (folded_key(key), value))
}

/// Lower case letters and digits only: `customer_info`, `customerInfo` and `Customer-Info` are one name.
pub(super) fn folded_key(key: &str) -> String {
    let start: String = key.chars().take(64).collect();
    fold(&start).chars().filter(|c| c.is_alphanumeric()).collect()
}

fn as_text(value: &Value) -> Option<String> {
    let text: String = match value {
        Value::String(text) => text.trim().chars().take(MAX_TEXT_CHARS).collect(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn as_amount(value: &Value) -> Option<f64> {
    let amount = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => first_number(text)?,
        _ => return None,
    };
    (amount.is_finite() && amount >= 0.0).then_some(amount)
}

/// The first number of a text, thousands apart or not: 3000 of "entre 3 000 et 8 000 $".
fn first_number(text: &str) -> Option<f64> {
    let letters: Vec<char> = text.chars().take(64).collect();
    let start = letters.iter().position(char::is_ascii_digit)?;
    let is_negative = start > 0 && letters[start - 1] == '-';
    let mut digits = String::new();
    for place in start..letters.len() {
        match letters[place] {
            letter if letter.is_ascii_digit() || letter == '.' => digits.push(letter),
            ' ' | '\u{a0}' | '\u{202f}' | ',' if opens_thousands(&letters[place + 1..]) => {}
            _ => break,
        }
    }
    digits.trim_end_matches('.').parse().ok().filter(|_| !is_negative)
}

fn opens_thousands(rest: &[char]) -> bool {
    rest.iter().take_while(|letter| letter.is_ascii_digit()).count() == 3
}

fn as_priority(value: &Value) -> Option<Priority> {
    let text = as_text(value)?;
    let word = text.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    Priority::from_str(word).or_else(|_| Priority::from_str(&format!("P{word}"))).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with<T>(arguments: Value, read: impl FnOnce(&Args) -> T) -> T {
        read(&Args::new(arguments.as_object().unwrap()))
    }

    #[test]
    fn an_argument_is_found_under_any_spelling_and_in_its_group() {
        for arguments in [
            json!({"clientName": "Ana"}),
            json!({"client_name": "Ana"}),
            json!({"CLIENT-NAME": " Ana "}),
            json!({"customerInfo": {"clientName": "Ana"}}),
            json!({"clientName": null, "customer_info": {"client name": "Ana"}}),
        ] {
            assert_eq!(
                with(arguments.clone(), |args| args.text(&["clientname"])).as_deref(),
                Some("Ana"),
                "{arguments}"
            );
        }
        assert_eq!(with(json!({"priorité": "P2"}), |args| args.priority(&["priorite"])), Some(Priority::P2));
    }

    #[test]
    fn an_emergency_is_said_by_a_flag_or_a_level() {
        for (arguments, wanted) in [
            (json!({"isEmergency": true}), true),
            (json!({"urgency": "critical"}), true),
            (json!({"urgence": "oui"}), true),
            (json!({"priorité": "Urgent"}), true),
            (json!({"customerInfo": {"is_urgent": "true"}}), true),
            (json!({"isEmergency": false, "urgency": "high", "priority": "P4"}), false),
            (json!({"urgency": "not urgent"}), false),
            (json!({}), false),
        ] {
            assert_eq!(with(arguments.clone(), |args| args.says_emergency()), wanted, "{arguments}");
        }
    }

    #[test]
    fn a_priority_is_read_in_the_ways_models_write_it() {
        for (value, wanted) in [
            (json!("P1"), Some(Priority::P1)),
            (json!(" p3 "), Some(Priority::P3)),
            (json!("P2 - municipal"), Some(Priority::P2)),
            (json!(4), Some(Priority::P4)),
            (json!("1"), Some(Priority::P1)),
            (json!("P5"), None),
            (json!(true), None),
            (json!(["P1"]), None),
            (json!("urgent"), None),
        ] {
            assert_eq!(as_priority(&value), wanted, "{value}");
        }
    }

    #[test]
    fn an_amount_is_read_from_numbers_and_text() {
        for (value, wanted) in [
            (json!(3000), Some(3000.0)),
            (json!("3 000 $"), Some(3000.0)),
            (json!("2500.50 CAD"), Some(2500.5)),
            (json!(-1), None),
            (json!("-5"), None),
            (json!("entre 3 000 et 8 000"), Some(3000.0)),
            (json!("12,500"), Some(12500.0)),
            (json!("3000-8000"), Some(3000.0)),
            (json!("1.2.3"), None),
            (json!("beaucoup"), None),
            (json!({}), None),
        ] {
            assert_eq!(as_amount(&value), wanted, "{value}");
        }
    }
}
