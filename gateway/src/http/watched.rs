//! Webhooks of a business that only watches: handed on to the webhook it has, whose answer is the one the platform
//! hears, as soon as it is there. At the same time they are decided and recorded as ever, apart from the request; what
//! the two do not agree on is noted in the call's timeline afterwards.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use engine::call::{Class, Event, EventKind, Note, Parties};
use engine::ids::{CallKey, EventKey};
use engine::playbook::Playbook;
use metrics::counter;
use tokio::task::JoinHandle;

use super::body::Room;
use super::webhooks::{self, Reply, Served};
use super::{Problem, State};
use crate::platforms::{Asks, Delivery};
use crate::shadow::{NoAnswer, TheirAnswer};

/// How the two answers compare; a metric's label.
const SAME: &str = "same";
const DIFFERENT: &str = "different";
const UNANSWERED: &str = "unanswered";

/// One webhook of such a business, kept until both answers to it are there.
pub(super) struct Watched {
    pub delivery: Delivery,
    pub playbook: Arc<Playbook>,
    pub state: Data<State>,
    /// What its body takes of the memory for bodies: so those that are still being decided are bounded too.
    pub _room: Room,
}

impl Watched {
    pub async fn serve(self, request: &HttpRequest, body: Bytes) -> Served {
        let watched = Arc::new(self);
        let shadow = watched.playbook.shadow.as_ref();
        let Some((url, within)) = shadow.and_then(|shadow| Some((shadow.forward_to.as_ref()?, shadow.timeout))) else {
            let ours = webhooks::serve(&watched.delivery, &watched.playbook, &watched.state).await;
            return watched.unread_answer(ours);
        };
        let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let ours = watched.decide();
        let theirs = watched.state.handover.ask(url, headers, body, within).await;
        match watched.at_once(&theirs) {
            Some(served) => {
                watched.compare_later(ours, theirs).await;
                served
            }
            None => {
                let ours = watched.ours(ours).await;
                watched.note(&ours, &theirs);
                watched.instead(ours)
            }
        }
    }

    /// On the main runtime, so that neither answer waits for the other.
    fn decide(self: &Arc<Self>) -> JoinHandle<Served> {
        let watched = self.clone();
        let deciding = async move { webhooks::serve(&watched.delivery, &watched.playbook, &watched.state).await };
        self.state.runtime.spawn(deciding)
    }

    async fn ours(&self, decided: JoinHandle<Served>) -> Served {
        decided.await.unwrap_or_else(|_| {
            Served::problem(self.delivery.kind, "panicked", Problem::internal("the webhook could not be decided"))
        })
    }

    /// What the platform hears without knowing our answer.
    fn at_once(&self, theirs: &Result<TheirAnswer, NoAnswer>) -> Option<Served> {
        let delivery = &self.delivery;
        match theirs {
            Ok(theirs) => {
                Some(Served { kind: delivery.kind, outcome: "watched", reply: Reply::Theirs(theirs.clone()) })
            }
            Err(_) if self.is_question() || !self.is_waited_for() => None,
            // The caller must not wait in silence because the other server is gone.
            Err(why) => {
                let language = self.playbook.language;
                let said = if why.was_asked() { delivery.unconfirmed(language) } else { delivery.apology(language) };
                Some(Served::ok(delivery, UNANSWERED, said))
            }
        }
    }

    /// Where theirs is missing: a question is answered by us; a fact is asked for again, because they have not heard it.
    /// We may hear it twice: what is recorded stays as it is.
    fn instead(&self, ours: Served) -> Served {
        if self.is_question() || matches!(ours.reply, Reply::Problem(_)) {
            return Served { outcome: UNANSWERED, ..ours };
        }
        Served::problem(
            self.delivery.kind,
            UNANSWERED,
            Problem::unavailable("the webhook beside this one has no answer"),
        )
    }

    /// We are sent copies, so nobody should be reading this. If somebody is, they must not believe that it was done.
    fn unread_answer(&self, ours: Served) -> Served {
        if self.is_question() || matches!(ours.reply, Reply::Problem(_)) {
            return ours;
        }
        Served::ok(&self.delivery, "watched", self.delivery.watching(self.playbook.language))
    }

    fn is_question(&self) -> bool {
        matches!(self.delivery.asks, Asks::Answer(..))
    }

    /// Whether somebody hears the answer.
    fn is_waited_for(&self) -> bool {
        let synchronous = |event: &Event| event.kind.class() == Class::Synchronous;
        match &self.delivery.asks {
            Asks::Answer(..) => true,
            Asks::Record(events) => events.iter().any(synchronous),
            Asks::Nothing | Asks::Mention(_) => !self.delivery.tool_calls.is_empty(),
        }
    }

    /// Apart from the request while there is a permit for it; with too many of them the request waits.
    async fn compare_later(self: Arc<Self>, ours: JoinHandle<Served>, theirs: Result<TheirAnswer, NoAnswer>) {
        let permit = Arc::clone(&self.state.afterthoughts).try_acquire_owned();
        let runtime = self.state.runtime.clone();
        let comparing = async move { self.note(&self.ours(ours).await, &theirs) };
        match permit {
            Err(_) => comparing.await,
            Ok(permit) => drop(runtime.spawn(async move {
                comparing.await;
                drop(permit);
            })),
        }
    }

    /// A fact is noted only when it did not arrive over there: both answers to it are empty.
    fn note(&self, ours: &Served, theirs: &Result<TheirAnswer, NoAnswer>) {
        let delivery = &self.delivery;
        let (outcome, detail) = self.compared(ours, theirs);
        counter!("cordboard_shadow_answers_total", "outcome" => outcome).increment(1);
        let (Some(call), Some(about)) = (&delivery.call, self.event()) else { return };
        if outcome == SAME {
            return;
        }
        let key = CallKey { tenant: self.playbook.tenant.clone(), call: call.clone() };
        tracing::info!(call.id = %key.call, tenant = %key.tenant, webhook.kind = delivery.kind, outcome, "shadow answer compared");
        let what = if outcome == DIFFERENT { "shadow_differs" } else { "shadow_unanswered" };
        let event = Event {
            key: EventKey::new(format!("shadow:{}", about.key.as_str())),
            at: self.state.clock.now(),
            parties: Parties::default(),
            kind: EventKind::Noted(Note { what: what.into(), detail: Some(detail.into()) }),
        };
        webhooks::record_later(&self.state, key, event);
    }

    /// The outcome, and what people are shown of it: the differences as JSON, or why there is no answer.
    fn compared(&self, ours: &Served, theirs: &Result<TheirAnswer, NoAnswer>) -> (&'static str, String) {
        let kind = self.delivery.kind;
        let theirs = match theirs {
            Err(why) => return (UNANSWERED, format!("{kind}: {why}")),
            Ok(theirs) => theirs,
        };
        if !StatusCode::from_u16(theirs.status).is_ok_and(|status| status.is_success()) {
            return (UNANSWERED, format!("{kind}: it answered {}", theirs.status));
        }
        let differences = match &ours.reply {
            Reply::Answer(ours) if self.is_waited_for() => self.delivery.compare(&ours.body, &theirs.body),
            _ => Vec::new(),
        };
        let detail = serde_json::to_string(&differences).expect("differences are text");
        (if differences.is_empty() { SAME } else { DIFFERENT }, detail)
    }

    fn event(&self) -> Option<&Event> {
        match &self.delivery.asks {
            Asks::Record(events) => events.first(),
            Asks::Answer(_, event) => event.as_ref(),
            Asks::Nothing | Asks::Mention(_) => None,
        }
    }
}
