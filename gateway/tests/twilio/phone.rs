//! Telephoning the team.

use std::sync::Arc;

use engine::alert::Answer;
use engine::ids::TenantId;
use engine::playbook::Language;
use engine::ports::{CallOutcome, NewCall};
use gateway::carriers::twilio::{Phone, UnderWay};
use gateway::simulator::fake_twilio::{Act, Break, FakeTwilio, Person};

use super::{OURS, THEIRS, settings_for, ways};

const TAKEN: CallOutcome = CallOutcome::Answered { answer: Some(Answer::Take) };
const PASSED: CallOutcome = CallOutcome::Answered { answer: Some(Answer::Pass) };
const PUBLIC: Option<&str> = Some("https://calls.example.com");

/// A telephone, and the calls somebody waits for.
fn phone(fake: &FakeTwilio, public_url: Option<&str>) -> (Phone, Arc<UnderWay>) {
    let ways = ways(public_url);
    (Phone::new(&settings_for(&fake.url()), &ways).unwrap(), ways.calls)
}

fn call(id: &str) -> NewCall {
    NewCall {
        id: id.into(),
        to: THEIRS.parse().unwrap(),
        alert: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        tenant: TenantId::parse("boreal").unwrap(),
        contact: "owner".into(),
        language: Language::Fr,
        say: "Refoulement au 12, rue des Érables & sous-sol. Faites le 1 pour le prendre, le 2 pour le passer.".into(),
    }
}

#[tokio::test]
async fn a_call_says_what_happened_in_the_contacts_language_and_waits_for_a_key() {
    let fake = FakeTwilio::start().await;
    let (phone, calls) = phone(&fake, PUBLIC);
    let placed = call("alert-1-owner");
    let calling = phone.call(&placed);
    let pressing = async {
        while fake.log().is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(calls.ended("alert-1-owner", TAKEN));
        assert!(!calls.ended("alert-2-owner", TAKEN));
    };
    let (end, ()) = tokio::join!(calling, pressing);
    assert_eq!(end, TAKEN);
    assert!(!calls.ended("alert-1-owner", PASSED), "nobody waits any more");

    let request = &fake.log()[0];
    assert!(request.path.ends_with("/Calls.json"));
    assert_eq!((request.field("To"), request.field("From")), (Some(THEIRS), Some(OURS)));
    assert_eq!(request.field("MachineDetection"), Some("Enable"));
    let twiml = request.field("Twiml").unwrap();
    assert!(twiml.contains("<Say language=\"fr-CA\">Refoulement au 12, rue des Érables &amp; sous-sol."), "{twiml}");
    let action = "https://calls.example.com/webhooks/twilio/voice/alert-1-owner?lang=fr";
    assert!(twiml.contains(&format!("action=\"{action}\"")), "{twiml}");
    assert_eq!(request.field("StatusCallback"), Some(action));
}

#[tokio::test]
async fn a_call_that_cannot_be_placed_says_why_and_one_that_may_ring_says_so() {
    let fake = FakeTwilio::start().await;
    let (phone, calls) = phone(&fake, PUBLIC);
    fake.will(Act::refuse(400, 21211, "Invalid 'To' Phone Number: +15145550110"));
    match phone.call(&call("a")).await {
        CallOutcome::Failed { why } => assert!(why.contains("21211") && !why.contains("5550110"), "{why}"),
        other => panic!("{other:?}"),
    }
    fake.will(Act::answer(429, ""));
    assert!(matches!(phone.call(&call("b")).await, CallOutcome::Failed { .. }));
    fake.will(Act::AcceptThen(Break::Reset));
    let placed = call("c");
    let (end, ()) = tokio::join!(phone.call(&placed), async {
        while fake.log().len() < 3 || !calls.ended("c", CallOutcome::NoAnswer) {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(end, CallOutcome::NoAnswer, "what is heard of it proves that it rang");
}

#[tokio::test]
async fn without_a_way_back_how_a_call_ended_is_read_from_the_books() {
    for (person, event) in [
        (Person::NobodyPicksUp, CallOutcome::NoAnswer),
        (Person::Machine(Some('1')), CallOutcome::Machine),
        (Person::PicksUp(Some('1')), CallOutcome::Answered { answer: None }),
    ] {
        let fake = FakeTwilio::start().await;
        fake.at(THEIRS, person);
        let impatient = phone(&fake, None).0.looking_every(std::time::Duration::from_millis(10));
        assert_eq!(impatient.call(&call("a")).await, event, "{person:?}");
        let request = &fake.log()[0];
        assert_eq!(request.field("StatusCallback"), None);
        assert!(!request.field("Twiml").unwrap().contains("Gather"));
    }
}
