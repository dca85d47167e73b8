//! Sends what is owed: wake, wait for a slot, choose, claim, hand over. Settling is the sender's.
//!
//! Who goes next is decided at the moment a slot opens, by [`engine::sms::dispatch::Account`], one per carrier account;
//! what it needs of earlier lives comes from the ledger. A slot is open when a number may send again and one of N senders
//! has its hands free, so a carrier that never answers ties up senders, never the pool; a few of them carry emergencies
//! alone. A claim is committed before the message is handed over: after a crash it is known that it may have left.
//!
//! Runs until [`SmsPool::stop`], on the node that leads. A sender that dies is replaced, its attempt becomes unknown.
//! Should the pool itself die it is started again, and every attempt then under way becomes unknown; so it does when
//! another node has led in between.

mod accounts;
mod choice;
mod days;
mod standing;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{Clock, EventBus, SmsLedger, SmsOutbox, SmsProvider};
use engine::priority::Priority;
use engine::sms::breaker::FuseKind;
use engine::sms::dispatch::Terms;
use engine::sms::room::kept_of;
use engine::sms::{ErrorClass, Sms};
use parking_lot::RwLock;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, warn};

use self::standing::Standing;
use self::state::State;
use crate::lead::{Lead, Life};
use crate::limits::Limits;
use crate::metrics::sms as metrics;
use crate::sms_sender::{AskAfter, Free, Ports};
use crate::system::Senders;
use crate::tenants::Tenants;

/// First and longest wait after the outbox failed, and between two starts of a pool that died.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How often it is looked whether the pool has looked.
const ANSWER_STEP: Duration = Duration::from_millis(20);

/// The only way to the pool.
#[derive(Clone)]
pub struct SmsPool {
    /// None until this node leads for the first time.
    actor: Arc<RwLock<Option<ActorRef<Message>>>>,
    plan: Arc<Plan>,
}

/// What the pool stands on.
pub struct PoolPorts {
    pub outbox: Arc<dyn SmsOutbox>,
    pub ledger: Arc<dyn SmsLedger>,
    pub provider: Arc<dyn SmsProvider>,
    pub bus: Arc<dyn EventBus>,
    pub clock: Arc<dyn Clock>,
    /// Nothing is claimed while another node leads.
    pub lead: Lead,
}

/// What every life of the pool is started from.
struct Plan {
    ports: Arc<Ports>,
    tenants: Tenants,
    /// How the deployment's account sends.
    terms: Terms,
    hands: usize,
    /// Of these, for emergencies alone.
    kept: usize,
    /// Due messages of each priority that are chosen from.
    per_class: usize,
    tick: Duration,
    drain: Duration,
    /// A wake-up is in the mailbox: the next one can be saved.
    woken: AtomicBool,
    stopping: AtomicBool,
    standing: RwLock<Standing>,
}

impl SmsPool {
    /// Marks as unknown what a crash cut, then begins to send, once this node leads. Fails when the outbox cannot be read.
    pub async fn start(
        ports: PoolPorts,
        tenants: Tenants,
        senders: Senders,
        limits: &Limits,
    ) -> Result<SmsPool, Failure> {
        let PoolPorts { outbox, ledger, provider, bus, clock, lead } = ports;
        metrics::provider(provider.name());
        let ask_after = AskAfter {
            unknown: limits.look_ups.after.first().copied().unwrap_or_default(),
            accepted: limits.sweep_after,
        };
        let sends = AtomicU64::new(0);
        let plan = Arc::new(Plan {
            ports: Arc::new(Ports { outbox, ledger, provider, bus, clock, lead, ask_after, sends }),
            tenants,
            terms: accounts::terms(senders, limits),
            hands: limits.senders.max(1),
            kept: kept_of(limits.senders, limits.urgent_senders),
            per_class: limits.candidates.max(1),
            tick: limits.pool_tick,
            drain: limits.drain,
            woken: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            standing: RwLock::default(),
        });
        let pool = SmsPool { actor: Arc::default(), plan };
        let first = match pool.plan.ports.lead.term() {
            Some(term) => Some(pool.begin(term, pool.plan.spawn().await?)),
            None => None,
        };
        tokio::spawn(pool.clone().keep_alive(first));
        Ok(pool)
    }

    /// Messages were committed that are due now. Cheap: any number of calls before the pool looks is one look. Where
    /// another node leads, its pool is told.
    pub fn wake(&self) {
        self.plan.ports.lead.owes(None);
        self.look();
    }

    /// Something may be due, whoever committed it.
    pub(crate) fn look(&self) {
        if !self.plan.woken.swap(true, Ordering::AcqRel) {
            // A pool that is being restarted looks anyway.
            self.tell(Message::Look);
        }
    }

    /// From now until a message that is due now is delivered, by what waits and the pace it leaves at.
    pub fn delivered_in(&self, priority: Priority, segments: u16) -> Duration {
        self.plan.standing.read().delivered_in(priority, segments)
    }

    /// Circuit breakers that are not closed, by kind: messages wait for them and none is lost.
    pub fn open_breakers(&self) -> [(FuseKind, usize); 4] {
        self.plan.standing.read().open
    }

    /// What an error code of the carrier means.
    pub(crate) fn class_of(&self, code: u32) -> Option<ErrorClass> {
        self.plan.ports.provider.class_of(code)
    }

    /// A message the carrier had taken was not delivered, and what it said of why.
    pub(crate) fn told(&self, sms: &Sms) {
        let class = sms.error_code.and_then(|code| self.class_of(code));
        if let Some(class) = class {
            // A pool that is being restarted begins with closed breakers anyway.
            self.tell(Message::Told(Box::new(sms.clone()), class));
        }
    }

    /// The carrier was found to have a message of which nobody knew.
    pub(crate) fn found(&self, sms: &Sms) {
        self.tell(Message::Found(Box::new(sms.clone())));
    }

    /// Where another node leads there is nobody to tell: that one reads what is stored.
    fn tell(&self, message: Message) {
        if let Some(actor) = &*self.actor.read() {
            let _ = actor.cast(message);
        }
    }

    /// Attempts so far, for those who may take a share of what the carrier allows.
    pub(crate) fn sends(&self) -> u64 {
        self.plan.ports.sends.load(Ordering::Relaxed)
    }

    /// Whether it still looks when it is woken.
    pub(crate) async fn answers(&self, within: Duration) -> bool {
        self.look();
        let looked = async {
            while self.plan.woken.load(Ordering::Acquire) {
                sleep(ANSWER_STEP).await;
            }
        };
        timeout(within, looked).await.is_ok()
    }

    /// Claims nothing more and waits for what is under way, at most [`Limits::drain`]. What does not end by then is
    /// cut, and unknown at the next start.
    pub async fn stop(&self) {
        self.plan.stopping.store(true, Ordering::Release);
        self.end().await;
    }

    /// Ends this life when what is under way has ended.
    async fn end(&self) {
        let Some(actor) = self.actor.read().clone() else { return };
        let drained = actor.call(Message::Stop, Some(self.plan.drain)).await;
        if !drained.is_ok_and(|answer| answer.is_success()) {
            warn!("sms pool stopped with messages under way");
        }
        // Only what is already gone cannot be killed.
        let _ = actor.kill_and_wait(None).await;
    }

    /// Starts the pool when this node comes to lead, again for each term, and whenever it dies of anything but
    /// [`SmsPool::stop`].
    async fn keep_alive(self, mut life: Option<Life>) {
        let lead = self.plan.ports.lead.clone();
        loop {
            let known = life.as_ref().map(|life| life.term);
            let term = tokio::select! {
                term = lead.another_term(known) => {
                    self.end().await;
                    term
                }
                term = Life::ended(&mut life) => {
                    metrics::alive("sms_pool", 0);
                    metrics::alive("sms_sender", 0);
                    if self.plan.stopping.load(Ordering::Acquire) {
                        return;
                    }
                    error!("sms pool died, starting it again");
                    crate::metrics::restarted("sms_pool", "died");
                    sleep(BACK_OFF.0).await;
                    term
                }
            };
            life = Some(self.begin(term, self.plan.spawn_until_done().await));
            // For those who woke the dead one in between, or asked it to stop.
            self.tell(Message::Look);
            if self.plan.stopping.load(Ordering::Acquire) {
                self.end().await;
            }
        }
    }

    fn begin(&self, term: u64, (actor, ended): (ActorRef<Message>, JoinHandle<()>)) -> Life {
        *self.actor.write() = Some(actor);
        Life { term, ended }
    }
}

impl Plan {
    async fn spawn(self: &Arc<Self>) -> Result<(ActorRef<Message>, JoinHandle<()>), Failure> {
        for cut in self.ports.outbox.recover(self.ports.clock.now()).await? {
            warn!(sms.id = %cut.id, "sms attempt was cut, its end is unknown");
            self.ports.publish(cut).await;
        }
        self.woken.store(false, Ordering::Release);
        let started = Actor::spawn(None, PoolActor, self.clone()).await;
        started.map_err(|died| Failure::retry(format!("sms pool: {died}")))
    }

    async fn spawn_until_done(self: &Arc<Self>) -> (ActorRef<Message>, JoinHandle<()>) {
        let (mut wait, longest) = BACK_OFF;
        loop {
            match self.spawn().await {
                Ok(started) => return started,
                Err(failure) => error!(%failure, "sms pool does not start, will retry"),
            }
            sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }
}

struct PoolActor;

/// Seen by the senders alone.
pub(crate) enum Message {
    /// Something may be due, or a slot open.
    Look,
    /// The first byte of what that sender has in hand was written.
    Left {
        by: ActorId,
        at: Instant,
    },
    Free(Free),
    /// What a carrier told of a message it had taken.
    Told(Box<Sms>, ErrorClass),
    /// It has a message it gave no answer about.
    Found(Box<Sms>),
    Stop(RpcReplyPort<()>),
}

impl Actor for PoolActor {
    type Msg = Message;
    type State = State;
    type Arguments = Arc<Plan>;

    async fn pre_start(&self, _: ActorRef<Message>, plan: Arc<Plan>) -> Result<State, ActorProcessingErr> {
        Ok(State::load(plan).await?)
    }

    async fn post_start(&self, myself: ActorRef<Message>, state: &mut State) -> Result<(), ActorProcessingErr> {
        for _ in 0..state.plan.hands {
            state.hire(&myself).await?;
        }
        metrics::alive("sms_pool", 1);
        state.look(&myself).await;
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Look => {
                state.plan.woken.store(false, Ordering::Release);
                state.quiet_until = None;
            }
            Message::Left { by, at } => {
                state.on_left(by, at);
                // Nobody is freed and no slot opened by it.
                return Ok(());
            }
            Message::Free(free) => state.on_free(free),
            Message::Told(sms, class) => state.on_told(&sms, class),
            Message::Found(sms) => state.on_found(&sms),
            Message::Stop(reply) => state.stop = Some(reply),
        }
        state.look(&myself).await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let (died, reason) = match event {
            SupervisionEvent::ActorFailed(who, why) => {
                error!(%why, "sms sender died");
                (who.get_id(), "failed")
            }
            SupervisionEvent::ActorTerminated(who, ..) => (who.get_id(), "ended"),
            _ => return Ok(()),
        };
        state.on_death(died);
        crate::metrics::restarted("sms_sender", reason);
        state.hire(&myself).await?;
        state.look(&myself).await;
        Ok(())
    }
}
