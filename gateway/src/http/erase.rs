//! `POST /api/erase`: forgets a person. It only counts unless it is told to do it.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use engine::failure::Failure;
use engine::ids::CallId;
use engine::ports::{Counts, Erasure, UnderWay, Update, Whom};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::auth::{Identity, Role};
use super::{Problem, State, query};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    number: Option<String>,
    /// The platform's id, instead of a number.
    call: Option<String>,
    tenant: Option<String>,
    #[serde(default = "yes")]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

#[derive(Default, Serialize)]
struct Answer {
    dry_run: bool,
    /// What there is, or what was taken away.
    counts: Counts,
    /// What keeps it from being done now.
    under_way: UnderWay,
    places: Vec<&'static str>,
}

pub async fn erase(identity: Identity, body: Bytes, state: Data<State>) -> Result<HttpResponse, Problem> {
    identity.at_least(Role::Admin)?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|bad| Problem::bad_request(format!("the body: {bad}")))?;
    let tenant = identity.sees(query::tenant(asked.tenant.as_deref())?)?;
    let erasure = Erasure { tenant, whom: whom(&asked)?, at: state.clock.now() };
    let found = look(&state, &erasure).await?;
    if asked.dry_run {
        return Ok(HttpResponse::Ok().json(found));
    }
    if !found.under_way.is_nothing() {
        return Err(Problem::conflict(stands_in_the_way(found.under_way)));
    }
    // Begun, it is brought to its end, whoever has left.
    let doing = state.runtime.spawn(carry_out(state.clone().into_inner(), identity, erasure, found.counts));
    let done = doing.await.map_err(|_| Problem::internal("the erasure broke off: do it again"))??;
    Ok(HttpResponse::Ok().json(done))
}

async fn look(state: &State, erasure: &Erasure) -> Result<Answer, Failure> {
    let mut answer = Answer { dry_run: true, ..Answer::default() };
    for place in &state.keeping.places {
        let found = place.look(erasure).await?;
        answer.counts.add(found.counts);
        answer.under_way.add(found.under_way);
        answer.places.push(place.place());
    }
    Ok(answer)
}

async fn carry_out(state: Arc<State>, identity: Identity, erasure: Erasure, found: Counts) -> Result<Answer, Problem> {
    let _turn = state.keeping.turn()?;
    let subject = state.keeping.subject(&erasure.whom);
    let note = async |action, counts: Counts| -> Result<(), Failure> {
        state.note(&identity, erasure.tenant.clone(), action, &subject, json!(counts)).await
    };
    // Before and after: an erasure that a crash cut is on record too.
    note("erase", found).await?;
    let mut answer = Answer::default();
    let mut calls = Vec::new();
    for place in &state.keeping.places {
        let erased = place.forget(&erasure).await?;
        answer.counts.add(erased.counts);
        answer.under_way.add(erased.under_way);
        answer.places.push(place.place());
        calls.extend(erased.calls);
    }
    for call in calls {
        let update = Update::Erased { tenant: call.tenant, id: call.call };
        if let Err(failure) = state.keeping.bus.publish(&update).await {
            tracing::warn!(%failure, "erasure not published: subscribers hear of it with the call's frame");
        }
    }
    note("erased", answer.counts).await?;
    tracing::info!(subject = &*subject, calls = answer.counts.calls, "a person was forgotten");
    Ok(answer)
}

fn whom(asked: &Asked) -> Result<Whom, Problem> {
    match (&asked.number, &asked.call) {
        (Some(number), None) => number
            .parse()
            .map(Whom::Number)
            .map_err(|bad: engine::phone::NotAPhoneNumber| Problem::unprocessable("number", bad.to_string())),
        (None, Some(call)) => {
            CallId::parse(call).map(Whom::Call).map_err(|bad| Problem::unprocessable("call", bad.to_string()))
        }
        _ => Err(Problem::unprocessable("number", "a number or a call, one of the two")),
    }
}

fn stands_in_the_way(under_way: UnderWay) -> String {
    let UnderWay { calls, texts, alerts } = under_way;
    let of = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let parts = [
        of(calls, "call is not over", "calls are not over"),
        of(texts, "text is still to be sent or settled", "texts are still to be sent or settled"),
        of(alerts, "alert is still open", "alerts are still open"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{}: nothing was erased; end or cancel that, then ask again", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_is_said_in_words() {
        let said = stands_in_the_way(UnderWay { calls: 1, texts: 2, alerts: 0 });
        assert!(said.starts_with("1 call is not over, 2 texts are still to be sent or settled: nothing"), "{said}");
    }
}
