//! Past calls asked of the platform's API, page by page.

use std::collections::HashSet;
use std::time::Duration;

use engine::time::Timestamp;
use serde_json::value::RawValue;

use super::super::json::{Raw, moment, pick, text};
use super::super::{Api, ApiError};

/// Calls of one page. A call can be a megabyte, and a page has a deadline.
const PAGE_CALLS: usize = 50;

/// Which calls to ask the API for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub since: Timestamp,
    pub most: usize,
    pub assistant: Option<&'a str>,
}

/// Asks for past calls, newest first and a page at a time, and says how many there were. The API pages by time alone:
/// each page begins at the last moment of the one before, so that calls of the same moment are not lost between two.
pub async fn recorded(api: &Api, wanted: &Wanted<'_>, mut take: impl FnMut(Raw<'_>)) -> Result<usize, ApiError> {
    let mut seen: HashSet<Box<str>> = HashSet::new();
    let mut before: Option<Timestamp> = None;
    loop {
        let page = page(api, wanted.assistant, before).await?;
        let known = seen.len();
        let mut oldest = Timestamp::MAX;
        for call in &page {
            let [id, created] = pick(Some(call), ["id", "createdAt"]);
            let created = moment(created).unwrap_or(oldest);
            oldest = oldest.min(created);
            let new = created >= wanted.since && seen.len() < wanted.most;
            if new && text(id).is_some_and(|id| seen.insert(id.into())) {
                take(call);
            }
        }
        let full = page.len() == PAGE_CALLS;
        if !full || oldest < wanted.since || seen.len() >= wanted.most {
            return Ok(seen.len());
        }
        let next = if seen.len() > known { oldest.plus(Duration::from_millis(1)) } else { oldest };
        // A page that is not older than the one before would be asked for again and again.
        if before.is_some_and(|before| next >= before) {
            return Ok(seen.len());
        }
        before = Some(next);
    }
}

async fn page(api: &Api, assistant: Option<&str>, before: Option<Timestamp>) -> Result<Vec<Box<RawValue>>, ApiError> {
    let limit = PAGE_CALLS.to_string();
    let before = before.map(|at| at.to_string());
    let mut query = vec![("limit", limit.as_str())];
    query.extend(before.as_deref().map(|at| ("createdAtLt", at)));
    query.extend(assistant.map(|id| ("assistantId", id)));
    api.get(&["call"], &query).await
}
