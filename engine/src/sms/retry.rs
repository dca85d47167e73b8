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
mod tests {
    use super::*;
    use crate::ids::{AlertId, CallId, CallKey, SmsId, TenantId};

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn sms(attempts: u32, lives: Duration) -> Sms {
        let call = CallKey { tenant: TenantId::parse("boreal").unwrap(), call: CallId::parse("c-1").unwrap() };
        Sms {
            id: SmsId::derive(&call, "tc:1", "+15145550110"),
            tenant: call.tenant,
            call: Some(call.call),
            alert: None,
            to: "+15145550110".parse().unwrap(),
            contact: "owner".into(),
            from: None,
            body: "Water in the basement".into(),
            segments: 1,
            priority: Priority::P1,
            state: SmsState::Sending,
            attempts,
            provider_id: None,
            error_code: None,
            error: None,
            possible_duplicate: false,
            due_at: NOW,
            expires_at: NOW.plus(lives),
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn rejected(class: ErrorClass) -> SendOutcome {
        SendOutcome::Rejected { code: 21000, class, message: "no".into() }
    }

    const DAY: Duration = Duration::from_secs(24 * HOUR);

    /// The wait it was given, without the spread of up to a tenth.
    fn waits(settlement: &Settlement) -> Option<Duration> {
        let nominal = [100, 200, 400, 800, 5_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 3_600_000];
        let wait = settlement.due_at?.since(NOW).as_millis();
        let found = nominal.into_iter().find(|n| (*n..=n + n / 10).contains(&wait));
        Some(Duration::from_millis(u64::try_from(found.expect("a wait of the table")).unwrap()))
    }

    #[test]
    fn every_class_has_its_consequence() {
        use ErrorClass::*;
        use SmsState::{Failed, Queued, Unknown as Nobody};
        for (class, state, wait_s, counts) in [
            (AccountFault, Queued, Some(60), false),
            (AccountConfig, Failed, None, true),
            (Config, Failed, None, true),
            (ThrottleAccount, Queued, None, false),
            (ThrottleSender, Queued, Some(60), false),
            (ThrottleRecipient, Queued, Some(30), true),
            (ThrottleCampaign, Queued, Some(60), true),
            (CapDaily, Queued, Some(3600), false),
            (Unknown, Nobody, None, true),
            (UnknownLeanUnsent, Nobody, None, true),
            (UnknownDelivery, Nobody, None, true),
            (PermanentRecipient, Failed, None, true),
            (PermanentMessage, Failed, None, true),
            (PermanentUnknownCode, Failed, None, true),
            (OptedOut, Failed, None, true),
            (Route, Failed, None, true),
            (SenderFault, Failed, None, true),
            (CampaignFault, Queued, Some(60), false),
            (TransientRecipient, Queued, Some(900), true),
            (TransientCarrier, Queued, Some(300), true),
            (TransientProvider, Queued, Some(60), true),
            (Blocked, Failed, None, true),
            (Filtered, Failed, None, true),
            (QuietHours, Queued, Some(3600), true),
            (Expired, Queued, Some(60), true),
            (Loop, Failed, None, true),
            (Warning, Failed, None, true),
        ] {
            let settlement = settle(&sms(1, DAY), &rejected(class), 0, NOW);
            assert_eq!((settlement.state, settlement.counts), (state, counts), "{class:?}");
            assert_eq!(settlement.error_code, Some(21000), "{class:?}");
            assert_eq!(settlement.due_at.is_some(), state == Queued, "{class:?}");
            if let Some(seconds) = wait_s {
                assert_eq!(waits(&settlement), Some(Duration::from_secs(seconds)), "{class:?}");
            }
        }
    }

    #[test]
    fn an_accepted_message_keeps_the_carriers_id() {
        let settlement = settle(&sms(1, DAY), &SendOutcome::Accepted { provider_id: "X1".into() }, 3, NOW);
        assert_eq!(settlement.state, SmsState::Accepted);
        assert_eq!(settlement.provider_id.as_deref(), Some("X1"));
        assert!(settlement.counts && settlement.error.is_none() && settlement.due_at.is_none());
    }

    #[test]
    fn an_attempt_of_unknown_end_is_never_repeated() {
        let settlement = settle(&sms(1, DAY), &SendOutcome::Unknown { code: None, reason: "timed out".into() }, 0, NOW);
        assert_eq!((settlement.state, settlement.due_at), (SmsState::Unknown, None));
        assert_eq!(settlement.error.as_deref(), Some("timed out"));
    }

    #[test]
    fn refusals_in_a_row_double_the_wait_up_to_half_a_minute_and_count_nothing() {
        for outcome in [
            SendOutcome::Throttled { after: None },
            SendOutcome::NotSent { reason: "refused".into() },
            rejected(ErrorClass::ThrottleAccount),
        ] {
            for (refusals, wait_ms) in [(0, 100), (1, 200), (2, 400), (3, 800), (9, 30_000), (u32::MAX, 30_000)] {
                let settlement = settle(&sms(7, DAY), &outcome, refusals, NOW);
                assert_eq!(settlement.state, SmsState::Queued);
                assert!(!settlement.counts);
                assert_eq!(waits(&settlement), Some(Duration::from_millis(wait_ms)), "{outcome:?} {refusals}");
            }
        }
    }

    #[test]
    fn a_carriers_wish_to_wait_is_granted_within_reason() {
        for (wish_s, wait_ms) in [(0, 100), (5, 5_000), (86_400, 600_000)] {
            let outcome = SendOutcome::Throttled { after: Some(Duration::from_secs(wish_s)) };
            assert_eq!(waits(&settle(&sms(1, DAY), &outcome, 0, NOW)), Some(Duration::from_millis(wait_ms)));
        }
    }

    #[test]
    fn a_passing_fault_is_tried_again_as_often_as_its_table_says() {
        for (attempts, state) in [(1, SmsState::Queued), (3, SmsState::Queued), (4, SmsState::Failed)] {
            let settlement = settle(&sms(attempts, DAY), &rejected(ErrorClass::TransientCarrier), 0, NOW);
            assert_eq!(settlement.state, state, "after attempt {attempts}");
        }
    }

    #[test]
    fn what_was_taken_and_not_delivered_is_tried_again_as_its_code_says_and_not_past_its_end() {
        use DeliveryStatus::{Failed, Undelivered};
        use ErrorClass::*;
        let report =
            |status, error_code| DeliveryReport { token: None, provider_id: "X1".into(), status, error_code, at: NOW };
        let again = |sms: &Sms, status, code, class| {
            let due_at = again_after_report(sms, &report(status, code), class, NOW)?;
            waits(&Settlement { due_at: Some(due_at), ..ended(SmsState::Queued, &rejected(Filtered)) })
        };
        for (status, class, minutes) in [
            (Undelivered, Some(TransientRecipient), Some(15)),
            (Undelivered, Some(TransientCarrier), Some(5)),
            (Failed, Some(ThrottleSender), Some(1)),
            (Failed, Some(TransientProvider), Some(1)),
            (Failed, Some(AccountFault), Some(5)),
            (Undelivered, Some(UnknownDelivery), Some(10)),
            (Failed, None, Some(1)),
            (Undelivered, None, None),
            (Undelivered, Some(PermanentRecipient), None),
            (Undelivered, Some(Filtered), None),
            (Undelivered, Some(Blocked), None),
            (Undelivered, Some(OptedOut), None),
        ] {
            let wait = minutes.map(|minutes| Duration::from_secs(minutes * MINUTE));
            assert_eq!(again(&sms(1, DAY), status, Some(7), class), wait, "{status:?} {class:?}");
        }
        assert_eq!(again(&sms(1, DAY), Failed, None, None), None, "without a code nothing is known");
        assert_eq!(
            again(&sms(4, DAY), Undelivered, Some(7), Some(TransientRecipient)),
            None,
            "three times were enough"
        );
        let short = sms(1, Duration::from_secs(MINUTE));
        assert_eq!(again(&short, Undelivered, Some(7), Some(TransientRecipient)), None, "it would be too late");
        let routine = Sms { priority: Priority::P3, ..sms(1, DAY) };
        assert_eq!(again(&routine, Undelivered, Some(7), Some(UnknownDelivery)), None, "it may have arrived");
        let alarm = Sms { alert: Some(AlertId::without_call(&short.tenant, "1")), ..sms(1, DAY) };
        assert_eq!(again(&alarm, Undelivered, Some(7), Some(TransientRecipient)), None, "its alert sees to it");
    }

    #[test]
    fn nothing_is_queued_past_its_end() {
        let short = Duration::from_secs(30);
        let held = settle(&sms(1, short), &rejected(ErrorClass::AccountFault), 0, NOW);
        assert_eq!((held.state, held.due_at, held.counts), (SmsState::Expired, None, false));
        let refused = settle(&sms(1, short), &rejected(ErrorClass::TransientCarrier), 0, NOW);
        assert_eq!((refused.state, refused.due_at), (SmsState::Failed, None));
    }

    #[test]
    fn only_news_about_the_sender_makes_it_rest() {
        assert_eq!(rest_after(&rejected(ErrorClass::AccountFault), 0), Some(Duration::from_secs(60)));
        assert_eq!(rest_after(&rejected(ErrorClass::PermanentRecipient), 0), None);
        assert_eq!(rest_after(&rejected(ErrorClass::TransientCarrier), 0), None);
        assert_eq!(rest_after(&SendOutcome::Unknown { code: None, reason: "".into() }, 4), None);
        assert_eq!(rest_after(&SendOutcome::NotSent { reason: "".into() }, 1), Some(Duration::from_millis(200)));
    }
}
