//! `GET /api/calls/{id}/events`: what happened in a call, in the order in which it happened: one item per fact, and
//! its text messages as they stand now.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use engine::call::Fact;
use engine::ids::{CallKey, SmsId};
use engine::ports::StoredFrame;
use engine::sms::Sms;
use engine::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::auth::Identity;
use super::query::Asked;
use super::{Problem, State, calls, query};

/// Messages of one call shown in its timeline.
const MAX_TEXTS: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    after: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Timeline<'a> {
    items: Vec<Item<'a>>,
    /// `after` of the next page.
    next: Option<u64>,
}

#[derive(Serialize)]
struct Item<'a> {
    /// The frame it was recorded in: several facts of one event share it.
    seq: u64,
    at: Timestamp,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    Fact(&'a Fact),
    Sms(Text<'a>),
}

#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    sms: &'a Sms,
}

pub async fn events(
    identity: Identity,
    id: Path<String>,
    page: Asked<Page>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let limit = query::limit(page.limit.as_deref())?;
    let after = after(page.after.as_deref())?;
    let call = calls::find(&state, identity.tenant.as_ref(), &id).await?;
    let key = CallKey { tenant: call.tenant.clone(), call: call.id.clone() };
    // One more than asked for tells whether there is another page.
    let mut frames = state.store.timeline(&key, after, limit + 1).await?;
    let next = cut(&mut frames, limit);
    let texts = state.outbox.of_call(Some(&key.tenant), &key.call, MAX_TEXTS).await?;
    Ok(HttpResponse::Ok().json(Timeline { items: items(&mut frames, &texts), next }))
}

fn after(given: Option<&str>) -> Result<u64, Problem> {
    let parse = |text: &str| text.parse().map_err(|_| Problem::unprocessable("after", "the seq of a frame"));
    given.map_or(Ok(0), parse)
}

/// Keeps whole frames until `limit` items are reached, at least one frame. Returns where the next page starts.
fn cut(frames: &mut Vec<StoredFrame>, limit: usize) -> Option<u64> {
    let mut items = 0;
    let fits = frames.iter().take_while(|frame| {
        items += frame.facts.len();
        items <= limit
    });
    let kept = fits.count().max(1);
    let more = frames.len() > kept;
    frames.truncate(kept);
    frames.last().filter(|_| more).map(|frame| frame.seq)
}

/// Facts by the time they happened, not by the time we heard of them. A message follows the fact that owed it.
fn items<'a>(frames: &'a mut [StoredFrame], texts: &'a [Sms]) -> Vec<Item<'a>> {
    frames.sort_by_key(|frame| (frame.at, frame.seq));
    frames.iter_mut().flat_map(|frame| &mut frame.facts).for_each(Fact::forget_effect);
    let texts: HashMap<SmsId, &Sms> = texts.iter().map(|sms| (sms.id, sms)).collect();
    let mut items = Vec::new();
    for frame in frames.iter() {
        for fact in &frame.facts {
            items.push(Item { seq: frame.seq, at: frame.at, what: What::Fact(fact) });
            if let Fact::SmsOwed { sms, .. } = fact
                && let Some(sms) = texts.get(sms)
            {
                let text = Text { r#type: "sms", sms };
                items.push(Item { seq: frame.seq, at: sms.created_at.max(frame.at), what: What::Sms(text) });
            }
        }
    }
    items
}
