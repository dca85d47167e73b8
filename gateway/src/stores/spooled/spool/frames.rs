//! The frames that wait, the calls that came first in front.

use std::collections::HashMap;
use std::sync::Arc;

use engine::call::{Call, Frame};
use engine::failure::Failure;
use engine::ids::{CallKey, EventKey};
use engine::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, Transaction};

use super::super::metrics;
use super::{Spool, unavailable};
use crate::stores::sqlite::rows::{self, Columns, bounded, signed};
use std::sync::atomic::Ordering;

/// All frames of one call that wait, in order. Each has the call as it is after the last of them.
pub struct Waiting {
    pub call: CallKey,
    pub frames: Vec<Frame>,
}

/// An event that could not be processed and was kept for people to look at.
pub struct Quarantined {
    pub call: CallKey,
    pub key: EventKey,
    pub raw: String,
    pub why: String,
    pub at: Timestamp,
}

impl Spool {
    /// The calls of the first `limit` frames, each with all of its frames.
    pub async fn waiting(&self, limit: usize) -> Result<Vec<Waiting>, Failure> {
        // One look at everything: a frame that comes in between must not find its way into the state alone.
        let mut looking = self.store.readers.begin().await.map_err(unavailable)?;
        let query = sqlx::query(
            "SELECT tenant, call_id FROM (SELECT tenant, call_id, position FROM call_frames ORDER BY position LIMIT ?) \
             GROUP BY tenant, call_id ORDER BY min(position)",
        );
        let first = query.bind(bounded(limit)).fetch_all(&mut *looking).await.map_err(unavailable)?;
        let calls = first.iter().map(|row| rows::call_key(row, "call_id")).collect::<Result<Vec<_>, _>>()?;
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let states = states(&mut looking, &calls).await?;
        let mut frames = frames(&mut looking, &calls, &states).await?;
        let waiting = calls.into_iter().map(|call| Waiting { frames: frames.remove(&call).unwrap_or_default(), call });
        Ok(waiting.filter(|waiting| !waiting.frames.is_empty()).collect())
    }

    /// Forgets the call's frames up to this one, and the call if nothing is left of it.
    pub async fn forget_frames(&self, moved: &[(CallKey, u64)]) -> Result<(), Failure> {
        let mut transaction = self.begin().await?;
        let mut forgotten = 0;
        for (call, upto) in moved {
            let query = sqlx::query("DELETE FROM call_frames WHERE tenant = ? AND call_id = ? AND seq <= ?");
            let query = query.bind(call.tenant.as_str()).bind(call.call.as_str()).bind(signed(*upto));
            forgotten += query.execute(&mut *transaction).await.map_err(unavailable)?.rows_affected();
            let query = sqlx::query(
                "DELETE FROM calls WHERE tenant = ?1 AND id = ?2 \
                 AND NOT EXISTS (SELECT 1 FROM call_frames WHERE tenant = ?1 AND call_id = ?2)",
            );
            let query = query.bind(call.tenant.as_str()).bind(call.call.as_str());
            query.execute(&mut *transaction).await.map_err(unavailable)?;
        }
        transaction.commit().await.map_err(unavailable)?;
        metrics::unconfirmed(self.frames.fetch_sub(forgotten, Ordering::AcqRel) - forgotten);
        Ok(())
    }

    pub async fn quarantined(&self) -> Result<Vec<Quarantined>, Failure> {
        let read = sqlx::query("SELECT * FROM quarantined_events").fetch_all(&self.store.readers).await;
        let quarantined = |row: &SqliteRow| {
            Ok(Quarantined {
                call: rows::call_key(row, "call_id")?,
                key: EventKey::new(row.text("key")?),
                raw: row.text("raw")?.into_owned(),
                why: row.text("why")?.into_owned(),
                at: row.time("at")?,
            })
        };
        read.map_err(unavailable)?.iter().map(quarantined).collect()
    }

    pub async fn forget_quarantined(&self, call: &CallKey, key: &EventKey) -> Result<(), Failure> {
        let query = sqlx::query("DELETE FROM quarantined_events WHERE tenant = ? AND call_id = ? AND key = ?");
        let query = query.bind(call.tenant.as_str()).bind(call.call.as_str()).bind(key.as_str());
        query.execute(&self.store.writer).await.map(drop).map_err(unavailable)
    }
}

type Looking<'t> = Transaction<'t, Sqlite>;

async fn states(looking: &mut Looking<'_>, calls: &[CallKey]) -> Result<HashMap<CallKey, Arc<Call>>, Failure> {
    let mut query = rows::wanted(calls);
    query.push(
        "SELECT calls.tenant, id, state FROM wanted CROSS JOIN calls \
         ON calls.tenant = wanted.tenant AND id = wanted.call_id",
    );
    let read = query.build().persistent(false).fetch_all(&mut **looking).await.map_err(unavailable)?;
    read.iter().map(|row| Ok((rows::call_key(row, "id")?, Arc::new(rows::state(row)?)))).collect()
}

async fn frames(
    looking: &mut Looking<'_>,
    calls: &[CallKey],
    states: &HashMap<CallKey, Arc<Call>>,
) -> Result<HashMap<CallKey, Vec<Frame>>, Failure> {
    let mut query = rows::wanted(calls);
    query.push(
        "SELECT frame.* FROM wanted CROSS JOIN call_frames AS frame \
         ON frame.tenant = wanted.tenant AND frame.call_id = wanted.call_id ORDER BY frame.tenant, frame.call_id, seq",
    );
    let read = query.build().persistent(false).fetch_all(&mut **looking).await.map_err(unavailable)?;
    let mut frames: HashMap<CallKey, Vec<Frame>> = HashMap::new();
    for row in &read {
        let call = rows::call_key(row, "call_id")?;
        let state = states.get(&call).ok_or_else(|| Failure::fail("spool: a frame without its call"))?.clone();
        frames.entry(call.clone()).or_default().push(frame(row, call, state)?);
    }
    Ok(frames)
}

/// Its texts and alerts have rows of their own.
fn frame(row: &SqliteRow, call: CallKey, state: Arc<Call>) -> Result<Frame, Failure> {
    let recorded = rows::recorded(row)?;
    Ok(Frame {
        call,
        seq: row.number("seq")?,
        key: EventKey::new(row.text("key")?),
        at: row.time("at")?,
        decided_at: row.time("decided_at")?,
        facts: recorded.facts,
        answer: recorded.answer,
        texts: Vec::new(),
        state,
    })
}
