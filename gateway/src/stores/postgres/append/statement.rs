//! The statement that appends. Everything it writes hangs on the calls it takes, so nothing is written of the others.

use std::collections::HashSet;

use engine::call::{Direction, Frame};
use engine::ids::CallKey;
use sqlx::PgExecutor;
use sqlx::postgres::PgRow;

use super::super::outbox::{self, offered_texts};
use super::super::values::{At, maybe_at, maybe_text, text};
use super::super::{locks, rows};
use crate::stores::batch::{Group, status};
use rows::{column, json, signed};

/// `turn`: one batch at a time, over all nodes, so that positions are in the order of commits. Everything reads from
/// it, so that the lock comes first; it ends with the transaction.
/// `moved`, `begun`: the guard. A row another writer has moved meanwhile is waited for and looked at again by Postgres.
/// `$1` and `$2` are the lock, `$3` the commit's own id, `$4`-`$21` calls, `$22`-`$29` frames, `$30`-`$44` texts.
const APPEND: &str = concat!(
    "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock($1, $2)), \
     offered AS MATERIALIZED (SELECT offered.* FROM turn, unnest($4::text[], $5::text[], $6::text[], $7::text[], \
     $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], \
     $15::bigint[], $16::text[], $17::text[], $18::timestamptz[], $19::bigint[], $20::text[], $21::bigint[]) \
     AS offered (tenant, id, platform, direction, phase, status, priority, phone_number, caller_name, started_at, \
     ended_at, duration_s, ended_reason, ended_group, updated_at, last_seq, state, expected)), \
     moved AS (UPDATE calls SET direction = offered.direction, phase = offered.phase, status = offered.status, \
     priority = offered.priority, phone_number = offered.phone_number, caller_name = offered.caller_name, \
     started_at = offered.started_at, ended_at = offered.ended_at, duration_s = offered.duration_s, \
     ended_reason = offered.ended_reason, ended_group = offered.ended_group, updated_at = offered.updated_at, \
     last_seq = offered.last_seq, state = offered.state, words_gone = false FROM offered \
     WHERE calls.tenant = offered.tenant AND calls.id = offered.id AND calls.last_seq = offered.expected \
     RETURNING calls.tenant, calls.id AS call_id), \
     begun AS (INSERT INTO calls (tenant, id, platform, direction, phase, status, priority, phone_number, caller_name, \
     started_at, ended_at, duration_s, ended_reason, ended_group, updated_at, last_seq, state) \
     SELECT tenant, id, platform, direction, phase, status, priority, phone_number, caller_name, started_at, ended_at, \
     duration_s, ended_reason, ended_group, updated_at, last_seq, state FROM offered WHERE expected = 0 \
     ON CONFLICT (tenant, id) DO NOTHING RETURNING tenant, id AS call_id), \
     taken AS (SELECT * FROM moved UNION ALL SELECT * FROM begun), \
     written AS (INSERT INTO call_frames (tenant, call_id, seq, key, at, decided_at, facts, answer, commit_id) \
     SELECT tenant, call_id, seq, key, at, decided_at, facts, answer, $3 FROM unnest($22::text[], $23::text[], \
     $24::bigint[], $25::text[], $26::timestamptz[], $27::timestamptz[], $28::text[], $29::text[]) WITH ORDINALITY \
     AS frame (tenant, call_id, seq, key, at, decided_at, facts, answer, place) JOIN taken USING (tenant, call_id) \
     ORDER BY place), \
     owed AS (",
    outbox::write_texts!(
        "$30::text[], $31::text[], $32::text[], $33::text[], $34::text[], $35::text[], $36::text[], $37::text[], \
         $38::bigint[], $39::text[], $40::text[], $41::text[], $42::timestamptz[], $43::timestamptz[], \
         $44::timestamptz[]",
        " JOIN taken ON taken.tenant = text.tenant AND taken.call_id = text.of_call"
    ),
    ") SELECT tenant, call_id FROM taken"
);

/// The calls whose frames were taken: all of a call's, or none.
pub(super) async fn append(
    on: impl PgExecutor<'_>,
    groups: &[&Group<'_>],
    commit_id: i64,
) -> Result<HashSet<CallKey>, sqlx::Error> {
    let last: Vec<&Frame> = groups.iter().map(|group| group.last()).collect();
    // In the order of the batch, as far as one call is concerned: that is the order of their positions.
    let frames: Vec<&Frame> = groups.iter().flat_map(|group| group.frames.iter().copied()).collect();
    let texts = frames.iter().flat_map(|frame| frame.texts.iter().map(|text| (text, frame.call.call.as_str())));
    let texts: Vec<_> = texts.collect();
    let query = sqlx::query(APPEND)
        .bind(locks::APPENDING)
        .bind(0_i32)
        .bind(commit_id)
        .bind(column(&last, |frame| text(frame.call.tenant.as_str())))
        .bind(column(&last, |frame| text(frame.call.call.as_str())))
        .bind(column(&last, |frame| text(&frame.state.platform)))
        .bind(column(&last, |frame| frame.state.direction.map(Direction::as_str)))
        .bind(column(&last, |frame| frame.state.phase.as_str()))
        .bind(column(&last, |frame| status(&frame.state)))
        .bind(column(&last, |frame| frame.state.priority.map(|priority| priority.as_str())))
        .bind(column(&last, |frame| maybe_text(frame.state.other_side())))
        .bind(column(&last, |frame| maybe_text(frame.state.caller_name.as_deref())))
        .bind(column(&last, |frame| At(frame.state.started_at)))
        .bind(column(&last, |frame| maybe_at(frame.state.ended_at)))
        .bind(column(&last, |frame| frame.state.duration_s.map(i64::from)))
        .bind(column(&last, |frame| maybe_text(frame.state.ended_reason.as_deref())))
        .bind(column(&last, |frame| maybe_text(frame.state.ended_group.as_deref())))
        .bind(column(&last, |frame| At(frame.state.updated_at)))
        .bind(column(&last, |frame| signed(frame.seq)))
        .bind(column(&last, |frame| json(&*frame.state)))
        .bind(column(groups, |group| signed(group.frames[0].seq - 1)))
        .bind(column(&frames, |frame| text(frame.call.tenant.as_str())))
        .bind(column(&frames, |frame| text(frame.call.call.as_str())))
        .bind(column(&frames, |frame| signed(frame.seq)))
        .bind(column(&frames, |frame| text(frame.key.as_str())))
        .bind(column(&frames, |frame| At(frame.at)))
        .bind(column(&frames, |frame| At(frame.decided_at)))
        .bind(column(&frames, |frame| json(&frame.facts)))
        .bind(column(&frames, |frame| json(&frame.answer)));
    let taken = offered_texts(query, &texts).fetch_all(on).await?;
    taken.iter().map(call_key).collect()
}

pub(super) fn call_key(row: &PgRow) -> Result<CallKey, sqlx::Error> {
    rows::call_key(row, "call_id").map_err(|failure| sqlx::Error::Decode(failure.to_string().into()))
}
