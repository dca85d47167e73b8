//! Paces by setting: of the deployment's account, of a business's own, of one business, of one recipient.

use std::time::Duration;

use engine::ids::TenantId;
use engine::playbook::{Contact, Playbook};
use engine::priority::Priority::{P1, P4};
use engine::sms::{Sms, SmsState};
use engine::testing::fixtures;
use tokio::time::{Instant, sleep};

use super::accounts::with_own;
use super::limits::{message, most_in_a_second, senders};
use super::world::{Sent, World};
use crate::system::Senders;

const SECOND: Duration = Duration::from_secs(1);
const A: &str = "+15145550198";
const B: &str = "+15145550199";

fn sent(world: &World, is: impl Fn(&Sent) -> bool) -> Vec<(Instant, u32)> {
    let log = world.carrier.log.lock();
    log.iter().filter(|sent| is(sent)).map(|sent| (sent.at, sent.segments)).collect()
}

fn of(tenant: &str) -> impl Fn(&Sent) -> bool {
    move |sent| sent.tenant.as_str() == tenant
}

#[tokio::test(start_paused = true)]
async fn all_numbers_of_an_account_together_keep_its_pace() {
    let mut world = World::new();
    (0..20).for_each(|n| world.outbox.owe(message(&world, n, "boreal", P4)));
    let two = Senders { account_per_second: Some(4.0), ..senders(&[A, B], Some(3.0)) };
    let _pool = world.pool_with(8, two).await;
    world.sees(20, SmsState::Accepted).await;
    let all = sent(&world, |_| true);
    assert_eq!(most_in_a_second(&all), 4);
    assert!(all[19].0 - all[0].0 < 5 * SECOND, "and use it");
    assert!([A, B].iter().all(|name| sent(&world, |sent| sent.from == *name).len() >= 5), "both send");
}

#[tokio::test(start_paused = true)]
async fn a_business_with_an_account_of_its_own_keeps_that_ones_pace() {
    let mut world = World::new();
    let mut own = with_own("clinic", "theirs", A, 5.0);
    let carrier = own.sms.carrier.as_mut().unwrap();
    carrier.senders.push(B.into());
    carrier.account_per_second = Some(2.0);
    world.tenants.replace(own);
    (0..20).for_each(|n| world.outbox.owe(message(&world, n, ["boreal", "clinic"][n as usize % 2], P4)));
    let _pool = world.pool_with(8, senders(&["+15145550197"], None)).await;
    world.sees(20, SmsState::Accepted).await;
    assert_eq!(most_in_a_second(&sent(&world, of("clinic"))), 2);
    assert_eq!(most_in_a_second(&sent(&world, of("boreal"))), 10);
}

#[tokio::test(start_paused = true)]
async fn one_business_of_a_shared_account_keeps_its_own_pace_and_follows_its_playbook() {
    let mut world = World::new();
    let paced = |per_second| {
        let mut playbook = Playbook { tenant: TenantId::parse("clinic").unwrap(), ..fixtures::playbook() };
        playbook.sms.per_second = per_second;
        playbook
    };
    world.tenants.replace(paced(Some(1.0)));
    (0..40).for_each(|n| world.outbox.owe(message(&world, n, ["boreal", "clinic"][n as usize % 2], P4)));
    let pool = world.pool_with(8, senders(&[A], Some(10.0))).await;
    sleep(5 * SECOND).await;
    assert_eq!(sent(&world, of("boreal")).len(), 20, "the others are not held");
    let clinic = sent(&world, of("clinic"));
    assert_eq!((clinic.len(), most_in_a_second(&clinic)), (5, 1));

    world.tenants.replace(paced(None));
    pool.wake();
    let replaced_at = Instant::now();
    world.sees(40, SmsState::Accepted).await;
    assert!(replaced_at.elapsed() <= 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_forget_what_a_business_sent() {
    let mut world = World::new();
    let mut playbook = Playbook { tenant: TenantId::parse("boreal").unwrap(), ..fixtures::playbook() };
    playbook.sms.per_second = Some(0.1);
    world.tenants.replace(playbook);
    (0..2).for_each(|n| world.outbox.owe(message(&world, n, "boreal", P4)));
    let pool = world.pool_with(8, senders(&[A], None)).await;
    world.sees(1, SmsState::Accepted).await;
    World::kill(pool).await;
    let _pool = world.pool_with(8, senders(&[A], None)).await;
    world.sees(1, SmsState::Accepted).await;
    let all = sent(&world, |_| true);
    assert!(all[1].0 - all[0].0 >= 9 * SECOND, "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn one_recipient_is_written_to_slowly_from_all_numbers_together_and_alarms_are_not_held() {
    let mut world = World::new();
    let to_one =
        |n, priority| Sms { call: None, to: "+15145550110".parse().unwrap(), ..message(&world, n, "boreal", priority) };
    (0..5).for_each(|n| world.outbox.owe(Sms { contact: Contact::CALLER.into(), ..to_one(n, P4) }));
    let alarms: Vec<Sms> = (5..15).map(|n| to_one(n, P1)).collect();
    let pool = world.pool_with(32, senders(&[A, B], None)).await;
    world.sees(2, SmsState::Accepted).await;
    let owed_at = Instant::now();
    alarms.iter().for_each(|sms| world.outbox.owe(sms.clone()));
    pool.wake();
    world.sees(10, SmsState::Accepted).await;
    assert_eq!(owed_at.elapsed(), Duration::ZERO);
    world.sees(3, SmsState::Accepted).await;
    let log = world.carrier.log.lock();
    let is_alarm = |sent: &&Sent| alarms.iter().any(|sms| sms.id == sent.id);
    let others: Vec<Instant> = log.iter().filter(|sent| !is_alarm(sent)).map(|sent| sent.at).collect();
    assert_eq!(others.len(), 5);
    assert!(others.windows(2).all(|w| w[1] - w[0] >= SECOND), "{others:?}");
}
