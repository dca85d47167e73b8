//! The group commit: frames of many calls in one transaction of a few statements, because every statement costs a
//! hand-over to the connection's thread, and every transaction a sync to disk.
//!
//! The guard is a read inside the transaction that writes: the write lock is taken first (`BEGIN IMMEDIATE`), so
//! nobody can append in between. If the database refuses a batch for what is in it, each call's frames are tried in a
//! transaction of their own: one bad frame never fails its neighbours.

use std::collections::HashMap;

use engine::call::{Direction, Frame};
use engine::ids::CallKey;
use engine::ports::AppendError;
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::rows::{Columns, json, signed};
use super::{Holds, SqliteStore, rows, unavailable};
use crate::stores::batch::{Group, Verdict, groups, status};

/// Rows per statement: 20 columns of it stay under SQLite's 32,766 variables.
const ROWS: usize = 1_000;

impl SqliteStore {
    pub(super) async fn append_frames(&self, frames: &[Frame]) -> Vec<Verdict> {
        let groups = groups(frames);
        let mut verdicts = vec![Ok(()); frames.len()];
        let appended = self.try_append(&groups).await;
        self.disk.note(&appended);
        match appended {
            Ok(of_groups) => {
                groups.iter().zip(of_groups).for_each(|(group, verdict)| group.give(verdict, &mut verdicts));
            }
            Err(error) if groups.len() > 1 && is_about_the_data(&error) => {
                for group in &groups {
                    group.give(self.append_alone(group).await, &mut verdicts);
                }
            }
            Err(error) => verdicts.fill(Err(verdict_of(error))),
        }
        verdicts
    }

    async fn append_alone(&self, group: &Group<'_>) -> Verdict {
        match self.try_append(std::slice::from_ref(group)).await {
            Ok(mut verdicts) => verdicts.remove(0),
            Err(error) => Err(verdict_of(error)),
        }
    }

    /// What came before the first frames of a call that is not known here.
    fn before(&self, group: &Group<'_>) -> u64 {
        match self.holds {
            Holds::Everything => 0,
            Holds::TheRest => group.frames[0].seq.saturating_sub(1),
        }
    }

    /// One verdict per group. An error wrote nothing.
    async fn try_append(&self, groups: &[Group<'_>]) -> Result<Vec<Verdict>, sqlx::Error> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let last_seqs = last_seqs(&mut transaction, groups).await?;
        let mut verdicts = Vec::with_capacity(groups.len());
        let mut good = Vec::with_capacity(groups.len());
        for group in groups {
            let before = last_seqs.get(group.call()).copied().unwrap_or_else(|| self.before(group));
            let verdict = group.verdict(before);
            if verdict.is_ok() {
                good.push(group);
            }
            verdicts.push(verdict);
        }
        for chunk in good.chunks(ROWS) {
            write_calls(&mut transaction, chunk).await?;
        }
        let frames: Vec<&Frame> = good.iter().flat_map(|group| group.frames.iter().copied()).collect();
        for chunk in frames.chunks(ROWS) {
            write_frames(&mut transaction, chunk).await?;
        }
        let texts: Vec<_> = frames.iter().flat_map(|frame| &frame.texts).collect();
        for chunk in texts.chunks(ROWS) {
            super::outbox::write_texts(&mut transaction, chunk).await?;
        }
        super::alerts::write_notices(&mut transaction, &frames).await?;
        transaction.commit().await?;
        Ok(verdicts)
    }
}

fn is_about_the_data(error: &sqlx::Error) -> bool {
    matches!(verdict_of_ref(error), AppendError::Conflict | AppendError::Refused(_))
}

fn verdict_of(error: sqlx::Error) -> AppendError {
    match verdict_of_ref(&error) {
        AppendError::Unavailable(_) => AppendError::Unavailable(unavailable(error)),
        verdict => verdict,
    }
}

/// Primary result codes of SQLite that blame the data: TOOBIG 18, CONSTRAINT 19, MISMATCH 20, RANGE 25.
fn verdict_of_ref(error: &sqlx::Error) -> AppendError {
    let Some(database) = error.as_database_error() else {
        return match error {
            sqlx::Error::Encode(_) => AppendError::Refused("cannot be encoded".to_owned()),
            _ => AppendError::Unavailable(engine::failure::Failure::retry("sqlite")),
        };
    };
    if database.is_unique_violation() {
        return AppendError::Conflict;
    }
    let code = database.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    match code {
        Some(18 | 19 | 20 | 25) => AppendError::Refused(database.message().to_owned()),
        _ => AppendError::Unavailable(engine::failure::Failure::retry("sqlite")),
    }
}

type Writing<'t> = Transaction<'t, Sqlite>;

async fn last_seqs(transaction: &mut Writing<'_>, groups: &[Group<'_>]) -> Result<HashMap<CallKey, u64>, sqlx::Error> {
    let mut last = HashMap::with_capacity(groups.len());
    for chunk in groups.chunks(ROWS) {
        let mut query = rows::wanted(chunk.iter().map(Group::call));
        query.push(
            "SELECT calls.tenant, id, last_seq FROM wanted CROSS JOIN calls \
             ON calls.tenant = wanted.tenant AND id = wanted.call_id",
        );
        for row in query.build().persistent(chunk.len() == 1).fetch_all(&mut **transaction).await? {
            let key = rows::call_key(&row, "id").map_err(|e| sqlx::Error::Decode(e.to_string().into()))?;
            let seq = row.number("last_seq").map_err(|e| sqlx::Error::Decode(e.to_string().into()))?;
            last.insert(key, seq);
        }
    }
    Ok(last)
}

async fn write_calls(transaction: &mut Writing<'_>, groups: &[&Group<'_>]) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::new(
        "INSERT INTO calls (tenant, id, platform, direction, phase, status, priority, phone_number, caller_name, \
         started_at, ended_at, duration_s, ended_reason, ended_group, updated_at, last_seq, state) ",
    );
    query.push_values(groups, |mut row, group| {
        let frame = group.last();
        let call = &frame.state;
        row.push_bind(frame.call.tenant.as_str())
            .push_bind(frame.call.call.as_str())
            .push_bind(call.platform.as_ref())
            .push_bind(call.direction.map(Direction::as_str))
            .push_bind(call.phase.as_str())
            .push_bind(status(call))
            .push_bind(call.priority.map(|priority| priority.as_str()))
            .push_bind(call.other_side())
            .push_bind(call.caller_name.as_deref())
            .push_bind(call.started_at.to_string())
            .push_bind(call.ended_at.map(|at| at.to_string()))
            .push_bind(call.duration_s)
            .push_bind(call.ended_reason.as_deref())
            .push_bind(call.ended_group.as_deref())
            .push_bind(call.updated_at.to_string())
            .push_bind(signed(frame.seq))
            .push_bind(json(&**call));
    });
    query.push(
        " ON CONFLICT (tenant, id) DO UPDATE SET direction = excluded.direction, phase = excluded.phase, \
         status = excluded.status, priority = excluded.priority, phone_number = excluded.phone_number, \
         caller_name = excluded.caller_name, started_at = excluded.started_at, ended_at = excluded.ended_at, \
         duration_s = excluded.duration_s, ended_reason = excluded.ended_reason, \
         ended_group = excluded.ended_group, updated_at = excluded.updated_at, last_seq = excluded.last_seq, \
         state = excluded.state, words_gone = 0",
    );
    query.build().persistent(groups.len() == 1).execute(&mut **transaction).await.map(drop)
}

async fn write_frames(transaction: &mut Writing<'_>, frames: &[&Frame]) -> Result<(), sqlx::Error> {
    let mut query =
        QueryBuilder::new("INSERT INTO call_frames (tenant, call_id, seq, key, at, decided_at, facts, answer) ");
    query.push_values(frames, |mut row, frame| {
        row.push_bind(frame.call.tenant.as_str())
            .push_bind(frame.call.call.as_str())
            .push_bind(signed(frame.seq))
            .push_bind(frame.key.as_str())
            .push_bind(frame.at.to_string())
            .push_bind(frame.decided_at.to_string())
            .push_bind(json(&frame.facts))
            .push_bind(json(&frame.answer));
    });
    query.build().persistent(frames.len() == 1).execute(&mut **transaction).await.map(drop)
}
