//! What a store promises that keeps things for a time, and forgets people.

mod erasure;
mod retention;

use std::sync::Arc;

use serde_json::json;

use crate::call::{Answer, Call, EndedReason, Fact, Fault, Frame, Line, Phase, Report, Role, ToolAnswer};
use crate::ids::CallKey;
use crate::ports::{AlertStore, AuditLog, CallStore, Deed, FindsCalls, Forgets, Inbox, OptOuts, Retention, SmsOutbox};
use crate::testing::frames::{frame, moment, state, tenant};

pub use erasure::*;
pub use retention::*;

pub trait Store: CallStore + SmsOutbox + AlertStore + OptOuts + Inbox + Retention + Forgets + AuditLog {}
impl<S: CallStore + SmsOutbox + AlertStore + OptOuts + Inbox + Retention + Forgets + AuditLog> Store for S {}

/// What callers say in these tests.
pub const SAID: &str = "Noelle of 12 Mill Street";

/// Four frames of a call that ended at `moment(4)`: somebody spoke, a tool was asked, and a report came.
pub fn over(call: &CallKey) -> Vec<Frame> {
    let report = Report { summary: Some(SAID.into()), transcript: Some(SAID.into()), ..Report::default() };
    let ended = EndedReason { reason: "hung-up".into(), group: "completed".into(), fault: Fault::None };
    let answer = ToolAnswer::Result(format!("{SAID} is noted").into());
    let facts = [
        vec![Fact::Requested],
        vec![Fact::Spoke { role: Role::Caller, text: SAID.into() }],
        vec![
            Fact::ToolCalled { tool_call_id: "t1".into(), name: "note".into(), arguments: json!({"name": SAID}) },
            Fact::ToolAnswered {
                tool_call_id: "t1".into(),
                name: "note".into(),
                answer: answer.clone(),
                effect: None,
                repeated: false,
            },
        ],
        vec![Fact::Ended(ended), Fact::Reported(Box::new(report))],
    ];
    let frame_of = |(seq, facts): (u64, Vec<Fact>)| {
        let phase = if seq == 4 { Phase::Ended } else { Phase::InProgress };
        let answer = if seq == 3 { Answer::Tool(answer.clone()) } else { Answer::Ack };
        let state = Call {
            last_line: Some(Line { role: Role::Caller, text: SAID.into() }),
            summary: (seq == 4).then(|| SAID.into()),
            caller_name: Some(SAID.into()),
            ended_at: (seq == 4).then(|| moment(4)),
            ended_fault: (seq == 4).then_some(Fault::None),
            ..state(seq, phase)
        };
        Frame { facts, answer, state: Arc::new(state), ..frame(call, seq) }
    };
    (1..).zip(facts).map(frame_of).collect()
}

async fn appended<S: Store>(store: &S, frames: &[Frame]) {
    assert!(store.append(frames).await.iter().all(Result::is_ok));
}

/// Everything that is told of the call, as one text.
async fn told<S: Store>(store: &S, call: &CallKey) -> String {
    let view = FindsCalls::find(store, Some(&call.tenant), &call.call).await.unwrap();
    let facts: Vec<Fact> =
        store.timeline(call, 0, 100).await.unwrap().into_iter().flat_map(|frame| frame.facts).collect();
    let state = store.load(call).await.unwrap().map(|stored| stored.state);
    let mut answers = Vec::new();
    for seq in 1..=4 {
        let key = crate::ids::EventKey::new(format!("ev:{seq}"));
        answers.extend(store.recorded(call, &key).await.unwrap().map(|recorded| recorded.answer));
    }
    serde_json::to_string(&(view, facts, state, answers)).unwrap()
}

pub async fn deeds_are_listed_newest_first_within_a_tenant<S: Store>(store: &S) {
    let deed = |n: u64, of: Option<&str>| Deed {
        at: moment(n),
        by: "admin".into(),
        tenant: of.map(tenant),
        action: "erase".into(),
        subject: format!("hmac:{n}").into(),
        detail: json!({"calls": n, "odd": "\u{0}\u{1a}"}),
    };
    for (n, of) in [(1, Some("acme")), (2, None), (3, Some("other")), (4, Some("acme"))] {
        store.note(&deed(n, of)).await.unwrap();
    }
    let all = store.deeds(None, None, 10).await.unwrap();
    assert_eq!(all.iter().map(|deed| deed.at).collect::<Vec<_>>(), [4, 3, 2, 1].map(moment));
    assert_eq!((&*all[0].subject, &all[0].detail), ("hmac:4", &json!({"calls": 4, "odd": "\u{0}\u{1a}"})));
    assert!(all.windows(2).all(|pair| pair[0].position > pair[1].position));
    let page = store.deeds(None, Some(all[1].position), 1).await.unwrap();
    assert_eq!(page, all[2..3]);
    let own = store.deeds(Some(&tenant("acme")), None, 10).await.unwrap();
    assert_eq!(own.iter().map(|deed| deed.at).collect::<Vec<_>>(), [4, 1].map(moment));
}
