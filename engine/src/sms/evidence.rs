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
mod tests {
    use super::*;
    use crate::sms::attempt::AttemptToken;
    use crate::testing::frames::{call, moment, text};

    fn sms(state: SmsState) -> Sms {
        let owed = text(&call("acme", "c1"), "flood", crate::priority::Priority::P1);
        Sms { state, attempts: 1, ..Sms::owed(&owed) }
    }

    fn attempt(provider_id: Option<&str>) -> Attempt {
        let token = AttemptToken::from_bits([7; 16]);
        let started = Attempt::new(sms(SmsState::Sending).id, 1, "+15145550199".into(), token, moment(1));
        Attempt { provider_id: provider_id.map(Box::from), ..started }
    }

    fn report(status: DeliveryStatus) -> DeliveryReport {
        DeliveryReport { token: None, provider_id: "X1".into(), status, error_code: None, at: moment(9) }
    }

    fn heard(state: SmsState, known: bool, newest: bool, status: DeliveryStatus) -> (Reported, Sms, Attempt) {
        let (mut sms, mut attempt) = (sms(state), attempt(known.then_some("X1")));
        let reported = hear(&mut sms, &mut attempt, newest, &report(status), None);
        (reported, sms, attempt)
    }

    #[test]
    fn a_message_only_moves_up_and_its_first_end_is_kept() {
        use DeliveryStatus as Says;
        use SmsState::*;
        for (from, known, says, to) in [
            (Sending, false, Says::Accepted, Accepted),
            (Sending, false, Says::Delivered, Delivered),
            (Unknown, false, Says::Accepted, Accepted),
            (Unknown, false, Says::Undelivered, Undelivered),
            (Accepted, true, Says::Accepted, Accepted),
            (Accepted, true, Says::Sent, Sent),
            (Accepted, false, Says::Sent, Sent),
            (Sent, true, Says::Accepted, Sent),
            (Sent, true, Says::Sent, Sent),
            (Sent, true, Says::Delivered, Delivered),
            (Queued, false, Says::Sent, Sent),
            (Queued, true, Says::Sent, Queued),
            (Queued, false, Says::Failed, Queued),
            (Queued, true, Says::Delivered, Delivered),
            (Failed, false, Says::Delivered, Delivered),
            (Expired, false, Says::Accepted, Accepted),
            (Cancelled, false, Says::Sent, Sent),
            (Suppressed, false, Says::Sent, Suppressed),
            (Delivered, true, Says::Failed, Delivered),
            (Undelivered, true, Says::Delivered, Undelivered),
            (Failed, true, Says::Delivered, Failed),
        ] {
            let (_, sms, attempt) = heard(from, known, true, says);
            assert_eq!(sms.state, to, "{from:?} {known} {says:?}");
            assert_eq!(attempt.provider_id.as_deref(), Some("X1"), "whatever came of it, the carrier has it");
        }
    }

    #[test]
    fn a_handset_that_was_off_is_tried_again_once_per_report_and_good_news_still_counts() {
        let (mut sms, mut attempt) = (sms(SmsState::Sent), attempt(Some("X1")));
        attempt.outcome = Some(SmsState::Accepted);
        let off = DeliveryReport { error_code: Some(7), ..report(DeliveryStatus::Undelivered) };
        let class = Some(ErrorClass::TransientRecipient);
        let moved = hear(&mut sms, &mut attempt, true, &off, class);
        assert!(matches!(moved, Reported::Moved { from: SmsState::Sent, .. }));
        assert_eq!((sms.state, sms.error_code, &sms.provider_id), (SmsState::Queued, Some(7), &None));
        assert!(sms.due_at >= moment(9 + 900) && !sms.possible_duplicate);
        assert_eq!((attempt.outcome, attempt.error_code), (Some(SmsState::Undelivered), Some(7)));
        let due_at = sms.due_at;
        assert_eq!(hear(&mut sms, &mut attempt, true, &off, class), Reported::Old, "told twice is one more try");
        assert_eq!(sms.due_at, due_at);
        hear(&mut sms, &mut attempt, true, &report(DeliveryStatus::Delivered), None);
        assert_eq!(sms.state, SmsState::Delivered, "it was on after all");
    }

    #[test]
    fn another_end_is_a_contradiction_and_the_same_is_old_news() {
        let of = |from, says| heard(from, true, true, says).0;
        assert!(matches!(of(SmsState::Delivered, DeliveryStatus::Failed), Reported::Contradicts(_)));
        assert!(matches!(of(SmsState::Undelivered, DeliveryStatus::Delivered), Reported::Contradicts(_)));
        assert_eq!(of(SmsState::Delivered, DeliveryStatus::Delivered), Reported::Old);
        assert_eq!(of(SmsState::Delivered, DeliveryStatus::Sent), Reported::Old);
    }

    #[test]
    fn word_of_an_earlier_attempt_is_a_possible_duplicate_and_only_good_news_moves() {
        use DeliveryStatus as Says;
        use SmsState::*;
        for (from, known, says, to, doubled) in [
            (Queued, false, Says::Sent, Sent, true),
            (Sending, false, Says::Accepted, Accepted, true),
            (Sending, false, Says::Failed, Sending, true),
            (Sent, false, Says::Delivered, Delivered, true),
            (Undelivered, false, Says::Delivered, Delivered, true),
            (Accepted, true, Says::Undelivered, Accepted, false),
            (Delivered, true, Says::Delivered, Delivered, true),
        ] {
            let (_, sms, _) = heard(from, known, false, says);
            assert_eq!((sms.state, sms.possible_duplicate), (to, doubled), "{from:?} {known} {says:?}");
        }
    }

    #[test]
    fn proof_clears_what_was_thought_to_be_wrong() {
        let (mut sms, mut attempt) = (sms(SmsState::Unknown), attempt(None));
        sms.error = Some("no answer in time".into());
        attempt.outcome = Some(SmsState::Unknown);
        hear(&mut sms, &mut attempt, true, &report(DeliveryStatus::Accepted), None);
        assert_eq!((sms.error, sms.provider_id.as_deref()), (None, Some("X1")));
        assert_eq!(attempt.outcome, Some(SmsState::Accepted));
    }

    #[test]
    fn an_answer_after_the_report_changes_nothing_more() {
        let (mut sms, mut attempt) = (sms(SmsState::Sending), attempt(None));
        hear(&mut sms, &mut attempt, true, &report(DeliveryStatus::Delivered), None);
        let lost = Settlement {
            state: SmsState::Unknown,
            due_at: None,
            counts: true,
            provider_id: None,
            error_code: None,
            error: Some("no answer in time".into()),
            http_status: None,
            check_at: Some(moment(12)),
        };
        assert!(!lost.apply(&mut sms, &mut attempt, true, moment(10)));
        assert_eq!(
            (sms.state, attempt.outcome, attempt.check_at),
            (SmsState::Delivered, Some(SmsState::Delivered), None)
        );
    }

    #[test]
    fn an_answer_that_comes_after_all_settles_what_was_given_up() {
        let (mut sms, mut attempt) = (sms(SmsState::Unknown), attempt(None));
        attempt.outcome = Some(SmsState::Unknown);
        let taken = Settlement {
            state: SmsState::Accepted,
            due_at: None,
            counts: true,
            provider_id: Some("X1".into()),
            error_code: None,
            error: None,
            http_status: None,
            check_at: None,
        };
        assert!(taken.apply(&mut sms, &mut attempt, true, moment(10)));
        assert_eq!((sms.state, sms.provider_id.as_deref()), (SmsState::Accepted, Some("X1")));
    }
}
