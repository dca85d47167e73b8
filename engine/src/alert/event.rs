//! What happens to an alert after it was opened.

use super::acknowledgement::How;
use super::reply::Answer;
use super::state::{Fate, Place, Word};
use crate::ids::SmsId;

/// What happens to an alert after it was opened.
#[derive(Clone, Debug, PartialEq)]
pub enum AlertEvent {
    /// The clock has come to `next_at`.
    StepDue,
    /// The wall clock was set by this much while the machine ran: deadlines move with it.
    ClockMoved {
        by_ms: i64,
    },
    /// This call is about to be dialled.
    /// `whom`: their own name, where `contact` is whoever has the turn.
    Dialling {
        contact: Box<str>,
        place: Place,
        whom: Box<str>,
    },
    /// What became of a call.
    Called {
        contact: Box<str>,
        place: Place,
        fate: Fate,
        why: Option<Box<str>>,
    },
    /// What became of a text.
    Texted {
        sms: SmsId,
        fate: Fate,
        why: Option<Box<str>>,
    },
    /// A text has not left, and nobody knows when it will.
    Held {
        sms: SmsId,
        why: Box<str>,
    },
    /// What became of a notification.
    Pushed {
        place: Place,
        word: Word,
        fate: Fate,
        why: Option<Box<str>>,
    },
    /// At start: calls that were being dialled were cut, and nobody knows how they ended.
    Restarted,
    /// Somebody who was told says something.
    /// `place`: of which telling; `None`: of whatever they were told last.
    Replied {
        contact: Box<str>,
        place: Option<Place>,
        answer: Answer,
        how: How,
    },
    Acknowledged {
        by: Box<str>,
        how: How,
    },
    Resolved {
        by: Box<str>,
        how: How,
    },
}
