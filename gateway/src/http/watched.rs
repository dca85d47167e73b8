//! Webhooks of a business that only watches: decided and recorded as ever, and handed on at the same time to the webhook
//! it has, whose answer is the one the platform hears. What the two do not agree on is noted in the call's timeline.

use actix_web::HttpRequest;
use actix_web::web::Bytes;
use engine::call::{Event, EventKind, Note, Parties};
use engine::ids::{CallKey, EventKey};
use engine::playbook::{Playbook, Shadow};
use metrics::counter;

use super::State;
use super::webhooks::{self, Reply, Served};
use crate::platforms::{Asks, Delivery};
use crate::shadow::{NoAnswer, TheirAnswer};

/// How the two answers compare; a metric's label.
const SAME: &str = "same";
const DIFFERENT: &str = "different";
const UNANSWERED: &str = "unanswered";

pub async fn serve(
    request: &HttpRequest,
    body: Bytes,
    delivery: &Delivery,
    playbook: &Playbook,
    shadow: &Shadow,
    state: &State,
) -> Served {
    let Some(url) = &shadow.forward_to else {
        let ours = webhooks::serve(delivery, playbook, state).await;
        return unread_answer(delivery, playbook, ours);
    };
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let asked = state.handover.ask(url, headers, body, shadow.timeout);
    let (ours, theirs) = tokio::join!(webhooks::serve(delivery, playbook, state), asked);
    note(delivery, playbook, &ours, &theirs, state);
    match theirs {
        Ok(theirs) => Served { kind: delivery.kind, outcome: "watched", reply: Reply::Theirs(theirs) },
        // The caller must not wait in silence because the other server is gone.
        Err(_) if is_question(delivery) => Served { outcome: "unanswered", ..ours },
        Err(_) => Served::ok(delivery, "unanswered", delivery.apology(playbook.language)),
    }
}

/// We are sent copies, so nobody should be reading this. If somebody is, they must not believe that it was done.
fn unread_answer(delivery: &Delivery, playbook: &Playbook, ours: Served) -> Served {
    if is_question(delivery) { ours } else { Served::ok(delivery, "watched", delivery.watching(playbook.language)) }
}

fn is_question(delivery: &Delivery) -> bool {
    matches!(delivery.asks, Asks::Answer(..))
}

/// A fact is noted only when it did not arrive over there: both answers to it are empty.
fn note(
    delivery: &Delivery,
    playbook: &Playbook,
    ours: &Served,
    theirs: &Result<TheirAnswer, NoAnswer>,
    state: &State,
) {
    let (outcome, detail) = compared(delivery, ours, theirs);
    counter!("cordboard_shadow_answers_total", "outcome" => outcome).increment(1);
    let (Some(call), Some(about)) = (&delivery.call, event_of(delivery)) else { return };
    if outcome == SAME {
        return;
    }
    let key = CallKey { tenant: playbook.tenant.clone(), call: call.clone() };
    tracing::info!(call.id = %key.call, tenant = %key.tenant, webhook.kind = delivery.kind, outcome, "shadow answer compared");
    let what = if outcome == DIFFERENT { "shadow_differs" } else { "shadow_unanswered" };
    let event = Event {
        key: EventKey::new(format!("shadow:{}", about.key.as_str())),
        at: state.clock.now(),
        parties: Parties::default(),
        kind: EventKind::Noted(Note { what: what.into(), detail: Some(detail.into()) }),
    };
    webhooks::record_later(state, key, event);
}

/// The outcome, and what people are shown of it: the differences as JSON, or why there is no answer.
fn compared(delivery: &Delivery, ours: &Served, theirs: &Result<TheirAnswer, NoAnswer>) -> (&'static str, String) {
    let theirs = match theirs {
        Err(why) => return (UNANSWERED, format!("{}: {why}", delivery.kind)),
        Ok(theirs) if !(200..300).contains(&theirs.status) => {
            return (UNANSWERED, format!("{}: it answered {}", delivery.kind, theirs.status));
        }
        Ok(theirs) => theirs,
    };
    let differences = match &ours.reply {
        Reply::Answer(ours) if expects_answer(delivery) => delivery.compare(&ours.body, &theirs.body),
        _ => Vec::new(),
    };
    let detail = serde_json::to_string(&differences).expect("differences are text");
    (if differences.is_empty() { SAME } else { DIFFERENT }, detail)
}

fn expects_answer(delivery: &Delivery) -> bool {
    let synchronous = |event: &Event| event.kind.class() == engine::call::Class::Synchronous;
    match &delivery.asks {
        Asks::Answer(..) => true,
        Asks::Record(events) => events.iter().any(synchronous),
        Asks::Nothing | Asks::Mention(_) => false,
    }
}

fn event_of(delivery: &Delivery) -> Option<&Event> {
    match &delivery.asks {
        Asks::Record(events) => events.first(),
        Asks::Answer(_, event) => event.as_ref(),
        Asks::Nothing | Asks::Mention(_) => None,
    }
}
