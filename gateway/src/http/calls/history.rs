//! `GET /api/calls`: every call there was, newest first, page by page.
//!
//! A page is read from an index, however many calls there are. `q` is the exception, for there is no index of words: it
//! looks at so many calls, the newest first, and then says where it goes on (`next`), with what it has found so far. What
//! people search for most is found at once all the same: a `q` that is a call's id is that call, and one that is a
//! number somebody called from lists their calls.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::call::{CallView, Search};
use engine::ids::{CallId, TenantId};
use engine::phone::PhoneNumber;
use engine::ports::{CallsWanted, PlaceInHistory};
use engine::priority::Priority;
use engine::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shown::{sees_all, shown};
use crate::http::auth::Identity;
use crate::http::query::{self, Asked, given, kept};
use crate::http::{Problem, State};

/// Calls a search looks at before it answers, and how many of them at once.
const LOOKED_AT: usize = 5_000;
const AT_ONCE: usize = 500;
const LONGEST_SEARCH: usize = 100;
const LONGEST_CURSOR: usize = 1_024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// `active` or `ended`.
    state: Option<String>,
    priority: Option<String>,
    tenant: Option<String>,
    /// The number of the other side.
    from: Option<String>,
    /// Begun at or after, and before.
    since: Option<String>,
    until: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

pub async fn list(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (mut wanted, words) = understood(&identity, &which)?;
    let limit = wanted.limit;
    let found = match words {
        None => {
            // One more tells whether there is a next page.
            wanted.limit += 1;
            let mut found = Found { calls: state.history.calls(&wanted).await?, next: None };
            found.cut(limit);
            found
        }
        Some(words) => search(&state, wanted, &words, sees_all(&identity)).await?,
    };
    let items = found.calls.iter().map(|call| shown(&identity, call)).collect();
    Ok(HttpResponse::Ok().json(Page { items, next: found.next.as_ref().map(cursor) }))
}

/// What was asked for, and the words to look for. All that is wrong is said at once.
fn understood(identity: &Identity, which: &Which) -> Result<(CallsWanted, Option<String>), Problem> {
    let mut wrong = Vec::new();
    let tenant = kept(query::tenant(which.tenant.as_deref()), &mut wrong);
    let live = kept(given(which.state.as_ref()).map(state_named).transpose(), &mut wrong);
    let priority = kept(given(which.priority.as_ref()).map(priority_named).transpose(), &mut wrong);
    let number = kept(given_number(which).map(|text| number(&text)).transpose(), &mut wrong);
    let since = kept(given(which.since.as_ref()).map(|text| moment("since", text)).transpose(), &mut wrong);
    let until = kept(given(which.until.as_ref()).map(|text| moment("until", text)).transpose(), &mut wrong);
    let words = kept(given(which.q.as_ref()).map(words).transpose(), &mut wrong);
    let after = kept(given(which.cursor.as_ref()).map(place).transpose(), &mut wrong);
    let limit = kept(query::limit(given(which.limit.as_ref())), &mut wrong);
    match (tenant, live, priority, number, since, until, words, after, limit) {
        (
            Some(tenant),
            Some(live),
            Some(priority),
            Some(number),
            Some(since),
            Some(until),
            Some(words),
            Some(after),
            Some(limit),
        ) => {
            if number.is_some() && !sees_all(identity) {
                return Err(Problem::forbidden("who sees no numbers cannot look for one"));
            }
            let tenant = identity.sees(tenant)?;
            Ok((CallsWanted { tenant, live, priority, number, since, until, after, limit }, words))
        }
        _ => Err(Problem::unprocessable_fields(wrong)),
    }
}

/// What a list found, and where it goes on.
struct Found {
    calls: Vec<Arc<CallView>>,
    next: Option<PlaceInHistory>,
}

impl Found {
    fn is_full(&self, limit: usize) -> bool {
        self.calls.len() > limit
    }

    fn cut(&mut self, limit: usize) {
        if self.is_full(limit) {
            self.calls.truncate(limit);
            self.next = self.calls.last().map(|call| PlaceInHistory::of(call));
        }
    }
}

async fn search(state: &State, mut wanted: CallsWanted, words: &str, in_numbers: bool) -> Result<Found, Problem> {
    if wanted.after.is_none()
        && let Ok(id) = CallId::parse(words)
        && let Some(call) = state.store.find(wanted.tenant.as_ref(), &id).await?
        && wanted.admits(&call)
    {
        return Ok(Found { calls: vec![call], next: None });
    }
    let limit = wanted.limit;
    if in_numbers && wanted.number.is_none() && words.parse::<PhoneNumber>().is_ok() {
        let of_number = CallsWanted { number: Some(words.into()), limit: limit + 1, ..wanted.clone() };
        let any = CallsWanted { after: None, limit: 1, ..of_number.clone() };
        if !state.history.calls(&any).await?.is_empty() {
            let mut found = Found { calls: state.history.calls(&of_number).await?, next: None };
            found.cut(limit);
            return Ok(found);
        }
    }
    let search = Search::new(words, in_numbers);
    let mut found = Found { calls: Vec::new(), next: None };
    wanted.limit = AT_ONCE;
    for _ in 0..LOOKED_AT / AT_ONCE {
        let batch = state.history.calls(&wanted).await?;
        wanted.after = batch.last().map(|call| PlaceInHistory::of(call));
        let is_last = batch.len() < AT_ONCE;
        found.calls.extend(batch.into_iter().filter(|call| search.finds(call)));
        if is_last || found.is_full(limit) {
            found.cut(limit);
            return Ok(found);
        }
    }
    // As far as it is looked at once: the next page begins behind what was looked at.
    found.next = wanted.after;
    Ok(found)
}

fn state_named(text: &str) -> Result<bool, Problem> {
    match text {
        "active" => Ok(true),
        "ended" => Ok(false),
        _ => Err(Problem::unprocessable("state", "active or ended")),
    }
}

fn priority_named(text: &str) -> Result<Priority, Problem> {
    text.parse().map_err(|bad: engine::priority::NotAPriority| Problem::unprocessable("priority", bad.to_string()))
}

/// A plus sign in a query is a space once it is decoded; who forgot to write it as %2B is understood all the same.
fn given_number(which: &Which) -> Option<String> {
    let text = which.from.as_ref().filter(|text| !text.trim().is_empty())?;
    Some(text.strip_prefix(' ').map_or_else(|| text.clone(), |digits| format!("+{digits}")))
}

fn number(text: &str) -> Result<Box<str>, Problem> {
    let number: Result<PhoneNumber, _> = text.parse();
    number
        .map(|number| number.as_str().into())
        .map_err(|bad: engine::phone::NotAPhoneNumber| Problem::unprocessable("from", bad.to_string()))
}

fn moment(field: &'static str, text: &str) -> Result<Timestamp, Problem> {
    // The same of the plus sign of an offset.
    let moment = text.parse().or_else(|_| text.replace(' ', "+").parse());
    moment.map_err(|bad: engine::time::NotATime| Problem::unprocessable(field, bad.to_string()))
}

fn words(text: &str) -> Result<String, Problem> {
    let fits = text.chars().count() <= LONGEST_SEARCH;
    let too_long = || Problem::unprocessable("q", format!("at most {LONGEST_SEARCH} characters"));
    fits.then(|| text.to_owned()).ok_or_else(too_long)
}

/// Opaque to whoever gets it.
fn cursor(place: &PlaceInHistory) -> String {
    let place = (place.started_at.as_millis(), place.call.as_str(), place.tenant.as_str());
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&place).expect("a number and two names are JSON"))
}

fn place(cursor: &str) -> Result<PlaceInHistory, Problem> {
    let read = || {
        let json = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| cursor.len() <= LONGEST_CURSOR)?;
        let (millis, call, tenant): (i64, String, String) = serde_json::from_slice(&json).ok()?;
        let (call, tenant) = (CallId::parse(&call).ok()?, TenantId::parse(&tenant).ok()?);
        Some(PlaceInHistory { started_at: Timestamp::from_millis(millis), call, tenant })
    };
    read().ok_or_else(|| Problem::unprocessable("cursor", "not one that a list gave as `next`"))
}

#[cfg(test)]
mod tests {
    use engine::testing::frames;

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_whatever_the_call_is_called() {
        for id in ["c1", "call-\"é🛁\u{1}'", &"é".repeat(64)] {
            let key = frames::call("acme", id);
            let before = PlaceInHistory { started_at: frames::moment(1), call: key.call, tenant: key.tenant };
            assert_eq!(place(&cursor(&before)), Ok(before));
        }
        for bad in ["", "x", "bm90IG9uZQ", &"A".repeat(2_000)] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}
