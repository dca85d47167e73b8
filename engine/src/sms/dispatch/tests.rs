//! Which message leaves next, and by which number.

mod holding;
mod leaving;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ids::{CallId, CallKey};
use crate::phone::PhoneNumber;
use crate::sms::breaker::FuseKind;
use crate::sms::{ErrorClass, SendOutcome};
use Priority::{P1, P2, P4};

const START: Moment = Duration::from_secs(100);
const SECOND: Duration = Duration::from_secs(1);
const A: &str = "+15145550198";
const B: &str = "+15145550199";

fn account(senders: &[&str], per_second: Option<f64>) -> Account {
    Account::new(Terms::new(senders.iter().map(|name| (*name).into()), per_second))
}

/// Number `n`, to `+1514555<line>` about call `c-<line>`.
fn candidate(n: u32, line: u16, priority: Priority) -> Candidate {
    crate::sms::schedule::tests::candidate(n, "boreal", line, &format!("c-{line}"), priority)
}

fn bulk(count: u16) -> Vec<Candidate> {
    (0..count).map(|n| candidate(n.into(), n, P4)).collect()
}

/// Sends the next one, and takes it out of the queue.
fn send(account: &mut Account, queue: &mut Vec<Candidate>, now: Moment) -> Option<(SmsId, Box<str>)> {
    let waiting = queue.clone();
    let Next::Send(departure) = account.next(&waiting, now) else { return None };
    account.takes(&departure, now);
    queue.retain(|candidate| candidate.id != departure.candidate.id);
    Some((departure.candidate.id, departure.sender))
}

fn accepted() -> SendOutcome {
    SendOutcome::Accepted { provider_id: "X1".into() }
}

fn rejected(class: ErrorClass) -> SendOutcome {
    SendOutcome::Rejected { code: 1, class, message: "".into() }
}

fn hears(account: &mut Account, id: SmsId, outcome: &SendOutcome, now: Moment) {
    account.hears(id, &Answer { outcome, rest: None, concurrent: None, took: None }, now);
}

#[test]
fn an_emergency_takes_the_next_slot_of_whichever_number_it_is() {
    let mut account = account(&[A, B], Some(1.0));
    let mut queue = bulk(100);
    let (first, sender) = send(&mut account, &mut queue, START).unwrap();
    hears(&mut account, first, &accepted(), START);
    send(&mut account, &mut queue, START + SECOND / 2).unwrap();
    queue.push(Candidate { id: candidate(900, 900, P1).id, ..candidate(901, 0, P1) });
    let urgent = queue.last().unwrap().id;
    assert_eq!(account.next(&queue.clone(), START + SECOND / 2), Next::Wait(Some(START + SECOND)));
    let (next, by) = send(&mut account, &mut queue, START + SECOND).unwrap();
    assert_eq!((next, by), (urgent, sender));
}

#[test]
fn a_large_message_keeps_its_place_and_small_ones_do_not_pass_it() {
    let mut account = account(&[A], Some(4.0));
    let mut queue = bulk(20);
    queue[1].segments = 4;
    let large = queue[1].id;
    assert!(send(&mut account, &mut queue, START).is_some());
    let quarter = START + SECOND / 4;
    assert_eq!(account.next(&queue.clone(), quarter), Next::Wait(Some(START + SECOND)));
    assert_eq!(send(&mut account, &mut queue, START + SECOND).unwrap().0, large);
}

#[test]
fn a_recipient_is_written_to_from_the_number_it_knows() {
    let mut account = account(&[A, B], Some(1.0));
    let first = candidate(0, 110, P4);
    let (id, usual) = send(&mut account, &mut vec![first.clone()], START).unwrap();
    hears(&mut account, id, &accepted(), START);
    let mut again = vec![candidate(1, 110, P4)];
    assert_eq!(send(&mut account, &mut again, START), None, "the other number is free, and is not taken");
    assert_eq!(send(&mut account, &mut again, START + SECOND).unwrap().1, usual);
}

#[test]
fn a_number_at_fault_is_left_alone_and_its_message_leaves_by_another() {
    let mut account = account(&[A, B], None);
    let message = candidate(0, 110, P4);
    let (id, first) = send(&mut account, &mut vec![message.clone()], START).unwrap();
    hears(&mut account, id, &rejected(ErrorClass::SenderFault), START);
    let (_, second) = send(&mut account, &mut vec![message], START).unwrap();
    assert_ne!(first, second);
    assert_eq!(account.open()[FuseKind::Sender as usize], (FuseKind::Sender, 1));
    let mut others = bulk(20);
    while let Some((_, sender)) = send(&mut account, &mut others, START) {
        assert_eq!(sender, second);
    }
    assert!(others.is_empty());
}

#[test]
fn a_message_that_failed_for_its_number_leaves_again_when_somebody_retries_it() {
    let mut account = account(&[A], None);
    let message = candidate(0, 110, P1);
    let (id, _) = send(&mut account, &mut vec![message.clone()], START).unwrap();
    hears(&mut account, id, &rejected(ErrorClass::Route), START);
    let retried = Candidate { tried: vec![A.into()], ..message };
    assert!(send(&mut account, &mut vec![retried], START + SECOND).is_some());
}

#[test]
fn an_emergency_that_was_only_refused_by_its_first_number_still_has_it_when_the_second_is_at_fault() {
    let mut account = account(&[A, B], None);
    let message = Candidate { tried: vec![A.into()], ..candidate(0, 110, P1) };
    // The first number is being left alone: it leaves by the second.
    account.takes(&Departure { candidate: &candidate(1, 111, P4), sender: A.into(), waiting: [false; 4] }, START);
    let rest = Some(10 * SECOND);
    let throttled = SendOutcome::Throttled { after: None };
    let answer = Answer { outcome: &throttled, rest, concurrent: None, took: None };
    account.hears(candidate(1, 111, P4).id, &answer, START);
    let waiting = [message.clone()];
    let Next::Send(departure) = account.next(&waiting, START) else { panic!("a number is free") };
    assert_eq!(&*departure.sender, B);
    assert!(account.takes(&departure, START).another, "the first was never at fault");
    hears(&mut account, message.id, &rejected(ErrorClass::SenderFault), START);
    let tried = Candidate { tried: vec![A.into(), B.into()], ..message };
    assert_eq!(&*send(&mut account, &mut vec![tried], START + 10 * SECOND).unwrap().1, A);
}

#[test]
fn an_emergency_too_sees_two_numbers_at_most() {
    let mut account = account(&["+15145550197", A, B], None);
    let tried = Candidate { tried: vec![A.into(), B.into()], ..candidate(0, 110, P1) };
    let (_, sender) = send(&mut account, &mut vec![tried], START).unwrap();
    assert!([A, B].contains(&&*sender), "{sender}");
}

#[test]
fn an_account_at_fault_holds_everything_and_the_most_urgent_tries_first() {
    let mut account = account(&[A, B], None);
    let mut queue = bulk(5);
    let (id, _) = send(&mut account, &mut queue, START).unwrap();
    hears(&mut account, id, &rejected(ErrorClass::AccountFault), START);
    assert_eq!(account.next(&queue.clone(), START), Next::Wait(Some(START + 60 * SECOND)));
    assert_eq!(account.held(START), 60 * SECOND);
    queue.push(candidate(50, 50, P2));
    let urgent = queue.last().unwrap().id;
    let later = START + 60 * SECOND;
    assert_eq!(send(&mut account, &mut queue, later).unwrap().0, urgent);
    assert_eq!(send(&mut account, &mut queue, later), None, "one tries");
    hears(&mut account, urgent, &accepted(), later);
    assert!(send(&mut account, &mut queue, later).is_some());
}

#[test]
fn a_next_life_keeps_the_limit_of_the_one_before() {
    let mut account = account(&[A], Some(2.0));
    let past = |line: u16| Past {
        tenant: candidate(0, 0, P4).tenant,
        to: candidate(0, line, P4).to,
        sender: A.into(),
        segments: 1,
    };
    account.remembers(&past(110), START - SECOND / 2);
    account.remembers(&past(111), START - SECOND / 10);
    assert_eq!(account.next(&bulk(1), START), Next::Wait(Some(START + SECOND / 2)));
}

#[derive(Clone, Debug)]
struct Arrival {
    after_ms: u64,
    line: u16,
    class: usize,
    segments: u16,
    /// What the carrier does with it, and how long that takes.
    latency_ms: u64,
    outcome: u8,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let one = (0_u64..400, 0_u16..40, 0_usize..4, 1_u16..4, 1_u64..900, 0_u8..20);
    let arrival = one.prop_map(|(after_ms, line, class, segments, latency_ms, outcome)| Arrival {
        after_ms,
        line,
        class,
        segments,
        latency_ms,
        outcome,
    });
    prop::collection::vec(arrival, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A carrier that answers late and refuses now and then: the limits hold, and everything leaves.
    #[test]
    fn whatever_the_carrier_does_the_limits_hold_and_everything_leaves(arrivals in arrivals(), limit in 3_u32..12) {
        let mut account = account(&[A, B], Some(f64::from(limit)));
        let (mut now, mut queue) = (START, Vec::new());
        let mut coming: BTreeMap<Moment, Vec<(Candidate, Arrival)>> = BTreeMap::new();
        let mut at = START;
        for (n, arrival) in arrivals.iter().enumerate() {
            at += Duration::from_millis(arrival.after_ms);
            let message = candidate(n as u32, arrival.line, Priority::ALL[arrival.class]);
            let message = Candidate { segments: arrival.segments, ..message };
            coming.entry(at).or_default().push((message, arrival.clone()));
        }
        let mut scripts: HashMap<SmsId, (Candidate, Arrival)> = HashMap::new();
        let mut answers: BTreeMap<(Moment, SmsId), ()> = BTreeMap::new();
        let mut sent: Vec<(Moment, Box<str>, u32)> = Vec::new();
        let mut lines: HashSet<(PhoneNumber, CallId)> = HashSet::new();
        let mut steps = 0;
        loop {
            steps += 1;
            prop_assert!(steps < 20_000, "it does not end: {} wait", queue.len());
            for (message, arrival) in coming.remove(&now).into_iter().flatten() {
                scripts.insert(message.id, (message.clone(), arrival));
                queue.push(message);
            }
            while let Some(entry) = answers.first_entry().filter(|entry| entry.key().0 <= now) {
                let id = entry.key().1;
                entry.remove();
                let (message, arrival) = scripts.get_mut(&id).unwrap();
                lines.remove(&(message.to.clone(), message.call.clone().unwrap()));
                let outcome = match std::mem::take(&mut arrival.outcome) {
                    1 => SendOutcome::Throttled { after: None },
                    2 => rejected(ErrorClass::AccountFault),
                    3 => SendOutcome::NotSent { reason: "".into() },
                    _ => accepted(),
                };
                let again = !matches!(outcome, SendOutcome::Accepted { .. });
                if again {
                    queue.push(message.clone());
                }
                let rest = again.then_some(SECOND / 5);
                let took = Some(Duration::from_millis(arrival.latency_ms));
                account.hears(id, &Answer { outcome: &outcome, rest, concurrent: Some(3), took }, now);
            }
            let waiting = queue.clone();
            match account.next(&waiting, now) {
                Next::Send(departure) => {
                    account.takes(&departure, now);
                    let message = departure.candidate;
                    prop_assert!(lines.insert((message.to.clone(), message.call.clone().unwrap())), "two of one line");
                    sent.push((now, departure.sender.clone(), message.segments.into()));
                    answers.insert((now + Duration::from_millis(scripts[&message.id].1.latency_ms), message.id), ());
                    queue.retain(|other| other.id != message.id);
                }
                Next::Wait(until) => {
                    let next = [until, answers.keys().next().map(|key| key.0), coming.keys().next().copied()];
                    match next.into_iter().flatten().filter(|at| *at > now).min() {
                        Some(next) => now = next,
                        None => break,
                    }
                }
            }
        }
        prop_assert!(queue.is_empty(), "{} are left", queue.len());
        for sender in [A, B] {
            let of: Vec<_> = sent.iter().filter(|(_, by, _)| &**by == sender).collect();
            for (index, (start, ..)) in of.iter().enumerate() {
                let within: u32 = of[index..].iter().take_while(|(at, ..)| *at < *start + SECOND).map(|it| it.2).sum();
                prop_assert!(within <= limit, "{within} in a second");
            }
        }
    }
}
