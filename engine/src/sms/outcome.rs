//! How an attempt to send can end, and what a carrier may tell later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::SmsState;
use crate::time::Timestamp;

/// Three-valued at heart: taken, not taken, or nobody knows.
#[derive(Clone, Debug, PartialEq)]
pub enum SendOutcome {
    /// The carrier has it, under its own id.
    Accepted { provider_id: Box<str> },
    /// Not one byte of the request was written: as if it had never been tried.
    NotSent { reason: Box<str> },
    /// Refused unprocessed ("too many requests"): always safe to repeat, and costs no attempt.
    Throttled { after: Option<Duration> },
    /// Refused for a reason the carrier names.
    Rejected { code: u32, class: ErrorClass, message: Box<str> },
    /// Bytes were written and no answer could be read: the message may be on its way. Never sent again by itself.
    Unknown { reason: Box<str> },
}

/// Why a carrier refused or lost a message, by what follows from it. Codes map to classes in each carrier's own table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    AccountFault,
    AccountConfig,
    Config,
    ThrottleAccount,
    ThrottleSender,
    ThrottleRecipient,
    ThrottleCampaign,
    CapDaily,
    Unknown,
    UnknownLeanUnsent,
    UnknownDelivery,
    PermanentRecipient,
    PermanentMessage,
    PermanentUnknownCode,
    OptedOut,
    Route,
    SenderFault,
    CampaignFault,
    TransientRecipient,
    TransientCarrier,
    TransientProvider,
    Blocked,
    Filtered,
    QuietHours,
    Expired,
    Loop,
    Warning,
}

/// What a carrier reports about a message it had accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryReport {
    pub provider_id: Box<str>,
    pub status: DeliveryStatus,
    pub error_code: Option<u32>,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Sent,
    Delivered,
    Undelivered,
    Failed,
}

impl DeliveryStatus {
    /// Reports arrive late, twice and out of order: a state only moves to a higher rank, and the first end is final.
    pub fn moves(self, from: SmsState) -> Option<SmsState> {
        let to = match self {
            DeliveryStatus::Sent => SmsState::Sent,
            DeliveryStatus::Delivered => SmsState::Delivered,
            DeliveryStatus::Undelivered => SmsState::Undelivered,
            DeliveryStatus::Failed => SmsState::Failed,
        };
        let open = match from {
            SmsState::Sending | SmsState::Accepted | SmsState::Unknown => true,
            SmsState::Sent => to != SmsState::Sent,
            _ => false,
        };
        open.then_some(to)
    }
}
