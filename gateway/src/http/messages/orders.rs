//! `POST /api/sms/{id}/retry`, `/cancel`, `/assume-sent`: what an operator decides about one message.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Path, Query};
use engine::sms::{Command, Commanded};
use serde::Deserialize;

use super::{id_in, no_such_message, shown};
use crate::http::auth::{Identity, Role};
use crate::http::{Problem, State};

/// In the query, or as the JSON body.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// Also a message that may have left: the recipient may get it twice.
    #[serde(default)]
    force: bool,
}

pub async fn retry(
    identity: Identity,
    id: Path<String>,
    how: Query<How>,
    body: Bytes,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let asked = match body.trim_ascii().is_empty() {
        true => How::default(),
        false => serde_json::from_slice(&body).map_err(|bad| Problem::bad_request(format!("the body: {bad}")))?,
    };
    let force = how.force || asked.force;
    order(&identity, &id, Command::Retry { force }, &state).await
}

pub async fn cancel(identity: Identity, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    order(&identity, &id, Command::Cancel, &state).await
}

pub async fn assume_sent(identity: Identity, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    order(&identity, &id, Command::AssumeSent, &state).await
}

/// Answers with the message as it stands afterwards.
async fn order(identity: &Identity, id: &str, command: Command, state: &State) -> Result<HttpResponse, Problem> {
    identity.at_least(Role::Operator)?;
    match state.sms_desk.order(identity.tenant.as_ref(), id_in(id)?, command).await? {
        Commanded::Done { sms, .. } => Ok(HttpResponse::Ok().json(shown(identity, &sms))),
        Commanded::Refused(why) => Err(Problem::conflict(why)),
        Commanded::NoSuchMessage => Err(no_such_message()),
    }
}
