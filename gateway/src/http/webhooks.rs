//! `POST /webhooks/vapi`: bounds the body, proves the sender, parses, finds the tenant, and answers: at once from
//! configuration, or after the commit. Counts everything and logs no body.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderValue};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use actors::calls::Refusal;
use engine::call::{Class, Event};
use engine::ids::CallKey;
use engine::playbook::Playbook;
use metrics::{counter, histogram};

use super::body::{self, Room, Unread};
use super::watched::Watched;
use super::{Problem, State};
use crate::platforms::vapi::{self, Doorkeeper, Request, Standing};
use crate::platforms::{Asks, Delivery, Question, Rendered, tenant_of};
use crate::shadow::TheirAnswer;

const PLATFORM: &str = "vapi";
const PATH: &str = "/webhooks/vapi";
/// The type of a webhook that was turned away before it was read.
const UNREAD: &str = "unread";

/// How a webhook ended. Both labels come from closed lists.
pub(super) struct Served {
    pub kind: &'static str,
    pub outcome: &'static str,
    pub reply: Reply,
}

pub(super) enum Reply {
    Answer(Rendered),
    Problem(Problem),
    /// What another webhook answered.
    Theirs(TheirAnswer),
}

pub async fn vapi(request: HttpRequest, payload: Payload, state: Data<State>) -> HttpResponse {
    let started = Instant::now();
    let served = receive(&request, payload, &state).await.unwrap_or_else(|refused| {
        if let Some(times) = state.refusal_log.due(refused.outcome) {
            tracing::warn!(webhook.kind = refused.kind, webhook.outcome = refused.outcome, times, "webhook refused");
        }
        refused
    });
    counter!("cordboard_webhook_requests_total",
        "platform" => PLATFORM, "type" => served.kind, "outcome" => served.outcome)
    .increment(1);
    histogram!("cordboard_webhook_duration_seconds", "platform" => PLATFORM, "type" => timed_as(served.kind))
        .record(started.elapsed().as_secs_f64());
    served.reply.into_response()
}

/// What has no part in a call is acknowledged alike, and timed together: each type timed is eleven series.
fn timed_as(kind: &'static str) -> &'static str {
    let beside = ["chat.", "session.", "call.delete"].iter().any(|family| kind.starts_with(family));
    if beside { "other" } else { kind }
}

async fn receive(request: &HttpRequest, payload: Payload, state: &Data<State>) -> Result<Served, Served> {
    let (body, _room) = take_in(request, payload, state).await?;
    let (delivery, playbook) = understand(request, &body, state)?;
    if playbook.shadow.is_some() {
        let watched = Watched { delivery, playbook, state: state.clone(), _room };
        return Ok(watched.serve(request, body).await);
    }
    // What is kept of the body is in the delivery.
    drop(body);
    Ok(serve(&delivery, &playbook, state).await)
}

/// Answers a webhook that is proven and understood.
pub(super) async fn serve(delivery: &Delivery, playbook: &Playbook, state: &State) -> Served {
    let Some(call) = delivery.call.clone() else { return without_call(delivery, playbook) };
    let key = CallKey { tenant: playbook.tenant.clone(), call };
    match &delivery.asks {
        Asks::Nothing => Served::ok(delivery, "ignored", empty()),
        Asks::Mention(event) => {
            state.live.mention(&key, event, state.clock.now());
            Served::ok(delivery, "mentioned", empty())
        }
        Asks::Answer(question, event) => answer(delivery, question, event.as_ref(), &key, playbook, state),
        Asks::Record(events) => record(delivery, events, &key, playbook, state).await,
    }
}

/// The body, into the memory its sender may use. Whom it is not kept of is heard out all the same: one who is cut off
/// sees a broken connection instead of the answer.
async fn take_in(request: &HttpRequest, mut payload: Payload, state: &State) -> Result<(Bytes, Room), Served> {
    let bounds = state.webhook_body;
    body::welcome(request, bounds).map_err(|why| unread(why, state))?;
    let memory = match proven(request, b"", state, Doorkeeper::standing) {
        Standing::Proven => &state.webhook_memory.proven,
        Standing::Signed => &state.webhook_memory.signed,
        Standing::Stranger => {
            body::discard(&mut payload, bounds).await;
            return Err(unauthenticated(UNREAD));
        }
    };
    let taken = body::read(request, &mut payload, bounds, memory).await;
    if let Err(Unread::NoRoom) = taken {
        body::discard(&mut payload, bounds).await;
    }
    taken.map_err(|why| unread(why, state))
}

/// Proof before parsing, on the raw bytes.
fn understand(request: &HttpRequest, body: &[u8], state: &State) -> Result<(Delivery, Arc<Playbook>), Served> {
    let now = state.clock.now();
    let proof = proven(request, body, state, Doorkeeper::admit).map_err(|_| unauthenticated(UNREAD))?;
    let parsed = catch_unwind(AssertUnwindSafe(|| vapi::parse(body, now))).map_err(|_| panicked())?;
    let delivery = parsed.map_err(|bad| Served::problem(UNREAD, "malformed", Problem::bad_request(bad.to_string())))?;
    let playbook =
        tenant_of(&proof, &delivery.route, &state.tenants.in_force()).map_err(|_| unauthenticated(delivery.kind))?;
    Ok((delivery, playbook))
}

/// Asks the doorkeeper about a request of which so much of the body is known.
fn proven<T>(request: &HttpRequest, body: &[u8], state: &State, ask: fn(&Doorkeeper, &Request<'_>) -> T) -> T {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let (url, now) = (public_url(request, state), state.clock.now());
    let shown = Request { header: &header, method: request.method().as_str(), url: &url, body, now };
    ask(&state.doorkeeper.load(), &shown)
}

/// Durable first, then answered.
async fn record(delivery: &Delivery, events: &[Event], key: &CallKey, playbook: &Playbook, state: &State) -> Served {
    match state.calls.apply(key, PLATFORM, events.to_vec()).await {
        Ok(answers) => Served::ok(delivery, "recorded", delivery.render(&answers, playbook.language)),
        Err(refusal) => {
            let served = refused(delivery, events, &refusal, playbook);
            if let Some(times) = state.refusal_log.due(served.outcome) {
                let (call, kind, outcome) = (&key.call, served.kind, served.outcome);
                tracing::warn!(call.id = %call, tenant = %key.tenant, webhook.kind = kind, webhook.outcome = outcome, times,
                    error = %refusal, "call refused");
            }
            served
        }
    }
}

/// A live caller hears a sentence; a fact is asked for again, unless it is kept in quarantine already.
fn refused(delivery: &Delivery, events: &[Event], refusal: &Refusal, playbook: &Playbook) -> Served {
    let outcome = match refusal {
        Refusal::Busy => "busy",
        Refusal::Unavailable(_) => "unavailable",
        Refusal::Refused(_) => "refused",
        Refusal::Quarantined => "quarantined",
    };
    if events.iter().any(|event| event.kind.class() == Class::Synchronous) {
        return Served::ok(delivery, outcome, delivery.apology(playbook.language));
    }
    match refusal {
        Refusal::Quarantined => Served::ok(delivery, outcome, empty()),
        Refusal::Busy => Served::problem(delivery.kind, outcome, Problem::unavailable("no seat is left")),
        Refusal::Unavailable(_) | Refusal::Refused(_) => {
            Served::problem(delivery.kind, outcome, Problem::unavailable("nothing can be recorded now"))
        }
    }
}

/// From configuration alone, whatever the store does. That it was asked is recorded afterwards.
fn answer(
    delivery: &Delivery,
    question: &Question,
    event: Option<&Event>,
    key: &CallKey,
    playbook: &Playbook,
    state: &State,
) -> Served {
    if let Some(event) = event {
        record_later(state, key.clone(), event.clone());
    }
    Served::ok(delivery, "answered", delivery.answer(question, playbook))
}

/// Runs on the main runtime, so that it outlives the request and its worker. Bounded: what finds no permit is dropped,
/// since the next event of the call tells as much.
pub(super) fn record_later(state: &State, key: CallKey, event: Event) {
    let unrecorded = || counter!("cordboard_webhook_unrecorded_total", "platform" => PLATFORM).increment(1);
    let Ok(permit) = Arc::clone(&state.afterthoughts).try_acquire_owned() else { return unrecorded() };
    let calls = state.calls.clone();
    state.runtime.spawn(async move {
        if let Err(refusal) = calls.apply(&key, PLATFORM, vec![event]).await {
            tracing::warn!(call.id = %key.call, error = %refusal, "answered, but not recorded");
            unrecorded();
        }
        drop(permit);
    });
}

/// A question can be answered without knowing the call; a tool call gets an apology; a fact has nowhere to go.
fn without_call(delivery: &Delivery, playbook: &Playbook) -> Served {
    match &delivery.asks {
        Asks::Answer(question, _) => Served::ok(delivery, "answered", delivery.answer(question, playbook)),
        _ => Served::ok(delivery, "ignored", delivery.apology(playbook.language)),
    }
}

/// What a signature over the URL was made for: the URL the platform knows, which behind a proxy is not the Host.
fn public_url(request: &HttpRequest, state: &State) -> String {
    let host = || request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    state.public_url.as_ref().map_or_else(|| format!("http://{}{PATH}", host()), |base| format!("{base}{PATH}"))
}

fn empty() -> Rendered {
    Rendered { content_type: "application/json", body: Bytes::from_static(b"{}") }
}

fn unread(why: Unread, state: &State) -> Served {
    Served::problem(UNREAD, why.label(), why.problem(state.webhook_body))
}

fn unauthenticated(kind: &'static str) -> Served {
    Served::problem(kind, "unauthenticated", Problem::unauthenticated("the webhook's secret is missing or wrong"))
}

/// A bug of ours. The sender may try again; the worker lives on.
fn panicked() -> Served {
    Served::problem(UNREAD, "panicked", Problem::internal("the webhook could not be read"))
}

impl Served {
    pub fn ok(delivery: &Delivery, outcome: &'static str, rendered: Rendered) -> Served {
        Served { kind: delivery.kind, outcome, reply: Reply::Answer(rendered) }
    }

    pub fn problem(kind: &'static str, outcome: &'static str, problem: Problem) -> Served {
        Served { kind, outcome, reply: Reply::Problem(problem) }
    }
}

impl Reply {
    fn into_response(self) -> HttpResponse {
        match self {
            Reply::Answer(Rendered { content_type, body }) => HttpResponse::Ok().content_type(content_type).body(body),
            Reply::Problem(problem) => problem.error_response(),
            Reply::Theirs(theirs) => {
                let status = StatusCode::from_u16(theirs.status).unwrap_or(StatusCode::BAD_GATEWAY);
                let content_type = theirs.content_type.as_deref().unwrap_or("application/json").to_owned();
                HttpResponse::build(status).content_type(content_type).body(theirs.body)
            }
        }
    }
}
