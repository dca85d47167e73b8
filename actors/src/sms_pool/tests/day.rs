//! A day: ten thousand messages, five numbers, bursts, and a carrier that has bad hours.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use engine::ids::SmsId;
use engine::priority::Priority::{P1, P2, P3, P4};
use engine::sms::{ErrorClass, SendOutcome, Sms, SmsState};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::limits::{accepted, message, most_in_a_second, same_numbers};
use super::world::World;
use crate::system::Senders;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MESSAGES: u32 = 10_000;
const LIMIT: u32 = 2;
const BURST: u64 = 40;

/// Throttles, loses answers, knows no number now and then; between ten and twenty past the sixth hour the account is
/// closed; in the ninth hour the third number is at fault.
fn bad_hours(born: Instant) -> impl Fn(&Sms, &str) -> (Duration, SendOutcome) + Send + Sync {
    let random = Mutex::new(same_numbers(3));
    move |sms, sender| {
        let mut random = random.lock();
        let latency = Duration::from_millis(20 + random() % 300);
        let minute = born.elapsed().as_secs() / 60;
        let rejected = |class| SendOutcome::Rejected { code: 1, class, message: "".into() };
        let outcome = match random() % 1_000 {
            _ if (370..380).contains(&minute) => rejected(ErrorClass::AccountFault),
            _ if (540..600).contains(&minute) && sender == number(3) => rejected(ErrorClass::SenderFault),
            0..10 => SendOutcome::Throttled { after: None },
            10..15 => SendOutcome::NotSent { reason: "cannot connect".into() },
            15..20 => SendOutcome::Unknown { code: None, reason: "no answer".into() },
            20..30 => rejected(ErrorClass::PermanentRecipient),
            30..35 => rejected(ErrorClass::TransientCarrier),
            _ => accepted(sms),
        };
        (latency, outcome)
    }
}

fn number(n: u8) -> String {
    format!("+1514555019{n}")
}

#[tokio::test(start_paused = true)]
async fn a_day_of_bursts_and_failures_keeps_every_promise() {
    let world = World::new();
    let born = Instant::now();
    world.carrier.habit.lock().replace(Arc::new(bad_hours(born)));
    let names: Vec<String> = (0..5).map(number).collect();
    let senders = Senders { names: names.clone(), per_second: Some(f64::from(LIMIT)), ..Senders::default() };
    let pool = world.pool_with(32, senders).await;
    let owed_at = owe_all_day(&world, &pool).await;
    sleep(DAY / 2).await;

    let rows = world.outbox.rows.lock().clone();
    assert_eq!(rows.len(), MESSAGES as usize);
    let open: Vec<&Sms> = rows.iter().filter(|sms| matches!(sms.state, SmsState::Queued | SmsState::Sending)).collect();
    assert!(open.is_empty(), "every one has ended: {} have not", open.len());

    let log = world.carrier.log.lock();
    for name in &names {
        let sent: Vec<(Instant, u32)> =
            log.iter().filter(|sent| sent.from == *name).map(|sent| (sent.at, sent.segments)).collect();
        assert!(sent.len() > 500, "{name} took its part: {}", sent.len());
        assert!(most_in_a_second(&sent) <= LIMIT, "{name}");
    }
    let mut tried: HashMap<SmsId, (Instant, Vec<&str>)> = HashMap::new();
    for sent in log.iter() {
        tried.entry(sent.id).or_insert((sent.at, Vec::new())).1.push(&sent.from);
    }
    for sms in &rows {
        let Some((first, senders)) = tried.get(&sms.id) else { panic!("{} never left", sms.id) };
        let is_quiet = |at: Duration| !(365..405).contains(&(at.as_secs() / 60));
        if sms.priority == P1 && is_quiet(owed_at[&sms.id] - born) {
            let waited = *first - owed_at[&sms.id];
            assert!(waited <= Duration::from_secs(2), "an emergency waited for {waited:?}");
        }
        if matches!(sms.state, SmsState::Accepted | SmsState::Unknown) {
            let ended = senders.len();
            assert!(ended <= 60, "{ended} attempts");
        }
    }
    // Every attempt but the last was surely not sent: nothing was accepted, or may have been, twice.
    assert_eq!(world.carrier.taken.lock().values().filter(|times| **times > 1).count(), 0);
}

/// Bursts at random moments of the day, a hundredth of all urgent.
async fn owe_all_day(world: &World, pool: &crate::sms_pool::SmsPool) -> HashMap<SmsId, Instant> {
    let mut random = same_numbers(11);
    let mut owed_at = HashMap::new();
    let mut number = 0;
    let bursts = u64::from(MESSAGES) / (BURST / 2);
    while number < MESSAGES {
        for _ in 0..random() % BURST + 1 {
            if number == MESSAGES {
                break;
            }
            number += 1;
            let class = match random() % 100 {
                0 => P1,
                1..10 => P2,
                10..40 => P3,
                _ => P4,
            };
            let segments = 1 + (random() % 2) as u16;
            let sms = Sms { segments, ..message(world, number, ["boreal", "clinic"][(random() % 2) as usize], class) };
            owed_at.insert(sms.id, Instant::now());
            world.outbox.owe(sms);
        }
        pool.wake();
        sleep(DAY / bursts as u32).await;
    }
    owed_at
}
