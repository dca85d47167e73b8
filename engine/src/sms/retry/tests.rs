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
    assert_eq!(again(&sms(4, DAY), Undelivered, Some(7), Some(TransientRecipient)), None, "three times were enough");
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
