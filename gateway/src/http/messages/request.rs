//! `POST /api/sms`: a message somebody asks for, that no call owes. Answered when it is committed, not when it is sent.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, LOCATION};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use engine::ids::{SmsId, TenantId};
use engine::phone::PhoneNumber;
use engine::playbook::{Playbook, SUPPRESSED};
use engine::ports::{IdempotencyKey, Submitted};
use engine::priority::Priority;
use engine::sms::breaker::Audience;
use engine::sms::{NewSms, segments};
use engine::time::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::shown;
use crate::http::auth::{Identity, Role};
use crate::http::error::FieldError;
use crate::http::{Problem, State};

/// Source: what carriers take in one request.
const LONGEST_BODY: usize = 1600;
/// How long a key is remembered, and how long it may be.
const KEY_LIVES: Duration = Duration::from_secs(24 * 3600);
const LONGEST_KEY: usize = 255;
const KEY_HEADER: &str = "Idempotency-Key";
const FIELDS: [&str; 4] = ["to", "body", "priority", "tenant"];
/// Who it goes to, where the playbook knows nobody of that number.
const NO_CONTACT: &str = "direct";

/// What was asked for, understood.
#[derive(Debug)]
struct Asked {
    to: PhoneNumber,
    body: String,
    priority: Priority,
    tenant: Option<TenantId>,
}

pub async fn submit(
    identity: Identity,
    request: HttpRequest,
    body: Bytes,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    identity.at_least(Role::Operator)?;
    let asked = understand(&body)?;
    let playbook = playbook_of(identity.sees(asked.tenant.clone())?, &state)?;
    let now = state.clock.now();
    let key = key_in(request.headers())?.map(|key| IdempotencyKey {
        key: key.into(),
        digest: digest(&asked, &playbook.tenant).into(),
        until: now.plus(KEY_LIVES),
    });
    let (sms, again) = match state.sms_desk.submit(&owed(asked, &playbook, now), key.as_ref()).await? {
        Submitted::New(sms) => (sms, false),
        Submitted::Again(sms) => (sms, true),
        Submitted::Differs => {
            return Err(Problem::unprocessable(KEY_HEADER, "used for another message within the last 24 hours"));
        }
    };
    let mut response = HttpResponse::Accepted();
    response.insert_header((LOCATION, format!("/api/sms/{}", sms.id)));
    if again {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    Ok(response.json(shown(&identity, &sms)))
}

/// All that is wrong is said at once.
fn understand(body: &[u8]) -> Result<Asked, Problem> {
    let object: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Problem::bad_request("the body is not a JSON object"))?;
    let text = |field: &str| match object.get(field) {
        None | Some(Value::Null) => Err("it is wanted".to_owned()),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err("it is no text".to_owned()),
    };
    let to = text("to").and_then(|to| to.parse::<PhoneNumber>().map_err(|bad| bad.to_string()));
    let words = text("body").and_then(|body| writable(body).map(|()| body.to_owned()));
    let priority = text("priority").and_then(|text| text.parse::<Priority>().map_err(|bad| bad.to_string()));
    let tenant = match object.get("tenant") {
        None | Some(Value::Null) => Ok(None),
        Some(_) => text("tenant").and_then(|id| TenantId::parse(id).map(Some).map_err(|bad| bad.to_string())),
    };
    let known = match object.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(format!("{:?} is not a field, the fields are {}", short(key), FIELDS.join(", "))),
    };
    let mut errors = Vec::new();
    let (to, words, priority) =
        (kept("to", to, &mut errors), kept("body", words, &mut errors), kept("priority", priority, &mut errors));
    let (tenant, known) = (kept("tenant", tenant, &mut errors), kept("request", known, &mut errors));
    match (to, words, priority, tenant, known) {
        (Some(to), Some(body), Some(priority), Some(tenant), Some(())) => Ok(Asked { to, body, priority, tenant }),
        _ => Err(Problem::unprocessable_fields(errors)),
    }
}

fn kept<T>(field: &'static str, result: Result<T, String>, errors: &mut Vec<FieldError>) -> Option<T> {
    result.map_err(|message| errors.push(FieldError { field: field.into(), message })).ok()
}

fn short(key: &str) -> String {
    key.chars().take(40).collect()
}

fn writable(body: &str) -> Result<(), String> {
    let length = body.chars().count();
    if length > LONGEST_BODY {
        return Err(format!("{length} characters, and at most {LONGEST_BODY} can be sent"));
    }
    if body.trim().is_empty() {
        return Err("it says nothing".to_owned());
    }
    let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if body.contains(strange) { Err("it has control characters".to_owned()) } else { Ok(()) }
}

/// The one asked for, or the only one it can be.
fn playbook_of(tenant: Option<TenantId>, state: &State) -> Result<Arc<Playbook>, Problem> {
    let in_force = state.tenants.in_force();
    let named = tenant.or_else(|| in_force.default.clone());
    let served = match (&named, in_force.playbooks.as_slice()) {
        (Some(tenant), served) => served.iter().find(|playbook| playbook.tenant == *tenant),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let why = if named.is_some() { "no such tenant" } else { "there are several: name one" };
    served.cloned().ok_or_else(|| Problem::unprocessable("tenant", why))
}

/// Whoever is not of the team is texted in the hours callers are, unless it is urgent.
fn owed(asked: Asked, playbook: &Playbook, now: Timestamp) -> NewSms {
    let contact = playbook.contacts.iter().find(|contact| contact.phone == asked.to);
    let due_at = match contact {
        None if asked.priority != Priority::P1 => playbook.sms.leaves_at(Audience::Callers, now, &playbook.time_zone),
        _ => now,
    };
    NewSms {
        id: SmsId::from_bits(rand::random()),
        tenant: playbook.tenant.clone(),
        call: None,
        alert: None,
        to: asked.to,
        contact: contact.map_or_else(|| NO_CONTACT.into(), |contact| contact.name.clone()),
        segments: segments(&asked.body).count,
        body: asked.body.into(),
        priority: asked.priority,
        due_at,
        expires_at: due_at.plus(playbook.sms.expires_after),
        created_at: now,
        suppressed: playbook.shadow.is_some().then(|| SUPPRESSED.into()),
    }
}

fn key_in(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(KEY_HEADER) else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
    key.map(Some).ok_or_else(|| Problem::unprocessable(KEY_HEADER, "1 to 255 printable ASCII characters"))
}

/// Of what it means, not of how it is written.
fn digest(asked: &Asked, tenant: &TenantId) -> String {
    let parts = [tenant.as_str(), asked.to.as_str(), asked.priority.as_str(), &asked.body];
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(body: Value) -> Result<Asked, Problem> {
        understand(body.to_string().as_bytes())
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let good = json!({"to": "+15145550110", "body": "Come", "priority": "P1"});
        assert_eq!(asked(good.clone()).unwrap().priority, Priority::P1);
        let longest = json!({"to": "+15145550110", "body": "é".repeat(LONGEST_BODY), "priority": "p4"});
        assert!(asked(longest).is_ok());
        for (field, value) in [
            ("to", json!("5145550110")),
            ("to", json!(15145550110u64)),
            ("to", Value::Null),
            ("body", json!("")),
            ("body", json!(" \n")),
            ("body", json!("é".repeat(LONGEST_BODY + 1))),
            ("body", json!("a\u{0}b")),
            ("body", json!(["a"])),
            ("priority", json!("P5")),
            ("priority", json!(1)),
            ("tenant", json!("UPPER")),
            ("tenant", json!(7)),
            ("priorty", json!("P1")),
        ] {
            let mut bad = good.clone();
            bad[field] = value.clone();
            assert_eq!(asked(bad).unwrap_err().status(), 422, "{field}: {value}");
        }
        for body in ["", "[]", "null", "{", "\"text\""] {
            assert_eq!(understand(body.as_bytes()).unwrap_err().status(), 400, "{body}");
        }
    }

    #[test]
    fn who_is_not_of_the_team_is_texted_in_the_hours_callers_are() {
        let mut playbook = engine::testing::fixtures::playbook();
        playbook.sms.callers_between = engine::playbook::Hours::every_day("08:00-21:00");
        let (night, morning): (Timestamp, Timestamp) =
            ("2026-07-14T02:00:00Z".parse().unwrap(), "2026-07-14T08:00:00Z".parse().unwrap());
        for (to, priority, due_at) in [
            ("+15145550142", "P3", morning),
            ("+15145550142", "P1", night),
            (playbook.contacts[0].phone.as_str(), "P3", night),
        ] {
            let asked = asked(json!({"to": to, "body": "Come", "priority": priority})).unwrap();
            let owed = owed(asked, &playbook, night);
            assert_eq!(owed.due_at, due_at, "{to} {priority}");
            assert_eq!(owed.expires_at, due_at.plus(playbook.sms.expires_after));
        }
    }

    #[test]
    fn the_same_words_to_another_are_another_message() {
        let tenant = TenantId::parse("acme").unwrap();
        let of =
            |to: &str, body: &str| digest(&asked(json!({"to": to, "body": body, "priority": "P1"})).unwrap(), &tenant);
        assert_eq!(of("+15145550110", "a"), of("+15145550110", "a"));
        assert_ne!(of("+15145550110", "a"), of("+15145550111", "a"));
        assert_ne!(of("+15145550110", "a"), of("+15145550110", "b"));
    }
}
