//! What `append` promises.

use super::together;
use crate::call::Frame;
use crate::ids::CallKey;
use crate::ports::{AppendError, CallStore, SmsOutbox};
use crate::priority::Priority;
use crate::testing::frames::{call, frame, frame_owing, frames, tenant, text};

type Verdict = Result<(), AppendError>;
const CONFLICT: Verdict = Err(AppendError::Conflict);

pub async fn a_frame_is_written_only_after_its_predecessor<S: CallStore>(store: &S) {
    let c1 = call("acme", "c1");
    for (seq, expected) in
        [(2, CONFLICT), (0, CONFLICT), (1, Ok(())), (1, CONFLICT), (3, CONFLICT), (2, Ok(())), (u64::MAX, CONFLICT)]
    {
        // Its own key each time: the guard alone must refuse it.
        let offered = Frame { key: crate::ids::EventKey::new(format!("{seq}/{expected:?}")), ..frame(&c1, seq) };
        assert_eq!(store.append(&[offered]).await, [expected], "frame {seq}");
    }
    assert_eq!(recorded(store, &c1).await, [1, 2]);
}

pub async fn frames_of_one_call_in_a_batch_are_written_together<S: CallStore>(store: &S) {
    let (c1, c2) = (call("acme", "c1"), call("acme", "c2"));
    let batch = [frames(&c1, 1, 3), frames(&c2, 1, 2)].concat();
    assert_eq!(store.append(&batch).await, vec![Ok(()); 5]);
    assert_eq!(recorded(store, &c1).await, [1, 2, 3]);
    assert_eq!(recorded(store, &c2).await, [1, 2]);
    assert_eq!(store.load(&c1).await.unwrap().unwrap().state.seq, 3, "the snapshot is the last frame's");
}

pub async fn a_batch_with_a_gap_writes_nothing_of_its_call<S: CallStore>(store: &S) {
    let (c1, c2) = (call("acme", "c1"), call("acme", "c2"));
    for seqs in [[1, 3], [2, 1], [1, 1]] {
        let batch = [frame(&c1, seqs[0]), frame(&c1, seqs[1])];
        assert_eq!(store.append(&batch).await, [CONFLICT, CONFLICT], "{seqs:?}");
    }
    let batch = [frame(&c1, 1), frame(&c1, 3), frame(&c2, 1)];
    assert_eq!(store.append(&batch).await, [CONFLICT, CONFLICT, Ok(())]);
    assert!(store.load(&c1).await.unwrap().is_none());
    assert_eq!(recorded(store, &c2).await, [1]);
}

pub async fn an_event_already_recorded_conflicts_and_takes_its_companions_along<S: CallStore>(store: &S) {
    let c1 = call("acme", "c1");
    store.append(&frames(&c1, 1, 2)).await;
    let repeated = Frame { key: frame(&c1, 1).key, ..frame(&c1, 4) };
    assert_eq!(store.append(&[frame(&c1, 3), repeated]).await, [CONFLICT, CONFLICT]);
    assert_eq!(recorded(store, &c1).await, [1, 2]);
    assert_eq!(store.load(&c1).await.unwrap().unwrap().state.seq, 2, "the snapshot did not move either");
    assert_eq!(store.append(&[frame(&c1, 3)]).await, [Ok(())], "the call goes on");
}

pub async fn the_same_event_twice_in_one_batch_conflicts<S: CallStore>(store: &S) {
    let (c1, c2) = (call("acme", "c1"), call("acme", "c2"));
    let repeated = Frame { key: frame(&c1, 1).key, ..frame(&c1, 2) };
    assert_eq!(store.append(&[frame(&c1, 1), repeated, frame(&c2, 1)]).await, [CONFLICT, CONFLICT, Ok(())]);
    assert!(store.load(&c1).await.unwrap().is_none());
}

pub async fn stale_calls_in_a_batch_leave_fresh_ones_alone<S: CallStore>(store: &S) {
    let calls = ["c1", "c2", "c3"].map(|id| call("acme", id));
    store.append(&frames(&calls[0], 1, 2)).await;
    let batch =
        [frame(&calls[0], 2), frame(&calls[0], 3), frame(&calls[1], 1), frame(&calls[1], 2), frame(&calls[2], 5)];
    assert_eq!(store.append(&batch).await, [CONFLICT, CONFLICT, Ok(()), Ok(()), CONFLICT]);
    assert_eq!(recorded(store, &calls[0]).await, [1, 2]);
    assert_eq!(recorded(store, &calls[1]).await, [1, 2]);
    assert!(store.load(&calls[2]).await.unwrap().is_none());
}

pub async fn recorded_events_in_a_batch_leave_their_neighbours_alone<S: CallStore>(store: &S) {
    let calls: Vec<CallKey> = (0..9).map(|n| call("acme", &format!("c{n}"))).collect();
    for culprit in &calls[3..5] {
        store.append(&[frame(culprit, 1)]).await;
    }
    let batch: Vec<Frame> = calls
        .iter()
        .enumerate()
        .map(|(n, key)| match n {
            3 | 4 => Frame { key: frame(key, 1).key, ..frame(key, 2) },
            _ => frame(key, 1),
        })
        .collect();
    let verdicts = store.append(&batch).await;
    for (n, verdict) in verdicts.iter().enumerate() {
        assert_eq!(*verdict, if n == 3 || n == 4 { CONFLICT } else { Ok(()) }, "call {n}");
        assert_eq!(recorded(store, &calls[n]).await, [1], "call {n}");
    }
}

pub async fn a_text_of_another_call_is_refused_and_leaves_the_neighbours_alone<S: CallStore + SmsOutbox>(store: &S) {
    let (c1, c2) = (call("acme", "c1"), call("acme", "c2"));
    for foreign in [call("other", "c1"), call("acme", "c9")] {
        let bad = frame_owing(&c1, 1, vec![text(&foreign, "leak", Priority::P1)]);
        let verdicts = store.append(&[bad, frame(&c1, 2)]).await;
        assert!(matches!(&verdicts[..], [Err(AppendError::Refused(_)), Err(AppendError::Refused(_))]), "{verdicts:?}");
        assert!(store.load(&c1).await.unwrap().is_none());
    }
    let bad = frame_owing(&c1, 1, vec![text(&call("other", "c1"), "leak", Priority::P1)]);
    let verdicts = store.append(&[bad, frame(&c2, 1)]).await;
    assert!(matches!(&verdicts[..], [Err(AppendError::Refused(_)), Ok(())]), "{verdicts:?}");
    assert_eq!(recorded(store, &c2).await, [1]);
    assert!(store.latest(None, 10).await.unwrap().is_empty());
}

pub async fn a_text_is_written_with_its_frame_or_not_at_all<S: CallStore + SmsOutbox>(store: &S) {
    let (c1, c2) = (call("acme", "c1"), call("acme", "c2"));
    let owed = |key: &CallKey, seq, reason| frame_owing(key, seq, vec![text(key, reason, Priority::P2)]);
    let batch = [owed(&c1, 1, "first"), owed(&c1, 2, "second"), owed(&c2, 7, "stale")];
    assert_eq!(store.append(&batch).await, [Ok(()), Ok(()), CONFLICT]);
    let repeated = Frame { key: frame(&c1, 1).key, ..owed(&c1, 3, "repeated") };
    assert_eq!(store.append(&[repeated]).await, [CONFLICT]);

    let mut bodies: Vec<_> = store.latest(None, 10).await.unwrap().into_iter().map(|sms| sms.body).collect();
    bodies.sort();
    assert_eq!(bodies, ["P2: first".into(), "P2: second".into()]);
}

pub async fn a_text_owed_twice_stays_the_first_one<S: CallStore + SmsOutbox>(store: &S) {
    let c1 = call("acme", "c1");
    let first = text(&c1, "flood", Priority::P1);
    let again = crate::sms::NewSms { body: "another body".into(), ..first.clone() };
    let batch = [frame_owing(&c1, 1, vec![first.clone()]), frame_owing(&c1, 2, vec![again.clone()])];
    assert_eq!(store.append(&batch).await, [Ok(()), Ok(())]);
    assert_eq!(store.append(&[frame_owing(&c1, 3, vec![again])]).await, [Ok(())], "the frame is written all the same");
    let texts = store.of_call(Some(&tenant("acme")), &c1.call, 10).await.unwrap();
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].body, first.body);
}

pub async fn of_several_writers_one_wins_each_place<S: CallStore>(store: &S) {
    let c1 = call("acme", "c1");
    for seq in 1..=8 {
        let rivals: Vec<Frame> = (0..4)
            .map(|writer| Frame { key: crate::ids::EventKey::new(format!("w{writer}:{seq}")), ..frame(&c1, seq) })
            .collect();
        let verdicts = together(rivals.chunks(1).map(|frame| store.append(frame))).await.concat();
        assert_eq!(verdicts.iter().filter(|verdict| verdict.is_ok()).count(), 1, "{verdicts:?}");
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == CONFLICT).count(), 3, "{verdicts:?}");
    }
    assert_eq!(recorded(store, &c1).await, (1..=8).collect::<Vec<u64>>());
}

pub async fn many_writers_of_many_calls_lose_nothing<S: CallStore>(store: &S) {
    let batches: Vec<Vec<Frame>> = (0..12).map(|n| frames(&call("acme", &format!("c{n}")), 1, 5)).collect();
    let verdicts = together(batches.iter().map(|batch| store.append(batch))).await.concat();
    assert_eq!(verdicts, vec![Ok(()); 60]);
    for batch in &batches {
        assert_eq!(recorded(store, &batch[0].call).await, [1, 2, 3, 4, 5]);
    }
}

pub async fn an_empty_batch_is_nothing<S: CallStore>(store: &S) {
    assert!(store.append(&[]).await.is_empty());
    assert_eq!(store.last_position().await.unwrap(), 0);
}

/// The sequence numbers on record.
async fn recorded<S: CallStore>(store: &S, call: &CallKey) -> Vec<u64> {
    store.timeline(call, 0, 100).await.unwrap().iter().map(|frame| frame.seq).collect()
}
