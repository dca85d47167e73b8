//! What an attempt's outcome makes of the message.

use super::message::{Sms, SmsState};
use super::outcome::SendOutcome;
use crate::time::Timestamp;

/// The next state of a message, and when it is due again if it is to be tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    pub state: SmsState,
    pub due_at: Option<Timestamp>,
    /// Whether the attempt counts. A throttled or never written one does not.
    pub counts: bool,
    pub provider_id: Option<Box<str>>,
    pub error_code: Option<u32>,
    pub error: Option<Box<str>>,
}

pub fn settle(_sms: &Sms, _outcome: &SendOutcome, _now: Timestamp) -> Settlement {
    unreachable!("written with the SMS pool")
}
