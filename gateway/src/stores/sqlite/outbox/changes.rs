//! What changes a message after its claim: an answer, a report, a restart, a command. Each reads the message and its
//! attempt, lets the engine decide, and writes both back, in one transaction.

use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::ports::{Checks, Settled};
use engine::sms::{Attempt, Command, Commanded, DeliveryReport, ErrorClass, Reported, Settlement, Sms, SmsState, hear};
use engine::time::Timestamp;

use super::{Writing, all};
use crate::stores::columns::bounded;
use crate::stores::sqlite::{SqliteStore, opt_outs, rows, unavailable};

/// One answer, in a transaction that may settle others too.
pub(super) async fn settle(
    transaction: &mut Writing<'_>,
    id: SmsId,
    attempt: u32,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<Settled, Failure> {
    let found = message(transaction, id).await?;
    let (mut sms, last_attempt) = found.ok_or_else(|| Failure::fail(format!("no text message {id}")))?;
    let query = sqlx::query("SELECT * FROM sms_attempts WHERE sms_id = ? AND attempt = ?");
    let row = query.bind(id.to_string()).bind(attempt).fetch_optional(&mut **transaction).await;
    let Some(mut attempt) = row.map_err(unavailable)?.as_ref().map(rows::attempt).transpose()? else {
        return Ok(Settled { sms, moved: false });
    };
    let before = attempt.clone();
    let moved = settlement.apply(&mut sms, &mut attempt, before.number == last_attempt, now);
    if moved {
        write_message(transaction, &sms).await?;
        sms = unless_unwanted(transaction, sms, now).await?;
    }
    if attempt != before {
        write_attempt(transaction, &attempt).await?;
    }
    Ok(Settled { sms, moved })
}

/// One report, in the same way.
pub(super) async fn hear_report(
    transaction: &mut Writing<'_>,
    report: &DeliveryReport,
    class: Option<ErrorClass>,
) -> Result<Reported, Failure> {
    let query = match &report.token {
        Some(token) => sqlx::query("SELECT * FROM sms_attempts WHERE token = ?").bind(token.as_str()),
        None => sqlx::query("SELECT * FROM sms_attempts WHERE provider_id = ?").bind(report.provider_id.as_ref()),
    };
    let row = query.fetch_optional(&mut **transaction).await.map_err(unavailable)?;
    let Some(mut attempt) = row.as_ref().map(rows::attempt).transpose()? else { return Ok(Reported::Unheard) };
    let found = message(transaction, attempt.sms).await?;
    let Some((mut sms, last_attempt)) = found else { return Ok(Reported::Unheard) };
    let before = attempt.clone();
    let mut reported = hear(&mut sms, &mut attempt, before.number == last_attempt, report, class);
    if let Reported::Moved { sms, .. } = &mut reported {
        write_message(transaction, sms).await?;
        *sms = unless_unwanted(transaction, sms.clone(), sms.updated_at).await?;
    }
    if attempt != before {
        write_attempt(transaction, &attempt).await?;
    }
    Ok(reported)
}

impl SqliteStore {
    pub(super) async fn cut_all(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE sms_attempts SET answered_at = ?1, outcome = 'unknown', counts = 1, check_at = ?1 \
             WHERE (sms_id, attempt) IN (SELECT id, last_attempt FROM sms_messages WHERE state = 'sending')",
        )
        .bind(now.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let query = sqlx::query(
            "UPDATE sms_messages SET state = 'unknown', error = 'cut by a crash while being sent', updated_at = ? \
             WHERE state = 'sending' RETURNING *",
        );
        let cut = all(query.bind(now.to_string()).fetch_all(&mut *transaction).await)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(cut)
    }

    pub(super) async fn obey(
        &self,
        tenant: Option<&TenantId>,
        id: SmsId,
        command: Command,
        now: Timestamp,
    ) -> Result<Commanded, Failure> {
        let mut transaction = self.begin().await?;
        let found = message(&mut transaction, id).await?;
        let of_tenant = |(sms, _): &(Sms, u32)| tenant.is_none_or(|tenant| *tenant == sms.tenant);
        let Some((mut sms, last_attempt)) = found.filter(of_tenant) else { return Ok(Commanded::NoSuchMessage) };
        let from = sms.state;
        if let Err(why) = command.apply(&mut sms, last_attempt, now) {
            return Ok(Commanded::Refused(why));
        }
        write_message(&mut transaction, &sms).await?;
        sms = unless_unwanted(&mut transaction, sms, now).await?;
        let query = sqlx::query("UPDATE sms_attempts SET check_at = NULL WHERE sms_id = ? AND check_at IS NOT NULL");
        query.bind(id.to_string()).execute(&mut *transaction).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(Commanded::Done { sms: Box::new(sms), from })
    }

    pub(super) async fn attempts_to_check(
        &self,
        which: Checks,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Sms, Attempt)>, Failure> {
        let query = sqlx::query(match which {
            Checks::Unknown => {
                "SELECT * FROM sms_attempts WHERE check_at <= ?1 AND check_at IS NOT NULL AND provider_id IS NULL \
                 ORDER BY check_at, sms_id, attempt LIMIT ?2"
            }
            Checks::Unreported => {
                "SELECT * FROM sms_attempts WHERE check_at <= ?1 AND provider_id IS NOT NULL \
                 ORDER BY check_at, sms_id, attempt LIMIT ?2"
            }
        });
        let query = query.bind(now.to_string()).bind(bounded(limit));
        let mut due = Vec::new();
        for row in query.fetch_all(&self.readers).await.map_err(unavailable)? {
            let attempt = rows::attempt(&row)?;
            let query = sqlx::query("SELECT * FROM sms_messages WHERE id = ?").bind(attempt.sms.to_string());
            let row = query.fetch_one(&self.readers).await.map_err(unavailable)?;
            due.push((rows::sms(&row)?, attempt));
        }
        Ok(due)
    }

    async fn begin(&self) -> Result<Writing<'static>, Failure> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)
    }
}

/// The message, and the number of its newest attempt.
pub(super) async fn message(transaction: &mut Writing<'_>, id: SmsId) -> Result<Option<(Sms, u32)>, Failure> {
    let query = sqlx::query("SELECT * FROM sms_messages WHERE id = ?").bind(id.to_string());
    let row = query.fetch_optional(&mut **transaction).await.map_err(unavailable)?;
    row.as_ref().map(rows::sms_and_last_attempt).transpose()
}

/// Back in the queue, unless its recipient has opted out in the meantime.
async fn unless_unwanted(transaction: &mut Writing<'_>, sms: Sms, now: Timestamp) -> Result<Sms, Failure> {
    if sms.state != SmsState::Queued {
        return Ok(sms);
    }
    Ok(opt_outs::suppress(transaction, &[sms.id], now).await?.pop().unwrap_or(sms))
}

/// What can change of it.
async fn write_message(transaction: &mut Writing<'_>, sms: &Sms) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE sms_messages SET state = ?2, attempts = ?3, provider_id = ?4, error_code = ?5, error = ?6, \
         possible_duplicate = ?7, due_at = ?8, expires_at = ?9, updated_at = ?10 WHERE id = ?1",
    );
    let query = query
        .bind(sms.id.to_string())
        .bind(sms.state.as_str())
        .bind(sms.attempts)
        .bind(sms.provider_id.as_deref())
        .bind(sms.error_code)
        .bind(sms.error.as_deref())
        .bind(sms.possible_duplicate)
        .bind(sms.due_at.to_string())
        .bind(sms.expires_at.to_string())
        .bind(sms.updated_at.to_string());
    query.execute(&mut **transaction).await.map(drop).map_err(unavailable)
}

/// What can change of it.
async fn write_attempt(transaction: &mut Writing<'_>, attempt: &Attempt) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE sms_attempts SET answered_at = ?3, outcome = ?4, counts = ?5, provider_id = ?6, error_code = ?7, \
         error = ?8, check_at = ?9, checks = ?10, absent_at = ?11, http_status = ?12 WHERE sms_id = ?1 AND attempt = ?2",
    );
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let query = query
        .bind(attempt.sms.to_string())
        .bind(attempt.number)
        .bind(text(attempt.answered_at))
        .bind(attempt.outcome.map(|outcome| outcome.as_str()))
        .bind(attempt.counts)
        .bind(attempt.provider_id.as_deref())
        .bind(attempt.error_code)
        .bind(attempt.error.as_deref())
        .bind(text(attempt.check_at))
        .bind(attempt.checks)
        .bind(text(attempt.absent_at))
        .bind(attempt.http_status);
    query.execute(&mut **transaction).await.map(drop).map_err(unavailable)
}
