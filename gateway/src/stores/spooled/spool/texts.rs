//! The texts that wait to be moved. One that is to be sent from here stays until it has been: nobody at home may send it
//! at the same time.

use std::collections::{HashMap, HashSet};

use engine::failure::Failure;
use engine::ids::{CallId, SmsId};
use engine::sms::{Attempt, Sms, Tried};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use super::super::OutageSms;
use super::{Spool, Writing, unavailable};
use crate::stores::sqlite::rows::{self, Columns, bounded};

impl Spool {
    /// Those that are not being sent, nor are to be sent from here.
    pub async fn movable_texts(&self, sent_from_here: OutageSms, limit: usize) -> Result<Vec<Tried>, Failure> {
        let queued = match sent_from_here {
            OutageSms::All => "false",
            OutageSms::P1 => "state = 'queued' AND priority <> 'P1'",
            OutageSms::Hold => "state = 'queued'",
        };
        let query = AssertSqlSafe(format!(
            "SELECT * FROM sms_messages WHERE state NOT IN ('queued', 'sending') OR {queued} ORDER BY created_at LIMIT ?"
        ));
        let mut looking = self.store.readers.begin().await.map_err(unavailable)?;
        let read = sqlx::query(query).bind(bounded(limit)).fetch_all(&mut *looking).await.map_err(unavailable)?;
        let texts = read.iter().map(rows::sms_and_last_attempt).collect::<Result<Vec<_>, _>>()?;
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM sms_attempts WHERE sms_id IN (");
        let mut ids = query.separated(", ");
        texts.iter().for_each(|(sms, _)| _ = ids.push_bind(sms.id.to_string()));
        query.push(") ORDER BY attempt");
        let read = query.build().persistent(false).fetch_all(&mut *looking).await.map_err(unavailable)?;
        let mut attempts = by_text(&read)?;
        let tried = |(sms, last_attempt): (Sms, u32)| Tried {
            attempts: attempts.remove(&sms.id).unwrap_or_default(),
            sms,
            last_attempt,
        };
        Ok(texts.into_iter().map(tried).collect())
    }

    pub async fn forget_texts(&self, moved: impl Iterator<Item = SmsId>) -> Result<(), Failure> {
        let ids: Vec<String> = moved.map(|id| id.to_string()).collect();
        let mut transaction = self.begin().await?;
        for statement in ["DELETE FROM sms_attempts WHERE sms_id IN (", "DELETE FROM sms_messages WHERE id IN ("] {
            let mut query = QueryBuilder::<Sqlite>::new(statement);
            let mut gone = query.separated(", ");
            ids.iter().for_each(|id| _ = gone.push_bind(id));
            query.push(")");
            query.build().persistent(false).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        transaction.commit().await.map_err(unavailable)
    }

    /// Those of them that are here.
    pub async fn texts_among(&self, ids: impl Iterator<Item = SmsId>) -> Result<HashSet<SmsId>, Failure> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT id FROM sms_messages WHERE id IN (");
        let mut wanted = query.separated(", ");
        ids.for_each(|id| _ = wanted.push_bind(id.to_string()));
        query.push(")");
        let read = query.build().persistent(false).fetch_all(&self.store.readers).await.map_err(unavailable)?;
        read.iter().map(|row| row.parsed("id")).collect()
    }

    /// Takes over a text from home that waits to be sent, or is being sent by this attempt: what becomes of it can then
    /// be recorded here.
    pub async fn seed_text(&self, sms: &Sms, last_attempt: u32, attempt: Option<&Attempt>) -> Result<(), Failure> {
        self.expect_texts();
        let mut transaction = self.begin().await?;
        let query = sqlx::query(
            "INSERT INTO sms_messages (id, tenant, call_id, alert_id, to_number, contact, from_number, body, segments, \
             priority, state, attempts, last_attempt, provider_id, error_code, error, possible_duplicate, due_at, \
             expires_at, created_at, updated_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        );
        let query = query
            .bind(sms.id.to_string())
            .bind(sms.tenant.as_str())
            .bind(sms.call.as_ref().map(CallId::as_str))
            .bind(sms.alert.map(|alert| alert.to_string()))
            .bind(sms.to.as_str())
            .bind(sms.contact.as_ref())
            .bind(sms.from.as_deref())
            .bind(sms.body.as_ref())
            .bind(sms.segments)
            .bind(sms.priority.as_str())
            .bind(sms.state.as_str())
            .bind(sms.attempts)
            .bind(last_attempt)
            .bind(sms.provider_id.as_deref())
            .bind(sms.error_code)
            .bind(sms.error.as_deref())
            .bind(sms.possible_duplicate)
            .bind(sms.due_at.to_string())
            .bind(sms.expires_at.to_string())
            .bind(sms.created_at.to_string())
            .bind(sms.updated_at.to_string());
        query.execute(&mut *transaction).await.map_err(unavailable)?;
        if let Some(attempt) = attempt {
            begin_attempt(&mut transaction, attempt).await?;
        }
        transaction.commit().await.map_err(unavailable)
    }
}

async fn begin_attempt(transaction: &mut Writing<'_>, attempt: &Attempt) -> Result<(), Failure> {
    let query = sqlx::query(
        "INSERT INTO sms_attempts (sms_id, attempt, sender, token, started_at) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    );
    let query = query.bind(attempt.sms.to_string()).bind(attempt.number).bind(attempt.sender.as_ref());
    let query = query.bind(attempt.token.as_str()).bind(attempt.started_at.to_string());
    query.execute(&mut **transaction).await.map(drop).map_err(unavailable)
}

fn by_text(read: &[SqliteRow]) -> Result<HashMap<SmsId, Vec<Attempt>>, Failure> {
    let mut attempts: HashMap<SmsId, Vec<Attempt>> = HashMap::new();
    for attempt in read.iter().map(rows::attempt) {
        let attempt = attempt?;
        attempts.entry(attempt.sms).or_default().push(attempt);
    }
    Ok(attempts)
}
