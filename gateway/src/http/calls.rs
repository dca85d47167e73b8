//! `GET /api/calls…`: the calls that are live, one call, and the history of all.

mod history;
mod shown;

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, ContentType, ETAG, HeaderMap, IF_NONE_MATCH};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use engine::call::CallView;
use engine::ids::{CallId, TenantId};
use serde::Deserialize;

pub use self::history::list;
use self::shown::{sees_all, shown};
use super::auth::Identity;
use super::query::Asked;
use super::{Problem, State, query};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    tenant: Option<String>,
}

/// A bare array, oldest first. Its tag is the place in the live feed, so that a client can poll for the price of a head.
pub async fn active(
    identity: Identity,
    which: Asked<Which>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    state.all_live().await?;
    let snapshot = state.live.snapshot(tenant.as_ref());
    let tag = format!("\"{}:{}\"", snapshot.epoch, snapshot.offset);
    let mut response = if holds(request.headers(), &tag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag.as_str())).insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if holds(request.headers(), &tag) {
        response.finish()
    } else if sees_all(&identity) {
        response.json(snapshot.calls)
    } else {
        response.json(snapshot.calls.iter().map(|call| shown(&identity, call)).collect::<Vec<_>>())
    })
}

pub async fn one(identity: Identity, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    if sees_all(&identity) {
        let call = read(&state, identity.tenant.as_ref(), &id).await?;
        return Ok(HttpResponse::Ok().content_type(ContentType::json()).body(Bytes::from_owner(call)));
    }
    let call = find(&state, identity.tenant.as_ref(), &id).await?;
    Ok(HttpResponse::Ok().json(shown(&identity, &call)))
}

/// The call, if this identity may know of it. What it may not see does not exist.
pub async fn find(state: &State, tenant: Option<&TenantId>, id: &str) -> Result<CallView, Problem> {
    let call = read(state, tenant, id).await?;
    serde_json::from_slice(&call).map_err(|_| Problem::internal("a call that cannot be read back"))
}

/// As it is served.
async fn read(state: &State, tenant: Option<&TenantId>, id: &str) -> Result<Arc<[u8]>, Problem> {
    let unknown = || Problem::not_found("no such call");
    let id = CallId::parse(id).map_err(|_| unknown())?;
    Ok(state.cache.call(tenant, &id).await?.ok_or_else(unknown)?.body)
}

/// Whether `If-None-Match` names this tag. Compared weakly, as RFC 9110 §13.1.2 asks.
fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(|known| known.trim());
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}
