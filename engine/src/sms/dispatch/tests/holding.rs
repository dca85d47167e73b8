//! What holds one message and not the others.

use super::*;
use crate::playbook::Contact;
use crate::sms::pace::Rates;

#[test]
fn each_pace_holds_its_own_and_an_alarm_waits_for_no_recipient() {
    let slow = Some(0.5);
    let clinic = TenantId::parse("clinic").unwrap();
    let first = Candidate { contact: Contact::CALLER.into(), ..candidate(0, 110, P4) };
    let of_caller = |line, priority| Candidate { contact: first.contact.clone(), ..candidate(1, line, priority) };
    let next = [
        Candidate { call: None, ..of_caller(110, P4) },
        of_caller(111, P4),
        Candidate { tenant: clinic, ..of_caller(111, P4) },
        Candidate { call: None, ..of_caller(110, P1) },
        Candidate { call: None, ..candidate(1, 110, P1) },
    ];
    let none = Rates::default();
    for (rates, of_tenant, held) in [
        (none, None, [false, false, false, false, false]),
        (Rates { account: slow, ..none }, None, [true, true, true, true, true]),
        (none, slow, [true, true, false, true, true]),
        (Rates { recipient: slow, ..none }, None, [true, false, false, true, false]),
    ] {
        for (next, held) in next.iter().zip(held) {
            let mut account = Account::new(Terms { rates, ..Terms::new([A.into()], None) });
            account.limit_tenants(of_tenant.map(|rate| (first.tenant.clone(), rate)).into_iter().collect());
            let (id, _) = send(&mut account, &mut vec![first.clone()], START).unwrap();
            hears(&mut account, id, &accepted(), START);
            let waiting = [next.clone()];
            let expected = if held { Some(START + 2 * SECOND) } else { None };
            let waits = match account.next(&waiting, START) {
                Next::Send(_) => None,
                Next::Wait(until) => until,
            };
            assert_eq!(waits, expected, "{rates:?} {of_tenant:?} {next:?}");
        }
    }
}

#[test]
fn of_many_to_one_recipient_all_but_the_next_stand_back_each_until_its_turn() {
    let rates = Rates { recipient: Some(1.0), ..Rates::default() };
    let mut account = Account::new(Terms { rates, ..Terms::new([A.into()], None) });
    let mut queue: Vec<Candidate> = (0..6).map(|n| Candidate { call: None, ..candidate(n, 110, P4) }).collect();
    send(&mut account, &mut queue, START).unwrap();
    queue.insert(0, candidate(90, 111, P4));
    queue.insert(1, Candidate { call: None, ..candidate(91, 110, P1) });
    let held: Vec<Moment> = account.held_back(&queue, START).into_iter().map(|(_, until)| until).collect();
    assert_eq!(held, [3, 4, 5].map(|seconds| START + seconds * SECOND));
}

#[test]
fn a_storm_of_alarms_is_no_debt_of_whom_it_alarms() {
    let rates = Rates { recipient: Some(1.0), ..Rates::default() };
    let mut account = Account::new(Terms { rates, ..Terms::new([A.into()], None) });
    let mut queue: Vec<Candidate> = (0..20).map(|n| Candidate { call: None, ..candidate(n, 110, P1) }).collect();
    while send(&mut account, &mut queue, START).is_some() {}
    assert!(queue.is_empty());
    assert!(send(&mut account, &mut vec![candidate(50, 110, P2)], START).is_some());
}

#[test]
fn a_pair_of_numbers_that_loops_waits_and_an_emergency_does_not() {
    let mut account = account(&[A], None);
    let mut queue: Vec<Candidate> = (0..40).map(|n| Candidate { call: None, ..candidate(n, 110, P4) }).collect();
    let sent = (0..40).filter(|_| send(&mut account, &mut queue, START).is_some()).count();
    assert_eq!(sent, 30);
    assert_eq!(account.next(&queue.clone(), START), Next::Wait(Some(START + 30 * SECOND)));
    queue.push(Candidate { call: None, ..candidate(99, 110, P1) });
    assert_eq!(send(&mut account, &mut queue, START).unwrap().0, candidate(99, 110, P1).id);
    assert!(send(&mut account, &mut queue, START + 30 * SECOND).is_some());
}

#[test]
fn words_that_were_filtered_hold_everything_but_an_alarm_to_the_team() {
    let mut account = account(&[A], None);
    let sms = crate::sms::Sms::owed(&crate::testing::frames::text(
        &CallKey { tenant: candidate(0, 0, P4).tenant, call: CallId::parse("c-0").unwrap() },
        "owner",
        P4,
    ));
    account.hears_later(&sms, A, ErrorClass::Filtered, START);
    let mut queue = vec![candidate(1, 111, P2)];
    assert_eq!(send(&mut account, &mut queue, START), None);
    assert_eq!(account.held_back(&queue, START), [(&queue[0], START + 900 * SECOND)]);
    queue.push(candidate(2, 112, P1));
    assert_eq!(send(&mut account, &mut queue, START).unwrap().0, candidate(2, 112, P1).id);
    assert_eq!(account.open()[FuseKind::Words as usize], (FuseKind::Words, 1), "and is no probe");
    assert_eq!(account.held_back(&queue, START), [(&queue[0], START + 900 * SECOND)]);
}
