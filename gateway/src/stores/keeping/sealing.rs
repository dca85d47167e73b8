//! A call without what is to be forgotten. Its frames are rewritten a few at a time; then a frame of its own is
//! appended that says so. That frame is the guard: a call that is still in memory with all it knew cannot append any
//! more, is loaded again, and writes nothing back. Whoever follows the frames of the call hears of it like of anything.

use engine::call::{Answer, Call, Fact, Phase};
use engine::failure::Failure;
use engine::ids::CallKey;
use engine::time::Timestamp;

use super::ground::{Arg, Ground, Statement, Turn, of_call, of_call_and};
use super::rewriting::Out;
use crate::stores::columns::{json, signed};

pub const FRAMES_AT_ONCE: usize = 256;
/// How often a call that moves meanwhile is gone through again.
const TRIES: usize = 3;

const FRAMES: &str = "SELECT CAST(seq AS text), facts, answer FROM call_frames \
    WHERE tenant = $1 AND call_id = $2 AND seq > $3 ORDER BY seq LIMIT $4";
const REWRITE: &str = "UPDATE call_frames SET facts = $4, answer = $5 WHERE tenant = $1 AND call_id = $2 AND seq = $3";
const SNAPSHOT: &str = "SELECT status, CAST(last_seq AS text), state FROM calls WHERE tenant = $1 AND id = $2";
const SEAL: &str = "UPDATE calls SET state = $3, phone_number = $4, caller_name = $5, last_seq = $6, updated_at = $7 \
    WHERE tenant = $1 AND id = $2 AND last_seq = $8 AND status <> 'active'";

/// A frame as far as it is rewritten.
pub struct Written {
    pub seq: i64,
    facts: String,
    answer: String,
}

pub async fn frames_after(ground: &impl Ground, call: &CallKey, seq: i64) -> Result<Vec<Written>, Failure> {
    let limit = i64::try_from(FRAMES_AT_ONCE).unwrap_or(i64::MAX);
    let lines = ground.read(FRAMES, of_call_and(call, [seq.into(), limit.into()])).await?;
    let written = |line: &super::Line| {
        Ok(Written { seq: line.number(0)?, facts: line.text(1).to_owned(), answer: line.text(2).to_owned() })
    };
    lines.iter().map(written).collect()
}

/// The statement that rewrites the frame, if it must be.
pub fn put_frame(call: &CallKey, frame: &Written, out: Out<'_>) -> Option<Statement> {
    let (facts, answer) = (out.facts(&frame.facts), out.answer(&frame.answer));
    if facts.is_none() && answer.is_none() {
        return None;
    }
    let facts = facts.unwrap_or_else(|| frame.facts.clone());
    let answer = answer.unwrap_or_else(|| frame.answer.clone());
    Some(Statement::new(REWRITE, of_call_and(call, [frame.seq.into(), facts.into(), answer.into()])))
}

/// False: the call is under way, or moves all the time.
pub async fn seal<G: Ground>(ground: &G, call: &CallKey, out: Out<'_>, now: Timestamp) -> Result<bool, Failure> {
    for _ in 0..TRIES {
        let snapshot = ground.read(SNAPSHOT, of_call(call)).await?;
        let Some(snapshot) = snapshot.first() else { return Ok(true) };
        if snapshot.text(0) == "active" {
            return Ok(false);
        }
        let seq = snapshot.number(1)?;
        rewrite_all(ground, call, out).await?;
        let state = out.state(snapshot.text(2)).unwrap_or_else(|| unreadable(call, seq, now));
        if ground.write(Turn::Appending, &sealing::<G>(call, state, seq, out, now)).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn rewrite_all(ground: &impl Ground, call: &CallKey, out: Out<'_>) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let page = frames_after(ground, call, after).await?;
        let put: Vec<Statement> = page.iter().filter_map(|frame| put_frame(call, frame, out)).collect();
        if !put.is_empty() {
            ground.write(Turn::Any, &put).await?;
        }
        match page.last() {
            Some(last) if page.len() == FRAMES_AT_ONCE => after = last.seq,
            _ => return Ok(()),
        }
    }
}

/// The snapshot as it is now, and the frame that says why.
fn sealing<G: Ground>(call: &CallKey, mut state: Call, seq: i64, out: Out<'_>, now: Timestamp) -> [Statement; 2] {
    let facts = [Fact::Forgotten { what: out.what }];
    state.advance(&facts, now, now);
    let next = signed(state.seq);
    let moved: [Arg; 6] = [
        json(&state).into(),
        state.other_side().into(),
        state.caller_name.as_deref().into(),
        next.into(),
        now.into(),
        seq.into(),
    ];
    let key = format!("forgotten:{}:{next}", out.what.as_str());
    let frame: [Arg; 6] =
        [next.into(), key.into(), now.into(), now.into(), json(&facts).into(), json(&Answer::Ack).into()];
    [
        Statement::new(SEAL, of_call_and(call, moved)).touching(1),
        Statement::new(G::INSERT_FRAME, of_call_and(call, frame)).touching(1),
    ]
}

/// Stands for a snapshot nobody can read any more: of a call that is over, and of which nothing is known.
fn unreadable(call: &CallKey, seq: i64, now: Timestamp) -> Call {
    tracing::error!(call.id = %call.call, tenant = %call.tenant, "snapshot of a call cannot be read, it is emptied");
    Call { phase: Phase::Lost, seq: u64::try_from(seq).unwrap_or_default(), ..Call::new("unknown", now) }
}
