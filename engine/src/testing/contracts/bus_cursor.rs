//! What a [`BusCursor`] promises.

use super::alerts::opening;
use crate::alert::{AlertEvent, Desk};
use crate::ids::{AlertId, SmsId};
use crate::ports::{AlertStore, BusCursor, CallStore, Changed, SmsOutbox, Update};
use crate::priority::Priority::P2;
use crate::sms::{Command as SmsCommand, SmsState};
use crate::testing::fixtures;
use crate::testing::frames::{call, frame, frame_owing, frames, moment, text};

async fn positions(store: &impl CallStore) -> Vec<u64> {
    let read = store.frames_after(0, 100).await.unwrap();
    read.iter().map(|(frame, _)| frame.position).collect()
}

fn texts(changed: &[Changed]) -> Vec<(SmsId, SmsState)> {
    let text = |changed: &Changed| match changed.update.as_ref()? {
        Update::Sms { sms } => Some((sms.id, sms.state)),
        _ => None,
    };
    changed.iter().filter_map(text).collect()
}

fn alerts(changed: &[Changed]) -> Vec<(AlertId, u64)> {
    let alert = |changed: &Changed| match changed.update.as_ref()? {
        Update::Alert { alert } => Some((alert.id, alert.version)),
        _ => None,
    };
    changed.iter().filter_map(alert).collect()
}

fn numbers(changed: &[Changed]) -> Vec<u64> {
    changed.iter().flat_map(|changed| changed.changes.clone()).collect()
}

pub async fn telling_begins_at_the_newest_frame_and_goes_on_where_it_stopped<S: CallStore + BusCursor>(store: &S) {
    store.append(&frames(&call("acme", "c1"), 1, 3)).await;
    let written = positions(store).await;
    assert_eq!(store.resume().await.unwrap(), written[2], "what is older was never meant to be told");
    store.append(&frames(&call("acme", "c1"), 4, 6)).await;
    assert_eq!(store.resume().await.unwrap(), written[2]);
    let written = positions(store).await;
    store.advance(written[4]).await.unwrap();
    store.advance(written[3]).await.unwrap();
    assert_eq!(store.resume().await.unwrap(), written[4], "it never goes back");
}

pub async fn on_an_empty_store_telling_begins_with_the_first_frame<S: CallStore + BusCursor>(store: &S) {
    let begun = store.resume().await.unwrap();
    store.append(&frames(&call("acme", "c1"), 1, 1)).await;
    assert_eq!(store.frames_after(begun, 10).await.unwrap().len(), 1);
}

pub async fn nothing_is_noted_before_telling_begins<S: CallStore + SmsOutbox + BusCursor>(store: &S) {
    let key = call("acme", "c1");
    store.append(&[frame_owing(&key, 1, vec![text(&key, "a", P2)])]).await;
    assert!(store.changed(&[], 10).await.unwrap().is_empty());
    store.resume().await.unwrap();
    assert!(store.changed(&[], 10).await.unwrap().is_empty());
}

pub async fn a_text_that_changes_is_told_once_as_it_stands<S: CallStore + SmsOutbox + BusCursor>(store: &S) {
    store.resume().await.unwrap();
    let (key, owed) = (call("acme", "c1"), text(&call("acme", "c1"), "a", P2));
    store.append(&[frame_owing(&key, 1, vec![owed.clone()])]).await;
    let first = store.changed(&[], 10).await.unwrap();
    assert_eq!(texts(&first), [(owed.id, SmsState::Queued)]);
    store.command(None, owed.id, SmsCommand::Cancel, moment(9)).await.unwrap();
    let both = store.changed(&[], 10).await.unwrap();
    assert_eq!(texts(&both), [(owed.id, SmsState::Cancelled)], "several changes of one text are told at once");
    let later = store.changed(&numbers(&first), 10).await.unwrap();
    assert_eq!(texts(&later), [(owed.id, SmsState::Cancelled)], "what came after those that are under way");
    assert!(numbers(&later) > numbers(&first), "a later change has a higher number");
    store.told(&numbers(&first)).await.unwrap();
    assert_eq!(numbers(&store.changed(&[], 10).await.unwrap()), numbers(&later));
    store.told(&numbers(&later)).await.unwrap();
    assert!(store.changed(&[], 10).await.unwrap().is_empty());
}

pub async fn an_alert_that_changes_is_told_once_as_it_stands<S: CallStore + AlertStore + BusCursor>(store: &S) {
    store.resume().await.unwrap();
    let key = call("acme", "c1");
    store.append(&[opening(&key, 1)]).await;
    let opened = store.changed(&[], 10).await.unwrap();
    let id = alerts(&opened)[0].0;
    assert_eq!((alerts(&opened), texts(&opened).len()), (vec![(id, 1)], 1), "with the text it owes");
    store.told(&numbers(&opened)).await.unwrap();
    let playbook = fixtures::playbook();
    let alert = store.alert(None, id).await.unwrap().expect("it was opened");
    let desk = Desk { playbook: Some(&playbook), now: moment(70) };
    let change = alert.decide(&AlertEvent::StepDue, &desk).expect("its step is over");
    assert!(store.write(&change).await.unwrap());
    assert_eq!(alerts(&store.changed(&[], 10).await.unwrap()), [(id, 2)]);
}

pub async fn the_oldest_changes_come_first_and_no_more_than_asked_for<S: CallStore + SmsOutbox + BusCursor>(store: &S) {
    store.resume().await.unwrap();
    let owed: Vec<_> = (0..5).map(|n| text(&call("acme", &format!("c{n}")), "a", P2)).collect();
    for (n, owed) in owed.iter().enumerate() {
        store.append(&[frame_owing(&call("acme", &format!("c{n}")), 1, vec![owed.clone()])]).await;
        // Asked each time: the memory store finds out what changed when it is asked.
        assert_eq!(store.changed(&[], 10).await.unwrap().len(), n + 1);
    }
    let first = store.changed(&[], 2).await.unwrap();
    let second = store.changed(&numbers(&first), 2).await.unwrap();
    let ids = |changed: &[Changed]| texts(changed).iter().map(|(id, _)| *id).collect::<Vec<_>>();
    assert_eq!([ids(&first), ids(&second)].concat(), owed[..4].iter().map(|owed| owed.id).collect::<Vec<_>>());
}

pub async fn what_was_not_written_is_not_noted<S: CallStore + SmsOutbox + BusCursor>(store: &S) {
    store.resume().await.unwrap();
    let key = call("acme", "c1");
    store.append(&[frame(&key, 1)]).await;
    store.append(&[frame_owing(&key, 7, vec![text(&key, "a", P2)])]).await;
    assert!(store.changed(&[], 10).await.unwrap().is_empty());
}
