//! Accounts of tenants: walls between them, and limits that a change of playbooks does not touch.

use std::time::Duration;

use engine::ids::TenantId;
use engine::playbook::Playbook;
use engine::playbook::sms::OwnCarrier;
use engine::priority::Priority::{P1, P4};
use engine::sms::SmsState;
use engine::testing::fixtures;
use tokio::time::{Instant, sleep};

use super::limits::{message, senders};
use super::world::World;

const SECOND: Duration = Duration::from_secs(1);
const SHARED: &str = "+15145550199";

pub fn with_own(tenant: &str, account: &str, sender: &str, per_second: f64) -> Playbook {
    let mut playbook = Playbook { tenant: TenantId::parse(tenant).unwrap(), ..fixtures::playbook() };
    playbook.sms.carrier = Some(OwnCarrier {
        account: account.into(),
        secret: "s".into(),
        senders: vec![sender.into()],
        per_second: Some(per_second),
        account_per_second: None,
    });
    playbook
}

#[tokio::test(start_paused = true)]
async fn another_playbook_does_not_hold_up_who_sends_at_full_pace() {
    let world = World::new();
    (0..2_000).for_each(|n| world.outbox.owe(message(&world, n, "boreal", P4)));
    let pool = world.pool_with(8, senders(&[SHARED], Some(10.0))).await;
    sleep(100 * SECOND).await;
    world.tenants.replace(with_own("clinic", "theirs", "+15145550198", 1.0));
    pool.wake();
    sleep(Duration::from_millis(150)).await;
    let (urgent, owed_at) = (message(&world, 5_000, "boreal", P1), Instant::now());
    world.outbox.owe(urgent.clone());
    pool.wake();
    sleep(60 * SECOND).await;
    let log = world.carrier.log.lock();
    let left = log.iter().find(|sent| sent.id == urgent.id).map(|sent| sent.at - owed_at);
    assert!(left.is_some_and(|waited| waited <= SECOND / 5), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn two_tenants_of_one_account_each_send_by_their_own_number() {
    let mut world = World::new();
    let numbers = [("boreal", "+15145550197"), ("clinic", "+15145550198")];
    numbers.iter().for_each(|(tenant, number)| world.tenants.replace(with_own(tenant, "agency", number, 5.0)));
    (0..10).for_each(|n| world.outbox.owe(message(&world, n, numbers[n as usize % 2].0, P4)));
    let _pool = world.pool_with(8, senders(&[SHARED], None)).await;
    world.sees(10, SmsState::Accepted).await;
    for (tenant, number) in numbers {
        let log = world.carrier.log.lock();
        let mut of_tenant = log.iter().filter(|sent| sent.tenant.as_str() == tenant);
        assert!(of_tenant.all(|sent| sent.from == number), "{tenant}");
    }
}
