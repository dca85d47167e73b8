//! One live call: owns its state from the first event to some time after its report, decides one event at a time, and
//! hands what it decided to the committer, which answers. Started and found by its shard, which also restarts it.
//! A crash loses nothing that was answered: the call is loaded from the store again, and its askers ask again.

mod memory;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::call::{Class, Event};
use engine::failure::Failure;
use engine::ids::CallKey;
use engine::ports::{CallStore, Clock};
use engine::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

use crate::committer::{Committer, NotCommitted, Reply, Submission};
use crate::metrics::{self, Alive};
use crate::seats::{CallSeats, Seat};
use crate::tenants::Tenants;
use memory::Memory;

/// The way to one call in memory. It may die at any time; then whoever asked finds or starts it again.
#[derive(Clone, Debug)]
pub(crate) struct CallActorRef {
    actor: ActorRef<Message>,
    pub seats: CallSeats,
    /// Something it decided was not committed: its memory is not to be believed any more.
    retired: Arc<AtomicBool>,
}

/// The events of one webhook, and who waits for their answers.
pub(crate) struct Ask {
    pub events: Arc<[Event]>,
    pub platform: &'static str,
    pub reply: Reply,
    pub seat: Seat,
    pub asked_at: Instant,
}

/// What every call needs of the world.
pub(crate) struct Context {
    pub store: Arc<dyn CallStore>,
    pub clock: Arc<dyn Clock>,
    pub committer: Committer,
    pub tenants: Tenants,
    pub linger: Duration,
}

pub(crate) enum Message {
    Apply(Box<Ask>),
    /// Sent to itself some time after the call ended, with the frames it had then.
    Linger {
        seq: u64,
    },
}

pub(crate) struct CallActor;

pub(crate) struct State {
    key: CallKey,
    context: Arc<Context>,
    seats: CallSeats,
    retired: Arc<AtomicBool>,
    /// Loaded with the first event, because only then somebody waits for it.
    memory: Option<Memory>,
    _alive: Alive,
}

impl CallActorRef {
    pub async fn start(
        key: CallKey,
        context: Arc<Context>,
        shard: ractor::ActorCell,
    ) -> Result<CallActorRef, ractor::SpawnErr> {
        let seats = CallSeats::default();
        let retired = Arc::new(AtomicBool::new(false));
        let arguments = (key, context, seats.clone(), retired.clone());
        let (actor, _) = Actor::spawn_linked(None, CallActor, arguments, shard).await?;
        Ok(CallActorRef { actor, seats, retired })
    }

    /// False when the actor is gone; the asker's reply channel is then closed.
    pub fn ask(&self, ask: Ask) -> bool {
        self.actor.send_message(Message::Apply(Box::new(ask))).is_ok()
    }

    pub fn id(&self) -> ractor::ActorId {
        self.actor.get_id()
    }

    /// Ends a call whose memory is ahead of the store.
    pub fn retire(&self, why: &str) {
        self.retired.store(true, Ordering::SeqCst);
        self.actor.stop(Some(why.to_owned()));
    }

    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::SeqCst)
    }
}

impl Actor for CallActor {
    type Msg = Message;
    type State = State;
    type Arguments = (CallKey, Arc<Context>, CallSeats, Arc<AtomicBool>);

    async fn pre_start(
        &self,
        _myself: ActorRef<Message>,
        (key, context, seats, retired): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State { key, context, seats, retired, memory: None, _alive: metrics::alive("call") })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Apply(ask) => state.on_apply(*ask, &myself).await,
            Message::Linger { seq } => state.on_linger(seq, &myself),
        }
        Ok(())
    }
}

impl State {
    async fn on_apply(&mut self, ask: Ask, myself: &ActorRef<Message>) {
        metrics::waited("call", ask.asked_at.elapsed());
        // Nobody waits any more: the caller has been told that nothing was done.
        if ask.reply.is_closed() {
            return;
        }
        let first_heard = ask.events.first().map_or_else(|| self.context.clock.now(), |event| event.at);
        if let Err(failure) = self.remember(ask.platform, first_heard).await {
            let _ = ask.reply.send(Err(NotCommitted::Unavailable(failure)));
            myself.stop(Some("not loaded".to_owned()));
            return;
        }
        let playbook = self.context.tenants.get(&self.key.tenant);
        if playbook.is_none() && ask.events.iter().any(|event| event.kind.class() == Class::Synchronous) {
            let _ = ask.reply.send(Err(NotCommitted::Refused(format!("no playbook of tenant {}", self.key.tenant))));
            myself.stop(Some("no playbook".to_owned()));
            return;
        }
        let memory = self.memory.as_mut().expect("remembered above");
        let now = self.context.clock.now();
        let (mut frames, mut slots) = (Vec::new(), Vec::with_capacity(ask.events.len()));
        for event in ask.events.iter() {
            slots.push(memory.decide(&self.key, event, playbook.as_deref(), now, &mut frames));
        }
        let ended = (!memory.call.phase.is_live() || memory.call.seq == 0).then_some(memory.call.seq);
        self.context.committer.submit(Submission {
            call: self.key.clone(),
            frames,
            slots,
            reply: Some(ask.reply),
            only_repeats: false,
            _seat: ask.seat,
            owner: CallActorRef { actor: myself.clone(), seats: self.seats.clone(), retired: self.retired.clone() },
        });
        if let Some(seq) = ended {
            myself.send_after(self.context.linger, move || Message::Linger { seq });
        }
    }

    /// Nothing was heard since the call ended, or nothing ever that tells of a call: the memory is no longer needed.
    fn on_linger(&mut self, seq: u64, myself: &ActorRef<Message>) {
        if self.memory.as_ref().is_none_or(|memory| memory.call.seq == seq) {
            myself.stop(Some("ended".to_owned()));
        }
    }

    /// Loads the call, after whatever an earlier life of it may still have in the committer's hands.
    async fn remember(&mut self, platform: &str, first_heard: Timestamp) -> Result<(), Failure> {
        if self.memory.is_some() {
            return Ok(());
        }
        self.context.committer.barrier().await;
        self.memory = Some(match self.context.store.load(&self.key).await? {
            Some(stored) => Memory::from(stored),
            None => Memory::of_new_call(platform, first_heard),
        });
        Ok(())
    }
}
