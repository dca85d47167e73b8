//! The Twilio of our own behaves as the real one is known to.

use std::time::Duration;

use engine::ports::SmsProvider;
use engine::sms::{ErrorClass, SendOutcome};
use gateway::simulator::fake_twilio::{FakeTwilio, Manners};

use super::{OURS, THEIRS, attempt, sms, twilio_at};

async fn refusal(fake: &FakeTwilio, body: &str) -> Option<u32> {
    match twilio_at(&fake.url()).send(&sms(THEIRS, body), &attempt(OURS)).await.outcome {
        SendOutcome::Rejected { code, .. } => Some(code),
        SendOutcome::Accepted { .. } => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_sender_works_its_queue_off_in_order_at_its_pace_in_segments() {
    let fake = FakeTwilio::start_with(Manners { mps: Some(2.0), ..Manners::default() }).await.unwrap();
    let twilio = twilio_at(&fake.url());
    let long = "x".repeat(300);
    for (body, sender) in [(long.as_str(), OURS), ("b", OURS), ("c", "+15145550198"), ("d", OURS)] {
        twilio.send(&sms(THEIRS, body), &attempt(sender)).await;
    }
    let messages = fake.messages();
    let after_first = |place: usize| messages[place].leaves_at - messages[0].leaves_at;
    assert_eq!(after_first(1), Duration::from_secs(1), "two segments at two a second");
    assert_eq!(after_first(3), Duration::from_millis(1_500));
    assert!(after_first(2) < Duration::from_secs(1), "another sender does not wait");
}

#[tokio::test]
async fn a_full_queue_is_refused_to_a_number_and_fails_a_services_message_later() {
    let manners = Manners { mps: Some(1.0), queue: Duration::ZERO, ..Manners::default() };
    let fake = FakeTwilio::start_with(manners).await.unwrap();
    assert_eq!(refusal(&fake, "a").await, None);
    assert_eq!(refusal(&fake, "b").await, Some(21611));
    let (twilio, service) = (twilio_at(&fake.url()), format!("MG{}", "7".repeat(32)));
    for body in ["a", "b"] {
        assert!(matches!(
            twilio.send(&sms(THEIRS, body), &attempt(&service)).await.outcome,
            SendOutcome::Accepted { .. }
        ));
    }
    while fake.messages().last().unwrap().error_code != Some(30001) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_has_texted_stop_is_refused_until_they_text_start_and_arret_is_unknown_there() {
    let fake = FakeTwilio::start().await;
    let nowhere = "http://127.0.0.1:9/webhooks/twilio/inbound";
    for (word, code) in [("ARRET", None), ("STOP", Some(21610)), ("START", None)] {
        fake.texts(THEIRS, OURS, word, nowhere).await;
        assert_eq!(refusal(&fake, "hello").await, code, "{word}");
    }
}

#[tokio::test]
async fn what_the_real_one_refuses_is_refused_and_a_misspelt_name_as_well() {
    let fake = FakeTwilio::start().await;
    assert_eq!(refusal(&fake, &"x".repeat(1_601)).await, Some(21617));
    let post = async |form: &[(&str, &str)]| {
        let account = format!("AC{}", "5".repeat(32));
        let url = format!("{}/2010-04-01/Accounts/{account}/Messages.json", fake.url());
        let request = reqwest::Client::new().post(url).basic_auth(account, Some("not-a-token")).form(form);
        let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        answer["code"].as_u64()
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    assert_eq!(post(&[("To", THEIRS), ("From", OURS), ("Body", "a")]).await, None);
    for (form, code) in [
        (&[("From", OURS), ("Body", "a")][..], 21604),
        (&[("To", THEIRS), ("Body", "a")][..], 21603),
        (&[("To", THEIRS), ("From", OURS)][..], 21602),
        (&[("To", "banana"), ("From", OURS), ("Body", "a")][..], 21211),
        (&[("To", THEIRS), ("From", OURS), ("Body", "a"), ("ValidityPeriod", "36001")][..], 90007),
        (&[("To", THEIRS), ("From", OURS), ("Body", "a"), ("StatusCallback", "nowhere")][..], 21609),
        (&[("To", THEIRS), ("From", OURS), ("Body", "a"), ("StatusCallBack", "https://a.example.com")][..], 20001),
    ] {
        assert_eq!(post(form).await, Some(code), "{form:?}");
    }
    let mut stranger = super::settings_for(&fake.url());
    stranger.auth_token = "another".to_owned().into();
    let stranger = gateway::carriers::twilio::Twilio::new(
        &stranger,
        &super::ways(None),
        std::sync::Arc::new(engine::ports::SystemClock),
    )
    .unwrap();
    match stranger.send(&sms(THEIRS, "a"), &attempt(OURS)).await.outcome {
        SendOutcome::Rejected { code: 20003, class: ErrorClass::AccountFault, .. } => (),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_api_key_is_taken_in_place_of_the_token() {
    let fake =
        FakeTwilio::start_with(Manners { auth_token: "of-the-key".to_owned(), ..Manners::default() }).await.unwrap();
    let mut keyed = super::settings_for(&fake.url());
    keyed.auth_token = "of-the-account".to_owned().into();
    (keyed.api_key_sid, keyed.api_key_secret) = (format!("SK{}", "6".repeat(32)), "of-the-key".to_owned().into());
    let twilio = gateway::carriers::twilio::Twilio::new(
        &keyed,
        &super::ways(None),
        std::sync::Arc::new(engine::ports::SystemClock),
    )
    .unwrap();
    assert!(matches!(twilio.send(&sms(THEIRS, "a"), &attempt(OURS)).await.outcome, SendOutcome::Accepted { .. }));
    assert!(fake.log()[0].path.contains(&format!("AC{}", "5".repeat(32))), "the account stays in the path");
}
