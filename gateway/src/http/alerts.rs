//! `/api/alerts…`: who had to know, who was told, who took it.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Path};
use engine::alert::{Alert, AlertState, Entry, Fate, How, What};
use engine::ids::{AlertId, SmsId, TenantId};
use engine::ports::AlertsWanted;
use engine::priority::Priority;
use engine::sms::Sms;
use serde::{Deserialize, Serialize};

use super::auth::{Identity, Role};
use super::{Problem, State, query};

/// Texts shown with one alert.
const MAX_TEXTS: usize = 200;
const MAX_NAME_CHARS: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// One, or several with commas between.
    state: Option<String>,
    tenant: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Row>,
    next: Option<AlertId>,
}

/// An alert as lists and the live feed show it.
#[derive(Serialize)]
pub struct Row {
    #[serde(flatten)]
    alert: Alert,
    /// Whether somebody still has to say something.
    awaits_answer: bool,
}

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    row: Row,
    /// What happened, line by line.
    receipt: Vec<Entry>,
    /// What people were told in writing.
    texts: Vec<Sms>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    drill: bool,
    tenant: Option<String>,
    priority: Option<Priority>,
}

impl From<Alert> for Row {
    fn from(alert: Alert) -> Row {
        Row { awaits_answer: alert.awaits_answer(), alert }
    }
}

/// Newest first.
pub async fn list(identity: Identity, which: query::Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let limit = query::limit(which.limit.as_deref())?;
    let parse_id = |text: &str| text.parse().map_err(|_| Problem::unprocessable("cursor", "`next` of a page before"));
    let before = which.cursor.as_deref().map(parse_id).transpose()?;
    // One more than asked for tells whether there is another page.
    let states = states(which.state.as_deref())?;
    let wanted = AlertsWanted { tenant, states, before, limit: limit + 1 };
    let mut found = state.alert_store.alerts(&wanted).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|alert| alert.id);
    Ok(HttpResponse::Ok().json(Page { items: found.into_iter().map(Row::from).collect(), next }))
}

pub async fn one(identity: Identity, id: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let mut alert = find(&state, identity.tenant.as_ref(), &id).await?;
    let receipt = state.alert_store.receipt(alert.id).await?;
    let texts = texts(&state, &alert.tenant, &receipt).await?;
    // That a text has arrived, the text itself says.
    for telling in alert.told.iter_mut().filter(|telling| telling.fate == Fate::Owed) {
        let text = texts.iter().find(|sms| telling.sms == Some(sms.id));
        if let Some((sms, fate)) = text.and_then(|sms| Some((sms, Fate::of_text(sms.state)?))) {
            (telling.fate, telling.fate_at) = (fate, Some(sms.updated_at));
        }
    }
    Ok(HttpResponse::Ok().json(Whole { row: alert.into(), receipt, texts }))
}

/// `{"by"?}`: who takes it. Whoever is second changes nothing.
pub async fn acknowledge(
    identity: Identity,
    id: Path<String>,
    body: Bytes,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (alert, by) = (operated(&identity, &id, &state).await?, who(&identity, &body)?);
    if alert.state == AlertState::Resolved {
        return Err(Problem::new(actix_web::http::StatusCode::CONFLICT, "the alert is resolved already"));
    }
    answer(state.alerts.acknowledge(alert.id, &by, How::Api).await?)
}

pub async fn resolve(
    identity: Identity,
    id: Path<String>,
    body: Bytes,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (alert, by) = (operated(&identity, &id, &state).await?, who(&identity, &body)?);
    answer(state.alerts.resolve(alert.id, &by, How::Api).await?)
}

/// `{"drill":true,"tenant"?,"priority"?}`: tells the roster of this priority, P1 when none is named, that it is a test.
pub async fn drill(identity: Identity, body: Bytes, state: Data<State>) -> Result<HttpResponse, Problem> {
    identity.at_least(Role::Operator)?;
    let asked: Asked = serde_json::from_slice(&body)
        .map_err(|_| Problem::unprocessable("drill", "{\"drill\":true,\"tenant\"?,\"priority\"?}"))?;
    if !asked.drill {
        return Err(Problem::unprocessable("drill", "true: other alerts are opened by calls"));
    }
    let tenant = query::one_tenant(&identity, asked.tenant.as_deref(), &state.tenants, "whose roster is meant")?;
    let nonce = uuid::Uuid::now_v7().simple().to_string();
    let opened = state.alerts.drill(&tenant, asked.priority.unwrap_or(Priority::P1), &nonce).await?;
    let alert = opened.ok_or_else(|| Problem::not_found("no such tenant"))?;
    Ok(HttpResponse::Accepted().json(Row::from(alert)))
}

async fn operated(identity: &Identity, id: &str, state: &State) -> Result<Alert, Problem> {
    identity.at_least(Role::Operator)?;
    find(state, identity.tenant.as_ref(), id).await
}

fn answer(changed: Option<Alert>) -> Result<HttpResponse, Problem> {
    let alert = changed.ok_or_else(|| Problem::not_found("no such alert"))?;
    Ok(HttpResponse::Ok().json(Row::from(alert)))
}

/// What this identity may not see does not exist.
async fn find(state: &State, tenant: Option<&TenantId>, id: &str) -> Result<Alert, Problem> {
    let unknown = || Problem::not_found("no such alert");
    let id: AlertId = id.parse().map_err(|_| unknown())?;
    state.alert_store.alert(tenant, id).await?.ok_or_else(unknown)
}

/// Whoever was named, else what the token may do.
fn who(identity: &Identity, body: &[u8]) -> Result<String, Problem> {
    let said: Said = match body.trim_ascii() {
        b"" => Said::default(),
        json => serde_json::from_slice(json).map_err(|_| Problem::unprocessable("by", "{\"by\"?: a name}"))?,
    };
    let by = said.by.unwrap_or_else(|| identity.role.as_str().to_owned());
    let fits = (1..=MAX_NAME_CHARS).contains(&by.trim().chars().count()) && !by.contains(char::is_control);
    if fits { Ok(by.trim().to_owned()) } else { Err(Problem::unprocessable("by", "a name of 1 to 64 characters")) }
}

fn states(given: Option<&str>) -> Result<Vec<AlertState>, Problem> {
    let names = given.into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let known = "open, escalated, acknowledged, resolved or unanswered, with commas between";
    names.map(|name| AlertState::parse(name).ok_or_else(|| Problem::unprocessable("state", known))).collect()
}

async fn texts(state: &State, tenant: &TenantId, receipt: &[Entry]) -> Result<Vec<Sms>, Problem> {
    let written = |entry: &Entry| -> Option<SmsId> {
        match &entry.what {
            What::Told { sms, .. } => *sms,
            What::Reassured { sms, .. } => Some(*sms),
            _ => None,
        }
    };
    let mut texts = Vec::new();
    for id in receipt.iter().filter_map(written).take(MAX_TEXTS) {
        texts.extend(state.outbox.find(Some(tenant), id).await?);
    }
    Ok(texts)
}
