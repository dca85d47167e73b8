//! What was sent of late, read from the attempts themselves; and what was learned of a sender's pace.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::playbook::Contact;
use engine::ports::{Begun, DayUse, LearnedPace, PutOff, SmsLedger};
use engine::sms::Sms;
use engine::time::Timestamp;

use super::rows::{self, Columns, bounded, column};
use super::values::{At, text};
use super::{PostgresStore, unavailable};

#[async_trait]
impl SmsLedger for PostgresStore {
    async fn begun_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Begun>, Failure> {
        let query = sqlx::query(
            "SELECT tenant, to_number, segments, sender, started_at, answered_at, \
             coalesce(outcome, 'unknown') <> 'unknown' AS answered FROM sms_attempts JOIN sms_messages ON id = sms_id WHERE started_at >= $1 ORDER BY started_at DESC LIMIT $2",
        );
        let query = query.bind(At(since)).bind(bounded(limit));
        let newest_first = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        newest_first.iter().rev().map(rows::begun).collect()
    }

    async fn used_since(&self, tenant: &TenantId, since: Timestamp) -> Result<DayUse, Failure> {
        let query = sqlx::query(
            "SELECT to_number, contact = $3 AS is_caller, count(*) AS texts, sum(segments)::bigint AS segments \
             FROM sms_attempts JOIN sms_messages ON id = sms_id \
             WHERE started_at >= $2 AND tenant = $1 AND counts IS DISTINCT FROM false GROUP BY to_number, is_caller",
        );
        let query = query.bind(tenant.as_str()).bind(At(since)).bind(Contact::CALLER);
        let mut used = DayUse::default();
        for row in self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await? {
            used.segments += row.number::<u64>("segments")?;
            if row.flag("is_caller")? {
                used.callers.push((row.parsed("to_number")?, row.number("texts")?));
            }
        }
        Ok(used)
    }

    async fn put_off(&self, held: &[PutOff], now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let query = sqlx::query(
            "WITH put_off AS (UPDATE sms_messages AS sms SET due_at = held.until, error = held.why, updated_at = $4 \
             FROM unnest($1::text[], $2::timestamptz[], $3::text[]) WITH ORDINALITY AS held (id, until, why, place) \
             WHERE sms.id = held.id AND state = 'queued' RETURNING sms.*, place) SELECT * FROM put_off ORDER BY place",
        );
        let query = query
            .bind(column(held, |held| held.id.to_string()))
            .bind(column(held, |held| At(held.until)))
            .bind(column(held, |held| held.why))
            .bind(At(now));
        let put_off = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        put_off.iter().map(rows::sms).collect()
    }

    async fn learned(&self) -> Result<Vec<LearnedPace>, Failure> {
        let query = sqlx::query("SELECT sender, factor, updated_at FROM sms_paces ORDER BY sender");
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        read.iter().map(rows::pace).collect()
    }

    async fn learn(&self, paces: &[LearnedPace]) -> Result<(), Failure> {
        let query = sqlx::query(
            "WITH learned AS (SELECT * FROM unnest($1::text[], $2::float8[], $3::timestamptz[]) AS pace (sender, factor, at)), \
             forgotten AS (DELETE FROM sms_paces WHERE sender NOT IN (SELECT sender FROM learned)) \
             INSERT INTO sms_paces (sender, factor, updated_at) SELECT sender, factor, at FROM learned ORDER BY sender \
             ON CONFLICT (sender) DO UPDATE SET factor = excluded.factor, updated_at = excluded.updated_at",
        );
        let query = query
            .bind(column(paces, |pace| text(&pace.sender)))
            .bind(column(paces, |pace| pace.factor))
            .bind(column(paces, |pace| At(pace.at)));
        self.within(async { query.execute(&self.pool).await.map(drop).map_err(unavailable) }).await
    }
}
