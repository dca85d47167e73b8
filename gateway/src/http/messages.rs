//! `GET /api/sms…`: text messages as they stand.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use engine::ids::{CallId, SmsId};
use engine::sms::Sms;
use serde::{Deserialize, Serialize};

use super::auth::Identity;
use super::{Problem, State, query};

#[derive(Deserialize)]
pub struct Which {
    call: Option<String>,
    tenant: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Sms>,
    next: Option<String>,
}

/// Those of one call in the order they were owed, or the newest of all.
pub async fn list(identity: Identity, which: Query<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let limit = query::limit(which.limit.as_deref())?;
    let items = match &which.call {
        None => state.outbox.latest(tenant.as_ref(), limit).await?,
        Some(call) => match CallId::parse(call) {
            Ok(call) => state.outbox.of_call(tenant.as_ref(), &call, limit).await?,
            Err(bad) => return Err(Problem::unprocessable("call", bad.to_string())),
        },
    };
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}

pub async fn one(identity: Identity, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::not_found("no such text message");
    let id: SmsId = id.parse().map_err(|_| unknown())?;
    let sms = state.outbox.find(identity.tenant.as_ref(), id).await?.ok_or_else(unknown)?;
    Ok(HttpResponse::Ok().json(sms))
}
