//! Several nodes and one store: whoever takes the call, the node that leads tells the team, and at once.

use engine::sms::SendOutcome;
use engine::testing::memory::{MemoryBell, MemoryElection};

use super::*;
use crate::testing::Gauges;

/// What nodes share besides the store. Nobody looks by the clock: what is not heard of is not found.
#[derive(Default)]
struct Shared {
    ballot: MemoryElection,
    bell: MemoryBell,
}

impl Shared {
    async fn node(&self, world: &World, name: &str) -> System {
        let hour = Duration::from_secs(3_600);
        let limits = Limits { pool_tick: hour, alerts_sweep: hour, ..Limits::default() };
        let system =
            world.start_with(limits, Some(Arc::new(self.ballot.node(name))), Some(Arc::new(self.bell.clone()))).await;
        settle().await;
        system
    }
}

/// Texts sent and telephones rung.
fn told(world: &World) -> (usize, usize) {
    (world.provider.sent().len(), world.telephony.placed().len())
}

#[tokio::test(start_paused = true)]
async fn what_any_node_commits_is_told_at_once_by_the_one_that_leads() {
    let (world, shared) = (World::new(), Shared::default());
    let leads = shared.node(&world, "a").await;
    let other = shared.node(&world, "b").await;
    assert!(leads.lead.held() && !other.lead.held());
    let began = Instant::now();
    alarm(&other, 1, "P1", "water").await;
    assert_eq!(told(&world), (1, 1), "the owner is texted and phoned");
    assert_eq!(began.elapsed(), Duration::ZERO, "no time has passed");
    let rings = shared.bell.rings();
    assert!(rings > 0);
    tell(&leads, 2, fixtures::spoke("hello")).await;
    alarm(&leads, 3, "P1", "more water").await;
    assert_eq!(shared.bell.rings(), rings, "who leads tells nobody");
}

#[tokio::test(start_paused = true)]
async fn what_was_rung_while_nobody_heard_is_told_when_somebody_listens_again() {
    let (world, shared) = (World::new(), Shared::default());
    let _leads = shared.node(&world, "a").await;
    let other = shared.node(&world, "b").await;
    shared.bell.cut();
    shared.bell.breaks(true);
    alarm(&other, 1, "P1", "water").await;
    world.at(30).await;
    assert_eq!(told(&world), (0, 0), "nobody looks");
    shared.bell.breaks(false);
    world.at(32).await;
    assert_eq!(told(&world), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_node_that_leads_next_listens_next() {
    let (world, shared) = (World::new(), Shared::default());
    let first = shared.node(&world, "a").await;
    let next = shared.node(&world, "b").await;
    let other = shared.node(&world, "c").await;
    assert_eq!(shared.bell.listened(), 1);
    shared.ballot.only("b");
    first.stop(Instant::now()).await;
    next.lead.until_held().await;
    world.at(10).await;
    assert_eq!(shared.bell.listened(), 2);
    alarm(&other, 1, "P1", "water").await;
    assert_eq!(told(&world), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leads_no_longer_shows_nothing_of_what_the_next_one_has_to_do() {
    let gauges = Gauges::default();
    let _watched = gauges.watched();
    let carrier = MemoryProvider::answering(|sms| {
        Some(match sms.contact.as_ref() {
            "owner" => SendOutcome::Unknown { code: None, reason: "no answer".into() },
            _ => SendOutcome::NotSent { reason: "no connection".into() },
        })
    });
    let callback = "[callback]\ntext = [\"boss\"]\n[reception]";
    let world = World { provider: Arc::new(carrier), ..World::of(&PLAYBOOK.replace("[reception]", callback)) };
    let ballot = MemoryElection::default();
    let (node, limits) =
        (Arc::new(ballot.node("a")), Limits { pool_tick: Duration::from_secs(1), ..Limits::default() });
    let system = world.start_with(limits, Some(node), None).await;
    alarm(&system, 1, "P1", "water").await;
    let asked = fixtures::tool_call("cb1", "requestCallback", json!({"reason": "a slow sink", "name": "Jo"}));
    tell(&system, 2, asked).await;
    let shown = || {
        let queued: f64 = Priority::ALL.map(|of| gauges.shows(&format!("cordboard_sms_queue_depth {of}"))).iter().sum();
        let open = gauges.shows("cordboard_alerts_open P1");
        let [unknown, leading] = ["cordboard_sms_unknown", "cordboard_leading"].map(|name| gauges.shows(name));
        [open, queued, unknown, leading].map(|gauge| gauge > 0.0)
    };
    world.at(3).await;
    assert_eq!(shown(), [true; 4], "an alert is open, a text waits, of another nobody knows whether it left");
    ballot.only("b");
    ballot.cut();
    world.at(8).await;
    assert_eq!(shown(), [false; 4]);
    ballot.only("a");
    world.at(12).await;
    assert_eq!(shown(), [true; 4], "it leads again");
    drop(system);
}
