//! Alerts, opt-outs and whatever else is said while home is gone.

use engine::alert::{Alert, AlertEvent, AlertState, Desk, How, Reason};
use engine::ports::{
    AlertStore, AlertsWanted, CallStore, ClaimRequest, InboundSms, Inbox, NotClaimed, OptOut, OptOutSource, OptOuts,
    SmsOutbox,
};
use engine::priority::Priority;
use engine::sms::SmsState;
use engine::testing::frames::{call, frame_owing, moment, tenant, text};
use engine::testing::{contracts, fixtures};
use gateway::stores::Store;

use super::outage::{World, home_again};
use super::proxy::{Trouble, Way};

fn decided(alert: &Alert, event: &AlertEvent, at: u64) -> engine::alert::Change {
    let playbook = fixtures::playbook();
    alert.decide(event, &Desk { playbook: Some(&playbook), now: moment(at) }).expect("it means something")
}

/// A frame that opens the alert of its call, and the alert.
async fn open(store: &(impl CallStore + AlertStore), name: &str) -> Alert {
    let key = call("acme", name);
    assert_eq!(store.append(&[contracts::opening(&key, 1)]).await, [Ok(())]);
    store.alert(None, Reason::Call.alert_of(&key)).await.unwrap().expect("opened with its frame")
}

async fn receipt(store: &impl AlertStore, alert: &Alert) -> Vec<u64> {
    store.receipt(alert.id).await.unwrap().iter().map(|entry| entry.seq).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_goes_on_without_home_and_is_there_afterwards_as_it_is() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    assert!(node.running(9).await.unwrap().is_empty(), "this node walks alerts");
    let before = open(&node, "before").await;
    world.proxy.set(Trouble::Refuse).await;
    let during = open(&node, "during").await;
    for alert in [&before, &during] {
        assert!(node.running(9).await.unwrap().contains(alert));
        let step = decided(alert, &AlertEvent::StepDue, 70);
        assert!(node.write(&step).await.unwrap());
        assert!(!node.write(&step).await.unwrap(), "the same again");
        let taken = decided(&step.alert, &AlertEvent::Acknowledged { by: "owner".into(), how: How::Reply }, 80);
        assert!(node.write(&taken).await.unwrap());
    }
    assert!(node.running(9).await.unwrap().is_empty());
    world.proxy.set(Trouble::Nothing).await;
    home_again(&node).await;
    for alert in [&before, &during] {
        let stored = world.home.alert(None, alert.id).await.unwrap().expect("it is at home");
        assert_eq!((stored.state, stored.version), (AlertState::Acknowledged, 3));
        assert_eq!(receipt(&world.home, alert).await, (1..=stored.entries).collect::<Vec<_>>());
    }
    let all = AlertsWanted { limit: 9, ..AlertsWanted::default() };
    assert_eq!(world.home.alerts(&all).await.unwrap().len(), 2);
    // From now on it goes on at home, from the version it has there.
    let taken = node.alert(None, during.id).await.unwrap().unwrap();
    assert!(
        node.write(&decided(&taken, &AlertEvent::Resolved { by: "owner".into(), how: How::Api }, 90)).await.unwrap()
    );
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn very_many_alerts_that_only_rang_on_cost_home_nothing() {
    const MANY: usize = 300;
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let frames: Vec<_> = (0..MANY).map(|n| contracts::opening(&call("acme", &format!("c{n}")), 1)).collect();
    assert!(node.append(&frames).await.iter().all(Result::is_ok));
    let running = node.running(2 * MANY).await.unwrap();
    assert_eq!(running.len(), MANY);
    world.proxy.set(Trouble::Refuse).await;
    assert_eq!(open(&node, "during").await.version, 1);
    // In the spool as well as in memory by now, or soon: nobody forgets them.
    assert_eq!(node.running(2 * MANY).await.unwrap().len(), MANY + 1);
    let (one, others) = running.split_first().expect("many");
    assert!(node.write(&decided(one, &AlertEvent::StepDue, 70)).await.unwrap());
    let asked = world.proxy.passed(Way::There);
    world.proxy.heal().await;
    home_again(&node).await;
    let asked = world.proxy.passed(Way::There) - asked;
    assert!(asked < 100 * MANY as u64, "{asked} bytes were said to home");
    assert_eq!(world.home.alert(None, one.id).await.unwrap().unwrap().version, 2);
    for alert in others {
        assert_eq!(world.home.alert(None, alert.id).await.unwrap().as_ref(), Some(alert));
    }
    assert_eq!(node.running(2 * MANY).await.unwrap().len(), MANY + 1);
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_somebody_took_at_home_meanwhile_stays_taken_and_both_are_on_its_receipt() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    assert!(node.running(9).await.unwrap().is_empty(), "this node walks alerts");
    let alert = open(&node, "c1").await;
    world.proxy.set(Trouble::Refuse).await;
    let step = decided(&alert, &AlertEvent::StepDue, 70);
    assert!(node.write(&step).await.unwrap());
    let taken = decided(&alert, &AlertEvent::Acknowledged { by: "owner".into(), how: How::Reply }, 75);
    assert!(world.home.write(&taken).await.unwrap());
    world.proxy.set(Trouble::Nothing).await;
    home_again(&node).await;
    let stored = world.home.alert(None, alert.id).await.unwrap().unwrap();
    assert_eq!(stored.state, AlertState::Acknowledged);
    let whats = world.home.receipt(alert.id).await.unwrap();
    for change in [&step, &taken] {
        assert!(change.entries.iter().all(|entry| whats.iter().any(|kept| kept.what == entry.what)), "{whats:?}");
    }
    assert_eq!(receipt(&world.home, &alert).await, (1..=stored.entries).collect::<Vec<_>>());
    node.close().await;
    world.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_opted_out_before_or_meanwhile_is_texted_from_the_spool() {
    let Some(world) = World::new().await else { return };
    let node = world.node().await;
    let out = |at| OptOut {
        tenant: Some(tenant("acme")),
        number: text(&call("acme", "c1"), "r", Priority::P1).to,
        source: OptOutSource::Keyword,
        at: moment(at),
        message: Some(format!("M{at}").into()),
    };
    world.proxy.set(Trouble::Refuse).await;
    let c1 = call("acme", "c1");
    let owed = text(&c1, "flood", Priority::P1);
    assert_eq!(node.append(&[frame_owing(&c1, 1, vec![owed.clone()])]).await, [Ok(())]);
    assert_eq!(node.add(&out(1)).await.unwrap().suppressed.len(), 1);
    let asked = [ClaimRequest { id: owed.id, sender: "+15145550100".into() }];
    assert_eq!(node.claim(&asked, moment(2)).await.unwrap(), [Err(NotClaimed::Gone)]);
    let heard = InboundSms {
        id: "M1".into(),
        tenant: Some(tenant("acme")),
        from: owed.to.clone(),
        to: "+15145550100".into(),
        body: "STOP".into(),
        wish: "stop".into(),
        at: moment(1),
    };
    assert!(node.keep(&heard).await.unwrap() && !node.keep(&heard).await.unwrap());
    world.proxy.set(Trouble::Nothing).await;
    home_again(&node).await;
    let sms = SmsOutbox::find(&world.home, None, owed.id).await.unwrap().unwrap();
    assert_eq!(sms.state, SmsState::Suppressed);
    assert!(world.home.is_opted_out(Some(&tenant("acme")), &owed.to).await.unwrap());
    assert_eq!(Inbox::latest(&world.home, None, 9).await.unwrap(), [heard]);
    // Known from home, the next time.
    node.close().await;
    let again = world.node().await;
    world.proxy.set(Trouble::Refuse).await;
    let later = text(&c1, "later", Priority::P1);
    assert_eq!(again.append(&[frame_owing(&c1, 2, vec![later.clone()])]).await, [Ok(())]);
    assert!(again.candidates(moment(3), 9).await.unwrap().due.iter().all(Vec::is_empty));
    again.close().await;
    world.over().await;
}
