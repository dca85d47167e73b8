//! Errands: what a tool must ask somebody before it can answer. Each is a task of the main runtime under a deadline of
//! its own, while its call goes on; what it brings back is the call's next event, and whoever waits gets that event's
//! answer. It ends with its answer on disk, or with the system; stopping waits for those under way.
//!
//! One effect is one errand: who asks for it again meanwhile joins it. A crash loses nothing that was answered: an
//! errand begun and never ended is run again, under its first id, when its tool call is delivered again.

mod breaker;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use engine::call::{Answer, Event};
use engine::ids::{CallKey, EventKey, TenantId};
use engine::ports::{CallStore, Forwarder, Post};
use engine::tools::{self, Endpoint, Errand, ErrandOutcome, Inquiry, Lost, Reply};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use self::breaker::Breakers;
use crate::calls::{Calls, Refusal};
use crate::limits::Limits;
use crate::metrics;
use crate::seats::{CallSeats, Seat, Seats};
use crate::tenants::Tenants;

/// Those under way. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Errands {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn CallStore>,
    forwarder: Arc<dyn Forwarder>,
    tenants: Tenants,
    limits: Arc<Limits>,
    seats: Seats,
    seats_of_tenants: Mutex<HashMap<TenantId, CallSeats>>,
    under_way: Mutex<HashMap<Name, Trip>>,
    breakers: Breakers,
    /// Asked for on the threads of HTTP workers, run here.
    runtime: Handle,
}

/// An errand's name over all calls.
type Name = (CallKey, Box<str>);

type Trip = Shared<BoxFuture<'static, Home>>;

/// How a trip ended, for everybody who waited for it.
#[derive(Clone)]
struct Home {
    /// Key of the event that ended it, and its answer.
    key: EventKey,
    answer: Result<Answer, Refusal>,
    /// None when it had been made before.
    brought: Option<(Result<Reply, Lost>, Duration)>,
}

/// One tool call whose answer is an errand.
#[derive(Clone)]
pub(crate) struct Asked {
    pub call: CallKey,
    pub platform: &'static str,
    pub event: Event,
    pub errand: Errand,
}

impl Errands {
    pub fn new(
        store: Arc<dyn CallStore>,
        forwarder: Arc<dyn Forwarder>,
        tenants: Tenants,
        limits: Arc<Limits>,
    ) -> Errands {
        let inner = Inner {
            seats: Seats::new(limits.errands),
            seats_of_tenants: Mutex::default(),
            under_way: Mutex::default(),
            breakers: Breakers::new(limits.endpoint_failures, limits.endpoint_rest),
            runtime: Handle::current(),
            store,
            forwarder,
            tenants,
            limits,
        };
        Errands { inner: Arc::new(inner) }
    }

    /// The answer of a tool call that had to ask somebody. Recorded when this returns, unless the store would not
    /// take it: then the agent is told what it is told when nothing comes back.
    pub async fn answer(&self, asked: Asked, calls: &Calls) -> Answer {
        let otherwise = Answer::Tool(asked.errand.otherwise.clone());
        let call = asked.call.clone();
        self.finish(asked, calls).await.unwrap_or_else(|refusal| {
            tracing::warn!(call.id = %call.call, error = %refusal, "errand ended, but is not recorded");
            otherwise
        })
    }

    /// Waits for those under way, at most `within`, and begins no other.
    pub async fn drain(&self, within: Duration) -> bool {
        self.inner.seats.close(within).await
    }

    async fn finish(&self, asked: Asked, calls: &Calls) -> Result<Answer, Refusal> {
        let key = asked.event.finish_key();
        loop {
            let home = self.trip(&asked, calls).await;
            if home.key == key {
                return home.answer;
            }
            // Another tool call asked for the same effect: what it got is ours as well, under our own key.
            if let Some((returned, took)) = home.brought {
                return asked.conclude(returned, took, calls).await;
            }
        }
    }

    /// The one under way under this name, or a new one.
    fn trip(&self, asked: &Asked, calls: &Calls) -> Trip {
        let name = (asked.call.clone(), asked.errand.id.clone());
        let start = || {
            let key = asked.event.finish_key();
            let task = self.inner.runtime.spawn(self.inner.clone().travel(asked.clone(), calls.clone()));
            // Only a runtime that ends cuts a trip.
            let home =
                |ended: Result<Home, _>| ended.unwrap_or(Home { key, answer: Err(Refusal::Busy), brought: None });
            task.map(home).boxed().shared()
        };
        self.inner.under_way.lock().entry(name).or_insert_with(start).clone()
    }
}

/// Takes the errand off the list when its trip is over, also when it is over by a panic.
struct Leaving {
    name: Name,
    inner: Arc<Inner>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.inner.under_way.lock().remove(&self.name);
    }
}

impl Asked {
    async fn conclude(self, returned: Result<Reply, Lost>, took: Duration, calls: &Calls) -> Result<Answer, Refusal> {
        let Some(event) = self.event.finish(self.errand, returned, took) else {
            return Err(Refusal::Refused("no tool call".to_owned()));
        };
        let mut answers = calls.decide(&self.call, self.platform, [event].into()).await?;
        answers.pop().ok_or(Refusal::Busy)
    }
}

impl Inner {
    /// Looks whether it was made before, makes it, records what came of it.
    async fn travel(self: Arc<Self>, asked: Asked, calls: Calls) -> Home {
        let _leaving = Leaving { name: (asked.call.clone(), asked.errand.id.clone()), inner: self.clone() };
        let key = asked.event.finish_key();
        let (answer, brought) = match self.store.recorded(&asked.call, &key).await {
            Ok(Some(recorded)) => (Ok(recorded.answer), None),
            Err(failure) => (Err(Refusal::Unavailable(failure)), None),
            Ok(None) => {
                let seat = self.seat(&asked.call.tenant);
                let (returned, took) = self.run(&asked, seat.as_ref()).await;
                (asked.conclude(returned.clone(), took, &calls).await, Some((returned, took)))
            }
        };
        Home { key, answer, brought }
    }

    fn seat(&self, tenant: &TenantId) -> Option<Seat> {
        let of_tenant = self.seats_of_tenants.lock().entry(tenant.clone()).or_default().clone();
        self.seats.take(&of_tenant, self.limits.errands_per_tenant)
    }

    async fn run(&self, asked: &Asked, seat: Option<&Seat>) -> (Result<Reply, Lost>, Duration) {
        let kind = kind_of(&asked.errand.inquiry);
        let (_gauge, started) = (metrics::errand(kind), Instant::now());
        let returned = match seat {
            Some(_) => AssertUnwindSafe(self.ask(asked)).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!(call.id = %asked.call.call, errand = kind, "errand panicked");
                Err(Lost::unknown("panicked"))
            }),
            None => Err(Lost::not_asked("no seat is left")),
        };
        let outcome = returned.as_ref().map_or_else(|lost| lost.how.into(), |_| ErrandOutcome::Answered);
        metrics::errand_ended(kind, outcome.as_str());
        if let Err(lost) = &returned {
            tracing::warn!(call.id = %asked.call.call, errand = kind, error = %lost, "errand brought nothing back");
        }
        (returned, started.elapsed())
    }

    async fn ask(&self, asked: &Asked) -> Result<Reply, Lost> {
        match &asked.errand.inquiry {
            Inquiry::Endpoint { body } => self.ask_endpoint(asked, body).await,
            Inquiry::PastCalls { number, before, limit } => {
                let looking = self.store.calls_of(&asked.call.tenant, number, *before, *limit);
                let found = within(self.limits.look_up_within, looking).await?;
                found.map(Reply::PastCalls).map_err(|failure| Lost::unknown(failure.to_string()))
            }
        }
    }

    /// Where the playbook says now: it may have been reloaded since the errand was begun.
    async fn ask_endpoint(&self, asked: &Asked, body: &str) -> Result<Reply, Lost> {
        let (tenant, tool) = (&asked.call.tenant, &*asked.errand.tool);
        let playbook = self.tenants.get(tenant);
        let found = playbook.as_ref().and_then(|playbook| tools::find(tool, playbook)?.endpoint());
        let Some(endpoint) = found else { return Err(Lost::not_asked("the tool is gone from the playbook")) };
        self.breakers.guard(tenant, tool, &endpoint.url, self.post(endpoint, asked, body)).await
    }

    async fn post(&self, endpoint: &Endpoint, asked: &Asked, body: &str) -> Result<Reply, Lost> {
        let idempotency_key = format!("{}/{}", asked.call.call, asked.errand.id);
        let post = Post { endpoint, idempotency_key: &idempotency_key, body };
        let text = within(endpoint.timeout, self.forwarder.post(post)).await??;
        Ok(Reply::Text(text.into()))
    }
}

/// What was asked may still be done, later.
async fn within<T>(limit: Duration, asking: impl Future<Output = T>) -> Result<T, Lost> {
    timeout(limit, asking).await.map_err(|_| Lost::unknown(format!("no answer within {} ms", limit.as_millis())))
}

/// A metric's label.
fn kind_of(inquiry: &Inquiry) -> &'static str {
    match inquiry {
        Inquiry::Endpoint { .. } => "forward",
        Inquiry::PastCalls { .. } => "look_up",
    }
}

#[cfg(test)]
mod tests;
