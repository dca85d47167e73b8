//! Messages owed: chosen, claimed, settled and reported. A claim is committed, with its attempt, before it is handed
//! out. What an answer, a report or a command does to a message is the engine's to say: here it is read and held,
//! changed and written back in one transaction.

mod changes;
mod lists;
mod queue;
mod requests;
mod texts;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::ports::{
    Candidates, Checks, Claim, ClaimRequest, IdempotencyKey, NotClaimed, Settled, SmsFilter, SmsOutbox, Submitted,
};
use engine::priority::Priority;
use engine::sms::{
    ALIKE_WITHIN, Attempt, AttemptToken, Command, Commanded, DeliveryReport, ErrorClass, NewSms, Reported, Settlement,
    Sms, SmsState,
};
use engine::time::Timestamp;
use sqlx::postgres::PgRow;

use super::rows::{self, Columns, column};
use super::values::{At, maybe_at, maybe_text, text};
use super::{PostgresStore, unavailable};

pub(super) use texts::{offered_texts, write_texts, write_texts_alone};

#[async_trait]
impl SmsOutbox for PostgresStore {
    async fn candidates(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure> {
        self.within(async {
            let expired = self.expire(now).await?;
            Ok(Candidates { due: self.due(now, per_class).await?, expired })
        })
        .await
    }

    async fn claim(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        self.within(self.claim_all(requests, now)).await
    }

    async fn settle(
        &self,
        id: SmsId,
        attempt: u32,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        self.within(self.settle_attempt(id, attempt, settlement, now)).await
    }

    async fn report(&self, report: &DeliveryReport, class: Option<ErrorClass>) -> Result<Reported, Failure> {
        self.within(self.hear_report(report, class)).await
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        self.within(self.cut_all(now)).await
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure> {
        // The first of each priority, so that the index answers however long the queue is.
        let query = sqlx::query(
            "SELECT min(due) AS due_at FROM (VALUES ('P1'), ('P2'), ('P3'), ('P4')) AS class (priority) \
             CROSS JOIN LATERAL (SELECT min(due_at) AS due FROM sms_messages AS sms \
             WHERE state = 'queued' AND sms.priority = class.priority AND due_at > $1) AS first",
        );
        let query = query.bind(At(after));
        self.within(async { query.fetch_one(&self.pool).await.map_err(unavailable)?.maybe_time("due_at") }).await
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        let query = sqlx::query(
            "SELECT priority, count(*) AS messages FROM sms_messages WHERE state = 'queued' GROUP BY priority",
        );
        let mut depth = Priority::ALL.map(|priority| (priority, 0));
        for row in self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await? {
            let (of, messages) = (row.text("priority")?, row.number("messages")?);
            depth.iter_mut().filter(|(priority, _)| priority.as_str() == of).for_each(|(_, count)| *count = messages);
        }
        Ok(depth)
    }

    async fn count(&self, state: SmsState) -> Result<u64, Failure> {
        let mut query = lists::count(state);
        let query = query.build();
        self.within(async { query.fetch_one(&self.pool).await.map_err(unavailable)?.number("messages") }).await
    }

    async fn submit(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        self.within(self.keep_request(new, key)).await
    }

    async fn command(
        &self,
        tenant: Option<&TenantId>,
        id: SmsId,
        command: Command,
        now: Timestamp,
    ) -> Result<Commanded, Failure> {
        self.within(self.obey(tenant, id, command, now)).await
    }

    async fn checks(&self, which: Checks, now: Timestamp, limit: usize) -> Result<Vec<(Sms, Attempt)>, Failure> {
        self.within(self.attempts_to_check(which, now, limit)).await
    }

    async fn checked(
        &self,
        attempt: &Attempt,
        absent: bool,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let query = sqlx::query(
            "UPDATE sms_attempts SET checks = checks + 1, check_at = $3, \
             absent_at = coalesce(absent_at, CASE WHEN $4 THEN $5 END) \
             WHERE sms_id = $1 AND attempt = $2 AND check_at IS NOT NULL AND provider_id IS NOT DISTINCT FROM $6",
        );
        let query = query.bind(attempt.sms.to_string()).bind(i64::from(attempt.number)).bind(maybe_at(next));
        let query = query.bind(absent).bind(At(now)).bind(maybe_text(attempt.provider_id.as_deref()));
        self.within(async { query.execute(&self.pool).await.map(drop).map_err(unavailable) }).await
    }

    async fn alike(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Attempt>, Failure> {
        // From the few attempts that are open, and not from all that a number was ever sent.
        let query = sqlx::query(
            "SELECT sms_attempts.* FROM sms_attempts JOIN sms_messages ON id = sms_id \
             WHERE sms_attempts.provider_id IS NULL AND coalesce(outcome, 'unknown') = 'unknown' \
             AND sender = $4 AND started_at BETWEEN $5 AND $6 AND to_number = $1 AND tenant = $2 AND body = $3 \
             ORDER BY started_at",
        );
        let query = query.bind(sms.to.as_str()).bind(sms.tenant.as_str()).bind(text(&sms.body));
        let (from, to) = (attempt.started_at.minus(ALIKE_WITHIN), attempt.started_at.plus(ALIKE_WITHIN));
        let query = query.bind(text(&attempt.sender)).bind(At(from)).bind(At(to));
        self.within(async { attempts(query.fetch_all(&self.pool).await) }).await
    }

    async fn owned(&self, provider_ids: &[&str]) -> Result<Vec<Box<str>>, Failure> {
        let query = sqlx::query(
            "SELECT DISTINCT provider_id FROM sms_attempts WHERE provider_id = ANY($1) AND provider_id IS NOT NULL",
        );
        let query = query.bind(column(provider_ids, |id| text(id)));
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        read.iter().map(|row| row.boxed("provider_id")).collect()
    }

    async fn attempt_of(&self, token: &AttemptToken) -> Result<Option<Attempt>, Failure> {
        let query = sqlx::query("SELECT * FROM sms_attempts WHERE token = $1").bind(text(token.as_str()));
        let row = self.within(async { query.fetch_optional(&self.pool).await.map_err(unavailable) }).await?;
        row.as_ref().map(rows::attempt).transpose()
    }

    async fn attempts(&self, id: SmsId) -> Result<Vec<Attempt>, Failure> {
        let query = sqlx::query("SELECT * FROM sms_attempts WHERE sms_id = $1 ORDER BY attempt").bind(id.to_string());
        self.within(async { attempts(query.fetch_all(&self.pool).await) }).await
    }

    async fn list(&self, filter: &SmsFilter) -> Result<Vec<Sms>, Failure> {
        let mut query = lists::query(filter);
        let query = query.build();
        self.within(async { all(query.fetch_all(&self.pool).await) }).await
    }

    async fn find(&self, tenant: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure> {
        let query = sqlx::query("SELECT * FROM sms_messages WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)");
        let query = query.bind(id.to_string()).bind(tenant.map(TenantId::as_str));
        let row = self.within(async { query.fetch_optional(&self.pool).await.map_err(unavailable) }).await?;
        row.as_ref().map(rows::sms).transpose()
    }
}

fn all(read: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<Sms>, Failure> {
    read.map_err(unavailable)?.iter().map(rows::sms).collect()
}

fn attempts(read: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<Attempt>, Failure> {
    read.map_err(unavailable)?.iter().map(rows::attempt).collect()
}
