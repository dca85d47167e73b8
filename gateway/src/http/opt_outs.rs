//! `/api/opt-outs` and `/api/sms/inbound`: who wants no texts, and what people text us.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use engine::ids::TenantId;
use engine::phone::{PhoneNumber, mask};
use engine::ports::{OptIn, OptOut, OptOutSource};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::auth::{Identity, Role};
use super::query::Asked;
use super::{Problem, State, query};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    tenant: Option<String>,
    limit: Option<String>,
}

/// A number that is to be texted no more, or again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    number: String,
    /// Left out by somebody who sees all tenants: it counts for all of them.
    tenant: Option<String>,
}

pub async fn list(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let limit = query::limit(which.limit.as_deref())?;
    let listed = state.carrier.opt_outs.in_force(tenant.as_ref(), limit).await?;
    page(&identity, &listed, &["number"])
}

pub async fn add(identity: Identity, asked: Bytes, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (tenant, number) = decided(&identity, &asked)?;
    let opt_out = OptOut { tenant, number, source: OptOutSource::Operator, at: state.clock.now(), message: None };
    let added = state.carrier.opt_outs.add(&opt_out).await?;
    tracing::info!(number = %opt_out.number.masked(), suppressed = added.suppressed.len(), "opted out by an operator");
    let mut answer = HttpResponse::Created();
    Ok(if added.is_new { answer.json(&opt_out) } else { HttpResponse::Ok().json(&opt_out) })
}

/// Undoes whatever is known of the number, however it was known.
pub async fn clear(identity: Identity, asked: Bytes, state: Data<State>) -> Result<HttpResponse, Problem> {
    let (tenant, number) = decided(&identity, &asked)?;
    let opt_in = OptIn { tenant, number, sources: OptOutSource::ALL.into(), at: state.clock.now(), message: None };
    if !state.carrier.opt_outs.clear(&opt_in).await? {
        return Err(Problem::not_found("this number has not opted out"));
    }
    tracing::info!(number = %opt_in.number.masked(), "opt-out undone by an operator");
    Ok(HttpResponse::NoContent().finish())
}

pub async fn texts(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let limit = query::limit(which.limit.as_deref())?;
    let listed = state.carrier.inbox.latest(tenant.as_ref(), limit).await?;
    page(&identity, &listed, &["from"])
}

fn decided(identity: &Identity, asked: &[u8]) -> Result<(Option<TenantId>, PhoneNumber), Problem> {
    identity.at_least(Role::Operator)?;
    let asked: Number =
        serde_json::from_slice(asked).map_err(|bad| Problem::bad_request(format!("the body: {bad}")))?;
    let tenant = identity.sees(query::tenant(asked.tenant.as_deref())?)?;
    let number = asked.number.parse();
    Ok((
        tenant,
        number.map_err(|bad: engine::phone::NotAPhoneNumber| Problem::unprocessable("number", bad.to_string()))?,
    ))
}

/// Viewers get masked numbers.
fn page<T: Serialize>(identity: &Identity, items: &[T], numbers: &[&str]) -> Result<HttpResponse, Problem> {
    let mut items = serde_json::to_value(items).expect("names, numbers and times are JSON");
    if identity.role < Role::Operator {
        for item in items.as_array_mut().into_iter().flatten() {
            numbers.iter().for_each(|name| masked(&mut item[*name]));
        }
    }
    Ok(HttpResponse::Ok().json(json!({"items": items, "next": null})))
}

fn masked(number: &mut Value) {
    if let Some(text) = number.as_str() {
        *number = mask(text).into();
    }
}
