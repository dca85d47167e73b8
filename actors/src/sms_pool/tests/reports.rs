//! Stories of the carrier's delivery reports.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use engine::ports::{Clock, SmsOutbox, Update};
use engine::priority::Priority::P4;
use engine::sms::{DeliveryReport, DeliveryStatus, ErrorClass, NewSms, SmsState};
use engine::testing::frames::{call, text};
use engine::testing::memory::MemoryStore;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::world::World;
use crate::bus::LocalBus;
use crate::lead::Lead;
use crate::limits::Limits;
use crate::sms_pool::{PoolPorts, SmsPool};
use crate::sms_reports::SmsReports;
use crate::system::Senders;
use crate::tenants::Tenants;

fn report(provider_id: &str, status: DeliveryStatus, world: &World) -> DeliveryReport {
    DeliveryReport { token: None, provider_id: provider_id.into(), status, error_code: None, at: world.clock.now() }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_overtakes_the_commit_of_its_message_still_arrives() {
    let mut world = World::new();
    let id = world.owes(110, 1, P4)[0];
    let _pool = world.pool(2, None).await;
    world.sees(1, SmsState::Accepted).await;
    world.outbox.reports_to_miss.store(3, SeqCst);
    let (carrier, reports) = mpsc::channel(8);
    SmsReports::new(world.outbox.clone(), Arc::new(world.bus.clone())).listen(reports);
    let delivered = report(&format!("X{id}"), DeliveryStatus::Delivered, &world);
    carrier.send(delivered).await.unwrap();
    assert_eq!(world.sees(1, SmsState::Delivered).await, [id]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_end_hears_of_it_though_the_message_is_tried_again() {
    let store = Arc::<MemoryStore>::default();
    let (world, bus) = (World::new(), LocalBus::new(64));
    world.carrier.classes.lock().insert(7, ErrorClass::TransientRecipient);
    let (ledger, clock) = (store.clone(), world.clock.clone());
    let ports = PoolPorts {
        outbox: store.clone(),
        ledger,
        provider: world.carrier.clone(),
        bus: Arc::new(bus.clone()),
        clock,
        lead: Lead::always(),
    };
    let senders = Senders { names: vec!["+15145550199".to_owned()], per_second: None, ..Senders::default() };
    let pool = SmsPool::start(ports, Tenants::default(), senders, &Limits::default()).await.unwrap();
    let now = world.clock.now();
    let new = NewSms {
        expires_at: now.plus(Duration::from_secs(4 * 3600)),
        created_at: now,
        due_at: now,
        call: None,
        ..text(&call("boreal", "c1"), "owner", P4)
    };
    store.submit(&new, None).await.unwrap();
    let mut updates = bus.subscribe();
    pool.wake();
    let mut seen = async || loop {
        if let Update::Sms { sms } = updates.recv().await.unwrap() {
            return (sms.state, Instant::now());
        }
    };
    assert_eq!(seen().await.0, SmsState::Accepted);
    let off =
        DeliveryReport { error_code: Some(7), ..report(&format!("X{}", new.id), DeliveryStatus::Undelivered, &world) };
    SmsReports::new(store, Arc::new(bus.clone())).telling(pool.clone()).apply(&off).await.unwrap();
    let (told, at) = seen().await;
    assert_eq!((told, seen().await.0), (SmsState::Undelivered, SmsState::Queued));
    let (again, when) = seen().await;
    assert_eq!(again, SmsState::Accepted);
    assert!((900..=1_000).contains(&(when - at).as_secs()), "{:?}", when - at);
}

#[tokio::test(start_paused = true)]
async fn a_report_of_a_stranger_is_given_up_and_the_listener_ends_with_its_carrier() {
    let world = World::new();
    let (carrier, reports) = mpsc::channel(8);
    let listening = SmsReports::new(world.outbox.clone(), Arc::new(world.bus.clone())).listen(reports);
    carrier.send(report("X0", DeliveryStatus::Sent, &world)).await.unwrap();
    drop(carrier);
    listening.await.unwrap();
}
