//! Asking for a message nobody told us about.

use std::time::Duration;

use engine::ports::{Clock, SmsProvider, SystemClock};
use engine::sms::{DeliveryStatus, SendOutcome};
use engine::testing::frames::tenant;
use gateway::simulator::fake_twilio::{Act, Answer, Break, FakeTwilio, Fate, Manners};

use super::{OURS, THEIRS, attempt, sms, twilio_at};

/// Nothing is delivered while a test looks.
fn slow() -> Manners {
    Manners { delivery: Duration::from_secs(3_600), ..Manners::default() }
}

#[tokio::test]
async fn a_message_taken_without_an_answer_is_found_by_its_words() {
    let fake = FakeTwilio::start_with(slow()).await.unwrap();
    let twilio = twilio_at(&fake.url());
    for act in [
        Act::AcceptThen(Break::Reset),
        Act::AcceptThenAnswer(Answer::refuse(500, 20500, "sorry")),
        Act::AcceptThen(Break::Off),
    ] {
        fake.will(act);
        let body = format!("Refoulement, 12 rue des Érables {}", fake.log().len());
        let before = SystemClock.now();
        assert!(matches!(twilio.send(&sms(THEIRS, &body), &attempt(OURS)).await.outcome, SendOutcome::Unknown { .. }));
        let found = twilio.find(&sms(THEIRS, &body), &attempt(OURS)).await.unwrap();
        assert_eq!(found.len(), 1, "{body}");
        assert_eq!(*found[0].provider_id, *fake.messages().last().unwrap().sid);
        let apart = found[0].created_at.since(before).max(before.since(found[0].created_at));
        assert!(apart < Duration::from_secs(5), "{apart:?}");
        let fetched = twilio.fetch(&tenant("acme"), &found[0].provider_id).await.unwrap().unwrap();
        assert_eq!(fetched.provider_id, found[0].provider_id);
    }
    let list = fake.log().into_iter().find(|request| request.method == "GET").unwrap();
    assert_eq!((list.asks("To"), list.asks("From"), list.asks("PageSize")), (Some(THEIRS), Some(OURS), Some("20")));
    assert_eq!(list.asks("DateSent"), None, "what waits has none");
}

#[tokio::test]
async fn other_words_another_number_and_what_came_in_are_not_it() {
    let fake = FakeTwilio::start_with(slow()).await.unwrap();
    let twilio = twilio_at(&fake.url());
    twilio.send(&sms(THEIRS, "a"), &attempt(OURS)).await;
    twilio.send(&sms("+15145550111", "b"), &attempt(OURS)).await;
    twilio.send(&sms(THEIRS, "b"), &attempt("+15145550198")).await;
    assert_eq!(twilio.find(&sms(THEIRS, "b"), &attempt(OURS)).await, Ok(vec![]));
    twilio.send(&sms(THEIRS, "b"), &attempt(OURS)).await;
    twilio.send(&sms(THEIRS, "b"), &attempt(OURS)).await;
    assert_eq!(twilio.find(&sms(THEIRS, "b"), &attempt(OURS)).await.unwrap().len(), 2, "as often as it was sent");
}

#[tokio::test]
async fn a_service_is_looked_for_by_its_own_id() {
    let fake = FakeTwilio::start_with(slow()).await.unwrap();
    let (twilio, service) = (twilio_at(&fake.url()), format!("MG{}", "7".repeat(32)));
    twilio.send(&sms(THEIRS, "a"), &attempt(&service)).await;
    assert_eq!(twilio.find(&sms(THEIRS, "a"), &attempt(&service)).await.unwrap().len(), 1);
    assert_eq!(twilio.find(&sms(THEIRS, "a"), &attempt(&format!("MG{}", "8".repeat(32)))).await, Ok(vec![]));
}

#[tokio::test]
async fn books_that_lag_show_nothing_and_books_that_are_shut_are_no_answer() {
    let fake = FakeTwilio::start_with(slow()).await.unwrap();
    let twilio = twilio_at(&fake.url());
    twilio.send(&sms(THEIRS, "a"), &attempt(OURS)).await;
    fake.change(|manners| manners.listing_lag = Duration::from_secs(3_600));
    assert_eq!(twilio.find(&sms(THEIRS, "a"), &attempt(OURS)).await, Ok(vec![]));
    fake.change(|manners| manners.auth_token = "another".to_owned());
    assert!(twilio.find(&sms(THEIRS, "a"), &attempt(OURS)).await.is_err());
    assert!(twilio.fetch(&tenant("acme"), &fake.messages()[0].sid).await.is_err());
}

#[tokio::test]
async fn one_message_is_fetched_as_it_stands_and_an_unknown_one_is_none() {
    let fake = FakeTwilio::start().await;
    let twilio = twilio_at(&fake.url());
    fake.fate_of(THEIRS, Fate::Undelivered(30003));
    let SendOutcome::Accepted { provider_id } = twilio.send(&sms(THEIRS, "a"), &attempt(OURS)).await.outcome else {
        panic!()
    };
    let fetched = loop {
        let fetched = twilio.fetch(&tenant("acme"), &provider_id).await.unwrap().unwrap();
        if fetched.error_code.is_some() {
            break fetched;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((fetched.status, fetched.error_code), (DeliveryStatus::Undelivered, Some(30003)));
    let unknown = format!("SM{}", "f".repeat(32));
    assert_eq!(twilio.fetch(&tenant("acme"), &unknown).await, Ok(None));
    let asked = fake.log().len();
    for hostile in ["", "../../Accounts", "SM1/../..", "CA00000000000000000000000000000000"] {
        assert_eq!(twilio.fetch(&tenant("acme"), hostile).await, Ok(None), "{hostile}");
    }
    assert_eq!(fake.log().len(), asked, "what is no id is not asked for");
}

#[tokio::test]
async fn what_is_under_way_at_once_is_read_from_every_answer() {
    let fake = FakeTwilio::start().await;
    let twilio = twilio_at(&fake.url());
    assert_eq!(twilio.concurrent(), None);
    twilio.send(&sms(THEIRS, "a"), &attempt(OURS)).await;
    assert_eq!(twilio.concurrent(), Some(1));
    fake.change(|manners| manners.concurrency = Some(0));
    assert_eq!(twilio.send(&sms(THEIRS, "a"), &attempt(OURS)).await.outcome, SendOutcome::Throttled { after: None });
}
