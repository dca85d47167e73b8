//! Rows as the engine's types, and back. What cannot be read names its column, never its value.

use std::sync::Arc;

use engine::alert::AlertBrief;
use engine::call::{Call, CallView, Fact, SmsCounts};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, TenantId};
use engine::phone::PhoneNumber;
use engine::ports::{Recorded, StoredFrame};
use engine::priority::Priority;
use engine::sms::{Attempt, AttemptToken, Sms, SmsState};
use engine::time::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, QueryBuilder, Row, Sqlite, Type};

/// `WITH wanted (tenant, call_id) AS (these calls)`, for a join that looks each up by its index. (Written as
/// `(tenant, id) IN (VALUES …)` SQLite scans the whole table as soon as there are two.)
pub fn wanted<'a>(calls: impl IntoIterator<Item = &'a CallKey>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("WITH wanted (tenant, call_id) AS (");
    query.push_values(calls, |mut row, call| {
        row.push_bind(call.tenant.as_str()).push_bind(call.call.as_str());
    });
    query.push(") ");
    query
}

pub fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(row: &'r SqliteRow, column: &str) -> Result<T, Failure> {
    row.try_get(column).map_err(|_| unreadable(column))
}

pub fn parsed<T: std::str::FromStr>(row: &SqliteRow, column: &str) -> Result<T, Failure> {
    get::<&str>(row, column)?.parse().map_err(|_| unreadable(column))
}

pub fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Failure> {
    serde_json::from_str(get(row, column)?).map_err(|_| unreadable(column))
}

pub fn unreadable(column: &str) -> Failure {
    Failure::fail(format!("sqlite: column {column} cannot be read"))
}

pub fn number<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<T, Failure> {
    T::try_from(get(row, column)?).map_err(|_| unreadable(column))
}

/// A column that may be empty.
pub fn optional<T>(row: &SqliteRow, column: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Failure> {
    get::<Option<&str>>(row, column)?.map(|text| parse(text).ok_or_else(|| unreadable(column))).transpose()
}

pub fn optional_time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, Failure> {
    optional(row, column, |text| text.parse().ok())
}

pub fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, Failure> {
    parsed(row, column)
}

pub fn tenant(row: &SqliteRow) -> Result<TenantId, Failure> {
    TenantId::parse(get(row, "tenant")?).map_err(|_| unreadable("tenant"))
}

/// Empty where a row belongs to no tenant in particular.
pub fn tenant_or_none(row: &SqliteRow) -> Result<Option<TenantId>, Failure> {
    match get::<&str>(row, "tenant")? {
        "" => Ok(None),
        _ => tenant(row).map(Some),
    }
}

/// The call a row of `calls` (`id`) or of another table (`call_id`) is about.
pub fn call_key(row: &SqliteRow, id: &str) -> Result<CallKey, Failure> {
    let call = CallId::parse(get(row, id)?).map_err(|_| unreadable(id))?;
    Ok(CallKey { tenant: tenant(row)?, call })
}

pub fn state(row: &SqliteRow) -> Result<Call, Failure> {
    json(row, "state")
}

pub fn recorded(row: &SqliteRow) -> Result<Recorded, Failure> {
    Ok(Recorded { facts: facts(row)?, answer: json(row, "answer")? })
}

pub fn view(key: &CallKey, state: &Call, counts: SmsCounts, alert: Option<AlertBrief>) -> Arc<CallView> {
    state.view(&key.tenant, &key.call, counts, alert)
}

pub fn frame(row: &SqliteRow) -> Result<StoredFrame, Failure> {
    Ok(StoredFrame {
        position: number(row, "position")?,
        call: call_key(row, "call_id")?,
        seq: number(row, "seq")?,
        at: time(row, "at")?,
        decided_at: time(row, "decided_at")?,
        facts: facts(row)?,
    })
}

/// A frame whose facts cannot be read is shown without them: it must not hide its neighbours, nor stop the relay.
fn facts(row: &SqliteRow) -> Result<Vec<Fact>, Failure> {
    let text: &str = get(row, "facts")?;
    Ok(serde_json::from_str(text).unwrap_or_else(|_| {
        let position = row.try_get::<i64, _>("position").unwrap_or_default();
        tracing::error!(frame.position = position, "facts of a frame cannot be read");
        Vec::new()
    }))
}

pub fn sms_state(row: &SqliteRow) -> Result<SmsState, Failure> {
    SmsState::parse(get(row, "state")?).ok_or_else(|| unreadable("state"))
}

pub fn sms(row: &SqliteRow) -> Result<Sms, Failure> {
    let call: Option<&str> = get(row, "call_id")?;
    Ok(Sms {
        id: parsed(row, "id")?,
        tenant: tenant(row)?,
        call: call.map(CallId::parse).transpose().map_err(|_| unreadable("call_id"))?,
        alert: get::<Option<&str>>(row, "alert_id")?.map(str::parse).transpose().map_err(|_| unreadable("alert_id"))?,
        to: parsed::<PhoneNumber>(row, "to_number")?,
        contact: text(row, "contact")?,
        from: optional_text(row, "from_number")?,
        body: text(row, "body")?,
        segments: number(row, "segments")?,
        priority: parsed::<Priority>(row, "priority")?,
        state: sms_state(row)?,
        attempts: number(row, "attempts")?,
        provider_id: optional_text(row, "provider_id")?,
        error_code: get::<Option<u32>>(row, "error_code")?,
        error: optional_text(row, "error")?,
        possible_duplicate: get(row, "possible_duplicate")?,
        due_at: time(row, "due_at")?,
        expires_at: time(row, "expires_at")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub fn attempt(row: &SqliteRow) -> Result<Attempt, Failure> {
    Ok(Attempt {
        sms: parsed(row, "sms_id")?,
        number: number(row, "attempt")?,
        sender: text(row, "sender")?,
        token: AttemptToken::parse(get(row, "token")?).ok_or_else(|| unreadable("token"))?,
        started_at: time(row, "started_at")?,
        answered_at: optional_time(row, "answered_at")?,
        outcome: optional(row, "outcome", SmsState::parse)?,
        counts: get::<Option<bool>>(row, "counts")?,
        http_status: get::<Option<u16>>(row, "http_status")?,
        provider_id: optional_text(row, "provider_id")?,
        error_code: get::<Option<u32>>(row, "error_code")?,
        error: optional_text(row, "error")?,
        check_at: optional_time(row, "check_at")?,
        checks: number(row, "checks")?,
        absent_at: optional_time(row, "absent_at")?,
    })
}

pub fn text(row: &SqliteRow, column: &str) -> Result<Box<str>, Failure> {
    get::<&str>(row, column).map(Box::from)
}

fn optional_text(row: &SqliteRow, column: &str) -> Result<Option<Box<str>>, Failure> {
    Ok(get::<Option<&str>>(row, column)?.map(Box::from))
}
