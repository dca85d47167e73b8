//! Calls on a memory store that can be held, broken and overtaken, on paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::call::{Answer, Event, EventKind, Note, Phase, ToolAnswer};
use engine::ids::{CallKey, EventKey};
use engine::ports::{AppendError, CallStore};
use engine::testing::fixtures;
use engine::tools::{Args, Sentence, Tool, ToolContext, ToolOutcome};

use super::{Calls, Refusal};
use crate::limits::Limits;
use crate::testing::{Rig, TestStore};

fn status(phase: Phase, number: u64) -> Event {
    fixtures::event(EventKind::Status(phase), number)
}

fn key(id: &str) -> CallKey {
    fixtures::key(id)
}

fn tool(id: &str, name: &str, arguments: serde_json::Value) -> Event {
    let event = fixtures::event(fixtures::tool_call(id, name, arguments), 9);
    Event { key: EventKey::new(format!("tc:{id}")), ..event }
}

async fn apply(calls: &Calls, id: &str, event: Event) -> Result<Vec<Answer>, Refusal> {
    calls.apply(&key(id), "test", vec![event]).await
}

async fn seq_of(store: &TestStore, id: &str) -> u64 {
    store.load(&key(id)).await.unwrap().map_or(0, |stored| stored.state.seq)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nothing_was_recorded_of_does_not_stay_in_memory() {
    let rig = Rig::start(Limits::default()).await;
    let note = EventKind::Noted(Note { what: "unknown".into(), detail: None });
    let acknowledged = apply(&rig.system.calls, "c1", fixtures::event(note, 1)).await.unwrap();
    assert_eq!((acknowledged, rig.system.calls.count()), (vec![Answer::Ack], 1));
    rig.until(|| rig.system.calls.count() == 0).await;
    assert_eq!(seq_of(&rig.store, "c1").await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_answered_only_after_its_commit() {
    let rig = Rig::start(Limits::default()).await;
    rig.store.hold();
    let calls = rig.system.calls.clone();
    let asked = tokio::spawn(async move { apply(&calls, "c1", status(Phase::Ringing, 1)).await });
    rig.store.appends(1).await;
    assert!(!asked.is_finished());
    rig.store.release();
    assert_eq!(asked.await.unwrap().unwrap(), [Answer::Ack]);
    assert_eq!(seq_of(&rig.store, "c1").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_waits_for_the_first_and_has_no_second_effect() {
    let rig = Rig::start(Limits::default()).await;
    let alert = || tool("t1", "sendSMSAlert", serde_json::json!({"priority": "P1", "message": "eau"}));
    rig.store.hold();
    let first = tokio::spawn({
        let calls = rig.system.calls.clone();
        async move { apply(&calls, "c1", alert()).await }
    });
    rig.store.appends(1).await;
    let second = tokio::spawn({
        let calls = rig.system.calls.clone();
        async move { apply(&calls, "c1", alert()).await }
    });
    rig.settle().await;
    assert!(!second.is_finished(), "the first is not on disk yet");
    rig.store.release();
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!(first, second);
    assert!(matches!(&first[0], Answer::Tool(ToolAnswer::Result(_))));
    assert_eq!(seq_of(&rig.store, "c1").await, 1);
}

fn alert(id: &str) -> Event {
    tool(id, "sendSMSAlert", serde_json::json!({"priority": "P1", "message": id}))
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_is_not_acknowledged_when_the_first_is_not_committed() {
    let rig = Rig::start(Limits::default()).await;
    rig.store.hold();
    rig.store.fail_next(AppendError::Unavailable(engine::failure::Failure::retry("disk full")));
    let ask = || {
        let calls = rig.system.calls.clone();
        tokio::spawn(async move { apply(&calls, "c1", status(Phase::Ringing, 1)).await })
    };
    let first = ask();
    rig.store.appends(1).await;
    let second = ask();
    rig.settle().await;
    rig.store.release();
    assert!(matches!(first.await.unwrap(), Err(Refusal::Unavailable(_))));
    second.await.unwrap().expect("it is decided again, on a call loaded from the store");
    assert_eq!(seq_of(&rig.store, "c1").await, 1, "acknowledged means there");
}

#[tokio::test(start_paused = true)]
async fn an_effect_nobody_waits_for_any_more_does_not_happen_afterwards() {
    let rig = Rig::start(Limits::default()).await;
    rig.store.hold();
    let in_hand = tokio::spawn({
        let calls = rig.system.calls.clone();
        async move { apply(&calls, "c1", status(Phase::Ringing, 1)).await }
    });
    rig.store.appends(1).await;
    let given_up = apply(&rig.system.calls, "c2", alert("t1")).await;
    assert!(matches!(given_up, Err(Refusal::Busy)), "its caller hears an apology");
    rig.store.release();
    drop(in_hand);
    apply(&rig.system.calls, "c3", status(Phase::Ringing, 1)).await.unwrap();
    assert_eq!(seq_of(&rig.store, "c2").await, 0, "nobody is texted after the apology");
    apply(&rig.system.calls, "c2", alert("t1")).await.expect("asked again, it happens");
    assert_eq!(seq_of(&rig.store, "c2").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_commit_is_refused_and_leaves_no_trace_in_memory() {
    let rig = Rig::start(Limits::default()).await;
    apply(&rig.system.calls, "c1", status(Phase::Ringing, 1)).await.unwrap();
    rig.store.fail_next(AppendError::Unavailable(engine::failure::Failure::retry("disk full")));
    let refused = apply(&rig.system.calls, "c1", status(Phase::InProgress, 2)).await;
    assert!(matches!(refused, Err(Refusal::Unavailable(_))), "{refused:?}");
    apply(&rig.system.calls, "c1", status(Phase::InProgress, 2)).await.unwrap();
    assert_eq!(seq_of(&rig.store, "c1").await, 2, "the same event again is not taken for a repeated one");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_overtaken_is_loaded_again_and_its_event_served() {
    let rig = Rig::start(Limits::default()).await;
    apply(&rig.system.calls, "c1", status(Phase::Ringing, 1)).await.unwrap();
    rig.store.overtake(&key("c1")).await;
    apply(&rig.system.calls, "c1", status(Phase::InProgress, 2)).await.unwrap();
    assert_eq!(seq_of(&rig.store, "c1").await, 3);
}

/// Panics the first `times` it is called.
#[derive(Debug)]
struct Bomb {
    times: AtomicUsize,
}

impl Tool for Bomb {
    fn name(&self) -> &str {
        "bomb"
    }

    fn run(&self, _: &Args, context: &ToolContext<'_>) -> ToolOutcome {
        let left = self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "the bomb goes off");
        context.refuse(Sentence::UNKNOWN_TOOL)
    }
}

fn with_bomb(times: usize) -> Arc<Bomb> {
    Arc::new(Bomb { times: AtomicUsize::new(times) })
}

fn bomb(id: &str) -> Event {
    tool(id, "bomb", serde_json::json!({}))
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_is_loaded_again_and_its_webhook_answered() {
    let rig = Rig::start(Limits::default()).await;
    rig.add_tool(with_bomb(1));
    apply(&rig.system.calls, "c1", status(Phase::InProgress, 1)).await.unwrap();
    let answers = apply(&rig.system.calls, "c1", bomb("t1")).await.unwrap();
    assert!(matches!(&answers[..], [Answer::Tool(ToolAnswer::Error(_))]), "{answers:?}");
    assert_eq!(seq_of(&rig.store, "c1").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_poison_call_is_isolated_after_two_deaths_and_its_neighbours_notice_nothing() {
    let limits = Limits { shards: 1, ..Limits::default() };
    let rig = Rig::start(limits.clone()).await;
    rig.add_tool(with_bomb(2));
    for id in ["c1", "c2", "c3"] {
        apply(&rig.system.calls, id, status(Phase::InProgress, 1)).await.unwrap();
    }
    assert!(matches!(apply(&rig.system.calls, "c2", bomb("t1")).await, Err(Refusal::Quarantined)));
    assert_eq!(rig.store.quarantined(), ["tc:t1"]);
    for id in ["c1", "c3"] {
        apply(&rig.system.calls, id, status(Phase::Forwarding, 2)).await.unwrap();
    }
    assert_eq!(rig.system.calls.count(), 2, "the neighbours never left memory");

    let spoken = apply(&rig.system.calls, "c2", status(Phase::Forwarding, 3)).await;
    assert!(matches!(spoken, Err(Refusal::Quarantined)), "isolated: kept, not decided");
    tokio::time::advance(limits.isolation).await;
    apply(&rig.system.calls, "c2", status(Phase::Forwarding, 3)).await.expect("it may try again");
}

#[tokio::test(start_paused = true)]
async fn without_a_seat_an_event_is_refused_at_once() {
    let rig = Rig::start(Limits { seats_per_call: 1, ..Limits::default() }).await;
    rig.store.hold();
    let first = tokio::spawn({
        let calls = rig.system.calls.clone();
        async move { apply(&calls, "c1", status(Phase::Ringing, 1)).await }
    });
    rig.store.appends(1).await;
    assert!(matches!(apply(&rig.system.calls, "c1", status(Phase::InProgress, 2)).await, Err(Refusal::Busy)));
    rig.store.release();
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_given_up_in_time() {
    let rig = Rig::start(Limits::default()).await;
    rig.store.hold();
    assert!(matches!(apply(&rig.system.calls, "c1", status(Phase::Ringing, 1)).await, Err(Refusal::Busy)));
    rig.store.release();
}

#[tokio::test(start_paused = true)]
async fn one_call_too_many_is_refused_and_none_is_thrown_out() {
    let rig = Rig::start(Limits { calls: 2, ..Limits::default() }).await;
    for id in ["c1", "c2"] {
        apply(&rig.system.calls, id, status(Phase::Ringing, 1)).await.unwrap();
    }
    assert!(matches!(apply(&rig.system.calls, "c3", status(Phase::Ringing, 1)).await, Err(Refusal::Busy)));
    assert_eq!(rig.system.calls.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_ended_call_leaves_memory_after_a_while_and_late_news_brings_it_back() {
    let rig = Rig::start(Limits::default()).await;
    apply(&rig.system.calls, "c1", fixtures::event(EventKind::Ended(fixtures::hung_up()), 1)).await.unwrap();
    assert_eq!(rig.system.calls.count(), 1);
    rig.until(|| rig.system.calls.count() == 0).await;
    apply(&rig.system.calls, "c1", status(Phase::InProgress, 2)).await.unwrap();
    let stored = rig.store.load(&key("c1")).await.unwrap().unwrap();
    assert_eq!((stored.state.seq, stored.state.phase), (2, Phase::Ended), "recorded, not reopened");
}

#[tokio::test(start_paused = true)]
async fn draining_answers_those_inside_and_refuses_the_rest() {
    let rig = Rig::start(Limits::default()).await;
    rig.store.hold();
    let inside = tokio::spawn({
        let calls = rig.system.calls.clone();
        async move { apply(&calls, "c1", status(Phase::Ringing, 1)).await }
    });
    rig.store.appends(1).await;
    let draining = tokio::spawn({
        let calls = rig.system.calls.clone();
        async move { calls.drain(Duration::from_secs(3)).await }
    });
    rig.settle().await;
    rig.store.release();
    assert!(draining.await.unwrap(), "everybody left in time");
    inside.await.unwrap().unwrap();
    assert!(matches!(apply(&rig.system.calls, "c2", status(Phase::Ringing, 1)).await, Err(Refusal::Busy)));
}

#[tokio::test(start_paused = true)]
async fn a_bad_frame_fails_alone() {
    let rig = Rig::start(Limits::default()).await;
    rig.store.refuse_frames_of(&key("bad"));
    let good = apply(&rig.system.calls, "good", status(Phase::Ringing, 1));
    let bad = apply(&rig.system.calls, "bad", status(Phase::Ringing, 1));
    let (good, bad) = tokio::join!(good, bad);
    good.unwrap();
    assert!(matches!(bad, Err(Refusal::Refused(_))), "{bad:?}");
    assert_eq!(rig.store.quarantined().len(), 1, "kept for people to look at");
}
