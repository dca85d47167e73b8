//! What the old webhook did in a call, as far as its tools' answers show it.
//!
//! It is read generously: an alert tool that answered without complaint counts as somebody told, whether or not a text
//! ever arrived, and the most urgent priority it ever answered is taken for its verdict.

use engine::priority::Priority;
use serde_json::Value;

use super::history::{Exchange, PastCall};

/// How a word of a name begins or ends by which a tool that tells somebody is recognised.
const ALERT_WORDS: [&str; 6] = ["sms", "alert", "notif", "escalat", "texto", "pager"];
/// How such names begin. In `getPage` and `contextOwner` nobody is told anything.
const ALERT_STARTS: [&[&str]; 2] = [&["page"], &["text", "owner"]];
/// Words of a plain answer that make it a failure.
const FAILING_STARTS: [&str; 5] = ["error", "erreur", "failed", "request failed", "exception"];
const FAILING_WORDS: [&str; 6] =
    ["no result returned", "status code", "timed out", "timeout", "internal server error", "bad gateway"];
const PRIORITY_KEYS: [&str; 5] = ["priority", "priorite", "priorité", "urgency", "level"];

/// Names of tools that tell somebody, besides those recognised by their names.
#[derive(Clone, Debug, Default)]
pub struct AlertTools(pub Vec<String>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The most urgent it answered, and where.
    pub priority: Option<(Priority, usize)>,
    pub alert: Alert,
    pub used_tools: bool,
}

/// Whether a tool told somebody. `turn` is the answer, or the call that got none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alert {
    #[default]
    NotAsked,
    Failed {
        turn: usize,
    },
    /// Asked, and the recording broke off before an answer.
    Unknown {
        turn: usize,
    },
    Told {
        turn: usize,
    },
}

/// Why a tool call did not do what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The recording has no answer to it.
    NoAnswer,
    /// The platform could not read the webhook's answer, and the agent went on without one.
    NoResult,
    /// It answered that it failed.
    Error,
}

impl AlertTools {
    pub fn has(&self, name: &str) -> bool {
        let words = words(name);
        let tells = |word: &String| ALERT_WORDS.iter().any(|part| word.starts_with(part) || word.ends_with(part));
        let begins = |start: &&[&str]| words.len() >= start.len() && words.iter().zip(*start).all(|(is, it)| is == it);
        self.0.iter().any(|own| own == name) || words.iter().any(tells) || ALERT_STARTS.iter().any(begins)
    }
}

impl Before {
    pub fn read(past: &PastCall, exchanges: &[Exchange], tools: &AlertTools) -> Before {
        let mut before = Before { used_tools: !exchanges.is_empty(), ..Before::default() };
        for exchange in exchanges {
            let answer = exchange.answered.and_then(|turn| past.answer(turn));
            let turn = exchange.answered.unwrap_or(exchange.called);
            if let Some(priority) = answer.and_then(priority_in) {
                let known = before.priority.map(|(known, _)| known);
                if known.is_none_or(|known| priority < known) {
                    before.priority = Some((priority, turn));
                }
            }
            let is_alert = past.tool_call(exchange.called).is_some_and(|call| tools.has(&call.name));
            if is_alert && !matches!(before.alert, Alert::Told { .. }) {
                before.alert = match failure_of(past, exchange) {
                    Some(_) => Alert::Failed { turn },
                    None if answer.is_none() => Alert::Unknown { turn },
                    None => Alert::Told { turn },
                };
            }
        }
        before
    }
}

/// Why a tool call failed, as far as the recording can tell: one that broke off may have lost the answer.
pub fn failure_of(past: &PastCall, exchange: &Exchange) -> Option<Failure> {
    let answer = exchange.answered.and_then(|turn| past.answer(turn));
    failure(answer).filter(|failure| *failure != Failure::NoAnswer || past.reported)
}

/// `None`: it answered, and complained of nothing.
fn failure(answer: Option<&str>) -> Option<Failure> {
    let Some(answer) = answer else { return Some(Failure::NoAnswer) };
    let lower = answer.to_lowercase();
    if lower.contains("no result returned") {
        return Some(Failure::NoResult);
    }
    let failed = match serde_json::from_str::<Value>(answer) {
        Ok(json @ Value::Object(_)) => says_it_failed(&json),
        _ => {
            FAILING_STARTS.iter().any(|start| lower.starts_with(start))
                || FAILING_WORDS.iter().any(|word| lower.contains(word))
        }
    };
    failed.then_some(Failure::Error)
}

fn says_it_failed(answer: &Value) -> bool {
    let no = |key: &str| answer[key] == Value::Bool(false);
    let error = match &answer["error"] {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    error || ["success", "sent", "ok"].into_iter().any(no) || answer["statusCode"].as_u64() >= Some(400)
}

/// A priority an answer names: under one of the usual keys, else as a word of its own.
pub fn priority_in(answer: &str) -> Option<Priority> {
    match serde_json::from_str::<Value>(answer) {
        Ok(json @ Value::Object(_)) => PRIORITY_KEYS.iter().find_map(|key| json[key].as_str()?.parse().ok()),
        _ => answer.split(|c: char| !c.is_alphanumeric()).find_map(|word| word.parse().ok()),
    }
}

/// `sendSMSAlert`, `send_sms-alert2`: the words of a name in any of its styles, in lower case, without its digits.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| letters[before]);
        let next = letters.get(place + 1);
        let is_end_of_capitals = before.is_some_and(char::is_uppercase) && next.is_some_and(|next| next.is_lowercase());
        let opens = letter.is_uppercase() && (before.is_some_and(char::is_lowercase) || is_end_of_capitals);
        if opens || !letter.is_alphabetic() {
            words.push(String::new());
        }
        let word = words.last_mut().expect("there is a word from the start");
        word.extend(letter.to_lowercase().filter(|letter| letter.is_alphabetic()));
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fails_when_it_says_so_and_not_when_it_only_says_no() {
        for (answer, expected) in [
            (None, Some(Failure::NoAnswer)),
            (Some("No result returned."), Some(Failure::NoResult)),
            (Some("ok, no result returned"), Some(Failure::NoResult)),
            (Some("Error: ECONNREFUSED"), Some(Failure::Error)),
            (Some("Request failed with status code 422"), Some(Failure::Error)),
            (Some(r#"{"success":false,"message":"x"}"#), Some(Failure::Error)),
            (Some(r#"{"error":"SMS provider"}"#), Some(Failure::Error)),
            (Some(r#"{"error":null,"sent":true}"#), None),
            (Some(r#"{"serviceAccepted":false}"#), None),
            (Some("The error of the drain is noted"), None),
            (Some(""), None),
        ] {
            assert_eq!(failure(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn the_priority_of_an_answer_is_a_word_or_a_field() {
        for (answer, expected) in [
            (r#"{"priority":"P4","reason":"standard"}"#, Some(Priority::P4)),
            (r#"{"priorite":"p1"}"#, Some(Priority::P1)),
            ("Classified as P2.", Some(Priority::P2)),
            (r#"{"message":"P1"}"#, None),
            ("MP3 noted", None),
        ] {
            assert_eq!(priority_in(answer), expected, "{answer}");
        }
    }

    #[test]
    fn a_name_is_its_words_in_every_style() {
        for (name, expected) in [
            ("sendSMSAlert", "send sms alert"),
            ("send_sms-alert2", "send sms alert"),
            ("SendSms", "send sms"),
            ("SMS", "sms"),
            ("créerAlerte", "créer alerte"),
            ("__", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn a_tool_that_tells_somebody_is_known_by_its_name_or_by_being_named() {
        let tools = AlertTools(vec!["createTicket".to_owned()]);
        for name in [
            "sendSMSAlert",
            "send_sms",
            "SendSms2",
            "smsOwner",
            "sendalert",
            "notifyOwner",
            "notifications",
            "escalate",
            "escalationNeeded",
            "page_on_call",
            "pageOnCall",
            "alertes",
            "textOwner",
            "text-owner",
            "createTicket",
        ] {
            assert!(tools.has(name), "{name}");
        }
        for name in [
            "classifyPriority",
            "createClient",
            "bookAppointment",
            "getHomepage",
            "webpageSummary",
            "searchWebPage",
            "next_page",
            "getPageContent",
            "fetch_page",
            "contextOwner",
        ] {
            assert!(!tools.has(name), "{name}");
        }
    }
}
