//! Messages owed: claimed, settled and reported. A claim is committed, with its attempt, before it is handed out.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{CallId, SmsId, TenantId};
use engine::ports::{Claim, Due, SmsOutbox};
use engine::priority::Priority;
use engine::sms::{DeliveryReport, NewSms, Settlement, Sms};
use engine::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::{SqliteStore, rows, unavailable};

#[async_trait]
impl SmsOutbox for SqliteStore {
    async fn claim_due(&self, now: Timestamp, sender: &str, limit: usize) -> Result<Due, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let expired = expire(&mut transaction, now).await?;
        let claims = claim(&mut transaction, now, sender, limit).await?;
        if !expired.is_empty() || !claims.is_empty() {
            transaction.commit().await.map_err(unavailable)?;
        }
        Ok(Due { claims, expired })
    }

    async fn settle(&self, id: SmsId, attempt: u32, settlement: &Settlement, now: Timestamp) -> Result<Sms, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let settled = settle_message(&mut transaction, id, attempt, settlement, now).await?;
        if settled.is_some() {
            settle_attempt(&mut transaction, id, attempt, settlement, now).await?;
            transaction.commit().await.map_err(unavailable)?;
        } else {
            drop(transaction);
        }
        match settled {
            Some(sms) => Ok(sms),
            None => SmsOutbox::find(self, None, id).await?.ok_or_else(|| Failure::fail(format!("no message {id}"))),
        }
    }

    async fn report(&self, report: &DeliveryReport) -> Result<Option<Sms>, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let query = sqlx::query("SELECT * FROM sms_messages WHERE provider_id = ?").bind(&*report.provider_id);
        let row = query.fetch_optional(&mut *transaction).await.map_err(unavailable)?;
        let Some(sms) = row.as_ref().map(rows::sms).transpose()? else { return Ok(None) };
        let Some(state) = report.status.moves(sms.state) else { return Ok(None) };
        let query = sqlx::query(
            "UPDATE sms_messages SET state = ?, error_code = coalesce(?, error_code), \
             updated_at = max(updated_at, ?) WHERE id = ? RETURNING *",
        );
        let query = query.bind(state.as_str()).bind(report.error_code).bind(report.at.to_string());
        let row = query.bind(sms.id.to_string()).fetch_one(&mut *transaction).await.map_err(unavailable)?;
        let moved = rows::sms(&row)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(Some(moved))
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        sqlx::query(
            "UPDATE sms_attempts SET settled_at = ?, outcome = 'unknown', counts = 1 WHERE settled_at IS NULL \
             AND sms_id IN (SELECT id FROM sms_messages WHERE state = 'sending')",
        )
        .bind(now.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let query = sqlx::query(
            "UPDATE sms_messages SET state = 'unknown', error = 'cut by a crash while being sent', updated_at = ? \
             WHERE state = 'sending' RETURNING *",
        );
        let cut = query.bind(now.to_string()).fetch_all(&mut *transaction).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        cut.iter().map(rows::sms).collect()
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, Failure> {
        // The first of each priority, so that the index answers however long the queue is.
        let query = sqlx::query(
            "SELECT min(due) AS due_at FROM (SELECT (SELECT min(due_at) FROM sms_messages \
             WHERE state = 'queued' AND priority = column1) AS due FROM (VALUES ('P1'), ('P2'), ('P3'), ('P4')))",
        );
        let row = query.fetch_one(&self.readers).await.map_err(unavailable)?;
        match rows::get::<Option<&str>>(&row, "due_at")? {
            Some(_) => rows::time(&row, "due_at").map(Some),
            None => Ok(None),
        }
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        let query = sqlx::query(
            "SELECT priority, count(*) AS messages FROM sms_messages WHERE state = 'queued' GROUP BY priority",
        );
        let mut depth = Priority::ALL.map(|priority| (priority, 0));
        for row in query.fetch_all(&self.readers).await.map_err(unavailable)? {
            let of = rows::get::<&str>(&row, "priority")?;
            let messages = rows::number(&row, "messages")?;
            depth.iter_mut().filter(|(priority, _)| priority.as_str() == of).for_each(|(_, count)| *count = messages);
        }
        Ok(depth)
    }

    async fn of_call(&self, tenant: Option<&TenantId>, call: &CallId, limit: usize) -> Result<Vec<Sms>, Failure> {
        let query = sqlx::query(
            "SELECT * FROM sms_messages WHERE call_id = ?1 AND (?2 IS NULL OR tenant = ?2) \
             ORDER BY created_at, id LIMIT ?3",
        );
        let query = query.bind(call.as_str()).bind(tenant.map(TenantId::as_str)).bind(bounded(limit));
        all(query.fetch_all(&self.readers).await)
    }

    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<Sms>, Failure> {
        let query = match tenant {
            Some(tenant) => {
                sqlx::query("SELECT * FROM sms_messages WHERE tenant = ? ORDER BY created_at DESC, id DESC LIMIT ?")
                    .bind(tenant.as_str())
            }
            None => sqlx::query("SELECT * FROM sms_messages ORDER BY created_at DESC, id DESC LIMIT ?"),
        };
        all(query.bind(bounded(limit)).fetch_all(&self.readers).await)
    }

    async fn find(&self, tenant: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure> {
        let query = sqlx::query("SELECT * FROM sms_messages WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)");
        let query = query.bind(id.to_string()).bind(tenant.map(TenantId::as_str));
        query.fetch_optional(&self.readers).await.map_err(unavailable)?.as_ref().map(rows::sms).transpose()
    }
}

type Writing<'t> = Transaction<'t, Sqlite>;

/// In the transaction of the frames that owe them. The same reason for the same person is the same message.
pub(super) async fn write_texts(transaction: &mut Writing<'_>, texts: &[&NewSms]) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::new(
        "INSERT INTO sms_messages (id, tenant, call_id, to_number, contact, body, segments, priority, state, error, \
         due_at, expires_at, created_at, updated_at) ",
    );
    query.push_values(texts, |mut row, text| {
        row.push_bind(text.id.to_string())
            .push_bind(text.tenant.as_str())
            .push_bind(text.call.as_ref().map(CallId::as_str))
            .push_bind(text.to.as_str())
            .push_bind(text.contact.as_ref())
            .push_bind(text.body.as_ref())
            .push_bind(text.segments)
            .push_bind(text.priority.as_str())
            .push_bind(text.state().as_str())
            .push_bind(text.suppressed.as_deref())
            .push_bind(text.due_at.to_string())
            .push_bind(text.expires_at.to_string())
            .push_bind(text.created_at.to_string())
            .push_bind(text.created_at.to_string());
    });
    query.push(" ON CONFLICT (id) DO NOTHING");
    query.build().persistent(texts.len() == 1).execute(&mut **transaction).await.map(drop)
}

async fn expire(transaction: &mut Writing<'_>, now: Timestamp) -> Result<Vec<Sms>, Failure> {
    let query = sqlx::query(
        "UPDATE sms_messages SET state = 'expired', updated_at = ?1 WHERE state = 'queued' AND expires_at < ?1 \
         RETURNING *",
    );
    all(query.bind(now.to_string()).fetch_all(&mut **transaction).await)
}

async fn claim(
    transaction: &mut Writing<'_>,
    now: Timestamp,
    sender: &str,
    limit: usize,
) -> Result<Vec<Claim>, Failure> {
    let query = sqlx::query(
        "UPDATE sms_messages SET state = 'sending', from_number = ?2, attempts = attempts + 1, \
         last_attempt = last_attempt + 1, updated_at = ?1 \
         WHERE id IN (SELECT id FROM sms_messages WHERE state = 'queued' AND due_at <= ?1 \
                      ORDER BY priority, due_at, created_at LIMIT ?3) \
         RETURNING *",
    );
    let query = query.bind(now.to_string()).bind(sender).bind(bounded(limit));
    let claimed = query.fetch_all(&mut **transaction).await.map_err(unavailable)?;
    let claim = |row: &SqliteRow| Ok(Claim { sms: rows::sms(row)?, attempt: rows::number(row, "last_attempt")? });
    let mut claims = claimed.iter().map(claim).collect::<Result<Vec<_>, Failure>>()?;
    claims.sort_by_key(|claim| order(&claim.sms));
    if !claims.is_empty() {
        write_attempts(transaction, now, sender, &claims).await.map_err(unavailable)?;
    }
    Ok(claims)
}

fn order(sms: &Sms) -> (Priority, Timestamp, Timestamp, SmsId) {
    (sms.priority, sms.due_at, sms.created_at, sms.id)
}

async fn write_attempts(
    transaction: &mut Writing<'_>,
    now: Timestamp,
    sender: &str,
    claims: &[Claim],
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::new("INSERT INTO sms_attempts (sms_id, attempt, sender, claimed_at) ");
    query.push_values(claims, |mut row, claim| {
        row.push_bind(claim.sms.id.to_string()).push_bind(claim.attempt).push_bind(sender).push_bind(now.to_string());
    });
    query.build().persistent(claims.len() == 1).execute(&mut **transaction).await.map(drop)
}

/// `None` when this attempt is not the one in flight.
async fn settle_message(
    transaction: &mut Writing<'_>,
    id: SmsId,
    attempt: u32,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<Option<Sms>, Failure> {
    let query = sqlx::query(
        "UPDATE sms_messages SET state = ?3, due_at = coalesce(?4, due_at), attempts = attempts - ?5, \
         provider_id = coalesce(?6, provider_id), error_code = ?7, error = ?8, updated_at = ?9 \
         WHERE id = ?1 AND last_attempt = ?2 AND state = 'sending' RETURNING *",
    );
    let query = query
        .bind(id.to_string())
        .bind(attempt)
        .bind(settlement.state.as_str())
        .bind(settlement.due_at.map(|due| due.to_string()))
        .bind(i64::from(!settlement.counts))
        .bind(settlement.provider_id.as_deref())
        .bind(settlement.error_code)
        .bind(settlement.error.as_deref())
        .bind(now.to_string());
    let row = query.fetch_optional(&mut **transaction).await.map_err(unavailable)?;
    row.as_ref().map(rows::sms).transpose()
}

async fn settle_attempt(
    transaction: &mut Writing<'_>,
    id: SmsId,
    attempt: u32,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE sms_attempts SET settled_at = ?3, outcome = ?4, counts = ?5, provider_id = ?6, error_code = ?7, \
         error = ?8 WHERE sms_id = ?1 AND attempt = ?2",
    );
    let query = query
        .bind(id.to_string())
        .bind(attempt)
        .bind(now.to_string())
        .bind(settlement.state.as_str())
        .bind(settlement.counts)
        .bind(settlement.provider_id.as_deref())
        .bind(settlement.error_code)
        .bind(settlement.error.as_deref());
    query.execute(&mut **transaction).await.map(drop).map_err(unavailable)
}

fn all(read: Result<Vec<SqliteRow>, sqlx::Error>) -> Result<Vec<Sms>, Failure> {
    read.map_err(unavailable)?.iter().map(rows::sms).collect()
}

fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
