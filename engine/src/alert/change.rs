//! What an event, or a frame of the call, makes of an alert: written whole, or not at all.

use super::machine::Owner;
use super::notice::Notice;
use super::receipt::Entry;
use super::state::Alert;
use crate::call::{Fact, Frame};
use crate::sms::NewSms;

/// What one event made of an alert; written whole, and only where `alert.version - 1` is the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub alert: Alert,
    pub entries: Vec<Entry>,
    /// Written in the same transaction.
    pub texts: Vec<NewSms>,
}

impl Change {
    /// What a frame says of alerts, in order, each with the texts it owes for it.
    pub fn noticed_in(frame: &Frame) -> impl Iterator<Item = (&Notice, Vec<&NewSms>)> {
        frame.facts.iter().filter_map(|fact| match fact {
            Fact::AlertOpened(notice) | Fact::AlertUpdated(notice) => {
                let owed = frame.texts.iter().filter(|text| text.alert == Some(notice.alert));
                Some((&**notice, owed.collect()))
            }
            _ => None,
        })
    }

    /// What becomes of the alert as it stands, if there is one yet.
    pub fn of_notice(known: Option<&Alert>, notice: &Notice, texts: &[&NewSms], frame: &Frame) -> Change {
        let owner = Owner { tenant: frame.call.tenant.clone(), call: Some(frame.call.call.clone()) };
        match known {
            Some(alert) => alert.noticed(notice, texts, frame.decided_at),
            None => Alert::opened(notice, owner, texts, frame.decided_at),
        }
    }
}
