//! What an attempt's outcome makes of the message, and of the sender it left by.
//!
//! Two kinds of bad news are kept apart. Some say something about the message ("not a mobile number"): it ends, or is
//! tried again and the attempt counts. Others say something about the sender or the account ("too many requests",
//! "out of funds", nobody answers the door): the message goes back as if it had never been tried, and the sender rests.
//! An attempt of which nobody knows the end is never repeated.

use std::time::Duration;

use super::message::{Sms, SmsState};
use super::outcome::{DeliveryReport, DeliveryStatus, ErrorClass, SendOutcome};
use crate::ids::digest64;
use crate::priority::Priority;
use crate::time::Timestamp;

/// First wait after a refusal that costs no attempt; each one in a row doubles it.
/// Source: the back-off carriers recommend for "too many requests".
const BACK_OFF_FROM: Duration = Duration::from_millis(100);
const BACK_OFF_TO: Duration = Duration::from_secs(30);

/// Longest wait a carrier may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(600);

const SECOND: u64 = 1;
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

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
    /// Of the carrier's answer; the caller's to say.
    pub http_status: Option<u16>,
    /// When the carrier is to be asked what became of it; the caller's to say.
    pub check_at: Option<Timestamp>,
}

/// What a refusal leads to.
enum Next {
    Fail,
    /// It may have been sent all the same.
    Unknown,
    /// The sender backs off: 100 ms, doubled with every refusal in a row.
    BackOff,
    /// The sender rests this many seconds: only time or a person can help.
    Rest(u64),
    /// The message is tried again after these many seconds: after the first attempt, the second, … then it fails.
    Again(&'static [u64]),
}

const fn follows(class: ErrorClass) -> Next {
    use ErrorClass::*;
    match class {
        ThrottleAccount => Next::BackOff,
        AccountFault | CampaignFault | ThrottleSender => Next::Rest(MINUTE),
        CapDaily => Next::Rest(HOUR),
        ThrottleRecipient => Next::Again(&[30 * SECOND, MINUTE, 2 * MINUTE]),
        ThrottleCampaign => Next::Again(&[MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]),
        TransientRecipient => Next::Again(&[15 * MINUTE, 2 * HOUR, 12 * HOUR]),
        TransientCarrier => Next::Again(&[5 * MINUTE, 10 * MINUTE, 20 * MINUTE]),
        TransientProvider | Expired => Next::Again(&[MINUTE]),
        QuietHours => Next::Again(&[HOUR; 12]),
        Unknown | UnknownLeanUnsent | UnknownDelivery => Next::Unknown,
        AccountConfig | Config | PermanentRecipient | PermanentMessage | PermanentUnknownCode | OptedOut | Route
        | SenderFault | Blocked | Filtered | Loop | Warning => Next::Fail,
    }
}

/// How long the sender is left alone after this outcome; `None` when the outcome says nothing against it.
///
/// `refusals`: how many attempts in a row this sender has had refused unprocessed, before this one.
pub fn rest_after(outcome: &SendOutcome, refusals: u32) -> Option<Duration> {
    match outcome {
        SendOutcome::NotSent { .. } => Some(back_off(refusals)),
        SendOutcome::Throttled { after } => Some(back_off(refusals).max(after.unwrap_or_default().min(LONGEST_WISH))),
        SendOutcome::Rejected { class, .. } => match follows(*class) {
            Next::BackOff => Some(back_off(refusals)),
            Next::Rest(seconds) => Some(Duration::from_secs(seconds)),
            _ => None,
        },
        SendOutcome::Accepted { .. } | SendOutcome::Unknown { .. } => None,
    }
}

/// `sms` as it was claimed: its `attempts` count this one.
pub fn settle(sms: &Sms, outcome: &SendOutcome, refusals: u32, now: Timestamp) -> Settlement {
    if let Some(rest) = rest_after(outcome, refusals) {
        let due_at = now.plus(spread(rest, sms));
        let in_time = due_at < sms.expires_at;
        let state = if in_time { SmsState::Queued } else { SmsState::Expired };
        return Settlement { due_at: in_time.then_some(due_at), counts: false, ..ended(state, outcome) };
    }
    match outcome {
        SendOutcome::Accepted { provider_id } => {
            Settlement { provider_id: Some(provider_id.clone()), ..ended(SmsState::Accepted, outcome) }
        }
        SendOutcome::Rejected { class, .. } => match follows(*class) {
            Next::Again(waits) => again(sms, waits, outcome, now),
            Next::Unknown => ended(SmsState::Unknown, outcome),
            _ => ended(SmsState::Failed, outcome),
        },
        _ => ended(SmsState::Unknown, outcome),
    }
}

/// When a message the carrier had taken, and now says it did not deliver, is tried again; `None`: it has ended.
///
/// `class`: what its code means, none where no table has the code. The text of an alert is not tried again by itself:
/// the alert has somebody else told, and what comes hours later would tell of what is over.
pub fn again_after_report(
    sms: &Sms,
    report: &DeliveryReport,
    class: Option<ErrorClass>,
    now: Timestamp,
) -> Option<Timestamp> {
    let due_at = next_try(sms, waits_after_report(sms, report, class), now);
    due_at.filter(|_| sms.alert.is_none())
}

fn waits_after_report(sms: &Sms, report: &DeliveryReport, class: Option<ErrorClass>) -> &'static [u64] {
    use ErrorClass::*;
    let urgent = sms.priority == Priority::P1 && !sms.possible_duplicate;
    match class {
        Some(ThrottleSender) => &[MINUTE, 2 * MINUTE, 4 * MINUTE],
        // Meanwhile the breaker of the account or the number says when it may leave.
        Some(AccountFault | CampaignFault) => &[5 * MINUTE, 15 * MINUTE, HOUR],
        Some(CapDaily) => &[6 * HOUR, 12 * HOUR],
        // It may have arrived, for all anybody knows.
        Some(UnknownDelivery) if urgent => &[10 * MINUTE],
        Some(class) => match follows(class) {
            Next::Again(waits) => waits,
            _ => &[],
        },
        // Failed is before it left the carrier, whatever the new code says of why.
        None if urgent && report.error_code.is_some() && report.status == DeliveryStatus::Failed => &[MINUTE],
        None => &[],
    }
}

/// Tried again while a wait is left and ends before the message does.
fn again(sms: &Sms, waits: &[u64], outcome: &SendOutcome, now: Timestamp) -> Settlement {
    match next_try(sms, waits, now) {
        Some(due_at) => Settlement { due_at: Some(due_at), ..ended(SmsState::Queued, outcome) },
        None => ended(SmsState::Failed, outcome),
    }
}

fn next_try(sms: &Sms, waits: &[u64], now: Timestamp) -> Option<Timestamp> {
    let tried = sms.attempts.saturating_sub(1) as usize;
    let due_at = waits.get(tried).map(|seconds| now.plus(spread(Duration::from_secs(*seconds), sms)));
    due_at.filter(|due_at| *due_at < sms.expires_at)
}

fn ended(state: SmsState, outcome: &SendOutcome) -> Settlement {
    let (error_code, error) = match outcome {
        SendOutcome::Accepted { .. } => (None, None),
        SendOutcome::Throttled { .. } => (None, Some("too many requests".into())),
        SendOutcome::Rejected { code, message, .. } => (Some(*code), Some(message.clone())),
        SendOutcome::NotSent { reason } => (None, Some(reason.clone())),
        SendOutcome::Unknown { code, reason } => (*code, Some(reason.clone())),
    };
    Settlement {
        state,
        due_at: None,
        counts: true,
        provider_id: None,
        error_code,
        error,
        http_status: None,
        check_at: None,
    }
}

fn back_off(refusals: u32) -> Duration {
    BACK_OFF_FROM.saturating_mul(1 << refusals.min(16)).min(BACK_OFF_TO)
}

/// Up to a tenth longer, differently for every message, so that those refused together do not return together.
fn spread(wait: Duration, sms: &Sms) -> Duration {
    let per_mille = digest64(&[&sms.id.to_string()]) % 100;
    wait + wait / 1000 * u32::try_from(per_mille).expect("less than a hundred")
}

#[cfg(test)]
mod tests;
