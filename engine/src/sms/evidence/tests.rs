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
    assert_eq!((sms.state, attempt.outcome, attempt.check_at), (SmsState::Delivered, Some(SmsState::Delivered), None));
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
