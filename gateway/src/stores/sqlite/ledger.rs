//! What was sent of late, read from the attempts themselves; and what was learned of a sender's pace.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::playbook::Contact;
use engine::ports::{Begun, DayUse, LearnedPace, PutOff, SmsLedger};
use engine::sms::Sms;
use engine::time::Timestamp;

use super::rows::{Columns, bounded};
use super::{SqliteStore, rows, unavailable};

#[async_trait]
impl SmsLedger for SqliteStore {
    async fn begun_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Begun>, Failure> {
        let query = sqlx::query(
            "SELECT tenant, to_number, segments, sender, started_at, answered_at, \
             coalesce(outcome, 'unknown') <> 'unknown' AS answered FROM sms_attempts AS attempts JOIN sms_messages ON id = sms_id WHERE started_at >= ? ORDER BY started_at DESC LIMIT ?",
        );
        let query = query.bind(since.to_string()).bind(bounded(limit));
        let newest_first = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        newest_first.iter().rev().map(rows::begun).collect()
    }

    async fn used_since(&self, tenant: &TenantId, since: Timestamp) -> Result<DayUse, Failure> {
        let query = sqlx::query(
            "SELECT to_number, contact = ?3 AS is_caller, count(*) AS texts, sum(segments) AS segments \
             FROM sms_attempts JOIN sms_messages ON id = sms_id \
             WHERE started_at >= ?2 AND tenant = ?1 AND counts IS NOT 0 GROUP BY to_number, is_caller",
        );
        let query = query.bind(tenant.as_str()).bind(since.to_string()).bind(Contact::CALLER);
        let mut used = DayUse::default();
        for row in query.fetch_all(&self.readers).await.map_err(unavailable)? {
            used.segments += row.number::<u64>("segments")?;
            if row.flag("is_caller")? {
                used.callers.push((row.parsed("to_number")?, row.number("texts")?));
            }
        }
        Ok(used)
    }

    async fn put_off(&self, held: &[PutOff], now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let mut put_off = Vec::with_capacity(held.len());
        for PutOff { id, until, why } in held {
            let query = sqlx::query(
                "UPDATE sms_messages SET due_at = ?2, error = ?3, updated_at = ?4 WHERE id = ?1 AND state = 'queued' \
                 RETURNING *",
            );
            let query = query.bind(id.to_string()).bind(until.to_string()).bind(why).bind(now.to_string());
            let row = query.fetch_optional(&mut *transaction).await.map_err(unavailable)?;
            put_off.extend(row.as_ref().map(rows::sms).transpose()?);
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(put_off)
    }

    async fn learned(&self) -> Result<Vec<LearnedPace>, Failure> {
        let query = sqlx::query("SELECT sender, factor, updated_at FROM sms_paces ORDER BY sender");
        query.fetch_all(&self.readers).await.map_err(unavailable)?.iter().map(rows::pace).collect()
    }

    async fn learn(&self, paces: &[LearnedPace]) -> Result<(), Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        sqlx::query("DELETE FROM sms_paces").execute(&mut *transaction).await.map_err(unavailable)?;
        for pace in paces {
            let query = sqlx::query("INSERT INTO sms_paces (sender, factor, updated_at) VALUES (?, ?, ?)");
            let query = query.bind(&*pace.sender).bind(pace.factor).bind(pace.at.to_string());
            query.execute(&mut *transaction).await.map_err(unavailable)?;
        }
        transaction.commit().await.map_err(unavailable)
    }
}
