//! The door to the calls: finds or starts the call, waits for its answer, and asks again when the call died, was
//! stopped because its commit failed, or was just leaving. Calls live under shards, shards under one root that
//! restarts them; nothing here ever touches two calls at once.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::call::{Answer, Event};
use engine::failure::Failure;
use engine::ids::CallKey;
use futures_util::future::join_all;
use parking_lot::RwLock;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::call::{Ask, Context};
use crate::committer::NotCommitted;
use crate::errands::{Asked, Errands};
use crate::limits::Limits;
use crate::metrics;
use crate::seats::Seats;
use crate::shard::{self, Population, Registry, Shard, Started};

/// The only way to a call. Cheap to clone.
#[derive(Clone)]
pub struct Calls {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Arc<[RwLock<ShardRef>]>,
    root: ActorCell,
    seats: Seats,
    population: Population,
    context: Arc<Context>,
    errands: Errands,
    limits: Arc<Limits>,
}

#[derive(Clone)]
struct ShardRef {
    actor: ActorRef<shard::Message>,
    registry: Registry,
}

/// Why an event got no answer. Nothing of it took effect, or it is kept in quarantine.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// No seat is left, the answer took too long, or we are stopping.
    #[error("busy")]
    Busy,
    #[error("store unavailable: {0}")]
    Unavailable(Failure),
    /// The store will never take it, or the tenant is gone.
    #[error("refused: {0}")]
    Refused(String),
    /// The event kept killing its call and is kept for people to look at.
    #[error("event quarantined")]
    Quarantined,
}

/// Why one try got no answer.
enum Undone {
    /// The call was leaving, died, or was behind the store: a new one may do better.
    Again,
    Refusal(Refusal),
}

/// Pause before asking a call again: long enough for its shard to notice the death.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// Kept of the time to drain for commits, whatever is still being asked of others.
const LAST_COMMITS: Duration = Duration::from_secs(1);

impl Calls {
    pub(crate) async fn start(context: Arc<Context>, errands: Errands, limits: Arc<Limits>) -> Result<Calls, Failure> {
        let population = Population::default();
        let arguments = (context.clone(), population.clone(), limits.clone());
        let (root, _) = Actor::spawn(None, Root, arguments).await.map_err(|e| Failure::fail(format!("calls: {e}")))?;
        let shards = ractor::call!(root, RootMessage::Shards).map_err(|e| Failure::fail(format!("calls: {e}")))?;
        let seats = Seats::new(limits.seats);
        let root = root.get_cell();
        Ok(Calls { inner: Arc::new(Inner { shards, root, seats, population, context, errands, limits }) })
    }

    /// Decides and commits the events of one webhook, in order, and returns their answers, one per event. Returns
    /// only after the commit; what has to be asked of others is asked at the same time, after it, and is committed in
    /// its turn. A second delivery gets the recorded answer.
    pub async fn apply(
        &self,
        call: &CallKey,
        platform: &'static str,
        events: Vec<Event>,
    ) -> Result<Vec<Answer>, Refusal> {
        let events: Arc<[Event]> = events.into();
        let answers = self.decide(call, platform, events.clone()).await?;
        let final_answers = events.iter().zip(answers).map(|(event, answer)| async move {
            let Answer::Errand(errand) = answer else { return answer };
            let asked = Asked { call: call.clone(), platform, event: event.clone(), errand: *errand };
            self.inner.errands.answer(asked, self).await
        });
        Ok(join_all(final_answers).await)
    }

    /// As [`Calls::apply`], but an answer may be an errand.
    pub(crate) async fn decide(
        &self,
        call: &CallKey,
        platform: &'static str,
        events: Arc<[Event]>,
    ) -> Result<Vec<Answer>, Refusal> {
        let answered = timeout(self.inner.limits.answer_within, self.persist(call, platform, events));
        answered.await.unwrap_or(Err(Refusal::Busy))
    }

    /// Calls in memory.
    pub fn count(&self) -> usize {
        self.inner.population.load(Ordering::Relaxed)
    }

    /// Events being decided or committed now.
    pub fn in_flight(&self) -> usize {
        self.inner.seats.taken()
    }

    /// Waits until everything inside is answered, at most `within`, and refuses whatever comes afterwards.
    pub async fn drain(&self, within: Duration) -> bool {
        let ends = Instant::now() + within;
        // First those who ask others: what they bring back needs a seat here. One that hangs does not cost the commits
        // their time.
        let nobody_out = self.inner.errands.drain(within - LAST_COMMITS.min(within / 2)).await;
        self.inner.seats.close(ends.saturating_duration_since(Instant::now())).await && nobody_out
    }

    /// Ends every call in memory. Nothing is lost: what was answered is in the store.
    pub(crate) async fn stop(&self) {
        let _ = self.inner.root.stop_and_wait(None, Some(Duration::from_secs(2))).await;
    }

    async fn persist(
        &self,
        key: &CallKey,
        platform: &'static str,
        events: Arc<[Event]>,
    ) -> Result<Vec<Answer>, Refusal> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_once(key, platform, &events).await {
                Ok(answers) => return Ok(answers),
                Err(Undone::Refusal(refusal)) => return Err(refusal),
                Err(Undone::Again) => sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_once(
        &self,
        key: &CallKey,
        platform: &'static str,
        events: &Arc<[Event]>,
    ) -> Result<Vec<Answer>, Undone> {
        let call = match self.find_or_start(key).await? {
            Started::Call(call) => call,
            Started::Full => return Err(Undone::Refusal(Refusal::Busy)),
            Started::Isolated => return Err(Undone::Refusal(self.quarantine(key, events).await)),
        };
        let seat = self.inner.seats.take(&call.seats, self.inner.limits.seats_per_call);
        let seat = seat.ok_or(Undone::Refusal(Refusal::Busy))?;
        let (reply, answers) = oneshot::channel();
        call.ask(Ask { events: events.clone(), platform, reply, seat, asked_at: Instant::now() });
        // A dropped reply is a call that died or left before it could answer.
        answers.await.map_err(|_| Undone::Again)?.map_err(Undone::from)
    }

    async fn find_or_start(&self, key: &CallKey) -> Result<Started, Undone> {
        let shard = self.shard_of(key);
        if let Some(call) = shard.registry.read().get(key) {
            return Ok(Started::Call(call.clone()));
        }
        ractor::call!(shard.actor, shard::Message::Start, key.clone()).map_err(|_| Undone::Again)
    }

    fn shard_of(&self, key: &CallKey) -> ShardRef {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % self.inner.shards.len() as u64).expect("less than a length");
        self.inner.shards[index].read().clone()
    }

    /// Keeps what an isolated call was told. Only when even that fails is the event refused.
    async fn quarantine(&self, key: &CallKey, events: &[Event]) -> Refusal {
        for event in events {
            let raw = serde_json::to_string(event).unwrap_or_default();
            let now = self.inner.context.clock.now();
            if let Err(failure) =
                self.inner.context.store.quarantine(key, &event.key, &raw, "its call keeps dying", now).await
            {
                return Refusal::Unavailable(failure);
            }
            metrics::quarantined();
        }
        tracing::error!(call.id = %key.call, tenant = %key.tenant, "call isolated, event quarantined");
        Refusal::Quarantined
    }
}

impl From<NotCommitted> for Undone {
    fn from(why: NotCommitted) -> Undone {
        match why {
            NotCommitted::Stale => Undone::Again,
            NotCommitted::Refused(why) => Undone::Refusal(Refusal::Refused(why)),
            NotCommitted::Unavailable(failure) => Undone::Refusal(Refusal::Unavailable(failure)),
        }
    }
}

/// Supervises the shards: one that dies is replaced by an empty one, and its calls start again when asked for.
struct Root;

enum RootMessage {
    Shards(ractor::RpcReplyPort<Arc<[RwLock<ShardRef>]>>),
}

struct RootState {
    context: Arc<Context>,
    population: Population,
    limits: Arc<Limits>,
    shards: Arc<[RwLock<ShardRef>]>,
}

impl Actor for Root {
    type Msg = RootMessage;
    type State = RootState;
    type Arguments = (Arc<Context>, Population, Arc<Limits>);

    async fn pre_start(
        &self,
        myself: ActorRef<RootMessage>,
        (context, population, limits): Self::Arguments,
    ) -> Result<RootState, ActorProcessingErr> {
        let mut state = RootState { context, population, limits, shards: Arc::new([]) };
        let mut shards = Vec::with_capacity(state.limits.shards);
        for _ in 0..state.limits.shards {
            shards.push(RwLock::new(state.start_shard(&myself).await?));
        }
        state.shards = shards.into();
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<RootMessage>,
        message: RootMessage,
        state: &mut RootState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RootMessage::Shards(reply) => drop(reply.send(state.shards.clone())),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<RootMessage>,
        event: SupervisionEvent,
        state: &mut RootState,
    ) -> Result<(), ActorProcessingErr> {
        let Some(died) = event.actor_cell().map(ActorCell::get_id) else { return Ok(()) };
        if matches!(event, SupervisionEvent::ActorStarted(_)) {
            return Ok(());
        }
        metrics::restarted("calls", "panic");
        tracing::error!("a supervisor of calls died, starting another");
        if let Some(slot) = state.shards.iter().find(|slot| slot.read().actor.get_id() == died) {
            let replacement = state.start_shard(&myself).await?;
            *slot.write() = replacement;
        }
        Ok(())
    }
}

impl RootState {
    async fn start_shard(&self, myself: &ActorRef<RootMessage>) -> Result<ShardRef, ActorProcessingErr> {
        let registry = Registry::default();
        let arguments = shard::Arguments {
            context: self.context.clone(),
            registry: registry.clone(),
            population: self.population.clone(),
            limits: self.limits.clone(),
        };
        let (actor, _) = Actor::spawn_linked(None, Shard, arguments, myself.get_cell()).await?;
        Ok(ShardRef { actor, registry })
    }
}

#[cfg(test)]
pub(crate) mod tests;
