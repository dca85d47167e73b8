//! `POST /webhooks/twilio/…`: what a carrier tells of a message or a call, and what people text back.
//!
//! Proof before parsing: whoever cannot sign is 403, and nothing is recorded but a counter. What is told is committed
//! before it is acknowledged, in a few milliseconds; when nothing can be recorded the answer is 503, and the carrier,
//! which was told to be insistent, comes again.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderValue};
use actix_web::web::{Bytes, Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use actors::inbound::Text;
use engine::alert::{Answer, CallName, which_key};
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::playbook::Language;
use engine::ports::CallOutcome;
use engine::sms::{DeliveryReport, Reported};
use metrics::{counter, histogram};

use super::body::{self, Bounds, Room, Unread};
use super::{Problem, State};
use crate::carriers::twilio::{self, Fields, Heard, Proven, SETTINGS_HEADER, SIGNATURE_HEADER, Signed, twiml};

const PLATFORM: &str = "twilio";
/// A form of Twilio's is 1 or 2 KiB.
const BODY_BYTES: usize = 64 * 1024;

/// How a webhook ended, for the metric, and its answer.
type Served = (&'static str, HttpResponse);

/// What became of a message. The token names the attempt.
pub async fn status(request: HttpRequest, token: Path<String>, payload: Payload, state: Data<State>) -> HttpResponse {
    let started = Instant::now();
    let served = match take_in(&request, payload, &state).await {
        Ok((body, proven, _room)) => told(&token, &Fields::read(&body), &proven, &state).await,
        Err(refused) => refused,
    };
    counted("status", started, served, &state)
}

/// What somebody texts us.
pub async fn inbound(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let started = Instant::now();
    let served = match take_in(&request, payload, &state).await {
        Ok((body, proven, _room)) => heard(&Fields::read(&body), proven, &state).await,
        Err(refused) => refused,
    };
    counted("inbound", started, served, &state)
}

/// Which key somebody of the team pressed, or how a call to them ended.
pub async fn voice(request: HttpRequest, call: Path<String>, payload: Payload, state: Data<State>) -> HttpResponse {
    let started = Instant::now();
    let served = match take_in(&request, payload, &state).await {
        Ok((body, proven, _room)) => called(&call, &Fields::read(&body), proven, language(&request), &state).await,
        Err(refused) => refused,
    };
    counted("voice", started, served, &state)
}

async fn told(token: &str, fields: &Fields<'_>, proven: &Proven, state: &State) -> Served {
    let Some(report) = twilio::report(token, fields, &state.carrier.webhooks.errors, state.clock.now()) else {
        return ("ignored", no_content());
    };
    match may_tell(&report, proven, state).await {
        Ok(true) => {}
        Ok(false) => return ("ignored", no_content()),
        Err(failure) => return unavailable(&failure),
    }
    match state.carrier.reports.apply(&report).await {
        Ok(Reported::Moved { .. }) => ("recorded", no_content()),
        Ok(Reported::Contradicts(_)) => ("contradicts", no_content()),
        Ok(Reported::Old) => ("old", no_content()),
        // It may be ahead of the answer it belongs to.
        Ok(Reported::Unheard) => try_later(report, state),
        Err(failure) => unavailable(&failure),
    }
}

/// A tenant's account tells of its own messages alone. An attempt is committed before the carrier hears of it, so one
/// that nobody knows is none of theirs.
async fn may_tell(report: &DeliveryReport, proven: &Proven, state: &State) -> Result<bool, Failure> {
    if proven.speaks_for_all() {
        return Ok(true);
    }
    let Some(token) = &report.token else { return Ok(false) };
    let Some(attempt) = state.outbox.attempt_of(token).await? else { return Ok(false) };
    let sms = state.outbox.find(None, attempt.sms).await?;
    Ok(sms.is_some_and(|sms| proven.speaks_for(&sms.tenant)))
}

fn try_later(report: DeliveryReport, state: &State) -> Served {
    match &state.carrier.late_reports {
        Some(late) if late.try_send(report).is_err() => {
            ("busy", Problem::unavailable("too many reports wait").error_response())
        }
        _ => ("early", no_content()),
    }
}

async fn heard(fields: &Fields<'_>, proven: Proven, state: &State) -> Served {
    let Some(inbound) = twilio::inbound(fields) else { return ("ignored", no_content()) };
    let twilio::Inbound { id, from, to, body, understood } = inbound;
    let whose = proven.texted(&[&to, fields.get("MessagingServiceSid").unwrap_or_default()]);
    let text = Text { id, whose, from, to, body, understood };
    match state.carrier.inbound.hear(&text).await {
        Ok(Some(answer)) => ("answered", twiml_of(twiml::message(&answer))),
        Ok(None) => ("recorded", no_content()),
        Err(failure) => unavailable(&failure),
    }
}

/// Whoever pressed a key hears what came of it.
async fn called(call: &str, fields: &Fields<'_>, proven: Proven, language: Language, state: &State) -> Served {
    let (Ok(name), Some(heard)) = (call.parse::<CallName>(), twilio::heard(fields)) else {
        return ("ignored", twiml_of(twiml::nothing()));
    };
    let may = |tenant: &TenantId| proven.speaks_for(tenant);
    match heard {
        Heard::OtherKey => ("other_key", twiml_of(twiml::ask(which_key(language), language))),
        Heard::Ended(outcome) => match state.alerts.ended(&name, may, outcome.clone()).await {
            Ok(true) => {
                state.carrier.calls.ended(call, outcome);
                ("recorded", twiml_of(twiml::nothing()))
            }
            Ok(false) => ("unknown_call", twiml_of(twiml::nothing())),
            // Whoever waits for the call records it as soon as that is possible.
            Err(_) if state.carrier.calls.ended(call, outcome) => ("recorded_later", twiml_of(twiml::nothing())),
            Err(failure) => unavailable(&failure),
        },
        Heard::Answered(answer) => {
            let came_of = state.alerts.keyed(&name, may, answer).await;
            answered(call, answer, came_of, language, state)
        }
    }
}

fn answered(
    call: &str,
    answer: Answer,
    came_of: Result<Option<String>, Failure>,
    language: Language,
    state: &State,
) -> Served {
    let ended = |answer| state.carrier.calls.ended(call, CallOutcome::Answered { answer });
    match came_of {
        Ok(Some(say)) => {
            ended(None);
            ("recorded", twiml_of(twiml::say(&say, language)))
        }
        Ok(None) => ("unknown_call", twiml_of(twiml::nothing())),
        // Whoever waits for the call records it as soon as that is possible.
        Err(_) if ended(Some(answer)) => ("recorded_later", twiml_of(twiml::say(noted(language), language))),
        Err(failure) => {
            tracing::warn!(%failure, "a key pressed is not recorded");
            ("unavailable", twiml_of(twiml::ask(again(language), language)))
        }
    }
}

const fn noted(language: Language) -> &'static str {
    match language {
        Language::Fr => "C'est noté, merci.",
        Language::En => "Noted, thank you.",
    }
}

const fn again(language: Language) -> &'static str {
    match language {
        Language::Fr => "Cela n'a pas pu être noté. Refaites votre choix.",
        Language::En => "That could not be recorded. Please press the key again.",
    }
}

/// The body of whoever can prove that they are the carrier.
async fn take_in(request: &HttpRequest, mut payload: Payload, state: &State) -> Result<(Bytes, Proven, Room), Served> {
    let bounds = Bounds { bytes: BODY_BYTES, within: state.webhook_body.within };
    body::welcome(request, bounds).map_err(|why| unread(why, bounds))?;
    let header = |name: &str| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(signature) = header(SIGNATURE_HEADER) else {
        body::discard(&mut payload, bounds).await;
        return Err(forbidden());
    };
    let read = body::read(request, &mut payload, bounds, &state.webhook_memory.signed).await;
    let (body, room) = read.map_err(|why| unread(why, bounds))?;
    let (url, settings) = (url(request, state), header(SETTINGS_HEADER).unwrap_or_default());
    let signed = Signed { url: &url, signature, settings, body: &body };
    let proven = state.carrier.webhooks.prove(&signed).ok_or_else(forbidden)?;
    Ok((body, proven, room))
}

/// As the carrier called it: behind a proxy that is not what the Host header says.
fn url(request: &HttpRequest, state: &State) -> String {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let host = || request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    state.public_url.as_ref().map_or_else(|| format!("http://{}{path}", host()), |base| format!("{base}{path}"))
}

fn language(request: &HttpRequest) -> Language {
    if request.query_string().split('&').any(|pair| pair == "lang=fr") { Language::Fr } else { Language::En }
}

fn counted(kind: &'static str, started: Instant, (outcome, answer): Served, state: &State) -> HttpResponse {
    counter!("cordboard_webhook_requests_total", "platform" => PLATFORM, "type" => kind, "outcome" => outcome)
        .increment(1);
    histogram!("cordboard_webhook_duration_seconds", "platform" => PLATFORM, "type" => kind)
        .record(started.elapsed().as_secs_f64());
    if !answer.status().is_success()
        && let Some(times) = state.refusal_log.due(outcome)
    {
        tracing::warn!(webhook.kind = kind, webhook.outcome = outcome, times, "carrier's webhook refused");
    }
    answer
}

fn no_content() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

fn twiml_of(body: String) -> HttpResponse {
    HttpResponse::build(StatusCode::OK).content_type(twiml::TWIML).body(body)
}

fn unread(why: Unread, bounds: Bounds) -> Served {
    (why.label(), why.problem(bounds).error_response())
}

fn forbidden() -> Served {
    ("unauthenticated", Problem::forbidden("the signature is missing or wrong").error_response())
}

fn unavailable(failure: &Failure) -> Served {
    tracing::warn!(%failure, "what a carrier told is not recorded");
    ("unavailable", Problem::unavailable("nothing can be recorded now").error_response())
}
