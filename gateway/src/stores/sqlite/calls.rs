//! Reading calls and their history.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use engine::alert::AlertBrief;
use engine::call::{CallView, Frame, Phase, SmsCounts};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::{AppendError, CallStore, FindsCalls, Position, Recorded, SilentCall, StoredCall, StoredFrame};
use engine::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use super::rows::{Columns, bounded, signed};
use super::{SqliteStore, rows, unavailable};

/// Counts of messages of every call that has some among those a query is about.
type Counts = HashMap<CallKey, SmsCounts>;

/// Calls asked about in one query of counts.
const CALLS_PER_QUERY: usize = 1_000;

#[async_trait]
impl FindsCalls for SqliteStore {
    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure> {
        let query = sqlx::query("SELECT tenant, id, state FROM calls WHERE status = 'active'");
        let read = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        self.views(&read).await
    }

    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure> {
        let query = sqlx::query(
            "SELECT tenant, id, state FROM calls WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2) \
             ORDER BY updated_at DESC LIMIT 1",
        );
        let query = query.bind(id.as_str()).bind(tenant.map(TenantId::as_str));
        let read = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        Ok(self.views(&read).await?.pop())
    }
}

#[async_trait]
impl CallStore for SqliteStore {
    async fn append(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>> {
        self.append_frames(frames).await
    }

    async fn load(&self, call: &CallKey) -> Result<Option<StoredCall>, Failure> {
        let query = sqlx::query("SELECT state FROM calls WHERE tenant = ? AND id = ?");
        let row = query.bind(call.tenant.as_str()).bind(call.call.as_str()).fetch_optional(&self.readers);
        let Some(row) = row.await.map_err(unavailable)? else { return Ok(None) };
        let state = Arc::new(rows::state(&row)?);
        let query = sqlx::query("SELECT key FROM call_frames WHERE tenant = ? AND call_id = ? AND seq <= ?");
        let query = query.bind(call.tenant.as_str()).bind(call.call.as_str());
        // A commit between the two reads must not add a key the state knows nothing of.
        let keys = query.bind(signed(state.seq)).fetch_all(&self.readers);
        let keys = keys.await.map_err(unavailable)?;
        let digest = |row: &SqliteRow| Ok(EventKey::new(row.text("key")?).digest());
        Ok(Some(StoredCall { state, keys: keys.iter().map(digest).collect::<Result<_, Failure>>()? }))
    }

    async fn recorded(&self, call: &CallKey, key: &EventKey) -> Result<Option<Recorded>, Failure> {
        let query = sqlx::query("SELECT facts, answer FROM call_frames WHERE tenant = ? AND call_id = ? AND key = ?");
        let query = query.bind(call.tenant.as_str()).bind(call.call.as_str()).bind(key.as_str());
        let row = query.fetch_optional(&self.readers).await.map_err(unavailable)?;
        row.as_ref().map(rows::recorded).transpose()
    }

    async fn frames_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(StoredFrame, Arc<CallView>)>, Failure> {
        let query = sqlx::query(
            "SELECT position, tenant, call_id, seq, at, decided_at, facts FROM call_frames \
             WHERE position > ? ORDER BY position LIMIT ?",
        );
        let query = query.bind(signed(position)).bind(bounded(limit));
        let read = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        let frames = read.iter().map(rows::frame).collect::<Result<Vec<_>, _>>()?;
        let views = self.views_of(frames.iter().map(|frame| &frame.call)).await?;
        let with_view = |frame: StoredFrame| {
            let view = views.get(&frame.call).cloned();
            Ok((frame, view.ok_or_else(|| Failure::fail("sqlite: a frame without its call"))?))
        };
        frames.into_iter().map(with_view).collect()
    }

    async fn last_position(&self) -> Result<Position, Failure> {
        let query = sqlx::query("SELECT coalesce(max(position), 0) AS position FROM call_frames");
        query.fetch_one(&self.readers).await.map_err(unavailable)?.number("position")
    }

    async fn calls_of(
        &self,
        tenant: &TenantId,
        number: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<CallView>>, Failure> {
        let query = sqlx::query(
            "SELECT tenant, id, state FROM calls WHERE tenant = ? AND phone_number = ? AND started_at < ? \
             ORDER BY started_at DESC LIMIT ?",
        );
        let query = query.bind(tenant.as_str()).bind(number).bind(before.to_string()).bind(bounded(limit));
        let read = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        self.views(&read).await
    }

    async fn timeline(&self, call: &CallKey, after_seq: u64, limit: usize) -> Result<Vec<StoredFrame>, Failure> {
        let query =
            sqlx::query("SELECT * FROM call_frames WHERE tenant = ? AND call_id = ? AND seq > ? ORDER BY seq LIMIT ?");
        let query = query.bind(call.tenant.as_str()).bind(call.call.as_str());
        let query = query.bind(signed(after_seq)).bind(bounded(limit));
        query.fetch_all(&self.readers).await.map_err(unavailable)?.iter().map(rows::frame).collect()
    }

    async fn silent(&self, cutoffs: &[(Phase, Timestamp)], limit: usize) -> Result<Vec<SilentCall>, Failure> {
        let mut silent = Vec::new();
        for (phase, cutoff) in cutoffs.iter().filter(|(phase, _)| phase.is_live()) {
            let query = sqlx::query(
                "SELECT tenant, id, updated_at FROM calls \
                 WHERE status = 'active' AND phase = ? AND updated_at < ? ORDER BY updated_at LIMIT ?",
            );
            let query = query.bind(phase.as_str()).bind(cutoff.to_string()).bind(bounded(limit));
            for row in query.fetch_all(&self.readers).await.map_err(unavailable)? {
                let (call, updated_at) = (rows::call_key(&row, "id")?, row.time("updated_at")?);
                silent.push(SilentCall { call, phase: *phase, updated_at });
            }
        }
        silent.sort_by_key(|call| call.updated_at);
        silent.truncate(limit);
        Ok(silent)
    }

    async fn quarantine(
        &self,
        call: &CallKey,
        key: &EventKey,
        raw: &str,
        why: &str,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let query = sqlx::query(
            "INSERT INTO quarantined_events (tenant, call_id, key, raw, why, at) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        );
        let query = query.bind(call.tenant.as_str()).bind(call.call.as_str()).bind(key.as_str());
        let query = query.bind(raw).bind(why).bind(at.to_string());
        query.execute(&self.writer).await.map(drop).map_err(unavailable)
    }
}

impl SqliteStore {
    /// These calls as they stand, each read once however often it is asked about.
    async fn views_of(
        &self,
        calls: impl Iterator<Item = &CallKey>,
    ) -> Result<HashMap<CallKey, Arc<CallView>>, Failure> {
        let mut views = HashMap::new();
        for chunk in distinct(calls).chunks(CALLS_PER_QUERY) {
            let mut query = rows::wanted(chunk.iter().copied());
            query.push(
                "SELECT calls.tenant, id, state FROM wanted CROSS JOIN calls \
                 ON calls.tenant = wanted.tenant AND id = wanted.call_id",
            );
            let read =
                query.build().persistent(chunk.len() == 1).fetch_all(&self.readers).await.map_err(unavailable)?;
            let key = |view: Arc<CallView>| (CallKey { tenant: view.tenant.clone(), call: view.id.clone() }, view);
            views.extend(self.views(&read).await?.into_iter().map(key));
        }
        Ok(views)
    }

    pub(super) async fn views(&self, read: &[SqliteRow]) -> Result<Vec<Arc<CallView>>, Failure> {
        let keys = read.iter().map(|row| rows::call_key(row, "id")).collect::<Result<Vec<_>, _>>()?;
        let counts = self.counts_of(keys.iter()).await?;
        let alerts = self.alerts_among(keys.iter()).await?;
        let view = |(key, row): (&CallKey, &SqliteRow)| {
            Ok(rows::view(key, &rows::state(row)?, of(&counts, key), alerts.get(key).cloned()))
        };
        keys.iter().zip(read).map(view).collect()
    }

    async fn alerts_among(
        &self,
        calls: impl Iterator<Item = &CallKey>,
    ) -> Result<HashMap<CallKey, AlertBrief>, Failure> {
        let mut alerts = HashMap::new();
        for chunk in distinct(calls).chunks(CALLS_PER_QUERY) {
            alerts.extend(self.alerts_of(chunk).await?);
        }
        Ok(alerts)
    }

    /// How the messages of these calls fare, asked once for all of them.
    async fn counts_of(&self, calls: impl Iterator<Item = &CallKey>) -> Result<Counts, Failure> {
        let mut counts = Counts::new();
        for chunk in distinct(calls).chunks(CALLS_PER_QUERY) {
            for row in counting(chunk)
                .build()
                .persistent(chunk.len() == 1)
                .fetch_all(&self.readers)
                .await
                .map_err(unavailable)?
            {
                let messages = row.number("messages")?;
                counts.entry(rows::call_key(&row, "call_id")?).or_default().add(rows::sms_state(&row)?, messages);
            }
        }
        Ok(counts)
    }
}

fn distinct<'a>(calls: impl Iterator<Item = &'a CallKey>) -> Vec<&'a CallKey> {
    let mut calls: Vec<&CallKey> = calls.collect();
    calls.sort();
    calls.dedup();
    calls
}

fn counting(calls: &[&CallKey]) -> QueryBuilder<Sqlite> {
    let mut query = rows::wanted(calls.iter().copied());
    query.push(
        "SELECT text.tenant, text.call_id, state, count(*) AS messages FROM wanted CROSS JOIN sms_messages AS text \
         ON text.call_id = wanted.call_id AND text.tenant = wanted.tenant \
         GROUP BY text.tenant, text.call_id, state",
    );
    query
}

fn of(counts: &Counts, call: &CallKey) -> SmsCounts {
    counts.get(call).copied().unwrap_or_default()
}
