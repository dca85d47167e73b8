//! Supervises its share of the calls: starts them, forgets those that stopped, and isolates one that keeps dying. A
//! call that died is not started again until somebody asks for it: then it is loaded from the store.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::ids::CallKey;
use parking_lot::RwLock;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::time::Instant;

use crate::call::{CallActorRef, Context};
use crate::limits::Limits;
use crate::metrics::{self, Alive};

/// Calls of one shard by their key: written by the shard, read by everybody.
pub(crate) type Registry = Arc<RwLock<HashMap<CallKey, CallActorRef>>>;

/// How many calls are in memory, over all shards.
pub(crate) type Population = Arc<AtomicUsize>;

#[derive(Debug)]
pub(crate) enum Started {
    Call(CallActorRef),
    /// It died too often, too quickly.
    Isolated,
    /// No room for one more call.
    Full,
}

pub(crate) enum Message {
    Start(CallKey, RpcReplyPort<Started>),
}

pub(crate) struct Shard;

pub(crate) struct Arguments {
    pub context: Arc<Context>,
    pub registry: Registry,
    pub population: Population,
    pub limits: Arc<Limits>,
}

pub(crate) struct State {
    context: Arc<Context>,
    registry: Registry,
    population: Population,
    limits: Arc<Limits>,
    keys: HashMap<ActorId, CallKey>,
    deaths: HashMap<CallKey, Vec<Instant>>,
    _alive: Alive,
}

impl Actor for Shard {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Message>, with: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { context, registry, population, limits } = with;
        let (keys, deaths) = (HashMap::new(), HashMap::new());
        Ok(State { context, registry, population, limits, keys, deaths, _alive: metrics::alive("calls") })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Start(key, reply) => {
                let started = state.on_start(key, &myself).await?;
                let _ = reply.send(started);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(call, _) => state.on_died(call.get_id()),
            SupervisionEvent::ActorTerminated(call, _, _) => drop(state.forget(call.get_id())),
            _ => {}
        }
        Ok(())
    }
}

impl State {
    async fn on_start(&mut self, key: CallKey, myself: &ActorRef<Message>) -> Result<Started, ActorProcessingErr> {
        if let Some(call) = self.registry.read().get(&key) {
            return Ok(Started::Call(call.clone()));
        }
        if self.is_isolated(&key) {
            return Ok(Started::Isolated);
        }
        if self.population.load(Ordering::Relaxed) >= self.limits.calls {
            return Ok(Started::Full);
        }
        let call = CallActorRef::start(key.clone(), self.context.clone(), myself.get_cell()).await?;
        self.keys.insert(call.id(), key.clone());
        self.population.fetch_add(1, Ordering::Relaxed);
        self.registry.write().insert(key, call.clone());
        Ok(Started::Call(call))
    }

    fn on_died(&mut self, id: ActorId) {
        let Some(key) = self.forget(id) else { return };
        metrics::restarted("call", "panic");
        let now = Instant::now();
        let remember_for = self.limits.death_window.max(self.limits.isolation);
        self.deaths.retain(|_, deaths| deaths.last().is_some_and(|last| now - *last < remember_for));
        let deaths = self.deaths.entry(key.clone()).or_default();
        deaths.push(now);
        tracing::error!(call.id = %key.call, tenant = %key.tenant, deaths = deaths.len(), "call died");
    }

    /// Isolated from its last death on, once it died too often within the window.
    fn is_isolated(&self, key: &CallKey) -> bool {
        let Some(deaths) = self.deaths.get(key) else { return false };
        let Some(last) = deaths.last() else { return false };
        let counted = |window: Duration| deaths.iter().filter(|death| *last - **death < window).count();
        last.elapsed() < self.limits.isolation && counted(self.limits.death_window) >= self.limits.deaths
    }

    fn forget(&mut self, id: ActorId) -> Option<CallKey> {
        let key = self.keys.remove(&id)?;
        self.registry.write().remove(&key);
        self.population.fetch_sub(1, Ordering::Relaxed);
        Some(key)
    }
}

impl Drop for State {
    /// A shard that ends takes its calls with it: they must not stay counted, nor be found.
    fn drop(&mut self) {
        self.population.fetch_sub(self.keys.len(), Ordering::Relaxed);
        self.registry.write().clear();
    }
}
