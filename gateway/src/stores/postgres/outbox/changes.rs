//! What changes a message after its claim: an answer, a report, a restart, a command. Each reads the message, holds it,
//! reads its attempt, lets the engine decide, and writes both back, in one transaction.

use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::ports::{Checks, Settled};
use engine::sms::{Attempt, Command, Commanded, DeliveryReport, ErrorClass, Reported, Settlement, Sms, SmsState, hear};
use engine::time::Timestamp;
use sqlx::PgConnection;

use super::super::rows::{self, Columns, bounded, column};
use super::super::values::{At, maybe_at, maybe_text, text};
use super::super::{PostgresStore, opt_outs, unavailable};
use super::all;

impl PostgresStore {
    pub(super) async fn settle_attempt(
        &self,
        id: SmsId,
        attempt: u32,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let found = message(&mut transaction, id).await?;
        let (mut sms, last_attempt) = found.ok_or_else(|| Failure::fail(format!("no text message {id}")))?;
        let Some(mut attempt) = self::attempt(&mut transaction, id, attempt).await? else {
            return Ok(Settled { sms, moved: false });
        };
        let before = attempt.clone();
        let moved = settlement.apply(&mut sms, &mut attempt, before.number == last_attempt, now);
        if moved {
            write_message(&mut transaction, &sms).await?;
            sms = unless_unwanted(&mut transaction, sms, now).await?;
        }
        if attempt != before {
            write_attempt(&mut transaction, &attempt).await?;
            transaction.commit().await.map_err(unavailable)?;
        }
        Ok(Settled { sms, moved })
    }

    pub(super) async fn hear_report(
        &self,
        report: &DeliveryReport,
        class: Option<ErrorClass>,
    ) -> Result<Reported, Failure> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let query = match &report.token {
            Some(token) => {
                sqlx::query("SELECT sms_id, attempt FROM sms_attempts WHERE token = $1").bind(text(token.as_str()))
            }
            None => sqlx::query("SELECT sms_id, attempt FROM sms_attempts WHERE provider_id = $1")
                .bind(text(report.provider_id.as_ref())),
        };
        let row = query.fetch_optional(&mut *transaction).await.map_err(unavailable)?;
        let Some(row) = row else { return Ok(Reported::Unheard) };
        // The message first, as everybody does; then the attempt as it is while the message is held.
        let (id, number) = (row.parsed("sms_id")?, row.number("attempt")?);
        let Some((mut sms, last_attempt)) = message(&mut transaction, id).await? else { return Ok(Reported::Unheard) };
        let Some(mut attempt) = attempt(&mut transaction, id, number).await? else { return Ok(Reported::Unheard) };
        let before = attempt.clone();
        let mut reported = hear(&mut sms, &mut attempt, before.number == last_attempt, report, class);
        if let Reported::Moved { sms, .. } = &mut reported {
            write_message(&mut transaction, sms).await?;
            *sms = unless_unwanted(&mut transaction, sms.clone(), sms.updated_at).await?;
        }
        if attempt != before {
            write_attempt(&mut transaction, &attempt).await?;
        }
        if reported != Reported::Old || attempt != before {
            transaction.commit().await.map_err(unavailable)?;
        }
        Ok(reported)
    }

    pub(super) async fn cut_all(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let query = sqlx::query(
            "WITH cut AS (UPDATE sms_messages SET state = 'unknown', error = 'cut by a crash while being sent', \
             updated_at = $1 WHERE state = 'sending' RETURNING *), \
             asked AS (UPDATE sms_attempts SET answered_at = $1, outcome = 'unknown', counts = true, check_at = $1 \
             FROM cut WHERE sms_id = cut.id AND attempt = cut.last_attempt) SELECT * FROM cut",
        );
        all(query.bind(At(now)).fetch_all(&self.pool).await)
    }

    pub(super) async fn obey(
        &self,
        tenant: Option<&TenantId>,
        id: SmsId,
        command: Command,
        now: Timestamp,
    ) -> Result<Commanded, Failure> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let found = message(&mut transaction, id).await?;
        let of_tenant = |(sms, _): &(Sms, u32)| tenant.is_none_or(|tenant| *tenant == sms.tenant);
        let Some((mut sms, last_attempt)) = found.filter(of_tenant) else { return Ok(Commanded::NoSuchMessage) };
        let from = sms.state;
        if let Err(why) = command.apply(&mut sms, last_attempt, now) {
            return Ok(Commanded::Refused(why));
        }
        write_message(&mut transaction, &sms).await?;
        sms = unless_unwanted(&mut transaction, sms, now).await?;
        let query = sqlx::query("UPDATE sms_attempts SET check_at = NULL WHERE sms_id = $1 AND check_at IS NOT NULL");
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
                "SELECT * FROM sms_attempts WHERE check_at <= $1 AND check_at IS NOT NULL AND provider_id IS NULL \
                 ORDER BY check_at, sms_id, attempt LIMIT $2"
            }
            Checks::Unreported => {
                "SELECT * FROM sms_attempts WHERE check_at <= $1 AND check_at IS NOT NULL AND provider_id IS NOT NULL \
                 ORDER BY check_at, sms_id, attempt LIMIT $2"
            }
        });
        let due = query.bind(At(now)).bind(bounded(limit)).fetch_all(&self.pool).await.map_err(unavailable)?;
        let due = due.iter().map(rows::attempt).collect::<Result<Vec<_>, _>>()?;
        let query = sqlx::query("SELECT * FROM sms_messages WHERE id = ANY($1)");
        let query = query.bind(column(&due, |attempt| attempt.sms.to_string()));
        let messages = all(query.fetch_all(&self.pool).await)?;
        let with_message = |attempt: Attempt| {
            let sms = messages.iter().find(|sms| sms.id == attempt.sms).cloned();
            Ok((sms.ok_or_else(|| Failure::fail("postgres: an attempt without its message"))?, attempt))
        };
        due.into_iter().map(with_message).collect()
    }
}

/// The message, held until the transaction ends, and the number of its newest attempt.
pub(super) async fn message(connection: &mut PgConnection, id: SmsId) -> Result<Option<(Sms, u32)>, Failure> {
    let query = sqlx::query("SELECT * FROM sms_messages WHERE id = $1 FOR UPDATE").bind(id.to_string());
    let row = query.fetch_optional(connection).await.map_err(unavailable)?;
    row.as_ref().map(rows::sms_and_last_attempt).transpose()
}

async fn attempt(connection: &mut PgConnection, id: SmsId, number: u32) -> Result<Option<Attempt>, Failure> {
    let query = sqlx::query("SELECT * FROM sms_attempts WHERE sms_id = $1 AND attempt = $2");
    let query = query.bind(id.to_string()).bind(i64::from(number));
    query.fetch_optional(connection).await.map_err(unavailable)?.as_ref().map(rows::attempt).transpose()
}

/// Back in the queue, unless its recipient has opted out in the meantime.
async fn unless_unwanted(connection: &mut PgConnection, sms: Sms, now: Timestamp) -> Result<Sms, Failure> {
    if sms.state != SmsState::Queued {
        return Ok(sms);
    }
    Ok(opt_outs::suppress(connection, &[sms.id], now).await?.pop().unwrap_or(sms))
}

/// What can change of it.
async fn write_message(connection: &mut PgConnection, sms: &Sms) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE sms_messages SET state = $2, attempts = $3, provider_id = $4, error_code = $5, error = $6, \
         possible_duplicate = $7, due_at = $8, expires_at = $9, updated_at = $10 WHERE id = $1",
    );
    let query = query
        .bind(sms.id.to_string())
        .bind(sms.state.as_str())
        .bind(i64::from(sms.attempts))
        .bind(maybe_text(sms.provider_id.as_deref()))
        .bind(sms.error_code.map(i64::from))
        .bind(maybe_text(sms.error.as_deref()))
        .bind(sms.possible_duplicate)
        .bind(At(sms.due_at))
        .bind(At(sms.expires_at))
        .bind(At(sms.updated_at));
    query.execute(connection).await.map(drop).map_err(unavailable)
}

/// What can change of it.
async fn write_attempt(connection: &mut PgConnection, attempt: &Attempt) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE sms_attempts SET answered_at = $3, outcome = $4, counts = $5, provider_id = $6, error_code = $7, \
         error = $8, check_at = $9, checks = $10, absent_at = $11, http_status = $12 WHERE sms_id = $1 AND attempt = $2",
    );
    let query = query
        .bind(attempt.sms.to_string())
        .bind(i64::from(attempt.number))
        .bind(maybe_at(attempt.answered_at))
        .bind(attempt.outcome.map(|outcome| outcome.as_str()))
        .bind(attempt.counts)
        .bind(maybe_text(attempt.provider_id.as_deref()))
        .bind(attempt.error_code.map(i64::from))
        .bind(maybe_text(attempt.error.as_deref()))
        .bind(maybe_at(attempt.check_at))
        .bind(i64::from(attempt.checks))
        .bind(maybe_at(attempt.absent_at))
        .bind(attempt.http_status.map(i64::from));
    query.execute(connection).await.map(drop).map_err(unavailable)
}
