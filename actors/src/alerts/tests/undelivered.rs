//! Texts to the team that do not arrive, with an alert and without.

use engine::alert::{What, Word};
use engine::sms::{DeliveryReport, DeliveryStatus, ErrorClass, SendOutcome};

use super::*;

/// Texts to these numbers are refused.
fn refusing(numbers: &'static [&'static str]) -> Arc<MemoryProvider> {
    Arc::new(MemoryProvider::answering(move |sms| {
        let refused = numbers.contains(&sms.to.as_str());
        let (code, class) = (30003, ErrorClass::PermanentRecipient);
        Some(match refused {
            true => SendOutcome::Rejected { code, class, message: "unreachable".into() },
            false => SendOutcome::Accepted { provider_id: MemoryProvider::id_of(sms) },
        })
    }))
}

async fn asks_for_a_call_back(system: &System, n: u64, reason: &str) {
    let asked = fixtures::tool_call(&format!("cb{n}"), "requestCallback", json!({"reason": reason, "name": "Jo"}));
    tell(system, n, asked).await;
}

#[tokio::test(start_paused = true)]
async fn a_text_without_an_alert_that_is_lost_opens_one_and_the_next_adds_to_it() {
    let callback = "[callback]\ntext = [\"boss\"]\n[reception]";
    let world = World::of(&PLAYBOOK.replace("[reception]", callback));
    let world = World { provider: refusing(&["+15145550112"]), ..world };
    let system = world.start().await;
    asks_for_a_call_back(&system, 1, "a slow sink").await;
    world.at(1).await;
    let alert = world.alert().await;
    assert_eq!((alert.reason, alert.priority), (Reason::Undelivered, Priority::P4));
    assert!(alert.words.message.contains("boss") && alert.words.message.contains("slow sink"), "{:?}", alert.words);
    assert_eq!(alert.words.callback, fixtures::CALLER);
    assert_eq!(world.names().await, ["boss", "owner"], "the roster of its priority");
    asks_for_a_call_back(&system, 2, "and a smell").await;
    world.at(2).await;
    let receipt = world.memory.receipt(world.alert().await.id).await.unwrap();
    let kinds: Vec<bool> = receipt
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Opened { .. } => Some(true),
            What::Updated { .. } => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [true, false], "one alert per call and reason");
    let told = world.names().await.len();
    kill(system).await;
    let _system = world.start().await;
    world.at(60).await;
    assert_eq!(world.names().await.len(), told, "nobody hears of it twice");
    assert_eq!(world.memory.receipt(world.alert().await.id).await.unwrap().len(), receipt.len());
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_while_nobody_listened_is_found_at_the_next_start() {
    let callback = "[callback]\ntext = [\"boss\"]\n[reception]";
    let world = World::of(&PLAYBOOK.replace("[reception]", callback));
    let system = world.start().await;
    asks_for_a_call_back(&system, 1, "a slow sink").await;
    kill(system).await;
    let sms = world.memory.latest(None, 1).await.unwrap().remove(0);
    let (provider_id, status) = (MemoryProvider::id_of(&sms), DeliveryStatus::Undelivered);
    let report = DeliveryReport { token: None, provider_id, status, error_code: Some(30003), at: world.clock.now() };
    world.memory.report(&report, None).await.unwrap();
    assert_eq!(world.memory_alerts().await, []);
    let _system = world.start().await;
    settle().await;
    assert_eq!(world.alert().await.reason, Reason::Undelivered);
}

#[tokio::test(start_paused = true)]
async fn the_last_text_of_a_step_that_is_lost_ends_the_step_at_once() {
    let world = World::new();
    let world = World { provider: refusing(&["+15145550110"]), ..world };
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    world.at(1).await;
    assert_eq!(world.names().await, ["boss", "on_call", "owner"], "the owner's text and call were in vain");
    let receipt = world.memory.receipt(world.alert().await.id).await.unwrap();
    let lost = receipt.iter().any(|entry| {
        matches!(&entry.what, What::Reached { contact, word: Word::Open, fate: Fate::Failed, .. } if **contact == *"owner")
    });
    assert!(lost, "{receipt:?}");
    assert_eq!(world.memory_alerts().await.len(), 1, "it belongs to its alert");
    drop(system);
}
