//! What becomes known of an attempt, and what that makes of its message: the answer of the send, a carrier's report,
//! a message found in the carrier's books. They come late, twice and out of order, and before one another.
//!
//! ```text
//! queued, sending, unknown < accepted < sent < delivered, undelivered, failed
//! ```
//! A message only moves up, and the first end is kept: another one is a contradiction, for people to look at. What we
//! concluded without the carrier (unknown, expired, cancelled, failed for a refusal) gives way to proof that it took
//! the message. Where a message was sent again, the word about an earlier attempt counts only as far as it is good
//! news: the later one may still arrive.

use super::attempt::Attempt;
use super::message::{Sms, SmsState};
use super::outcome::{DeliveryReport, DeliveryStatus, ErrorClass};
use super::retry::{Settlement, again_after_report};
use crate::time::Timestamp;

/// What a report came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reported {
    /// It is about no attempt that is known (yet).
    Unheard,
    /// It tells nothing new.
    Old,
    /// The message has changed. It was in the state `from`, which may be the one it is in.
    Moved { sms: Sms, from: SmsState },
    /// It tells another end than the one that is kept.
    Contradicts(Sms),
}

/// What a carrier's word does to the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruling {
    Stays,
    Moves(SmsState),
    Contradicts,
}

/// Applies a report about `attempt`, the `newest` of its message or not, to both. `class`: what its error code means. A
/// message that was not delivered and may be tried again is queued again by that.
pub fn hear(
    sms: &mut Sms,
    attempt: &mut Attempt,
    newest: bool,
    report: &DeliveryReport,
    class: Option<ErrorClass>,
) -> Reported {
    let news = attempt.provider_id.is_none();
    let ruling =
        if newest { ruling(sms.state, report.status, news) } else { of_an_earlier(sms.state, report.status, news) };
    if news {
        attempt.is_taken(&report.provider_id);
    }
    attempt.ends(report);
    attempt.check_at = match report.status.is_end() {
        true => None,
        // Should nothing more be heard: the answer of the send, if it is still to come, says when to ask.
        false if news => attempt.check_at.or(Some(report.at)),
        false => attempt.check_at,
    };
    let (from, doubted) = (sms.state, sms.possible_duplicate);
    sms.possible_duplicate |= !newest && (news || report.status == DeliveryStatus::Delivered);
    if let Ruling::Moves(to) = ruling {
        sms.move_to(to, attempt, report);
        if matches!(to, SmsState::Undelivered | SmsState::Failed) {
            sms.wait_for_another_try(report, class);
        }
    }
    match ruling {
        Ruling::Contradicts => Reported::Contradicts(sms.clone()),
        Ruling::Stays if news || sms.possible_duplicate != doubted => {
            // Taken by the carrier, which an operator may have assumed already.
            sms.provider_id.get_or_insert_with(|| report.provider_id.clone());
            Reported::Moved { sms: sms.clone(), from }
        }
        Ruling::Stays => Reported::Old,
        Ruling::Moves(_) => Reported::Moved { sms: sms.clone(), from },
    }
}

/// `news`: until now nobody knew that the carrier has it.
fn ruling(from: SmsState, status: DeliveryStatus, news: bool) -> Ruling {
    use SmsState::*;
    let to = status.state();
    match from {
        Sending | Unknown => Ruling::Moves(to),
        Accepted if to == Accepted => Ruling::Stays,
        Sent if !status.is_end() => Ruling::Stays,
        Accepted | Sent => Ruling::Moves(to),
        // Waits to be tried again after an attempt that was thought to be over.
        Queued if status == DeliveryStatus::Delivered || (news && !status.is_end()) => Ruling::Moves(to),
        Failed | Expired | Cancelled if news && to != from => Ruling::Moves(to),
        Delivered | Undelivered | Failed if status.is_end() && to != from => Ruling::Contradicts,
        _ => Ruling::Stays,
    }
}

/// Of an attempt after which the message was sent again.
fn of_an_earlier(from: SmsState, status: DeliveryStatus, news: bool) -> Ruling {
    use SmsState::*;
    match (from, status) {
        (Delivered | Suppressed, _) | (_, DeliveryStatus::Undelivered | DeliveryStatus::Failed) => Ruling::Stays,
        (_, DeliveryStatus::Delivered) => Ruling::Moves(Delivered),
        (Queued | Sending | Unknown, status) if news => Ruling::Moves(status.state()),
        _ => Ruling::Stays,
    }
}

impl Attempt {
    fn is_taken(&mut self, provider_id: &str) {
        self.provider_id = Some(provider_id.into());
        self.outcome = Some(SmsState::Accepted);
        self.error_code = None;
        self.error = None;
        self.checks = 0;
        self.absent_at = None;
    }

    /// What became of it at last; the first end is kept.
    fn ends(&mut self, report: &DeliveryReport) {
        if report.status.is_end() && self.outcome == Some(SmsState::Accepted) {
            self.outcome = Some(report.status.state());
            self.error_code = report.error_code;
        }
    }
}

impl Sms {
    fn move_to(&mut self, state: SmsState, attempt: &Attempt, report: &DeliveryReport) {
        // What was wrong with the attempt is no news of a message the carrier has.
        let taken = matches!(self.state, SmsState::Accepted | SmsState::Sent);
        if !taken {
            (self.error_code, self.error) = (None, None);
        }
        self.state = state;
        self.provider_id.clone_from(&attempt.provider_id);
        self.error_code = report.error_code.or(self.error_code);
        self.updated_at = self.updated_at.max(report.at);
    }

    fn wait_for_another_try(&mut self, report: &DeliveryReport, class: Option<ErrorClass>) {
        if let Some(due_at) = again_after_report(self, report, class, self.updated_at) {
            self.possible_duplicate |= class == Some(ErrorClass::UnknownDelivery);
            (self.state, self.due_at, self.provider_id) = (SmsState::Queued, due_at, None);
            self.error = Some("it was not delivered, and is tried again".into());
        }
    }
}

impl Settlement {
    /// Records the answer of `attempt`. Whether the message changed: not when it has moved on by other evidence, or
    /// the attempt was answered before. One that was given up as unknown and is answered after all is settled.
    pub fn apply(&self, sms: &mut Sms, attempt: &mut Attempt, newest: bool, now: Timestamp) -> bool {
        let open = attempt.outcome.is_none();
        let late = attempt.is_unknown() && self.state != SmsState::Unknown;
        if !open && !late {
            if attempt.answered_at.is_none() {
                attempt.answered_at = Some(now);
                attempt.http_status = self.http_status;
                attempt.check_at = attempt.check_at.and(self.check_at);
            }
            return false;
        }
        attempt.answered_at = Some(now);
        attempt.outcome = Some(self.state);
        attempt.counts = Some(self.counts);
        attempt.http_status = self.http_status;
        attempt.provider_id = self.provider_id.clone();
        attempt.error_code = self.error_code;
        attempt.error.clone_from(&self.error);
        attempt.check_at = self.check_at;
        let waits = matches!(sms.state, SmsState::Sending | SmsState::Unknown);
        if newest && waits {
            self.move_message(sms, now);
        }
        newest && waits
    }

    fn move_message(&self, sms: &mut Sms, now: Timestamp) {
        sms.state = self.state;
        sms.due_at = self.due_at.unwrap_or(sms.due_at);
        sms.attempts -= u32::from(!self.counts && sms.attempts > 0);
        sms.provider_id = self.provider_id.clone().or_else(|| sms.provider_id.take());
        sms.error_code = self.error_code;
        sms.error.clone_from(&self.error);
        sms.updated_at = now;
    }
}

#[cfg(test)]
mod tests;
