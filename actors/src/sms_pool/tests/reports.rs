//! Stories of the carrier's delivery reports.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use engine::ports::Clock;
use engine::priority::Priority::P4;
use engine::sms::{DeliveryReport, DeliveryStatus, SmsState};
use tokio::sync::mpsc;

use super::world::World;
use crate::sms_reports::SmsReports;

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
async fn a_report_of_a_stranger_is_given_up_and_the_listener_ends_with_its_carrier() {
    let world = World::new();
    let (carrier, reports) = mpsc::channel(8);
    let listening = SmsReports::new(world.outbox.clone(), Arc::new(world.bus.clone())).listen(reports);
    carrier.send(report("X0", DeliveryStatus::Sent, &world)).await.unwrap();
    drop(carrier);
    listening.await.unwrap();
}
