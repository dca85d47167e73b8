//! Noted changes by what they are changes of, and as what they are told.

use std::collections::HashMap;
use std::sync::Arc;

use engine::alert::Alert;
use engine::failure::Failure;
use engine::ports::{Changed, Update};
use engine::sms::Sms;

use super::columns::Columns;

/// What changed: a text or an alert, and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Sms(String),
    Alert(String),
}

/// Subjects in the order of their first change, each with its changes.
#[derive(Default)]
pub struct Noted {
    subjects: Vec<(Subject, Vec<u64>)>,
}

impl Noted {
    /// Rows of `change, what, id`, oldest first.
    pub fn of<R: Columns>(rows: &[R]) -> Result<Noted, Failure> {
        let (mut noted, mut places) = (Noted::default(), HashMap::new());
        for row in rows {
            let id = row.text("id")?.into_owned();
            let subject = if row.text("what")? == "sms" { Subject::Sms(id) } else { Subject::Alert(id) };
            let place = *places.entry(subject.clone()).or_insert(noted.subjects.len());
            if place == noted.subjects.len() {
                noted.subjects.push((subject, Vec::new()));
            }
            noted.subjects[place].1.push(row.number("change")?);
        }
        Ok(noted)
    }

    pub fn texts(&self) -> Vec<&str> {
        self.subjects
            .iter()
            .filter_map(|(subject, _)| if let Subject::Sms(id) = subject { Some(&**id) } else { None })
            .collect()
    }

    pub fn alerts(&self) -> Vec<&str> {
        self.subjects
            .iter()
            .filter_map(|(subject, _)| if let Subject::Alert(id) = subject { Some(&**id) } else { None })
            .collect()
    }

    /// As they stand. One that cannot be read is told of like one that is gone: it must not hold the others up.
    pub fn standing(self, texts: Vec<Result<Sms, Failure>>, alerts: Vec<Result<Alert, Failure>>) -> Vec<Changed> {
        let mut standing = HashMap::new();
        for sms in texts.into_iter().filter_map(readable) {
            standing.insert(Subject::Sms(sms.id.to_string()), Update::Sms { sms: Arc::new(sms) });
        }
        for alert in alerts.into_iter().filter_map(readable) {
            standing.insert(Subject::Alert(alert.id.to_string()), Update::Alert { alert: Arc::new(alert) });
        }
        let subjects = self.subjects.into_iter();
        subjects.map(|(subject, changes)| Changed { changes, update: standing.remove(&subject) }).collect()
    }
}

fn readable<T>(read: Result<T, Failure>) -> Option<T> {
    read.inspect_err(|failure| tracing::error!(%failure, "a text or an alert cannot be read and is not published")).ok()
}
