//! `GET /api/audit`: who did what.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use engine::ports::Audited;
use serde::{Deserialize, Serialize};

use super::auth::{Identity, Role};
use super::{Problem, State, query};

#[derive(Deserialize)]
pub struct Which {
    tenant: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Audited>,
    /// `cursor` of the next page.
    next: Option<u64>,
}

/// Newest first.
pub async fn list(identity: Identity, which: Query<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    identity.at_least(Role::Admin)?;
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let limit = query::limit(which.limit.as_deref())?;
    let position = |text: &str| text.parse().map_err(|_| Problem::unprocessable("cursor", "`next` of a page before"));
    let before = which.cursor.as_deref().map(position).transpose()?;
    // One more than asked for tells whether there is another page.
    let mut items = state.keeping.store.deeds(tenant.as_ref(), before, limit + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|deed| deed.position);
    Ok(HttpResponse::Ok().json(Page { items, next }))
}
