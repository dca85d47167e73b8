use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ids::CallKey;
use Priority::{P1, P4};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// Number `n`, to `+1514555<line>` about call `call`, the older the smaller `n`.
pub(in crate::sms) fn candidate(n: u32, tenant: &str, line: u16, call: &str, priority: Priority) -> Candidate {
    let tenant = TenantId::parse(tenant).unwrap();
    let key = CallKey { tenant: tenant.clone(), call: CallId::parse(call).unwrap() };
    let created_at = NOW.plus(Duration::from_millis(n.into()));
    Candidate {
        id: SmsId::derive(&key, &format!("tc:{n}"), "owner"),
        tenant,
        to: format!("+1514555{line:04}").parse().unwrap(),
        call: Some(key.call),
        contact: "owner".into(),
        priority,
        due_at: created_at,
        expires_at: created_at.plus(Duration::from_secs(3600)),
        created_at,
        segments: 1,
        attempts: 0,
        tried: Vec::new(),
    }
}

fn bulk(tenant: &str, numbers: std::ops::Range<u32>) -> Vec<Candidate> {
    numbers.map(|n| candidate(n, tenant, n as u16, &format!("c-{n}"), P4)).collect()
}

/// Takes the next one out of the queue.
fn serve(schedule: &mut Schedule, queue: &mut Vec<Candidate>) -> Candidate {
    let waiting = Priority::ALL.map(|class| queue.iter().any(|candidate| candidate.priority == class));
    schedule.meet(queue.iter());
    let next = schedule.next(queue.iter()).unwrap();
    schedule.left(next, waiting);
    let id = next.id;
    queue.remove(queue.iter().position(|candidate| candidate.id == id).unwrap())
}

#[test]
fn an_emergency_leaves_with_the_next_slot_whatever_waits() {
    let mut schedule = Schedule::new(Shares::default());
    let mut queue = bulk("boreal", 0..500);
    (0..100).for_each(|_| drop(serve(&mut schedule, &mut queue)));
    queue.push(candidate(9_000, "boreal", 9_000, "c-urgent", P1));
    assert_eq!(serve(&mut schedule, &mut queue).priority, P1);
}

#[test]
fn inside_a_class_whoever_expires_first_goes_first() {
    let mut schedule = Schedule::new(Shares::default());
    let mut queue = bulk("boreal", 0..20);
    queue[13].expires_at = NOW;
    assert_eq!(serve(&mut schedule, &mut queue).created_at, NOW.plus(Duration::from_millis(13)));
    assert_eq!(serve(&mut schedule, &mut queue).created_at, NOW);
}

#[test]
fn asking_twice_answers_the_same() {
    let schedule = Schedule::new(Shares::default());
    let queue = bulk("boreal", 0..20);
    let first = schedule.next(&queue).unwrap().id;
    assert!((0..10).all(|_| schedule.next(&queue).unwrap().id == first));
    assert_eq!(schedule.next(&[]), None);
}

#[test]
fn a_tenant_that_floods_takes_its_turn_like_the_others() {
    let mut schedule = Schedule::new(Shares::default());
    let mut queue = bulk("boreal", 0..400);
    (0..200).for_each(|_| drop(serve(&mut schedule, &mut queue)));
    queue.extend(bulk("clinic", 1_000..1_020));
    let served: Vec<Candidate> = (0..40).map(|_| serve(&mut schedule, &mut queue)).collect();
    assert_eq!(served.iter().filter(|sms| sms.tenant.as_str() == "clinic").count(), 20);
}

#[test]
fn a_recipient_who_is_flooded_delays_the_other_recipients_of_its_tenant_by_one_message_each() {
    let mut schedule = Schedule::new(Shares::default());
    let mut queue: Vec<_> = (0..50).map(|n| candidate(n, "boreal", 110, &format!("c-{n}"), P4)).collect();
    serve(&mut schedule, &mut queue);
    queue.extend((100..105).map(|n| candidate(n, "boreal", n as u16 + 100, &format!("c-{n}"), P4)));
    let served: Vec<Candidate> = (0..7).map(|_| serve(&mut schedule, &mut queue)).collect();
    assert!(served.iter().filter(|sms| sms.to.as_str() != "+15145550110").count() == 5, "{served:?}");
}

#[test]
fn what_one_recipient_is_sent_about_one_call_keeps_its_order_and_the_urgent_does_not_wait_for_it() {
    let mut schedule = Schedule::new(Shares::default());
    let mut queue = vec![
        candidate(30, "boreal", 200, "c-1", P4),
        Candidate { expires_at: NOW, ..candidate(31, "boreal", 200, "c-1", P4) },
        candidate(32, "boreal", 200, "c-1", P1),
    ];
    let served: Vec<(u64, Priority)> = (0..3)
        .map(|_| serve(&mut schedule, &mut queue))
        .map(|sms| (sms.created_at.since(NOW).as_millis() as u64, sms.priority))
        .collect();
    assert_eq!(served, [(32, P1), (30, P4), (31, P4)]);
}

#[test]
fn the_most_urgent_tries_a_shut_door_even_when_others_are_owed_their_share() {
    let mut schedule = Schedule::new(Shares::default());
    let mut queue = bulk("boreal", 0..10);
    queue.extend((0..80).map(|n| candidate(100 + n, "boreal", 300 + n as u16, &format!("u-{n}"), P1)));
    while schedule.next(&queue).unwrap().priority == P1 {
        serve(&mut schedule, &mut queue);
    }
    assert_eq!(schedule.most_urgent(&queue).unwrap().priority, P1);
}

fn any_candidate() -> impl Strategy<Value = (u8, u16, u8, usize, u16)> {
    (0_u8..3, 0_u16..6, 0_u8..3, 0_usize..4, 1_u16..5)
}

proptest! {
    /// Arrivals at random, a slot after each: what must hold of every slot, and in the end everybody has left.
    #[test]
    fn whatever_arrives_an_emergency_waits_one_slot_order_is_kept_and_nobody_is_left(
        arrivals in prop::collection::vec(prop::collection::vec(any_candidate(), 0..5), 1..60),
    ) {
        let mut schedule = Schedule::new(Shares::default());
        let (mut queue, mut number, mut waited) = (Vec::<Candidate>::new(), 0, 0);
        let mut youngest: HashMap<(PhoneNumber, CallId, Priority), Timestamp> = HashMap::new();
        let mut arrivals = arrivals.into_iter();
        loop {
            let arrived = arrivals.next();
            let more = arrived.is_some();
            for (tenant, line, call, class, segments) in arrived.into_iter().flatten() {
                number += 1;
                let tenant = ["boreal", "clinic", "tower"][usize::from(tenant)];
                let call = format!("{tenant}-{call}");
                queue.push(Candidate { segments, ..candidate(number, tenant, line, &call, Priority::ALL[class]) });
            }
            if queue.is_empty() && !more {
                break;
            }
            if queue.is_empty() {
                continue;
            }
            let urgent = queue.iter().any(|candidate| candidate.priority == P1);
            let served = serve(&mut schedule, &mut queue);
            waited = if urgent && served.priority != P1 { waited + 1 } else { 0 };
            prop_assert!(waited <= 1, "an emergency waited for {waited} slots");
            let line = (served.to.clone(), served.call.clone().unwrap(), served.priority);
            let before = youngest.insert(line, served.created_at);
            prop_assert!(before.is_none_or(|before| before < served.created_at), "out of order");
        }
    }
}
