//! Messages owed: chosen, claimed, settled and reported. A claim is committed, with its attempt, before it is handed
//! out. What an answer, a report or a command does to a message is the engine's to say: here it is read, changed and
//! written back in one transaction.

mod changes;
mod lists;
mod queue;
mod requests;
mod settling;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{CallId, SmsId, TenantId};
use engine::ports::{
    Candidates, Checks, Claim, ClaimRequest, IdempotencyKey, NotClaimed, Settled, SmsFilter, SmsOutbox, Submitted,
};
use engine::priority::Priority;
use engine::sms::{
    ALIKE_WITHIN, Attempt, AttemptToken, Command, Commanded, DeliveryReport, ErrorClass, NewSms, Reported, Settlement,
    Sms, SmsState,
};
use engine::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::rows::Columns;
use super::{SqliteStore, opt_outs, rows, unavailable};

#[async_trait]
impl SmsOutbox for SqliteStore {
    async fn candidates(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure> {
        let expired = self.expire(now).await?;
        Ok(Candidates { due: self.due(now, per_class).await?, expired })
    }

    async fn claim(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        self.claim_all(requests, now).await
    }

    async fn settle(
        &self,
        id: SmsId,
        attempt: u32,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        self.settle_attempt(id, attempt, settlement, now).await
    }

    async fn report(&self, report: &DeliveryReport, class: Option<ErrorClass>) -> Result<Reported, Failure> {
        self.hear(report, class).await
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        self.cut_all(now).await
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure> {
        // The first of each priority, so that the index answers however long the queue is.
        let query = sqlx::query(
            "SELECT min(due) AS due_at FROM (SELECT (SELECT min(due_at) FROM sms_messages \
             WHERE state = 'queued' AND priority = column1 AND due_at > ?) AS due FROM (VALUES ('P1'), ('P2'), ('P3'), ('P4')))",
        );
        let query = query.bind(after.to_string());
        query.fetch_one(&self.readers).await.map_err(unavailable)?.maybe_time("due_at")
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        let query = sqlx::query(
            "SELECT priority, count(*) AS messages FROM sms_messages WHERE state = 'queued' GROUP BY priority",
        );
        let mut depth = Priority::ALL.map(|priority| (priority, 0));
        for row in query.fetch_all(&self.readers).await.map_err(unavailable)? {
            let of = row.text("priority")?;
            let messages = row.number("messages")?;
            depth.iter_mut().filter(|(priority, _)| priority.as_str() == of).for_each(|(_, count)| *count = messages);
        }
        Ok(depth)
    }

    async fn count(&self, state: SmsState) -> Result<u64, Failure> {
        let mut query = lists::count(state);
        query.build().fetch_one(&self.readers).await.map_err(unavailable)?.number("messages")
    }

    async fn submit(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        self.keep_request(new, key).await
    }

    async fn command(
        &self,
        tenant: Option<&TenantId>,
        id: SmsId,
        command: Command,
        now: Timestamp,
    ) -> Result<Commanded, Failure> {
        self.obey(tenant, id, command, now).await
    }

    async fn checks(&self, which: Checks, now: Timestamp, limit: usize) -> Result<Vec<(Sms, Attempt)>, Failure> {
        self.attempts_to_check(which, now, limit).await
    }

    async fn checked(
        &self,
        attempt: &Attempt,
        absent: bool,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let query = sqlx::query(
            "UPDATE sms_attempts SET checks = checks + 1, check_at = ?3, \
             absent_at = coalesce(absent_at, CASE WHEN ?4 THEN ?5 END) \
             WHERE sms_id = ?1 AND attempt = ?2 AND check_at IS NOT NULL AND provider_id IS ?6",
        );
        let query = query.bind(attempt.sms.to_string()).bind(attempt.number).bind(next.map(|at| at.to_string()));
        let query = query.bind(absent).bind(now.to_string()).bind(attempt.provider_id.as_deref());
        query.execute(&self.writer).await.map(drop).map_err(unavailable)
    }

    async fn alike(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Attempt>, Failure> {
        // From the few attempts that are open, and not from all that a number was ever sent.
        let query = sqlx::query(
            "SELECT sms_attempts.* FROM sms_attempts CROSS JOIN sms_messages ON id = sms_id \
             WHERE sms_attempts.provider_id IS NULL AND coalesce(outcome, 'unknown') = 'unknown' \
             AND sender = ?4 AND started_at BETWEEN ?5 AND ?6 AND to_number = ?1 AND tenant = ?2 AND body = ?3 \
             ORDER BY started_at",
        );
        let query = query.bind(sms.to.as_str()).bind(sms.tenant.as_str()).bind(sms.body.as_ref());
        let (from, to) = (attempt.started_at.minus(ALIKE_WITHIN), attempt.started_at.plus(ALIKE_WITHIN));
        let query = query.bind(attempt.sender.as_ref()).bind(from.to_string()).bind(to.to_string());
        attempts(query.fetch_all(&self.readers).await)
    }

    async fn owned(&self, provider_ids: &[&str]) -> Result<Vec<Box<str>>, Failure> {
        if provider_ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT DISTINCT provider_id FROM sms_attempts WHERE provider_id IN (");
        let mut ids = query.separated(", ");
        for id in provider_ids {
            ids.push_bind(*id);
        }
        query.push(")");
        let read = query.build().fetch_all(&self.readers).await.map_err(unavailable)?;
        read.iter().map(|row| row.boxed("provider_id")).collect()
    }

    async fn attempt_of(&self, token: &AttemptToken) -> Result<Option<Attempt>, Failure> {
        let query = sqlx::query("SELECT * FROM sms_attempts WHERE token = ?").bind(token.as_str());
        query.fetch_optional(&self.readers).await.map_err(unavailable)?.as_ref().map(rows::attempt).transpose()
    }

    async fn attempts(&self, id: SmsId) -> Result<Vec<Attempt>, Failure> {
        let query = sqlx::query("SELECT * FROM sms_attempts WHERE sms_id = ? ORDER BY attempt").bind(id.to_string());
        attempts(query.fetch_all(&self.readers).await)
    }

    async fn list(&self, filter: &SmsFilter) -> Result<Vec<Sms>, Failure> {
        let mut query = lists::query(filter);
        all(query.build().fetch_all(&self.readers).await)
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
        "INSERT INTO sms_messages (id, tenant, call_id, alert_id, to_number, contact, body, segments, priority, state, error, \
         due_at, expires_at, created_at, updated_at) ",
    );
    query.push_values(texts, |mut row, text| {
        row.push_bind(text.id.to_string())
            .push_bind(text.tenant.as_str())
            .push_bind(text.call.as_ref().map(CallId::as_str))
            .push_bind(text.alert.map(|alert| alert.to_string()))
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
    query.build().persistent(texts.len() == 1).execute(&mut **transaction).await.map(drop)?;
    opt_outs::suppress_owed(transaction, texts).await
}

fn all(read: Result<Vec<SqliteRow>, sqlx::Error>) -> Result<Vec<Sms>, Failure> {
    read.map_err(unavailable)?.iter().map(rows::sms).collect()
}

fn attempts(read: Result<Vec<SqliteRow>, sqlx::Error>) -> Result<Vec<Attempt>, Failure> {
    read.map_err(unavailable)?.iter().map(rows::attempt).collect()
}
