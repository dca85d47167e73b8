//! Errands on a memory store and a server that waits, hangs, fails and panics, on paused time.

use std::sync::Arc;
use std::time::Duration;

use engine::call::{Answer, Event, EventKind, Fact, Phase, ToolAnswer};
use engine::failure::Failure;
use engine::ids::EventKey;
use engine::playbook::Words;
use engine::ports::{AppendError, CallStore};
use engine::testing::fixtures;
use engine::tools::{Endpoint, ErrandOutcome, Forward, Lost, Parameters};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::calls::Refusal;
use crate::limits::Limits;
use crate::testing::{Act, Rig};

const TIMEOUT: Duration = Duration::from_secs(4);
const SORRY: &str = "I could not book it.";

fn own_tool(name: &str, effects: bool) -> Arc<Forward> {
    Arc::new(Forward {
        name: name.into(),
        description: Words::same("Books a visit."),
        parameters: Parameters::default(),
        effects,
        on_error: Some(Words::same(SORRY)),
        endpoint: Endpoint {
            url: "https://tools.example.com".into(),
            secret: "a-secret-of-this-tool".into(),
            timeout: TIMEOUT,
            allow_private: false,
        },
    })
}

async fn rig_with(limits: Limits) -> Rig {
    let rig = Rig::start(limits).await;
    rig.add_tool(own_tool("askPrice", false));
    rig.add_tool(own_tool("bookVisit", true));
    rig
}

fn tool(id: &str, name: &str, arguments: Value) -> Event {
    let event = fixtures::event(fixtures::tool_call(id, name, arguments), 9);
    Event { key: EventKey::new(format!("tc:{id}")), ..event }
}

fn price(id: &str) -> Event {
    tool(id, "askPrice", json!({"of": id}))
}

fn visit(id: &str) -> Event {
    tool(id, "bookVisit", json!({"day": "Tuesday"}))
}

fn asks(rig: &Rig, events: Vec<Event>) -> JoinHandle<Result<Vec<Answer>, Refusal>> {
    let calls = rig.system.calls.clone();
    tokio::spawn(async move { calls.apply(&fixtures::key("c1"), "test", events).await })
}

async fn ask(rig: &Rig, event: Event) -> Answer {
    asks(rig, vec![event]).await.unwrap().unwrap().remove(0)
}

fn result(text: &str) -> Answer {
    Answer::Tool(ToolAnswer::Result(text.into()))
}

fn sorry() -> Answer {
    Answer::Tool(ToolAnswer::Error(SORRY.into()))
}

async fn facts(rig: &Rig) -> Vec<Fact> {
    let frames = rig.store.timeline(&fixtures::key("c1"), 0, 100).await.unwrap();
    frames.into_iter().flat_map(|frame| frame.facts).collect()
}

async fn outcomes(rig: &Rig) -> Vec<ErrandOutcome> {
    let ended = |fact: &Fact| match fact {
        Fact::ErrandEnded { outcome, .. } => Some(*outcome),
        _ => None,
    };
    facts(rig).await.iter().filter_map(ended).collect()
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_is_the_answer_and_is_recorded() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Say(r#"{"result": {"price": 120}}"#));
    assert_eq!(ask(&rig, price("t1")).await, result(r#"{"price":120}"#));
    assert_eq!(rig.forwarder.keys(), ["c1/askPrice/t1"]);
    let body: Value = serde_json::from_str(&rig.forwarder.bodies()[0]).unwrap();
    assert_eq!(body["tool"], "askPrice");
    assert_eq!(body["arguments"], json!({"of": "t1"}));
    assert_eq!(body["call"]["from"], fixtures::CALLER);
    let told = facts(&rig).await;
    assert!(
        matches!(
            &told[1..],
            [
                Fact::ToolCalled { .. },
                Fact::ErrandBegun { .. },
                Fact::ErrandEnded { outcome: ErrandOutcome::Answered, .. },
                Fact::ToolAnswered { .. }
            ]
        ),
        "{told:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_errand_does_not_keep_its_call_from_answering() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Wait);
    let slow = asks(&rig, vec![price("t1")]);
    rig.forwarder.posts(1).await;
    let quick = tool("t2", "classifyPriority", json!({"description": "flood"}));
    assert!(matches!(ask(&rig, quick).await, Answer::Tool(ToolAnswer::Result(_))));
    assert_eq!(ask(&rig, fixtures::event(EventKind::Status(Phase::InProgress), 3)).await, Answer::Ack);
    assert!(!slow.is_finished());
    rig.forwarder.release();
    assert_eq!(slow.await.unwrap().unwrap(), [result("late")]);
}

#[tokio::test(start_paused = true)]
async fn several_in_one_message_are_asked_at_once_and_answered_in_order() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Wait);
    rig.forwarder.will(Act::Say("second"));
    let quick = tool("t3", "classifyPriority", json!({"description": "flood"}));
    let all = asks(&rig, vec![price("t1"), price("t2"), quick]);
    rig.forwarder.posts(2).await;
    rig.forwarder.release();
    let answers = all.await.unwrap().unwrap();
    assert_eq!(answers[..2], [result("late"), result("second")]);
    assert!(matches!(&answers[2], Answer::Tool(ToolAnswer::Result(json)) if json.contains("P1")));
}

#[tokio::test(start_paused = true)]
async fn when_the_time_is_over_the_agent_gets_its_sentence_and_it_is_recorded() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Hang);
    let started = Instant::now();
    assert_eq!(ask(&rig, price("t1")).await, sorry());
    assert!(started.elapsed() < TIMEOUT + Duration::from_millis(100));
    assert_eq!(outcomes(&rig).await, [ErrandOutcome::Unknown]);
    assert_eq!(ask(&rig, price("t1")).await, sorry(), "delivered again");
    assert_eq!(rig.forwarder.keys().len(), 1, "and not asked again");
}

#[tokio::test(start_paused = true)]
async fn who_delivers_it_again_joins_the_errand_and_later_gets_the_same_answer() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Wait);
    let (first, second) = (asks(&rig, vec![price("t1")]), asks(&rig, vec![price("t1")]));
    rig.forwarder.posts(1).await;
    rig.settle().await;
    rig.forwarder.release();
    assert_eq!(first.await.unwrap().unwrap(), [result("late")]);
    assert_eq!(second.await.unwrap().unwrap(), [result("late")]);
    assert_eq!(ask(&rig, price("t1")).await, result("late"));
    assert_eq!(rig.forwarder.keys(), ["c1/askPrice/t1"]);
    assert_eq!(outcomes(&rig).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_repeats_itself_meanwhile_causes_no_second_effect() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Wait);
    let first = asks(&rig, vec![visit("t1")]);
    rig.forwarder.posts(1).await;
    let second = asks(&rig, vec![visit("t2")]);
    rig.settle().await;
    rig.forwarder.release();
    assert_eq!(first.await.unwrap().unwrap(), [result("late")]);
    assert_eq!(second.await.unwrap().unwrap(), [result("late")]);
    assert_eq!(ask(&rig, visit("t3")).await, result("late"), "afterwards too");
    assert_eq!(rig.forwarder.keys(), ["c1/bookVisit/t1"]);
    assert_eq!(ask(&rig, visit("t2")).await, result("late"));
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_may_have_happened_is_asked_for_under_its_first_name() {
    let rig = rig_with(Limits::default()).await;
    for lost in [Lost::unknown("status 500"), Lost::not_asked("no connection"), Lost::refused("status 409")] {
        rig.forwarder.will(Act::Lose(lost));
    }
    for id in ["t1", "t2", "t3"] {
        assert_eq!(ask(&rig, visit(id)).await, sorry());
    }
    assert_eq!(ask(&rig, visit("t4")).await, result("done"));
    assert_eq!(
        rig.forwarder.keys(),
        ["first", "first", "first", "c1/bookVisit/t4"].map(|key| key.replace("first", "c1/bookVisit/t1")),
        "only a clear no ends the first wish"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_it_is_run_again_under_the_same_name() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Hang);
    let cut = asks(&rig, vec![visit("t1")]);
    rig.forwarder.posts(1).await;
    cut.abort();

    let after = rig.again().await;
    assert_eq!(ask(&after, visit("t1")).await, result("done"));
    assert_eq!(after.forwarder.keys(), rig.forwarder.keys());
    assert_eq!(after.forwarder.bodies(), rig.forwarder.bodies());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_is_not_told_and_is_asked_again() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Wait);
    let asked = asks(&rig, vec![visit("t1")]);
    rig.forwarder.posts(1).await;
    rig.store.fail_next(AppendError::Unavailable(Failure::retry("disk full")));
    rig.forwarder.release();
    assert_eq!(asked.await.unwrap().unwrap(), [sorry()]);
    assert_eq!(ask(&rig, visit("t1")).await, result("done"));
    assert_eq!(rig.forwarder.keys(), ["c1/bookVisit/t1"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_that_errands_error() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Panic);
    assert_eq!(ask(&rig, price("t1")).await, sorry());
    assert_eq!(outcomes(&rig).await, [ErrandOutcome::Unknown]);
    assert_eq!(ask(&rig, price("t2")).await, result("done"));
}

#[tokio::test(start_paused = true)]
async fn without_a_seat_nobody_is_asked_and_the_agent_says_so() {
    let rig = rig_with(Limits { errands_per_tenant: 1, ..Limits::default() }).await;
    rig.forwarder.will(Act::Wait);
    let first = asks(&rig, vec![price("t1")]);
    rig.forwarder.posts(1).await;
    assert_eq!(ask(&rig, price("t2")).await, sorry());
    assert_eq!(outcomes(&rig).await, [ErrandOutcome::NotAsked]);
    rig.forwarder.release();
    first.await.unwrap().unwrap();
    assert_eq!(ask(&rig, price("t3")).await, result("done"), "its seat is free again");
}

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_does_not_cost_every_caller_its_timeout() {
    let rig = rig_with(Limits { endpoint_failures: 2, ..Limits::default() }).await;
    for id in ["t1", "t2"] {
        rig.forwarder.will(Act::Hang);
        assert_eq!(ask(&rig, price(id)).await, sorry());
    }
    let started = Instant::now();
    assert_eq!(ask(&rig, price("t3")).await, sorry());
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(rig.forwarder.keys().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_those_under_way_and_records_them() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Wait);
    let inside = asks(&rig, vec![price("t1")]);
    rig.forwarder.posts(1).await;
    let calls = rig.system.calls.clone();
    let draining = tokio::spawn(async move { calls.drain(Duration::from_secs(3)).await });
    rig.settle().await;
    assert_eq!(ask(&rig, price("t2")).await, sorry(), "no other is begun");
    rig.forwarder.release();
    assert!(draining.await.unwrap(), "everybody came home in time");
    assert_eq!(inside.await.unwrap().unwrap(), [result("late")]);
    assert_eq!(outcomes(&rig).await, [ErrandOutcome::NotAsked, ErrandOutcome::Answered]);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_does_not_cost_the_commits_their_time() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Hang);
    let out = asks(&rig, vec![price("t1")]);
    rig.forwarder.posts(1).await;
    let calls = rig.system.calls.clone();
    let started = Instant::now();
    let draining = tokio::spawn(async move { calls.drain(Duration::from_secs(3)).await });
    tokio::time::sleep(Duration::from_millis(1_900)).await;
    rig.store.hold();
    let late = asks(&rig, vec![fixtures::event(EventKind::Status(Phase::InProgress), 3)]);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!draining.is_finished(), "it waits for the commit");
    rig.store.release();
    late.await.unwrap().unwrap();
    assert!(!draining.await.unwrap(), "one is still out");
    assert!(started.elapsed() < Duration::from_secs(3), "and is waited for no longer than the commits leave time");
    out.abort();
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_is_gone_after_a_reload_is_not_asked() {
    let rig = rig_with(Limits::default()).await;
    rig.forwarder.will(Act::Hang);
    let cut = asks(&rig, vec![price("t1")]);
    rig.forwarder.posts(1).await;
    cut.abort();
    let after = rig.again().await;
    after.forget_tools();
    assert_eq!(ask(&after, price("t1")).await, sorry());
    assert_eq!(outcomes(&after).await, [ErrandOutcome::NotAsked]);
}
