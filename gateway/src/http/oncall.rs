//! `/api/oncall`: whose turn it is, who is next, and taking a shift over until a time.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use engine::ids::TenantId;
use engine::playbook::{Playbook, Shift, Turn};
use engine::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::auth::{Identity, Role};
use super::query::Asked;
use super::{Problem, State, query};

/// Turns after this one that are shown.
const AHEAD: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    tenant: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    contact: String,
    /// RFC 3339.
    until: String,
}

#[derive(Serialize)]
struct Standing<'a> {
    tenant: &'a TenantId,
    now: Option<Turn>,
    /// The turns after that, in order.
    next: Vec<Turn>,
    /// The shift that was taken over, while it lasts.
    r#override: Option<Shift>,
}

pub async fn show(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let playbook = playbook(&identity, &which, &state)?;
    Ok(answer(&playbook, state.clock.now()))
}

/// `{"contact","until"}`. A time that has passed ends an override.
pub async fn take(
    identity: Identity,
    which: Asked<Which>,
    body: Bytes,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    identity.at_least(Role::Operator)?;
    let taken: Taken = serde_json::from_slice(&body)
        .map_err(|_| Problem::unprocessable("contact", "{\"contact\": who, \"until\": when}"))?;
    let playbook = playbook(&identity, &which, &state)?;
    if playbook.contact(&taken.contact).is_none() {
        return Err(Problem::unprocessable("contact", "nobody of the playbook is called that"));
    }
    let until: Timestamp =
        taken.until.parse().map_err(|_| Problem::unprocessable("until", "a time, as 2026-01-05T08:00:00Z"))?;
    let now = state.clock.now();
    let by = identity.role.as_str().into();
    let shift = Shift { contact: taken.contact.as_str().into(), until, by, at: now };
    state.alerts.take_shift(&playbook, shift).await?;
    Ok(answer(&playbook, now))
}

fn answer(playbook: &Playbook, now: Timestamp) -> HttpResponse {
    let turn = playbook.turn(now);
    let ends = turn.as_ref().map(|turn| turn.until);
    let after = std::iter::successors(ends.and_then(|until| playbook.turn(until)), |turn| playbook.turn(turn.until));
    let next = after.take(AHEAD).collect();
    let shift = playbook.shifts.of(&playbook.tenant, now);
    HttpResponse::Ok().json(Standing { tenant: &playbook.tenant, now: turn, next, r#override: shift })
}

fn playbook(identity: &Identity, which: &Which, state: &State) -> Result<std::sync::Arc<Playbook>, Problem> {
    let tenant = query::one_tenant(identity, which.tenant.as_deref(), &state.tenants, "whose turns are meant")?;
    state.tenants.get(&tenant).ok_or_else(|| Problem::not_found("no such tenant"))
}
