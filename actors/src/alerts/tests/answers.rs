//! Keys pressed and texts in reply: whose they are, and what is said back.

use super::*;

const PASSED: CallOutcome = CallOutcome::Answered { answer: Some(Answer::Pass) };

async fn presses(system: &System, name: &CallName, answer: Answer) -> Option<String> {
    system.alerts.keyed(name, |tenant| tenant.as_str() == "acme", answer).await.unwrap()
}

fn name_of(world: &World, call: usize) -> CallName {
    world.telephony.placed()[call].id.parse().unwrap()
}

async fn fate_of_the_call(world: &World) -> Fate {
    let told = world.alert().await.told;
    told.iter().find(|told| told.by == engine::alert::Way::Call).unwrap().fate
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlived_its_server_still_tells_how_it_ended() {
    for outcome in [CallOutcome::Machine, CallOutcome::NoAnswer, CallOutcome::Answered { answer: None }] {
        let world = World::new();
        world.telephony.will("owner", CallOutcome::Unknown { why: "nobody has told yet".into() });
        let system = world.start().await;
        alarm(&system, 1, "P1", "water").await;
        let name = name_of(&world, 0);
        kill(system).await;
        let system = world.start().await;
        assert_eq!(system.alerts.ended(&name, |_| false, outcome.clone()).await, Ok(false), "another's");
        assert_eq!(fate_of_the_call(&world).await, Fate::Unknown);
        assert_eq!(system.alerts.ended(&name, |_| true, outcome.clone()).await, Ok(true));
        assert_ne!(fate_of_the_call(&world).await, Fate::Unknown, "{outcome:?}");
        assert_eq!(world.alert().await.state, AlertState::Open, "and that is no answer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_says_that_somebody_picked_up() {
    let world = World::new();
    world.telephony.will("owner", CallOutcome::Unknown { why: "nobody has told yet".into() });
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    presses(&system, &name_of(&world, 0), Answer::Take).await.unwrap();
    assert_eq!(fate_of_the_call(&world).await, Fate::Answered);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_told_again_later_passes_nothing_on() {
    let alone = PLAYBOOK.replace(", { contacts = [\"on_call\", \"boss\"] }", "").replace("repeat = 1", "repeat = 2");
    let world = World::of(&alone);
    world.telephony.will("owner", PASSED);
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    world.telephony.will("owner", CallOutcome::NoAnswer);
    settle().await;
    world.at(61).await;
    let before = world.alert().await;
    assert!(before.place.round > 0, "the owner is told once more");
    presses(&system, &name_of(&world, 0), Answer::Pass).await.unwrap();
    settle().await;
    let after = world.alert().await;
    assert_eq!((after.place, after.next_at), (before.place, before.next_at), "that was the round before");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_back_is_what_came_of_it() {
    let world = World::new();
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    let name = name_of(&world, 0);
    assert_eq!(presses(&system, &name, Answer::Pass).await.unwrap(), "Noted: the next person is told.");
    world.at(1).await;
    assert_eq!(world.names().await.len(), 3, "and they are, at once");
    let said = says(&system, "+15145550111", "j'arrive").await.unwrap();
    assert_eq!(said, "Acme Drains P1. C'est noté, merci: vous vous en occupez.");
    assert_eq!(presses(&system, &name, Answer::Take).await.unwrap(), "on_call is taking it.");
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_left_to_be_told_nobody_is_promised() {
    let alone = PLAYBOOK.replace(", { contacts = [\"on_call\", \"boss\"] }", "").replace("repeat = 1", "repeat = 0");
    let world = World::of(&alone);
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    let said = presses(&system, &name_of(&world, 0), Answer::Pass).await.unwrap();
    assert_eq!(said, "Noted: nobody is left to be told.");
}

#[tokio::test(start_paused = true)]
async fn a_reply_by_another_businesss_account_takes_nothing() {
    let world = World::new();
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    for words in ["1", "je prends la garde jusqu'à 8 h"] {
        let (from, at) = ("+15145550110".parse().unwrap(), Timestamp::from_millis(0));
        let tenants = vec![TenantId::parse("beta").unwrap()];
        let reply = Reply { tenants, from, body: words.into(), message: "m1".into(), at };
        assert_eq!(system.alerts.hear(&reply).await.unwrap(), Heard::NothingOpen, "{words}");
    }
    assert_eq!(world.alert().await.state, AlertState::Open);
}
