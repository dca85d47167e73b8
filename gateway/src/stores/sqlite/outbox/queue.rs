//! The queue: what is due, what is too late, and the claim.

use engine::failure::Failure;
use engine::ids::SmsId;
use engine::ports::{Candidate, Claim, ClaimRequest, NotClaimed};
use engine::priority::Priority;
use engine::sms::{Attempt, AttemptToken, OVERTAKEN_AFTER, Sms};
use engine::time::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use super::{Writing, all};
use crate::stores::columns::{Columns, bounded};
use crate::stores::sqlite::opt_outs::unwanted;
use crate::stores::sqlite::{SqliteStore, rows, unavailable};

/// One of the same call to the same person is being sent, or waits before `sms`, is not less urgent, and is due by ?2.
macro_rules! behind {
    () => {
        "EXISTS (SELECT 1 FROM sms_messages AS other WHERE other.tenant = sms.tenant AND other.call_id = sms.call_id \
         AND other.to_number = sms.to_number AND other.state IN ('queued', 'sending') AND other.id <> sms.id \
         AND (other.state = 'sending' OR ((other.created_at, other.id) < (sms.created_at, sms.id) \
         AND other.priority <= sms.priority AND other.due_at <= ?2)))"
    };
}

/// Messages that expire in one commit.
const EXPIRED_AT_ONCE: i64 = 256;

impl SqliteStore {
    /// What has waited too long ends here. Looked for by a reader first: mostly there is nothing to write.
    pub(super) async fn expire(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let query = sqlx::query("SELECT 1 FROM sms_messages WHERE state = 'queued' AND expires_at < ? LIMIT 1");
        if query.bind(now.to_string()).fetch_optional(&self.readers).await.map_err(unavailable)?.is_none() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(
            "UPDATE sms_messages SET state = 'expired', updated_at = ?1 WHERE id IN (SELECT id FROM sms_messages \
             WHERE state = 'queued' AND expires_at < ?1 ORDER BY expires_at LIMIT ?2) RETURNING *",
        );
        all(query.bind(now.to_string()).bind(EXPIRED_AT_ONCE).fetch_all(&self.writer).await)
    }

    pub(super) async fn due(&self, now: Timestamp, per_class: usize) -> Result<[Vec<Candidate>; 4], Failure> {
        let mut due = <[Vec<Candidate>; 4]>::default();
        if per_class == 0 {
            return Ok(due);
        }
        for (priority, due) in Priority::ALL.into_iter().zip(&mut due) {
            *due = match self.due_of(priority, now, per_class, false).await? {
                Some(due) => due,
                None => self.due_of(priority, now, per_class, true).await?.unwrap_or_default(),
            };
        }
        Ok(due)
    }

    /// Of each tenant no more is read than a few times its part, unless `all`. `None`: that was too little of some, while
    /// others owe less than their part.
    async fn due_of(
        &self,
        priority: Priority,
        now: Timestamp,
        per_class: usize,
        all: bool,
    ) -> Result<Option<Vec<Candidate>>, Failure> {
        let query = sqlx::query(concat!(
            // The tenants that owe something, each found by one step in the index.
            "WITH RECURSIVE owing (tenant) AS (SELECT min(tenant) FROM sms_messages \
             WHERE state = 'queued' AND priority = ?3 UNION ALL SELECT (SELECT min(tenant) FROM sms_messages \
             WHERE state = 'queued' AND priority = ?3 AND tenant > owing.tenant) FROM owing WHERE tenant IS NOT NULL), \
             each (part) AS (SELECT CASE WHEN ?5 THEN ?4 ELSE max(1, ?4 * 4 / max(1, count(tenant))) END FROM owing) \
             SELECT sms.id, sms.tenant, to_number, call_id, contact, priority, due_at, expires_at, segments, \
             created_at, attempts, (SELECT part FROM each) AS part, \
             CASE WHEN last_attempt > 0 THEN (SELECT group_concat(sender, char(10) ORDER BY attempt) \
             FROM sms_attempts WHERE sms_id = sms.id) END AS tried, \
             row_number() OVER (PARTITION BY sms.tenant ORDER BY expires_at, due_at, created_at, sms.id) AS turn \
             FROM owing JOIN sms_messages AS sms ON sms.id IN (SELECT id FROM sms_messages AS sms \
             WHERE state = 'queued' AND priority = ?3 AND tenant = owing.tenant AND due_at <= ?1 \
             AND expires_at >= ?1 AND NOT ",
            behind!(),
            " ORDER BY expires_at, due_at, created_at, id LIMIT (SELECT part FROM each)) \
             ORDER BY turn, expires_at, due_at, created_at, sms.id LIMIT ?4"
        ));
        let query = query.bind(now.to_string()).bind(now.plus(OVERTAKEN_AFTER).to_string());
        let query = query.bind(priority.as_str()).bind(bounded(per_class)).bind(all);
        let read = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        rows::candidates(&read, per_class, all)
    }

    pub(super) async fn claim_all(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(claim(&mut transaction, request, now).await?);
        }
        let attempts: Vec<&Attempt> = answers.iter().flatten().map(|claim| &claim.attempt).collect();
        if !attempts.is_empty() {
            write_attempts(&mut transaction, &attempts).await.map_err(unavailable)?;
            transaction.commit().await.map_err(unavailable)?;
        }
        Ok(answers)
    }
}

async fn claim(
    transaction: &mut Writing<'_>,
    request: &ClaimRequest,
    now: Timestamp,
) -> Result<Result<Claim, NotClaimed>, Failure> {
    let query = sqlx::query(concat!(
        "UPDATE sms_messages AS sms SET state = 'sending', from_number = ?4, attempts = attempts + 1, \
         last_attempt = last_attempt + 1, updated_at = ?1 \
         WHERE id = ?3 AND state = 'queued' AND due_at <= ?1 AND expires_at >= ?1 AND NOT ",
        unwanted!(),
        " AND NOT ",
        behind!(),
        " RETURNING *"
    ));
    let query = query.bind(now.to_string()).bind(now.plus(OVERTAKEN_AFTER).to_string());
    let query = query.bind(request.id.to_string()).bind(request.sender.as_ref());
    let Some(row) = query.fetch_optional(&mut **transaction).await.map_err(unavailable)? else {
        return Ok(Err(why_not(transaction, request.id, now).await?));
    };
    let token = AttemptToken::from_bits(rand::random());
    let number = row.number("last_attempt")?;
    let attempt = Attempt::new(request.id, number, request.sender.clone(), token, now);
    Ok(Ok(Claim { sms: rows::sms(&row)?, attempt }))
}

async fn why_not(transaction: &mut Writing<'_>, id: SmsId, now: Timestamp) -> Result<NotClaimed, Failure> {
    let query = sqlx::query(concat!(
        "SELECT 1 FROM sms_messages AS sms WHERE id = ?2 AND state = 'queued' AND due_at <= ?1 AND expires_at >= ?1 \
         AND NOT ",
        unwanted!()
    ));
    let query = query.bind(now.to_string()).bind(id.to_string());
    let waits = query.fetch_optional(&mut **transaction).await.map_err(unavailable)?.is_some();
    Ok(if waits { NotClaimed::Behind } else { NotClaimed::Gone })
}

async fn write_attempts(transaction: &mut Writing<'_>, attempts: &[&Attempt]) -> Result<(), sqlx::Error> {
    let mut query =
        QueryBuilder::<Sqlite>::new("INSERT INTO sms_attempts (sms_id, attempt, sender, token, started_at) ");
    query.push_values(attempts, |mut row, attempt| {
        row.push_bind(attempt.sms.to_string())
            .push_bind(attempt.number)
            .push_bind(attempt.sender.as_ref())
            .push_bind(attempt.token.as_str())
            .push_bind(attempt.started_at.to_string());
    });
    query.build().persistent(attempts.len() == 1).execute(&mut **transaction).await.map(drop)
}
