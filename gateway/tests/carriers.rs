//! The carriers, each against what it talks to: Twilio against one of our own, the sandbox against itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use engine::ids::{CallId, CallKey, SmsId, TenantId};
use engine::ports::{Clock, Leaves, SmsProvider, SystemClock};
use engine::priority::Priority;
use engine::sms::{Attempt, AttemptToken, DeliveryReport, DeliveryStatus, ErrorClass, SendOutcome, Sms, SmsState};
use engine::testing::frames::tenant;
use gateway::carriers::sandbox::Sandbox;
use gateway::carriers::twilio::{Twilio, Ways};
use gateway::settings::{self, SandboxScript};
use gateway::simulator::fake_twilio::{Act, Answer, Break, FakeTwilio};
use tokio::sync::mpsc;

const NUMBER: &str = "+15145550199";

fn sms(to: &str) -> Sms {
    let call = CallKey { tenant: TenantId::parse("boreal").unwrap(), call: CallId::parse("c-1").unwrap() };
    let now = SystemClock.now();
    Sms {
        id: SmsId::derive(&call, "tc:1", to),
        tenant: call.tenant,
        call: Some(call.call),
        alert: None,
        to: to.parse().unwrap(),
        contact: "owner".into(),
        from: None,
        body: "Refoulement & odeur, 12 rue des Érables + sous-sol 🚨".into(),
        segments: 1,
        priority: Priority::P1,
        state: SmsState::Sending,
        attempts: 1,
        provider_id: None,
        error_code: None,
        error: None,
        possible_duplicate: false,
        due_at: now,
        expires_at: now.plus(Duration::from_secs(600)),
        created_at: now,
        updated_at: now,
    }
}

/// An attempt by that number.
fn attempt(sender: &str) -> Attempt {
    let token = AttemptToken::from_bits([5; 16]);
    Attempt::new(SmsId::from_bits([1; 16]), 1, sender.into(), token, SystemClock.now())
}

fn twilio_at(base_url: &str, timeout_s: u64) -> Twilio {
    let settings = settings::Twilio {
        account_sid: format!("AC{}", "5".repeat(32)),
        auth_token: "not-a-token".to_owned().into(),
        previous_auth_tokens: Vec::new(),
        api_key_sid: String::new(),
        api_key_secret: String::new().into(),
        webhook_keys: Vec::new(),
        errors_file: String::new(),
        from: NUMBER.to_owned(),
        messaging_service_sid: String::new(),
        base_url: base_url.to_owned(),
        mps: 1.0,
        account_mps: 0.0,
        timeout_s,
        connect_timeout_s: 1,
    };
    Twilio::new(&settings, &Ways::new(&settings, None).unwrap(), Arc::new(SystemClock)).unwrap()
}

/// Where nobody listens.
fn closed_door() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn outcome_of(act: Act) -> SendOutcome {
    let fake = FakeTwilio::start().await;
    fake.will(act);
    let outcome = twilio_at(&fake.url(), 1).send(&sms("+15145550110"), &attempt(NUMBER)).await.outcome;
    assert_eq!(fake.log().len(), 1, "one request, whatever the answer");
    outcome
}

#[tokio::test]
async fn twilio_is_sent_one_form_with_basic_auth() {
    let fake = FakeTwilio::start().await;
    let outcome = twilio_at(&fake.url(), 5).send(&sms("+15145550110"), &attempt(NUMBER)).await.outcome;
    assert_eq!(outcome, SendOutcome::Accepted { provider_id: format!("SM{:032x}", 1).into() });

    let request = &fake.log()[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, format!("/2010-04-01/Accounts/AC{}/Messages.json", "5".repeat(32)));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert!(request.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(request.field("To"), Some("+15145550110"));
    assert_eq!(request.field("From"), Some(NUMBER));
    assert_eq!(request.field("MessagingServiceSid"), None);
    assert_eq!(request.field("Body"), Some("Refoulement & odeur, 12 rue des Érables + sous-sol 🚨"));
    let validity: u64 = request.field("ValidityPeriod").unwrap().parse().unwrap();
    assert!((500..=600).contains(&validity), "what is left of ten minutes: {validity}");
}

#[tokio::test]
async fn it_is_told_when_a_message_leaves_and_not_when_nobody_is_there() {
    let fake = FakeTwilio::start().await;
    let left = Arc::new(AtomicU32::new(0));
    let counted = left.clone();
    let leaves: Leaves = Arc::new(move || {
        counted.fetch_add(1, Relaxed);
    });
    let (sms, attempt) = (sms("+15145550110"), attempt(NUMBER));
    let outcome = twilio_at(&fake.url(), 5).send_timed(&sms, &attempt, leaves.clone()).await.outcome;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }));
    assert_eq!(left.load(Relaxed), 1);
    let request = &fake.log()[0];
    assert!(request.header("content-length").is_some() && request.header("transfer-encoding").is_none());

    let outcome = twilio_at(&closed_door(), 5).send_timed(&sms, &attempt, leaves).await.outcome;
    assert!(matches!(outcome, SendOutcome::NotSent { .. }));
    assert_eq!(left.load(Relaxed), 1);
}

#[tokio::test]
async fn twilio_sends_from_a_messaging_service_by_its_id() {
    let fake = FakeTwilio::start().await;
    let service = format!("MG{}", "7".repeat(32));
    twilio_at(&fake.url(), 5).send(&sms("+15145550110"), &attempt(&service)).await;
    let request = &fake.log()[0];
    assert_eq!((request.field("MessagingServiceSid"), request.field("From")), (Some(service.as_str()), None));
}

#[tokio::test]
async fn a_message_that_never_ends_or_has_ended_is_given_a_validity_twilio_takes() {
    let fake = FakeTwilio::start().await;
    let twilio = twilio_at(&fake.url(), 5);
    for (left, validity) in [(Duration::from_secs(400_000), "36000"), (Duration::ZERO, "1")] {
        let mut sms = sms("+15145550110");
        sms.expires_at = sms.created_at.plus(left);
        twilio.send(&sms, &attempt(NUMBER)).await;
        assert_eq!(fake.log().last().unwrap().field("ValidityPeriod"), Some(validity));
    }
}

#[tokio::test]
async fn messages_share_a_connection() {
    let fake = FakeTwilio::start().await;
    let twilio = twilio_at(&fake.url(), 5);
    for line in 110..115 {
        twilio.send(&sms(&format!("+15145550{line}")), &attempt(NUMBER)).await;
    }
    assert!(fake.log().iter().all(|request| request.connection == 0));
}

#[tokio::test]
async fn a_refusal_is_what_its_code_says() {
    use ErrorClass::*;
    for (status, code, class) in [
        (400, 21211, PermanentRecipient),
        (400, 21610, OptedOut),
        (400, 21408, AccountConfig),
        (400, 21611, ThrottleSender),
        (401, 20003, AccountFault),
        (400, 98765, PermanentUnknownCode),
        (404, 20404, AccountFault),
    ] {
        match outcome_of(Act::refuse(status, code, "no")).await {
            SendOutcome::Rejected { code: got, class: is, .. } => assert_eq!((got, is), (code, class)),
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_refusal_without_a_code_is_named_by_its_status() {
    for (status, class) in [(400, ErrorClass::PermanentUnknownCode), (401, ErrorClass::AccountFault)] {
        match outcome_of(Act::answer(status, "<html>nginx</html>")).await {
            SendOutcome::Rejected { code, class: is, .. } => assert_eq!((code, is), (u32::from(status), class)),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn too_many_requests_is_throttled_for_as_long_as_twilio_wishes() {
    let wish = Act::Answer(Answer::refuse(429, 20429, "slow down").with("retry-after", 7));
    assert_eq!(outcome_of(wish).await, SendOutcome::Throttled { after: Some(Duration::from_secs(7)) });
    let plain = Act::answer(429, "");
    assert_eq!(outcome_of(plain).await, SendOutcome::Throttled { after: None });
}

#[tokio::test]
async fn what_proves_nothing_is_unknown_and_is_asked_once() {
    let oversized = format!(r#"{{"padding":"{}","sid":"SM1"}}"#, "x".repeat(70_000));
    for act in [
        Act::refuse(500, 20500, "server error"),
        Act::refuse(503, 20503, "unavailable"),
        Act::refuse(500, 98765, "never heard of"),
        Act::answer(502, "<html>bad gateway</html>"),
        Act::AcceptThenAnswer(Answer::new(201, r#"{"sid":"SM0"#)),
        Act::answer(201, r#"{"sid":null}"#),
        Act::answer(201, &oversized),
        Act::Answer(Answer::new(307, "").with("location", "/elsewhere")),
        Act::AcceptThenAnswer(Answer::refuse(500, 20500, "taken, and then this")),
        Act::AcceptThen(Break::Reset),
        Act::AcceptThen(Break::Off),
        Act::AcceptThen(Break::Hang),
        Act::Break(Break::Reset),
        Act::Break(Break::Hang),
    ] {
        let outcome = outcome_of(act.clone()).await;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{act:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_closed_door_is_not_sent() {
    let outcome = twilio_at(&closed_door(), 1).send(&sms("+15145550110"), &attempt(NUMBER)).await.outcome;
    assert!(matches!(outcome, SendOutcome::NotSent { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_handshake_that_comes_to_nothing_is_not_sent() {
    let fake = FakeTwilio::start().await;
    // The fake speaks no TLS: it is the time to connect that runs out, long before the time to answer.
    let outcome = twilio_at(&fake.url().replace("http://", "https://"), 30)
        .send(&sms("+15145550110"), &attempt(NUMBER))
        .await
        .outcome;
    assert!(matches!(outcome, SendOutcome::NotSent { .. }), "{outcome:?}");
    assert!(fake.log().is_empty());
}

#[tokio::test]
async fn no_outcome_repeats_the_recipients_number() {
    for (status, code) in [(400, 21211), (500, 20500)] {
        let outcome = outcome_of(Act::refuse(status, code, "The 'To' number +15145550110 is not valid")).await;
        assert!(!format!("{outcome:?}").contains("5145550110"), "{outcome:?}");
    }
}

fn sandbox() -> (Sandbox, mpsc::Receiver<DeliveryReport>) {
    let settings = settings::Sandbox {
        from: "+15005550006".to_owned(),
        latency_ms: 100,
        delivery_ms: 1000,
        mps: 50.0,
        script: SandboxScript::Works,
    };
    Sandbox::new(&settings, Arc::new(SystemClock))
}

async fn accepted_id(sandbox: &Sandbox, to: &str) -> Box<str> {
    match sandbox.send(&sms(to), &attempt("+15005550006")).await.outcome {
        SendOutcome::Accepted { provider_id } => provider_id,
        other => panic!("{to}: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_reports_what_becomes_of_what_it_took() {
    use DeliveryStatus::{Delivered, Failed, Undelivered};
    for (to, end, code) in [
        ("+15145550110", Delivered, None),
        ("+15005550006", Delivered, None),
        ("+15005550030", Undelivered, Some(30003)),
        ("+15005550031", Failed, Some(30001)),
    ] {
        let (sandbox, mut reports) = sandbox();
        let id = accepted_id(&sandbox, to).await;
        assert!(id.starts_with("SB") && id.len() == 34, "{id}");
        let (first, last) = (reports.recv().await.unwrap(), reports.recv().await.unwrap());
        assert_eq!((&first.provider_id, first.status), (&id, DeliveryStatus::Sent));
        assert_eq!((&last.provider_id, last.status, last.error_code), (&id, end, code), "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_acts_out_refusals_by_number() {
    let (sandbox, _reports) = sandbox();
    for (to, code, class) in [
        ("+15005550001", 21211, ErrorClass::PermanentRecipient),
        ("+15005550003", 21408, ErrorClass::AccountConfig),
        ("+15005550004", 21610, ErrorClass::OptedOut),
        ("+15005550009", 21614, ErrorClass::PermanentRecipient),
    ] {
        match sandbox.send(&sms(to), &attempt(NUMBER)).await.outcome {
            SendOutcome::Rejected { code: got, class: is, .. } => assert_eq!((got, is), (code, class), "{to}"),
            other => panic!("{to}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_throttles_twice_and_then_takes_the_message() {
    let (sandbox, _reports) = sandbox();
    for _ in 0..2 {
        let outcome = sandbox.send(&sms("+15005550020"), &attempt(NUMBER)).await.outcome;
        assert_eq!(outcome, SendOutcome::Throttled { after: None });
    }
    accepted_id(&sandbox, "+15005550020").await;
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_acts_out_the_unknown() {
    let (sandbox, _reports) = sandbox();
    for to in ["+15005550021", "+15005550022"] {
        let outcome = sandbox.send(&sms(to), &attempt(NUMBER)).await.outcome;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{to}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_keeps_books_of_what_it_took_whatever_it_answered() {
    for (to, taken, reported) in [
        ("+15145550110", true, true),
        ("+15005550021", false, false),
        ("+15005550023", true, true),
        ("+15005550024", true, false),
        ("+15005550025", true, false),
        ("+15005550001", false, false),
    ] {
        let (sandbox, mut reports) = sandbox();
        let (sms, by) = (sms(to), attempt(NUMBER));
        sandbox.send(&sms, &by).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let found = sandbox.find(&sms, &by).await.unwrap();
        assert_eq!(found.iter().map(|found| found.status).next(), taken.then_some(DeliveryStatus::Delivered), "{to}");
        for found in found {
            assert_eq!(sandbox.fetch(&tenant("acme"), &found.provider_id).await, Ok(Some(found)));
        }
        assert_eq!(sandbox.find(&sms, &attempt("+15145550198")).await, Ok(Vec::new()), "not by another sender");
        let report = reports.try_recv().ok();
        assert_eq!(report.and_then(|report| report.token), reported.then_some(by.token), "{to}");
    }
}
