//! `/api/sms…`: text messages as they stand, and what people do with them.

mod orders;
mod request;
mod shown;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use engine::ids::{CallId, SmsId};
use engine::phone::PhoneNumber;
use engine::ports::SmsFilter;
use engine::sms::{Sms, SmsState};
use engine::time::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::orders::{assume_sent, cancel, retry};
pub use self::request::submit;
use self::shown::{shown, shown_attempt};
use super::auth::Identity;
use super::query::Asked;
use super::{Problem, State, query};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    state: Option<String>,
    call: Option<String>,
    to: Option<String>,
    tenant: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Page {
    items: Vec<serde_json::Value>,
    next: Option<String>,
}

/// Those of one call in the order they were owed, else the newest first; page by page.
pub async fn list(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let limit = query::limit(which.limit.as_deref())?;
    let call = which.call.as_deref().map(|text| parsed("call", CallId::parse(text))).transpose()?;
    let filter = SmsFilter {
        tenant,
        state: which.state.as_deref().map(state_named).transpose()?,
        to: which.to.as_deref().map(|text| parsed("to", number(text))).transpose()?,
        after: which.cursor.as_deref().map(place).transpose()?,
        oldest_first: call.is_some(),
        call,
        // One more tells whether there is a next page.
        limit: limit + 1,
    };
    let mut items = state.outbox.list(&filter).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    let items = items.iter().map(|sms| shown(&identity, sms)).collect();
    Ok(HttpResponse::Ok().json(Page { items, next }))
}

/// With every attempt to send it, the first one first.
pub async fn one(identity: Identity, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let sms = state.outbox.find(identity.tenant.as_ref(), id_in(&id)?).await?.ok_or_else(no_such_message)?;
    let attempts = state.outbox.attempts(sms.id).await?;
    let mut shown = shown(&identity, &sms);
    shown["attempt_log"] = attempts.iter().map(|attempt| shown_attempt(&identity, attempt)).collect();
    Ok(HttpResponse::Ok().json(shown))
}

fn id_in(text: &str) -> Result<SmsId, Problem> {
    text.parse().map_err(|_| no_such_message())
}

fn no_such_message() -> Problem {
    Problem::not_found("no such text message")
}

fn parsed<T, E: std::fmt::Display>(field: &'static str, result: Result<T, E>) -> Result<T, Problem> {
    result.map_err(|bad| Problem::unprocessable(field, bad.to_string()))
}

/// A plus sign in a query is a space once it is decoded; who forgot to write it as %2B is understood all the same.
fn number(text: &str) -> Result<PhoneNumber, impl std::fmt::Display + use<>> {
    match text.strip_prefix(' ') {
        Some(digits) => format!("+{digits}").parse(),
        None => text.parse(),
    }
}

fn state_named(text: &str) -> Result<SmsState, Problem> {
    SmsState::parse(text).ok_or_else(|| {
        let known = SmsState::ALL.map(SmsState::as_str).join(", ");
        Problem::unprocessable("state", format!("one of {known}"))
    })
}

/// The place of a message in the list, for the page after it.
fn cursor(sms: &Sms) -> String {
    format!("{}-{}", sms.created_at.as_millis(), sms.id)
}

fn place(cursor: &str) -> Result<(Timestamp, SmsId), Problem> {
    let place = cursor.split_once('-').and_then(|(millis, id)| {
        let millis = millis.parse().ok()?;
        Some((Timestamp::from_millis(millis), id.parse().ok()?))
    });
    place.ok_or_else(|| Problem::unprocessable("cursor", "not one that a list gave as `next`"))
}
