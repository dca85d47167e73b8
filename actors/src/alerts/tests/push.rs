//! The channel that is not the carrier: what it is told, and when.

use std::collections::HashSet;

use engine::alert::{Way, What, Word};
use engine::sms::{ErrorClass, SendOutcome, Sms};
use engine::tools::Lost;

use super::*;

/// The same business with a channel of its own: told at once of a P1, of a P2 only in need.
const WITH_A_CHANNEL: &str = "[push]\nurl = \"https://ntfy.example.com/acme\"\n[contacts]";

fn with_a_channel() -> World {
    World::of(&PLAYBOOK.replace("[contacts]", WITH_A_CHANNEL))
}

impl World {
    /// What the channel was told, and how many seconds after the start it stood so.
    async fn posted(&self) -> Vec<(Word, Fate)> {
        let alert = self.alert().await;
        alert.told.iter().filter(|it| it.by == Way::Push).map(|it| (it.word, it.fate)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_channel_is_told_of_a_p1_at_once_with_every_step_and_how_it_ended() {
    let world = with_a_channel();
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    assert_eq!(world.posted().await, [(Word::Open, Fate::Delivered)]);
    assert!(world.pusher.posted()[0].text.contains("water"));
    world.at(61).await;
    let id = world.alert().await.id;
    system.alerts.acknowledge(id, "jo", How::Api).await.unwrap();
    settle().await;
    let (open, taken) = ((Word::Open, Fate::Delivered), (Word::Taken, Fate::Delivered));
    assert_eq!(world.posted().await, [open, open, taken]);
    let titles: Vec<_> = world.pusher.posted().iter().map(|push| push.title.to_string()).collect();
    assert_eq!(titles, ["Acme Drains P1: alert", "Acme Drains P1: alert", "Acme Drains P1: jo is taking it"]);
}

#[tokio::test(start_paused = true)]
async fn a_post_is_tried_again_under_its_name_and_given_up_when_it_is_refused_or_of_no_use() {
    let world = with_a_channel();
    world.pusher.loses(Lost::unknown("status 503"));
    world.pusher.loses(Lost::not_asked("no connection"));
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    assert_eq!(world.posted().await, [(Word::Open, Fate::Owed)]);
    world.at(5).await;
    assert_eq!(world.posted().await, [(Word::Open, Fate::Delivered)]);
    let names: HashSet<_> = world.pusher.posted().into_iter().map(|push| push.id).collect();
    assert_eq!((world.pusher.posted().len(), names.len()), (3, 1));

    let refused = with_a_channel();
    refused.pusher.loses(Lost::refused("status 403"));
    let system_2 = refused.start().await;
    alarm(&system_2, 1, "P1", "water").await;
    assert_eq!(refused.posted().await, [(Word::Open, Fate::Failed)]);
    assert_eq!(refused.alert().await.next_at, Some(fixtures::at(0).plus(Duration::from_secs(60))), "others were told");

    let useless = with_a_channel();
    useless.pusher.loses(Lost::unknown("status 503"));
    let system_3 = useless.start().await;
    alarm(&system_3, 1, "P1", "water").await;
    system_3.alerts.acknowledge(useless.alert().await.id, "jo", How::Api).await.unwrap();
    useless.at(30).await;
    assert_eq!(useless.posted().await, [(Word::Open, Fate::Failed), (Word::Taken, Fate::Delivered)]);
    drop((system, system_2, system_3));
}

#[tokio::test(start_paused = true)]
async fn what_a_kill_leaves_owed_is_posted_under_the_same_name_and_what_was_taken_is_not() {
    let world = with_a_channel();
    for _ in 0..3 {
        world.pusher.loses(Lost::unknown("the connection broke off"));
    }
    let system = world.start().await;
    alarm(&system, 1, "P1", "water").await;
    kill(system).await;
    let system = world.start().await;
    world.at(30).await;
    let names: HashSet<_> = world.pusher.posted().into_iter().map(|push| push.id).collect();
    assert_eq!((world.posted().await, names.len()), (vec![(Word::Open, Fate::Delivered)], 1));
    let tries = world.pusher.posted().len();
    kill(system).await;
    let _system = world.start().await;
    world.at(50).await;
    assert_eq!(world.pusher.posted().len(), tries, "nobody is told twice");
}

#[tokio::test(start_paused = true)]
async fn when_a_text_fails_or_does_not_leave_the_channel_is_told_instead() {
    let refuses =
        |_: &Sms| Some(SendOutcome::Rejected { code: 30003, class: ErrorClass::Config, message: "unreachable".into() });
    for (what, provider, at) in
        [("it hangs", MemoryProvider::silent(), 11), ("it refuses", MemoryProvider::answering(refuses), 1)]
    {
        let world = World { provider: Arc::new(provider), ..with_a_channel() };
        let system = world.start().await;
        alarm(&system, 1, "P2", "the city is calling").await;
        world.at(at).await;
        assert_eq!(world.posted().await, [(Word::Open, Fate::Delivered)], "{what}");
        let receipt = world.memory.receipt(world.alert().await.id).await.unwrap();
        let fell_back = receipt.iter().filter(|entry| matches!(entry.what, What::FellBack { .. })).count();
        assert_eq!(fell_back, 1, "{what}");
        drop(system);
    }
    let world = with_a_channel();
    let system = world.start().await;
    alarm(&system, 1, "P2", "the city is calling").await;
    world.at(60).await;
    assert_eq!(world.posted().await, [], "the carrier works");
    drop(system);
}
