//! What a call store promises to those who read.

use std::sync::Arc;

use crate::call::{
    Answer, Call, Direction, EndedReason, Fact, Fault, Frame, Line, Note, Phase, Role, SmsCounts, ToolAnswer,
};
use crate::ids::{CallKey, EventKey};
use crate::playbook::Destination;
use crate::ports::{CallStore, FindsCalls, Recorded, SmsOutbox};
use crate::priority::Priority;
use crate::testing::frames::{call, frame, frame_in, frame_owing, frames, moment, state, tenant, text};
use crate::tools::{Errand, Inquiry};

/// What has broken stores before: a NUL, what JSON escapes, what UTF-16 cannot say in one unit, the last characters.
const HOSTILE: &str =
    "nul \0 bell \u{7} quote \" back \\ slash / \u{2028} 🛁 e\u{301} \u{fffd} \u{ffff} \u{10ffff} \\u0000";

pub async fn a_call_is_loaded_with_its_state_and_every_key<S: CallStore>(store: &S) {
    let c1 = call("acme", "c1");
    assert!(store.load(&c1).await.unwrap().is_none());
    let mut batch = frames(&c1, 1, 3);
    batch[2].state = Arc::new(full_state(3));
    store.append(&batch).await;
    let loaded = store.load(&c1).await.unwrap().expect("it was written");
    assert_eq!(*loaded.state, full_state(3));
    let mut keys = loaded.keys;
    keys.sort_unstable();
    let mut expected: Vec<u64> = batch.iter().map(|frame| frame.key.digest()).collect();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert!(store.load(&call("other", "c1")).await.unwrap().is_none());
}

pub async fn every_answer_is_given_again_byte_for_byte<S: CallStore>(store: &S) {
    let c1 = call("acme", "c1");
    let result = r#"{"z":1,"a":1.10,"big":12345678901234567890,"text":"é \u00e9"}"#;
    let answers = [
        Answer::Ack,
        Answer::Tool(ToolAnswer::Result(result.into())),
        Answer::Tool(ToolAnswer::Error(HOSTILE.into())),
        Answer::Tool(ToolAnswer::Result("".into())),
        Answer::Errand(Box::new(errand())),
        Answer::Transfer(None),
        Answer::Transfer(Some(Destination::Number { number: "+15145550111".parse().unwrap(), message: None })),
        Answer::Handoff(Some(Destination::Assistant { assistant: "night".into(), message: Some(HOSTILE.into()) })),
    ];
    for (seq, answer) in (1..).zip(&answers) {
        let answered = Frame { answer: answer.clone(), ..frame(&c1, seq) };
        assert_eq!(store.append(&[answered]).await, [Ok(())]);
    }
    for (seq, answer) in (1..).zip(answers) {
        let recorded = store.recorded(&c1, &frame(&c1, seq).key).await.unwrap().expect("it was written");
        assert_eq!((recorded.answer, recorded.facts), (answer, frame(&c1, seq).facts));
    }
    assert_eq!(store.recorded(&c1, &EventKey::new("ev:99")).await.unwrap(), None);
    assert_eq!(store.recorded(&call("other", "c1"), &EventKey::new("ev:1")).await.unwrap(), None);
}

pub async fn hostile_text_comes_back_as_it_went_in<S: CallStore + SmsOutbox>(store: &S) {
    let (strange, plain) = (call("acme", "c\0\u{1}'é🛁"), call("acme", "c"));
    let facts = vec![
        Fact::Spoke { role: Role::Agent, text: HOSTILE.into() },
        Fact::Noted(Note { what: "unknown".into(), detail: Some(HOSTILE.into()) }),
        Fact::ToolCalled {
            tool_call_id: "tc\0".into(),
            name: "note".into(),
            arguments: serde_json::json!({ HOSTILE: [HOSTILE, null, -1, u64::MAX] }),
        },
    ];
    let spoken = Call { last_line: Some(Line { role: Role::Caller, text: HOSTILE.into() }), ..full_state(1) };
    let owed = crate::sms::NewSms { body: HOSTILE.into(), ..text(&strange, HOSTILE, Priority::P1) };
    let written = Frame {
        key: EventKey::new("tc:\0x"),
        facts: facts.clone(),
        state: Arc::new(spoken.clone()),
        ..frame_owing(&strange, 1, vec![owed])
    };
    assert_eq!(store.append(&[written.clone(), frame(&plain, 1)]).await, [Ok(()), Ok(())]);

    assert_eq!(*store.load(&strange).await.unwrap().expect("it was written").state, spoken);
    let recorded = store.recorded(&strange, &written.key).await.unwrap();
    assert_eq!(recorded, Some(Recorded { facts: facts.clone(), answer: Answer::Ack }));
    assert_eq!(store.recorded(&strange, &EventKey::new("tc:")).await.unwrap(), None, "a NUL does not end a key");
    assert_eq!(store.timeline(&strange, 0, 10).await.unwrap()[0].facts, facts);
    assert_eq!(&*store.of_call(None, &strange.call, 10).await.unwrap()[0].body, HOSTILE);
    assert_eq!(FindsCalls::find(store, None, &strange.call).await.unwrap().expect("it was written").sms.queued, 1);
    let next = Frame { key: EventKey::new("tc:\0y"), ..frame(&strange, 2) };
    assert_eq!(store.append(&[next]).await, [Ok(())]);
}

pub async fn frames_are_read_in_the_order_of_their_commits<S: CallStore>(store: &S) {
    let (c1, c2) = (call("acme", "c1"), call("other", "c1"));
    assert_eq!(store.last_position().await.unwrap(), 0);
    store.append(&[frames(&c1, 1, 2), frames(&c2, 1, 1)].concat()).await;
    store.append(&[frame(&c1, 9), frame(&c2, 2)]).await;
    store.append(&[frame(&c1, 3)]).await;

    let all = store.frames_after(0, 100).await.unwrap();
    let order: Vec<_> = all.iter().map(|(frame, _)| (frame.call.clone(), frame.seq)).collect();
    let (one, two) = (|seq| (c1.clone(), seq), |seq| (c2.clone(), seq));
    assert_eq!(order, [one(1), one(2), two(1), two(2), one(3)]);
    let calls: Vec<_> = all.iter().map(|(_, call)| (call.tenant.as_str(), call.seq)).collect();
    assert_eq!(calls, [("acme", 3), ("acme", 3), ("other", 2), ("other", 2), ("acme", 3)], "each as it stands now");
    assert!(all.is_sorted_by_key(|(frame, _)| frame.position));
    assert_eq!(all.last().map(|(frame, _)| frame.position), Some(store.last_position().await.unwrap()));
    assert_eq!(all[0].0.facts, frame(&c1, 1).facts);
    assert_eq!((all[1].0.at, all[1].0.decided_at), (moment(2), moment(2)));

    assert_eq!(store.frames_after(all[1].0.position, 2).await.unwrap(), all[2..4]);
    assert!(store.frames_after(all[4].0.position, 100).await.unwrap().is_empty());
}

pub async fn a_timeline_is_paged_in_order<S: CallStore>(store: &S) {
    let (c1, c2) = (call("acme", "c1"), call("acme", "c2"));
    store.append(&[frames(&c1, 1, 5), frames(&c2, 1, 1)].concat()).await;
    let page = async |after, limit| {
        store.timeline(&c1, after, limit).await.unwrap().iter().map(|frame| frame.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 2).await, [1, 2]);
    assert_eq!(page(2, 2).await, [3, 4]);
    assert_eq!(page(4, 2).await, [5]);
    assert_eq!(page(u64::MAX, 2).await, [0; 0]);
    assert!(store.timeline(&call("other", "c1"), 0, 10).await.unwrap().is_empty());
}

pub async fn live_calls_are_those_neither_ended_nor_lost<S: CallStore>(store: &S) {
    for phase in Phase::ALL {
        store.append(&[frame_in(&call("acme", phase.as_str()), 1, phase)]).await;
    }
    let moved = call("acme", "moved");
    store.append(&[frame_in(&moved, 1, Phase::Ringing), frame_in(&moved, 2, Phase::Ended)]).await;

    let mut live: Vec<_> = store.live().await.unwrap().iter().map(|view| view.id.to_string()).collect();
    live.sort();
    assert_eq!(live, ["forwarding", "in_progress", "queued", "ringing", "scheduled"]);
}

pub async fn a_call_is_found_within_its_tenant_only<S: CallStore>(store: &S) {
    let key = call("acme", "c1");
    store.append(&[Frame { state: Arc::new(full_state(1)), ..frame(&key, 1) }]).await;
    let expected = full_state(1).view(&key.tenant, &key.call, SmsCounts::default(), None);
    assert_eq!(store.find(Some(&key.tenant), &key.call).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.find(None, &key.call).await.unwrap(), Some(expected));
    assert_eq!(store.find(Some(&tenant("other")), &key.call).await.unwrap(), None);
    assert_eq!(store.find(None, &call("acme", "c2").call).await.unwrap(), None);

    let namesake = call("other", "c1");
    store.append(&frames(&namesake, 1, 2)).await;
    let found = async |tenant| store.find(tenant, &key.call).await.unwrap().expect("both exist").tenant.clone();
    assert_eq!(found(Some(&key.tenant)).await, key.tenant);
    assert_eq!(found(Some(&namesake.tenant)).await, namesake.tenant);
    assert_eq!(found(None).await, namesake.tenant, "the one heard of last");
}

pub async fn the_calls_of_a_number_are_its_tenants_newest_first<S: CallStore>(store: &S) {
    const CALLER: &str = "+15145550142";
    let inbound = |started: u64| Call { started_at: moment(started), ..state(1, Phase::Ended) };
    let outbound = |to: &str| Call { direction: Some(Direction::Outbound), to: Some(to.into()), ..inbound(30) };
    for (tenant, id, state) in [
        ("acme", "first", inbound(10)),
        ("acme", "third", inbound(40)),
        ("acme", "we-called", outbound(CALLER)),
        ("acme", "we-called-another", outbound("+15145550143")),
        ("acme", "somebody-else", Call { from: Some("+15145550149".into()), ..inbound(20) }),
        ("acme", "hidden", Call { from: None, ..inbound(20) }),
        ("other", "theirs", inbound(20)),
    ] {
        store.append(&[Frame { state: Arc::new(state), ..frame(&call(tenant, id), 1) }]).await;
    }
    let of = async |number, before, limit| {
        let calls = store.calls_of(&tenant("acme"), number, moment(before), limit).await.unwrap();
        calls.iter().map(|call| call.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of(CALLER, 99, 10).await, ["third", "we-called", "first"]);
    assert_eq!(of(CALLER, 99, 2).await, ["third", "we-called"]);
    assert_eq!(of(CALLER, 40, 10).await, ["we-called", "first"], "one that starts now is not an earlier one");
    assert_eq!(of("+15145550140", 99, 10).await, [""; 0]);
}

pub async fn a_view_counts_the_calls_texts<S: CallStore + SmsOutbox>(store: &S) {
    let (c1, namesake, silent) = (call("acme", "c1"), call("other", "c1"), call("acme", "c2"));
    let texts = |key: &CallKey, n| (0..n).map(|reason| text(key, &format!("r{reason}"), Priority::P3)).collect();
    let batch = [frame_owing(&c1, 1, texts(&c1, 3)), frame_owing(&namesake, 1, texts(&namesake, 1)), frame(&silent, 1)];
    store.append(&batch).await;
    let claims = super::outbox::claimed(store, moment(1)).await;
    let failed = claims.iter().find(|claim| claim.sms.tenant == c1.tenant).expect("three were claimed");
    let settlement = super::outbox::settlement(crate::sms::SmsState::Failed);
    store.settle(failed.sms.id, failed.attempt.number, &settlement, moment(2)).await.unwrap();

    let counted = |queued, failed| SmsCounts { queued, failed, ..SmsCounts::default() };
    let live = store.live().await.unwrap();
    for (key, expected) in [(&c1, counted(2, 1)), (&namesake, counted(1, 0)), (&silent, counted(0, 0))] {
        let listed = live.iter().find(|view| view.tenant == key.tenant && view.id == key.call).expect("it is live");
        assert_eq!(listed.sms, expected, "{key}");
        let found = FindsCalls::find(store, Some(&key.tenant), &key.call).await.unwrap().expect("it exists");
        assert_eq!(found.sms, expected, "{key}");
    }
}

pub async fn silent_calls_are_those_not_heard_of_since_their_cutoff<S: CallStore>(store: &S) {
    // Heard of last at moment(seq).
    for (id, seq, phase) in [
        ("ringing-old", 3, Phase::Ringing),
        ("ringing-older", 2, Phase::Ringing),
        ("ringing-new", 5, Phase::Ringing),
        ("talking-old", 3, Phase::InProgress),
        ("ended-old", 2, Phase::Ended),
        ("queued-old", 2, Phase::Queued),
    ] {
        let key = call("acme", id);
        store.append(&(1..=seq).map(|seq| frame_in(&key, seq, phase)).collect::<Vec<_>>()).await;
    }
    let cutoffs = [(Phase::Ringing, moment(5)), (Phase::InProgress, moment(4)), (Phase::Ended, moment(9))];
    let silent = async |limit| store.silent(&cutoffs, limit).await.unwrap();

    let all = silent(10).await;
    let mut names: Vec<_> = all.iter().map(|silent| silent.call.call.to_string()).collect();
    assert_eq!(names[0], "ringing-older", "the longest silent first");
    names.sort();
    assert_eq!(names, ["ringing-old", "ringing-older", "talking-old"]);
    assert_eq!((all[0].phase, all[0].updated_at), (Phase::Ringing, moment(2)));
    assert_eq!(silent(1).await, all[..1]);
    assert!(store.silent(&[], 10).await.unwrap().is_empty());
}

pub async fn an_event_is_quarantined_once_or_twice<S: CallStore>(store: &S) {
    let c1 = call("acme", "never-seen");
    for why in ["killed its call twice", "killed it again"] {
        store.quarantine(&c1, &EventKey::new("tc:1"), r#"{"a":"\u0000"}"#, why, moment(1)).await.unwrap();
    }
    assert!(store.load(&c1).await.unwrap().is_none(), "it makes no call");
}

/// Every field says something.
fn full_state(seq: u64) -> Call {
    Call {
        priority: Some(Priority::P1),
        priority_reason: Some("water is rising".into()),
        caller_name: Some("Noëlle".into()),
        ended_at: Some(moment(60)),
        duration_s: Some(60),
        ended_reason: Some(ended().reason),
        ended_group: Some(ended().group),
        ended_fault: Some(ended().fault),
        summary: Some("A basement floods.".into()),
        last_line: Some(Line { role: Role::Agent, text: "Somebody is on the way.".into() }),
        tools_used: vec!["note".into(), "alert".into()],
        reported: true,
        texts_owed: 2,
        emergency_told: true,
        unsettled: vec![crate::call::Unsettled { digest: 1, at: moment(4), errand: "book/t1".into() }],
        effects: vec![crate::call::Effect {
            digest: u64::MAX,
            at: moment(3),
            answer: ToolAnswer::Result("done".into()),
        }],
        ..state(seq, Phase::Ended)
    }
}

fn errand() -> Errand {
    Errand {
        id: HOSTILE.into(),
        tool: "book".into(),
        effect: Some(u64::MAX),
        inquiry: Inquiry::Endpoint { body: r#"{"a":1.10,"text":"\u0000"}"#.into() },
        otherwise: ToolAnswer::Error(HOSTILE.into()),
    }
}

fn ended() -> EndedReason {
    EndedReason { reason: "caller-hung-up".into(), group: "completed.customer".into(), fault: Fault::None }
}
