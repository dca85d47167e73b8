//! How much is under way at once, and who finds no room.

use super::*;

#[test]
fn one_message_to_the_same_person_about_the_same_call_is_under_way_at_a_time() {
    let mut account = account(&[A, B], None);
    let mut queue = vec![candidate(0, 110, P4), candidate(1, 110, P1), candidate(2, 111, P4)];
    let urgent = queue[1].id;
    assert_eq!(send(&mut account, &mut queue, START).unwrap().0, urgent);
    assert_eq!(queue.len(), 2);
    assert!(send(&mut account, &mut queue, START).is_some(), "of another call");
    assert_eq!(send(&mut account, &mut queue, START), None);
    hears(&mut account, urgent, &accepted(), START);
    assert!(send(&mut account, &mut queue, START).is_some());
}

#[test]
fn a_carrier_that_does_not_answer_holds_two_seconds_of_messages_and_no_more() {
    let mut account = account(&[A], Some(5.0));
    let mut queue = bulk(100);
    for tenth in 0..600 {
        send(&mut account, &mut queue, START + tenth * SECOND / 10);
    }
    assert_eq!(account.under_way(), 10);
}

#[test]
fn while_a_carrier_does_not_answer_an_emergency_leaves_with_the_next_slot_and_a_flood_of_them_is_bounded() {
    let mut account = account(&[A], Some(5.0));
    let mut queue = bulk(100);
    (0..30).for_each(|tenth| drop(send(&mut account, &mut queue, START + tenth * SECOND / 10)));
    let urgent = candidate(900, 900, P1);
    queue.push(urgent.clone());
    assert_eq!(send(&mut account, &mut queue, START + 3 * SECOND).unwrap().0, urgent.id);
    queue.extend((901..999).map(|n| candidate(n.into(), n, P1)));
    (31..600).for_each(|tenth| drop(send(&mut account, &mut queue, START + tenth * SECOND / 10)));
    assert_eq!(account.under_way(), 20);
}

#[test]
fn hands_that_are_kept_for_emergencies_take_nothing_else() {
    let mut account = account(&[A], None);
    let mut queue = bulk(3);
    assert_eq!(account.next_with(Room::Emergencies, &queue, START), Next::Wait(None));
    queue.push(candidate(900, 900, P1));
    let Next::Send(departure) = account.next_with(Room::Emergencies, &queue, START) else { panic!("it may leave") };
    assert_eq!(departure.candidate.id, candidate(900, 900, P1).id);
}

#[test]
fn a_refused_request_of_the_account_closes_its_sender_and_the_window() {
    let mut account = account(&[A], None);
    let mut queue = bulk(100);
    let sent: Vec<SmsId> = (0..64).filter_map(|_| send(&mut account, &mut queue, START)).map(|(id, _)| id).collect();
    assert_eq!((sent.len(), send(&mut account, &mut queue, START)), (64, None), "the window is full");
    let throttled = SendOutcome::Throttled { after: None };
    for id in sent {
        let rest = Some(SECOND);
        account.hears(id, &Answer { outcome: &throttled, rest, concurrent: None, took: None }, START);
    }
    assert_eq!(account.next(&queue.clone(), START), Next::Wait(Some(START + SECOND)));
    let (id, _) = send(&mut account, &mut queue, START + SECOND).unwrap();
    assert_eq!(send(&mut account, &mut queue, START + SECOND), None, "one tries");
    hears(&mut account, id, &accepted(), START + SECOND);
    let after = (0..64).filter(|_| send(&mut account, &mut queue, START + SECOND).is_some()).count();
    assert_eq!(after, 32);
}
