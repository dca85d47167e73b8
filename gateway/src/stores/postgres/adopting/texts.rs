//! Texts that were owed, and mostly sent, elsewhere.

use std::collections::{HashMap, HashSet};

use engine::failure::Failure;
use engine::ids::{CallId, SmsId};
use engine::sms::{Attempt, Tried};
use sqlx::PgConnection;

use super::super::PostgresStore;
use super::super::opt_outs::unwanted;
use super::super::rows::{self, Columns, column};
use super::super::values::{At, maybe_at, maybe_text, text};

/// A message whose call is not here yet is left out: it will be offered again. Who has opted out here is not texted.
const WRITE_TEXTS: &str = concat!(
    "INSERT INTO sms_messages (id, tenant, call_id, alert_id, to_number, contact, from_number, body, segments, priority, \
     state, attempts, last_attempt, provider_id, error_code, error, possible_duplicate, due_at, expires_at, created_at, \
     updated_at) SELECT id, tenant, call_id, alert_id, to_number, contact, from_number, body, segments, priority, \
     CASE WHEN unwanted THEN 'suppressed' ELSE state END, attempts, last_attempt, provider_id, error_code, \
     CASE WHEN unwanted THEN 'recipient has opted out' ELSE error END, possible_duplicate, due_at, expires_at, \
     created_at, updated_at FROM (SELECT sms.*, state = 'queued' AND ",
    unwanted!(),
    " AS unwanted FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], \
     $8::text[], $9::bigint[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::text[], $15::bigint[], \
     $16::text[], $17::bool[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[]) \
     AS sms (id, tenant, call_id, alert_id, to_number, contact, from_number, body, segments, priority, state, attempts, \
     last_attempt, provider_id, error_code, error, possible_duplicate, due_at, expires_at, created_at, updated_at) \
     WHERE call_id IS NULL OR EXISTS (SELECT 1 FROM calls WHERE calls.tenant = sms.tenant AND calls.id = sms.call_id)) \
     AS moved ORDER BY id \
     ON CONFLICT (id) DO UPDATE SET from_number = excluded.from_number, state = excluded.state, \
     attempts = excluded.attempts, last_attempt = excluded.last_attempt, provider_id = excluded.provider_id, \
     error_code = excluded.error_code, error = excluded.error, due_at = excluded.due_at, \
     expires_at = excluded.expires_at, updated_at = excluded.updated_at, \
     possible_duplicate = excluded.possible_duplicate OR sms_messages.possible_duplicate \
     WHERE (excluded.last_attempt, excluded.updated_at) >= (sms_messages.last_attempt, sms_messages.updated_at)"
);

/// Numbered by whoever knows what was tried here.
const WRITE_ATTEMPTS: &str = "INSERT INTO sms_attempts (sms_id, attempt, sender, token, started_at, answered_at, outcome, counts, http_status, \
     provider_id, error_code, error, check_at, checks, absent_at) SELECT * FROM unnest($1::text[], $2::bigint[], \
     $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::bool[], $9::bigint[], $10::text[], \
     $11::bigint[], $12::text[], $13::timestamptz[], $14::bigint[], $15::timestamptz[]) \
     AS made (sms_id, attempt, sender, token, started_at, answered_at, outcome, counts, http_status, provider_id, \
     error_code, error, check_at, checks, absent_at) \
     WHERE EXISTS (SELECT 1 FROM sms_messages WHERE id = made.sms_id) \
     ON CONFLICT (sms_id, attempt) DO UPDATE SET answered_at = excluded.answered_at, outcome = excluded.outcome, \
     counts = excluded.counts, http_status = excluded.http_status, provider_id = excluded.provider_id, \
     error_code = excluded.error_code, error = excluded.error, check_at = excluded.check_at, \
     checks = excluded.checks, absent_at = excluded.absent_at WHERE sms_attempts.token = excluded.token";

impl PostgresStore {
    pub(super) async fn write_moved(&self, texts: &[Tried]) -> Result<HashSet<SmsId>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let known = held(&mut transaction, texts).await?;
        let texts: Vec<Tried> = texts.iter().map(|text| united(known.get(&text.sms.id), text)).collect();
        write_texts(&mut transaction, &texts).await?;
        let attempts: Vec<&Attempt> = texts.iter().flat_map(|text| &text.attempts).collect();
        if !attempts.is_empty() {
            write_attempts(&mut transaction, &attempts).await?;
        }
        let query = sqlx::query("SELECT id FROM sms_messages WHERE id = ANY($1)").bind(ids(&texts));
        let here = query.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        here.iter().map(|row| row.parsed("id").map_err(unreadable)).collect()
    }
}

/// Those that are here already, with what was tried here. Nobody changes them until the transaction ends.
async fn held(connection: &mut PgConnection, texts: &[Tried]) -> Result<HashMap<SmsId, Tried>, sqlx::Error> {
    let query = sqlx::query("SELECT * FROM sms_messages WHERE id = ANY($1) ORDER BY id FOR UPDATE").bind(ids(texts));
    let read = query.fetch_all(&mut *connection).await?;
    let mut known = HashMap::with_capacity(read.len());
    for row in &read {
        let (sms, last_attempt) = rows::sms_and_last_attempt(row).map_err(unreadable)?;
        known.insert(sms.id, Tried { sms, last_attempt, attempts: Vec::new() });
    }
    let query = sqlx::query("SELECT * FROM sms_attempts WHERE sms_id = ANY($1) ORDER BY attempt");
    for row in &query.bind(ids(texts)).fetch_all(connection).await? {
        let attempt = rows::attempt(row).map_err(unreadable)?;
        if let Some(known) = known.get_mut(&attempt.sms) {
            known.attempts.push(attempt);
        }
    }
    Ok(known)
}

fn united(known: Option<&Tried>, offered: &Tried) -> Tried {
    let Some(known) = known else { return offered.clone() };
    let united = known.with(offered);
    if united.sms.possible_duplicate && !known.sms.possible_duplicate && !offered.sms.possible_duplicate {
        tracing::warn!(sms.id = %offered.sms.id, "sms was sent from here and from the spool, marked as possible duplicate");
    }
    united
}

fn ids(texts: &[Tried]) -> Vec<String> {
    column(texts, |text| text.sms.id.to_string())
}

async fn write_texts(connection: &mut PgConnection, texts: &[Tried]) -> Result<(), sqlx::Error> {
    let query = sqlx::query(WRITE_TEXTS)
        .bind(column(texts, |text| text.sms.id.to_string()))
        .bind(column(texts, |text| text.sms.tenant.as_str().to_owned()))
        .bind(column(texts, |moved| maybe_text(moved.sms.call.as_ref().map(CallId::as_str))))
        .bind(column(texts, |text| text.sms.alert.map(|alert| alert.to_string())))
        .bind(column(texts, |text| text.sms.to.as_str().to_owned()))
        .bind(column(texts, |moved| text(&moved.sms.contact)))
        .bind(column(texts, |moved| maybe_text(moved.sms.from.as_deref())))
        .bind(column(texts, |moved| text(&moved.sms.body)))
        .bind(column(texts, |text| i64::from(text.sms.segments)))
        .bind(column(texts, |text| text.sms.priority.as_str()))
        .bind(column(texts, |text| text.sms.state.as_str()))
        .bind(column(texts, |text| i64::from(text.sms.attempts)))
        .bind(column(texts, |text| i64::from(text.last_attempt)))
        .bind(column(texts, |moved| maybe_text(moved.sms.provider_id.as_deref())))
        .bind(column(texts, |text| text.sms.error_code.map(i64::from)))
        .bind(column(texts, |moved| maybe_text(moved.sms.error.as_deref())))
        .bind(column(texts, |text| text.sms.possible_duplicate))
        .bind(column(texts, |text| At(text.sms.due_at)))
        .bind(column(texts, |text| At(text.sms.expires_at)))
        .bind(column(texts, |text| At(text.sms.created_at)))
        .bind(column(texts, |text| At(text.sms.updated_at)));
    query.execute(connection).await.map(drop)
}

async fn write_attempts(connection: &mut PgConnection, attempts: &[&Attempt]) -> Result<(), sqlx::Error> {
    let each = || attempts.iter().copied();
    let query = sqlx::query(WRITE_ATTEMPTS)
        .bind(column(each(), |attempt| attempt.sms.to_string()))
        .bind(column(each(), |attempt| i64::from(attempt.number)))
        .bind(column(each(), |attempt| text(&attempt.sender)))
        .bind(column(each(), |attempt| text(attempt.token.as_str())))
        .bind(column(each(), |attempt| At(attempt.started_at)))
        .bind(column(each(), |attempt| maybe_at(attempt.answered_at)))
        .bind(column(each(), |attempt| attempt.outcome.map(|outcome| outcome.as_str())))
        .bind(column(each(), |attempt| attempt.counts))
        .bind(column(each(), |attempt| attempt.http_status.map(i64::from)))
        .bind(column(each(), |attempt| maybe_text(attempt.provider_id.as_deref())))
        .bind(column(each(), |attempt| attempt.error_code.map(i64::from)))
        .bind(column(each(), |attempt| maybe_text(attempt.error.as_deref())))
        .bind(column(each(), |attempt| maybe_at(attempt.check_at)))
        .bind(column(each(), |attempt| i64::from(attempt.checks)))
        .bind(column(each(), |attempt| maybe_at(attempt.absent_at)));
    query.execute(connection).await.map(drop)
}

fn unreadable(failure: Failure) -> sqlx::Error {
    sqlx::Error::Decode(failure.into())
}
