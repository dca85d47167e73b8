//! `GET /api/audit`: who did what. Every change that was made through the API gets a line, by its URL; erasures and
//! backups write their own.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use engine::ports::Audited;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::auth::{Identity, Role};
use super::query::{self, Asked};
use super::{Problem, State};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
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

/// They write down more than that they were asked for, or are nobody's deed.
const OWN_WAY: [&str; 3] = ["/api/erase", "/api/backup", "/api/performance"];

/// Newest first.
pub async fn list(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
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

/// Writes down that somebody changed something, after they were answered: nobody waits for it. Where it cannot be
/// written, the log says so.
pub fn changed(state: &Data<State>, request: &HttpRequest, status: StatusCode) {
    let route = request.match_pattern().filter(|route| route.starts_with("/api/"));
    let Some(route) = route.filter(|route| !OWN_WAY.contains(&route.as_str())) else { return };
    if request.method().is_safe() || !status.is_success() {
        return;
    }
    let Ok(identity) = state.access.identify(request.headers()) else { return };
    let action = format!("{} {route}", request.method());
    let subject = request.match_info().get("id").map(|id| format!("id:{id}")).unwrap_or_default();
    let Ok(seat) = state.afterthoughts.clone().try_acquire_owned() else {
        return tracing::warn!(action, "too much to write down, a deed is not in the audit log");
    };
    let (state, runtime) = (state.clone().into_inner(), state.runtime.clone());
    runtime.spawn(async move {
        let noted = state.note(&identity, identity.tenant.clone(), &action, &subject, json!({})).await;
        if let Err(failure) = noted {
            tracing::warn!(%failure, action, "a deed is not in the audit log");
        }
        drop(seat);
    });
}
