//! The receipt of a drill as lines, each printed once.

use std::collections::HashSet;

use engine::alert::{Acknowledgement, Alert, AlertState, Entry, Fate, Telling, Way, What, Word};
use engine::ids::AlertId;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An alert as the API shows it, and the document itself.
pub struct Followed {
    pub id: AlertId,
    pub state: AlertState,
    pub watching: bool,
    pub acknowledged: Option<Acknowledgement>,
    pub resolved: Option<Acknowledgement>,
    told: Vec<Telling>,
    receipt: Vec<Entry>,
    pub whole: Value,
}

#[derive(Deserialize)]
struct Written {
    #[serde(flatten)]
    alert: Alert,
    /// Not in the answer that opens it.
    #[serde(default)]
    receipt: Vec<Entry>,
}

impl<'de> Deserialize<'de> for Followed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Followed, D::Error> {
        let whole = Value::deserialize(from)?;
        let Written { alert, receipt } = Written::deserialize(&whole).map_err(serde::de::Error::custom)?;
        let Alert { id, state, watching, acknowledged, resolved, told, .. } = alert;
        Ok(Followed { id, state, watching, acknowledged, resolved, told, receipt, whole })
    }
}

impl Followed {
    /// Whether something that left has not been reported on.
    pub fn is_awaited(&self) -> bool {
        self.told.iter().any(|told| matches!(told.fate, Fate::Owed | Fate::Dialling))
    }
}

/// What was printed already.
#[derive(Default)]
pub struct Receipt {
    lines: u64,
    /// Texts that arrived: the texts themselves say so, not the receipt.
    arrived: HashSet<usize>,
}

impl Receipt {
    pub fn news(&mut self, found: &Followed) -> String {
        let mut news = String::new();
        for entry in found.receipt.iter().filter(|entry| entry.seq > self.lines) {
            news += &line(&entry.at.to_string(), &words(&entry.what));
        }
        self.lines = found.receipt.iter().map(|entry| entry.seq).chain([self.lines]).max().unwrap_or(self.lines);
        for (n, told) in found.told.iter().enumerate() {
            if told.by == Way::Sms && told.fate == Fate::Delivered && self.arrived.insert(n) {
                let at = told.fate_at.unwrap_or(told.at).to_string();
                news += &line(&at, &about(&told.contact, told.by, "delivered"));
            }
        }
        news
    }
}

/// The last line.
pub fn summary(last: &Followed) -> String {
    match &last.acknowledged {
        Some(taken) => format!("taken by {} ({})", taken.by, taken.how.as_str()),
        None => last.state.as_str().to_owned(),
    }
}

/// `12:30:05  …`: hours, minutes and seconds, UTC.
fn line(at: &str, words: &str) -> String {
    format!("{}  {words}\n", at.get(11..19).unwrap_or(at))
}

fn words(what: &What) -> String {
    match what {
        What::Opened { priority, .. } => format!("{:<14}{priority}", "opened"),
        What::Updated { priority, .. } => format!("{:<14}{priority}", "updated"),
        What::Told { contact, by, word: Word::Open, .. } => about(contact, *by, "told"),
        What::Told { contact, by, word, .. } => about(contact, *by, &format!("told: {}", word.as_str())),
        What::Reached { contact, by, fate, why, .. } => {
            let why = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            about(contact, *by, &format!("{}{why}", fate.as_str()))
        }
        What::FellBack { why } => format!("{:<14}{why}", "fell back"),
        What::Replied { contact, answer } => format!("{contact:<14}answered: {}", answer.as_str()),
        What::Acknowledged { by, how, .. } => format!("{:<14}{by} ({})", "acknowledged", how.as_str()),
        What::Reassured { contact, .. } => about(contact, Way::Sms, "told that it is taken"),
        What::Resolved { by, how } => format!("{:<14}{by} ({})", "resolved", how.as_str()),
        What::Unanswered => "unanswered".to_owned(),
        What::ClockMoved { by_ms } => format!("{:<14}{by_ms} ms", "clock was set"),
    }
}

fn about(contact: &str, by: Way, what: &str) -> String {
    format!("{contact:<14}{:<6}{what}", by.as_str())
}
