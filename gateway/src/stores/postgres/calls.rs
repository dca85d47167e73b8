//! Reading calls and their history.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::alert::AlertBrief;
use engine::call::{CallView, Frame, Phase, SmsCounts};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::{
    AppendError, CallHistory, CallStore, CallsWanted, FindsCalls, PlaceInHistory, Position, Recorded, SilentCall,
    StoredCall, StoredFrame,
};
use engine::time::Timestamp;
use sqlx::postgres::PgRow;
use tokio::time::{Instant, sleep};

use super::append::Notices;
use super::rows::{self, Columns, bounded, column, signed};
use super::values::{At, text};
use super::{PostgresStore, unavailable};

/// Counts of messages of every call that has some among those a query is about.
type Counts = HashMap<CallKey, SmsCounts>;

/// Calls asked about in one query of counts.
const CALLS_PER_QUERY: usize = 1_000;
/// Live calls read at once: few enough that nobody on the telephone waits for a page of them to be understood.
const LIVE_PER_QUERY: usize = 250;
/// Longest rest between two such pages.
const LONGEST_REST: Duration = Duration::from_millis(50);

#[async_trait]
impl FindsCalls for PostgresStore {
    /// Page by page, so that no statement takes long however many there are. A call that is said to have begun later
    /// than was thought may be passed over: its frame tells of it.
    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure> {
        let mut wanted = CallsWanted { live: Some(true), limit: LIVE_PER_QUERY, ..CallsWanted::default() };
        let mut live = Vec::new();
        loop {
            let began = Instant::now();
            let page = CallHistory::calls(self, &wanted).await?;
            wanted.after = page.last().map(|call| PlaceInHistory::of(call));
            let is_last = page.len() < LIVE_PER_QUERY;
            live.extend(page);
            if is_last {
                return Ok(live);
            }
            // Twice as long: at a start most of the machine is for those who call.
            sleep((2 * began.elapsed()).min(LONGEST_REST)).await;
        }
    }

    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure> {
        let query = sqlx::query(
            "SELECT tenant, id, state FROM calls WHERE id = $1 AND ($2::text IS NULL OR tenant = $2) \
             ORDER BY updated_at DESC LIMIT 1",
        );
        let query = query.bind(text(id.as_str())).bind(tenant.map(TenantId::as_str));
        let views = async { self.views(&query.fetch_all(&self.pool).await.map_err(unavailable)?).await };
        Ok(self.within(views).await?.pop())
    }
}

#[async_trait]
impl CallStore for PostgresStore {
    async fn append(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>> {
        self.append_frames(frames, Notices::Taken).await
    }

    async fn load(&self, call: &CallKey) -> Result<Option<StoredCall>, Failure> {
        self.within(async {
            let query = sqlx::query("SELECT state FROM calls WHERE tenant = $1 AND id = $2");
            let query = query.bind(text(call.tenant.as_str())).bind(text(call.call.as_str()));
            let Some(row) = query.fetch_optional(&self.pool).await.map_err(unavailable)? else { return Ok(None) };
            let state = Arc::new(rows::state(&row)?);
            let query = sqlx::query("SELECT key FROM call_frames WHERE tenant = $1 AND call_id = $2 AND seq <= $3");
            let query = query.bind(text(call.tenant.as_str())).bind(text(call.call.as_str()));
            // A commit between the two reads must not add a key the state knows nothing of.
            let keys = query.bind(signed(state.seq)).fetch_all(&self.pool).await.map_err(unavailable)?;
            let digest = |row: &PgRow| Ok(EventKey::new(row.text("key")?).digest());
            Ok(Some(StoredCall { state, keys: keys.iter().map(digest).collect::<Result<_, Failure>>()? }))
        })
        .await
    }

    async fn recorded(&self, call: &CallKey, key: &EventKey) -> Result<Option<Recorded>, Failure> {
        let query =
            sqlx::query("SELECT facts, answer FROM call_frames WHERE tenant = $1 AND call_id = $2 AND key = $3");
        let query = query.bind(text(call.tenant.as_str())).bind(text(call.call.as_str())).bind(text(key.as_str()));
        let row = self.within(async { query.fetch_optional(&self.pool).await.map_err(unavailable) }).await?;
        row.as_ref().map(rows::recorded).transpose()
    }

    async fn frames_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(StoredFrame, Arc<CallView>)>, Failure> {
        self.within(async {
            let query = sqlx::query(
                "SELECT position, tenant, call_id, seq, at, decided_at, facts FROM call_frames \
                 WHERE position > $1 ORDER BY position LIMIT $2",
            );
            let query = query.bind(signed(position)).bind(bounded(limit));
            let read = query.fetch_all(&self.pool).await.map_err(unavailable)?;
            let frames = read.iter().map(rows::frame).collect::<Result<Vec<_>, _>>()?;
            let views = self.views_of(frames.iter().map(|frame| &frame.call)).await?;
            let with_view = |frame: StoredFrame| {
                let view = views.get(&frame.call).cloned();
                Ok((frame, view.ok_or_else(|| Failure::fail("postgres: a frame without its call"))?))
            };
            frames.into_iter().map(with_view).collect()
        })
        .await
    }

    async fn last_position(&self) -> Result<Position, Failure> {
        let query = sqlx::query("SELECT coalesce(max(position), 0) AS position FROM call_frames");
        self.within(async { query.fetch_one(&self.pool).await.map_err(unavailable)?.number("position") }).await
    }

    async fn calls_of(
        &self,
        tenant: &TenantId,
        number: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<CallView>>, Failure> {
        let query = sqlx::query(
            "SELECT tenant, id, state FROM calls WHERE tenant = $1 AND phone_number = $2 AND started_at < $3 \
             ORDER BY started_at DESC LIMIT $4",
        );
        let query = query.bind(tenant.as_str()).bind(text(number)).bind(At(before)).bind(bounded(limit));
        self.within(async { self.views(&query.fetch_all(&self.pool).await.map_err(unavailable)?).await }).await
    }

    async fn timeline(&self, call: &CallKey, after_seq: u64, limit: usize) -> Result<Vec<StoredFrame>, Failure> {
        let query = sqlx::query(
            "SELECT position, tenant, call_id, seq, at, decided_at, facts FROM call_frames \
             WHERE tenant = $1 AND call_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        );
        let query = query.bind(text(call.tenant.as_str())).bind(text(call.call.as_str()));
        let query = query.bind(signed(after_seq)).bind(bounded(limit));
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        read.iter().map(rows::frame).collect()
    }

    async fn silent(&self, cutoffs: &[(Phase, Timestamp)], limit: usize) -> Result<Vec<SilentCall>, Failure> {
        let query = sqlx::query(
            "SELECT tenant, id, calls.phase, updated_at FROM unnest($1::text[], $2::timestamptz[]) AS cutoff (phase, at) \
             JOIN calls ON calls.phase = cutoff.phase WHERE status = 'active' AND updated_at < cutoff.at \
             ORDER BY updated_at LIMIT $3",
        );
        let live: Vec<_> = cutoffs.iter().filter(|(phase, _)| phase.is_live()).collect();
        let query = query
            .bind(column(&live, |(phase, _)| phase.as_str()))
            .bind(column(&live, |(_, cutoff)| At(*cutoff)))
            .bind(bounded(limit));
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        let silent = |row: &PgRow| {
            let phase = row.known("phase", |text| Phase::ALL.into_iter().find(|phase| phase.as_str() == text))?;
            Ok(SilentCall { call: rows::call_key(row, "id")?, phase, updated_at: row.time("updated_at")? })
        };
        read.iter().map(silent).collect()
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
            "INSERT INTO quarantined_events (tenant, call_id, key, raw, why, at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT DO NOTHING",
        );
        let query = query.bind(text(call.tenant.as_str())).bind(text(call.call.as_str())).bind(text(key.as_str()));
        let query = query.bind(text(raw)).bind(text(why)).bind(At(at));
        self.within(async { query.execute(&self.committer).await.map(drop).map_err(unavailable) }).await
    }
}

impl PostgresStore {
    /// These calls as they stand, each read once however often it is asked about.
    async fn views_of(
        &self,
        calls: impl Iterator<Item = &CallKey>,
    ) -> Result<HashMap<CallKey, Arc<CallView>>, Failure> {
        let mut views = HashMap::new();
        for chunk in distinct(calls).chunks(CALLS_PER_QUERY) {
            let query = sqlx::query(
                "SELECT calls.tenant, id, state FROM unnest($1::text[], $2::text[]) AS wanted (tenant, call_id) \
                 JOIN calls ON calls.tenant = wanted.tenant AND id = wanted.call_id",
            );
            let query = query.bind(column(chunk, |call| text(call.tenant.as_str())));
            let query = query.bind(column(chunk, |call| text(call.call.as_str())));
            let read = query.fetch_all(&self.pool).await.map_err(unavailable)?;
            let key = |view: Arc<CallView>| (CallKey { tenant: view.tenant.clone(), call: view.id.clone() }, view);
            views.extend(self.views(&read).await?.into_iter().map(key));
        }
        Ok(views)
    }

    pub(super) async fn views(&self, read: &[PgRow]) -> Result<Vec<Arc<CallView>>, Failure> {
        let keys = read.iter().map(|row| rows::call_key(row, "id")).collect::<Result<Vec<_>, _>>()?;
        let (mut counts, mut alerts) = (Counts::new(), HashMap::<CallKey, AlertBrief>::new());
        for chunk in distinct(keys.iter()).chunks(CALLS_PER_QUERY) {
            self.count_texts(chunk, &mut counts).await?;
            alerts.extend(self.alerts_of(chunk).await?);
        }
        let view = |(key, row): (&CallKey, &PgRow)| {
            let counts = counts.get(key).copied().unwrap_or_default();
            Ok(rows::view(key, &rows::state(row)?, counts, alerts.get(key).cloned()))
        };
        keys.iter().zip(read).map(view).collect()
    }

    /// How the messages of these calls fare, asked once for all of them.
    async fn count_texts(&self, calls: &[&CallKey], counts: &mut Counts) -> Result<(), Failure> {
        let query = sqlx::query(
            "SELECT text.tenant, text.call_id, state, count(*) AS messages \
             FROM unnest($1::text[], $2::text[]) AS wanted (tenant, call_id) \
             JOIN sms_messages AS text USING (tenant, call_id) GROUP BY text.tenant, text.call_id, state",
        );
        let query = query.bind(column(calls, |call| text(call.tenant.as_str())));
        let query = query.bind(column(calls, |call| text(call.call.as_str())));
        for row in query.fetch_all(&self.pool).await.map_err(unavailable)? {
            let messages = row.number("messages")?;
            counts.entry(rows::call_key(&row, "call_id")?).or_default().add(rows::sms_state(&row)?, messages);
        }
        Ok(())
    }
}

fn distinct<'a>(calls: impl Iterator<Item = &'a CallKey>) -> Vec<&'a CallKey> {
    let mut calls: Vec<&CallKey> = calls.collect();
    calls.sort();
    calls.dedup();
    calls
}
