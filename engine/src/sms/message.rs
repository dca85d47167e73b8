//! A text message from the moment it is owed until it can change no more.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, CallId, SmsId, TenantId};
use crate::phone::PhoneNumber;
use crate::priority::Priority;
use crate::time::Timestamp;

/// A message waits for an earlier one of the same call to the same person, so that they arrive in order; but not for
/// one that itself waits longer than this to be tried again.
pub const OVERTAKEN_AFTER: Duration = Duration::from_secs(60);

/// A message as it is decided: everything that will not change afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewSms {
    pub id: SmsId,
    pub tenant: TenantId,
    pub call: Option<CallId>,
    /// The alert it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertId>,
    pub to: PhoneNumber,
    /// Who that is in the playbook: `owner`. The only name of a recipient a model ever sees.
    pub contact: Box<str>,
    pub body: Box<str>,
    pub segments: u16,
    pub priority: Priority,
    /// Not sent before.
    pub due_at: Timestamp,
    /// Not worth sending after; it becomes `expired`.
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    /// Why it is written down and never sent. `None` for a message that is to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Box<str>>,
}

impl NewSms {
    /// As it stands before anything was tried.
    pub fn state(&self) -> SmsState {
        if self.suppressed.is_some() { SmsState::Suppressed } else { SmsState::Queued }
    }
}

/// ```text
/// queued ⇄ sending → accepted → sent → delivered | undelivered | failed
///    │        ├→ failed
///    │        └→ unknown (no answer) → accepted … when the carrier is found to have it,
///    │                               → queued, once and marked, when an urgent one is believed lost
///    └→ expired | suppressed | cancelled
/// ```
/// An operator may queue again what ended without arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsState {
    Queued,
    Sending,
    Accepted,
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Unknown,
    Suppressed,
    Expired,
    Cancelled,
}

impl SmsState {
    pub const ALL: [SmsState; 11] = [
        SmsState::Queued,
        SmsState::Sending,
        SmsState::Accepted,
        SmsState::Sent,
        SmsState::Delivered,
        SmsState::Undelivered,
        SmsState::Failed,
        SmsState::Unknown,
        SmsState::Suppressed,
        SmsState::Expired,
        SmsState::Cancelled,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            SmsState::Queued => "queued",
            SmsState::Sending => "sending",
            SmsState::Accepted => "accepted",
            SmsState::Sent => "sent",
            SmsState::Delivered => "delivered",
            SmsState::Undelivered => "undelivered",
            SmsState::Failed => "failed",
            SmsState::Unknown => "unknown",
            SmsState::Suppressed => "suppressed",
            SmsState::Expired => "expired",
            SmsState::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<SmsState> {
        SmsState::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A message as stored and as the API shows it. Field names are a promise to clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sms {
    pub id: SmsId,
    pub tenant: TenantId,
    pub call: Option<CallId>,
    /// The alert it belongs to.
    pub alert: Option<AlertId>,
    pub to: PhoneNumber,
    pub contact: Box<str>,
    /// The sender the carrier was asked to use; none before the first attempt.
    pub from: Option<Box<str>>,
    pub body: Box<str>,
    pub segments: u16,
    pub priority: Priority,
    pub state: SmsState,
    pub attempts: u32,
    /// The carrier's own id.
    pub provider_id: Option<Box<str>>,
    pub error_code: Option<u32>,
    pub error: Option<Box<str>>,
    /// It was sent again after an attempt that may have left: the recipient may have it twice.
    #[serde(default)]
    pub possible_duplicate: bool,
    pub due_at: Timestamp,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Sms {
    /// As it stands before anything was tried.
    pub fn owed(new: &NewSms) -> Sms {
        Sms {
            id: new.id,
            tenant: new.tenant.clone(),
            call: new.call.clone(),
            alert: new.alert,
            to: new.to.clone(),
            contact: new.contact.clone(),
            from: None,
            body: new.body.clone(),
            segments: new.segments,
            priority: new.priority,
            state: new.state(),
            attempts: 0,
            provider_id: None,
            error_code: None,
            error: new.suppressed.clone(),
            possible_duplicate: false,
            due_at: new.due_at,
            expires_at: new.expires_at,
            created_at: new.created_at,
            updated_at: new.created_at,
        }
    }
}
