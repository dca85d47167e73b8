//! The receipt: what happened to an alert, line by line. Only ever appended.

use serde::{Deserialize, Serialize};

use super::acknowledgement::How;
use super::reply::Answer;
use super::state::{Fate, Place, Way, Word};
use crate::ids::SmsId;
use crate::playbook::AlertWords;
use crate::priority::Priority;
use crate::time::Timestamp;

/// One line. `seq` counts from 1 per alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub seq: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: What,
}

/// Stored as JSON; a field is added, never renamed or given another meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    Opened {
        by: Box<str>,
        priority: Priority,
        words: AlertWords,
    },
    /// `again`: the walk began anew, because it became more urgent or had ended.
    Updated {
        by: Box<str>,
        priority: Priority,
        words: AlertWords,
        again: bool,
    },
    Told {
        contact: Box<str>,
        by: Way,
        #[serde(flatten)]
        place: Place,
        #[serde(default, skip_serializing_if = "Word::is_open")]
        word: Word,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sms: Option<SmsId>,
    },
    /// The carrier failed, or holds what it was given: another way is taken.
    FellBack {
        why: Box<str>,
    },
    /// What became of a telling.
    Reached {
        contact: Box<str>,
        by: Way,
        #[serde(flatten)]
        place: Place,
        #[serde(default, skip_serializing_if = "Word::is_open")]
        word: Word,
        fate: Fate,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Box<str>>,
    },
    Replied {
        contact: Box<str>,
        answer: Answer,
    },
    Acknowledged {
        by: Box<str>,
        how: How,
        /// After everybody had been told in vain.
        late: bool,
    },
    /// The others were told who took it.
    Reassured {
        contact: Box<str>,
        sms: SmsId,
    },
    Resolved {
        by: Box<str>,
        how: How,
    },
    Unanswered,
    /// The machine's clock was set: what was due then is due as much earlier or later.
    ClockMoved {
        by_ms: i64,
    },
}
