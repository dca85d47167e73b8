//! How an attempt to send can end, and what a carrier may tell later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::AttemptToken;
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
    /// Bytes were written and no answer could be read, or one that proves nothing, with the carrier's `code` for it: the
    /// message may be on its way.
    Unknown { code: Option<u32>, reason: Box<str> },
}

/// An outcome, and what the carrier's answer looked like on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub outcome: SendOutcome,
    /// The status of the HTTP answer. `None`: there was none, or the carrier speaks otherwise.
    pub http_status: Option<u16>,
}

impl From<SendOutcome> for Answered {
    fn from(outcome: SendOutcome) -> Answered {
        Answered { outcome, http_status: None }
    }
}

impl SendOutcome {
    /// As metrics name it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            SendOutcome::Accepted { .. } => "accepted",
            SendOutcome::NotSent { .. } => "not_sent",
            SendOutcome::Throttled { .. } => "throttled",
            SendOutcome::Rejected { .. } => "rejected",
            SendOutcome::Unknown { .. } => "unknown",
        }
    }
}

/// Why a carrier refused or lost a message, by what follows from it. Codes map to classes in each carrier's own table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The account is suspended, out of funds, or its credentials are wrong: nothing of it can be sent now.
    AccountFault,
    /// The account may not do this: a region, a trial, a service that is not there.
    AccountConfig,
    /// Our request is set up wrong.
    Config,
    /// Too many requests of the account, this sender, to this recipient, of this campaign.
    ThrottleAccount,
    ThrottleSender,
    ThrottleRecipient,
    ThrottleCampaign,
    /// Enough for today.
    CapDaily,
    /// The carrier does not know itself whether it took the message, or thinks it did not.
    Unknown,
    UnknownLeanUnsent,
    /// Taken, then lost from sight.
    UnknownDelivery,
    /// This number will never get it.
    PermanentRecipient,
    /// This message will never be taken.
    PermanentMessage,
    /// Refused, with a code no table has yet.
    PermanentUnknownCode,
    OptedOut,
    /// Not from this sender to this number.
    Route,
    SenderFault,
    CampaignFault,
    /// The handset is off, the network is full, the carrier stumbled.
    TransientRecipient,
    TransientCarrier,
    TransientProvider,
    /// Blocked for this recipient, or filtered as spam: trying again is evasion.
    Blocked,
    Filtered,
    QuietHours,
    /// It waited at the carrier until it was not worth sending.
    Expired,
    Loop,
    /// Says nothing of a message of ours.
    Warning,
}

/// What a carrier reports about a message it had accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryReport {
    /// Of the attempt it is about, where the carrier was given one.
    pub token: Option<AttemptToken>,
    pub provider_id: Box<str>,
    pub status: DeliveryStatus,
    pub error_code: Option<u32>,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// The carrier has it and has not passed it on.
    Accepted,
    Sent,
    Delivered,
    Undelivered,
    Failed,
}

impl DeliveryStatus {
    pub const fn state(self) -> SmsState {
        match self {
            DeliveryStatus::Accepted => SmsState::Accepted,
            DeliveryStatus::Sent => SmsState::Sent,
            DeliveryStatus::Delivered => SmsState::Delivered,
            DeliveryStatus::Undelivered => SmsState::Undelivered,
            DeliveryStatus::Failed => SmsState::Failed,
        }
    }

    /// Nothing can follow.
    pub const fn is_end(self) -> bool {
        matches!(self, DeliveryStatus::Delivered | DeliveryStatus::Undelivered | DeliveryStatus::Failed)
    }
}
