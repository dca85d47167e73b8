use std::collections::BTreeMap;

use super::*;
use crate::simulator::dialogues;

const EPOCH: u64 = 1_790_000_000_000;

/// (kind, body, wanted) of every webhook of one call, ten seconds of talk a step.
fn whole(dialogue: &'static Dialogue, seed: u64) -> Vec<Message> {
    let mut call = SimulatedCall::new(dialogue, Subscription::All, seed, EPOCH);
    let mut at = EPOCH;
    std::iter::from_fn(|| {
        at += 1_000;
        call.advance(at)
    })
    .collect()
}

#[test]
fn the_same_seed_says_the_same_and_another_does_not() {
    let bodies = |seed| -> Vec<Bytes> { whole(&dialogues::all()[0], seed).into_iter().map(|m| m.body).collect() };
    assert_eq!(bodies(1), bodies(1));
    assert_ne!(bodies(1), bodies(2));
}

#[test]
fn every_body_is_json_of_its_kind_and_of_its_call() {
    for dialogue in dialogues::all() {
        let mut ids = std::collections::BTreeSet::new();
        for message in whole(dialogue, 7) {
            let body: Value = serde_json::from_slice(&message.body).unwrap();
            assert_eq!(body["message"]["type"], message.kind);
            ids.insert(body["message"]["call"]["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(ids.len(), 1);
    }
}

#[test]
fn bodies_are_of_real_sizes_and_grow_with_the_call() {
    for dialogue in dialogues::all() {
        let mut sizes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for message in whole(dialogue, 3) {
            sizes.entry(message.kind).or_default().push(message.body.len());
        }
        for (kind, sizes) in &sizes {
            // An assistant-request comes before there is an assistant or an artifact.
            assert!(*kind == "assistant-request" || sizes.iter().all(|size| *size >= 40_000), "{kind}: {sizes:?}");
        }
        let updates = &sizes["conversation-update"];
        assert!(updates.is_sorted() && updates[0] > 60_000, "{}: {updates:?}", dialogue.name);
        assert!(sizes["end-of-call-report"][0] > 50_000, "{sizes:?}");
    }
}

#[test]
fn a_tool_call_wants_a_result_of_its_own_id() {
    let calls: Vec<Message> = whole(&dialogues::all()[0], 3).into_iter().filter(|m| m.kind == "tool-calls").collect();
    assert_eq!(calls.len(), 2);
    for call in calls {
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        let id = body["message"]["toolCallList"][0]["id"].as_str().unwrap();
        assert_eq!(call.wanted, Wanted::ToolResults([id.into()].into()));
    }
}
