//! Sends what is owed: wake, wait for a slot, claim, hand over. Settling is the sender's.
//!
//! Who goes next is decided at the moment a slot opens, by the outbox: most urgent first. A slot is open when a number
//! may send again ([`pace`]) and one of N senders has its hands free, so a carrier that never answers ties up senders,
//! never the pool. A claim is committed before the message is handed over: after a crash it is known that it may have
//! left, and it is never sent again.
//!
//! Runs until [`SmsPool::stop`]. A sender that dies is replaced, its attempt becomes unknown. Should the pool itself
//! die it is started again, and every attempt then under way becomes unknown.

mod pace;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{Claim, Clock, EventBus, SmsOutbox, SmsProvider};
use engine::sms::SendOutcome;
use parking_lot::RwLock;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, MessagingErr, RpcReplyPort, SupervisionEvent};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use self::pace::Pace;
use crate::limits::Limits;
use crate::metrics::sms as metrics;
use crate::sms_sender::{self, Free, Order, Ports};
use crate::system::Senders;

/// First and longest wait after the outbox failed, and between two starts of a pool that died.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Shortest sleep when the outbox says a message is due that it does not give.
const SHORTEST_SLEEP: Duration = Duration::from_millis(10);

/// Least time between two counts of the queue.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// The only way to the pool.
#[derive(Clone)]
pub struct SmsPool {
    actor: Arc<RwLock<ActorRef<Message>>>,
    plan: Arc<Plan>,
}

/// What every life of the pool is started from.
struct Plan {
    ports: Arc<Ports>,
    senders: Senders,
    hands: usize,
    tick: Duration,
    drain: Duration,
    /// A wake-up is in the mailbox: the next one can be saved.
    woken: AtomicBool,
    stopping: AtomicBool,
}

impl SmsPool {
    /// Marks as unknown what a crash cut, then begins to send. Fails when the outbox cannot be read.
    pub async fn start(
        outbox: Arc<dyn SmsOutbox>,
        provider: Arc<dyn SmsProvider>,
        bus: Arc<dyn EventBus>,
        clock: Arc<dyn Clock>,
        senders: Senders,
        limits: &Limits,
    ) -> Result<SmsPool, Failure> {
        let plan = Arc::new(Plan {
            ports: Arc::new(Ports { outbox, provider, bus, clock }),
            senders,
            hands: limits.senders.max(1),
            tick: limits.pool_tick,
            drain: limits.drain,
            woken: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        });
        let (actor, ended) = plan.spawn().await?;
        let pool = SmsPool { actor: Arc::new(RwLock::new(actor)), plan };
        tokio::spawn(pool.clone().keep_alive(ended));
        Ok(pool)
    }

    /// Messages were committed that are due now. Cheap: any number of calls before the pool looks is one look.
    pub fn wake(&self) {
        if !self.plan.woken.swap(true, Ordering::AcqRel) {
            // A pool that is being restarted looks anyway.
            let _ = self.actor.read().cast(Message::Look);
        }
    }

    /// Claims nothing more and waits for what is under way, at most [`Limits::drain`]. What does not end by then is
    /// cut, and unknown at the next start.
    pub async fn stop(&self) {
        self.plan.stopping.store(true, Ordering::Release);
        let actor = self.actor.read().clone();
        let drained = actor.call(Message::Stop, Some(self.plan.drain)).await;
        if !drained.is_ok_and(|answer| answer.is_success()) {
            warn!("sms pool stopped with messages under way");
        }
        // Only what is already gone cannot be killed.
        let _ = actor.kill_and_wait(None).await;
    }

    /// Starts the pool again whenever it dies of anything but [`SmsPool::stop`].
    async fn keep_alive(self, mut ended: JoinHandle<()>) {
        loop {
            let _ = ended.await;
            metrics::alive("sms_pool", 0);
            metrics::alive("sms_sender", 0);
            if self.plan.stopping.load(Ordering::Acquire) {
                return;
            }
            error!("sms pool died, starting it again");
            crate::metrics::restarted("sms_pool", "died");
            let (actor, next) = self.plan.spawn_until_done().await;
            *self.actor.write() = actor.clone();
            ended = next;
            // For those who woke the dead one in between, or asked it to stop.
            let _ = actor.cast(Message::Look);
            if self.plan.stopping.load(Ordering::Acquire) {
                actor.kill();
            }
        }
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
            sleep(wait).await;
            match self.spawn().await {
                Ok(started) => return started,
                Err(failure) => error!(%failure, "sms pool does not start, will retry"),
            }
            wait = (wait * 2).min(longest);
        }
    }
}

struct PoolActor;

/// Seen by the senders alone.
pub(crate) enum Message {
    /// Something may be due, or a slot open.
    Look,
    Free(Free),
    Stop(RpcReplyPort<()>),
}

struct State {
    plan: Arc<Plan>,
    paces: Vec<Pace>,
    free: Vec<ActorRef<Arc<Order>>>,
    /// Senders with a message in hand.
    busy: HashMap<ActorId, InHand>,
    /// Attempts whose sender is gone, not yet recorded.
    orphans: Vec<(Arc<Order>, SendOutcome)>,
    /// Failures of the outbox in a row, and how long it is left alone for them.
    failures: u32,
    rests_until: Option<Instant>,
    timer: Option<JoinHandle<Result<(), MessagingErr<Message>>>>,
    counted_at: Option<Instant>,
    stop: Option<RpcReplyPort<()>>,
}

struct InHand {
    sender: ActorRef<Arc<Order>>,
    order: Arc<Order>,
    /// Index of the pace it left by.
    pace: usize,
}

impl Actor for PoolActor {
    type Msg = Message;
    type State = State;
    type Arguments = Arc<Plan>;

    async fn pre_start(&self, _: ActorRef<Message>, plan: Arc<Plan>) -> Result<State, ActorProcessingErr> {
        Ok(State::new(plan))
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
            Message::Look => state.plan.woken.store(false, Ordering::Release),
            Message::Free(free) => state.on_free(free),
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

impl State {
    fn new(plan: Arc<Plan>) -> State {
        let now = Instant::now();
        let pace = |name: &String| Pace::new(name, plan.senders.per_second, now);
        State {
            paces: plan.senders.names.iter().map(pace).collect(),
            plan: plan.clone(),
            free: Vec::with_capacity(plan.hands),
            busy: HashMap::with_capacity(plan.hands),
            orphans: Vec::new(),
            failures: 0,
            rests_until: None,
            timer: None,
            counted_at: None,
            stop: None,
        }
    }

    async fn hire(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        self.free.push(sms_sender::spawn(self.plan.ports.clone(), myself.clone()).await?);
        metrics::alive("sms_sender", self.free.len() + self.busy.len());
        Ok(())
    }

    fn on_free(&mut self, free: Free) {
        if let Some(done) = self.busy.remove(&free.by) {
            self.paces[done.pace].hears(done.order.refusals, free.rest, Instant::now());
            self.free.push(done.sender);
        }
    }

    fn on_death(&mut self, died: ActorId) {
        self.free.retain(|sender| sender.get_id() != died);
        if let Some(lost) = self.busy.remove(&died) {
            self.paces[lost.pace].hears(lost.order.refusals, None, Instant::now());
            self.orphans.push((lost.order, SendOutcome::Unknown { reason: "its sender died".into() }));
        }
    }

    /// Does what can be done now and sets the timer for the rest.
    async fn look(&mut self, myself: &ActorRef<Message>) {
        let resting = self.rests_until.map(|until| until.saturating_duration_since(Instant::now()));
        let wait = match resting.filter(|rest| !rest.is_zero()) {
            Some(rest) => rest,
            None => self.work().await.unwrap_or_else(|failure| self.back_off(&failure)),
        };
        self.arm(myself, wait);
        if self.busy.is_empty() && self.orphans.is_empty() {
            self.stop.take().map(|reply| reply.send(()));
        }
    }

    async fn work(&mut self) -> Result<Duration, Failure> {
        self.record_orphans().await?;
        let wait = if self.plan.stopping.load(Ordering::Acquire) { self.plan.tick } else { self.fill_hands().await? };
        self.count().await?;
        self.failures = 0;
        self.rests_until = None;
        Ok(wait)
    }

    /// Claims and hands over until no hand is free, no slot is open or nothing is due. Returns how long to sleep.
    async fn fill_hands(&mut self) -> Result<Duration, Failure> {
        while !self.free.is_empty() {
            let now = Instant::now();
            let Some(pace) = self.open_pace(now) else { return Ok(self.until_open(now)) };
            let room = self.paces[pace].room(self.free.len());
            let claims = self.claim(pace, room).await?;
            let served = claims.len();
            claims.into_iter().for_each(|claim| self.hand_over(claim, pace));
            if served < room {
                return self.until_due().await;
            }
        }
        Ok(self.plan.tick)
    }

    async fn claim(&self, pace: usize, room: usize) -> Result<Vec<Claim>, Failure> {
        let ports = &self.plan.ports;
        ports.outbox.claim_due(ports.clock.now(), &self.paces[pace].name, room).await
    }

    fn hand_over(&mut self, claim: Claim, pace: usize) {
        let refusals = self.paces[pace].takes_one(Instant::now());
        let order = Arc::new(Order { claim, from: self.paces[pace].name.clone(), refusals });
        let sender = self.free.pop().expect("no more is claimed than hands are free");
        match sender.cast(order.clone()) {
            Ok(()) => {
                self.busy.insert(sender.get_id(), InHand { sender, order, pace });
            }
            // It died while idle; its replacement is on its way.
            Err(_) => {
                self.paces[pace].hears(refusals, None, Instant::now());
                self.orphans.push((order, SendOutcome::NotSent { reason: "its sender was gone".into() }));
            }
        }
    }

    /// The open pace that was used longest ago.
    fn open_pace(&self, now: Instant) -> Option<usize> {
        let open = self.paces.iter().enumerate().filter(|(_, pace)| pace.is_open(now));
        open.min_by_key(|(_, pace)| pace.opens_at()).map(|(index, _)| index)
    }

    fn until_open(&self, now: Instant) -> Duration {
        let next = self.paces.iter().filter_map(Pace::opens_at).min();
        next.map_or(self.plan.tick, |at| at.saturating_duration_since(now))
    }

    async fn until_due(&self) -> Result<Duration, Failure> {
        let ports = &self.plan.ports;
        let due_at = ports.outbox.next_due().await?;
        let wait = due_at.map_or(self.plan.tick, |at| at.since(ports.clock.now()));
        Ok(wait.max(SHORTEST_SLEEP))
    }

    async fn record_orphans(&mut self) -> Result<(), Failure> {
        while let Some((order, outcome)) = self.orphans.last() {
            match self.plan.ports.record(order, outcome).await {
                Err(failure) if failure.is_retry() => return Err(failure),
                Err(failure) => error!(sms.id = %order.claim.sms.id, %failure, "sms outcome cannot be recorded"),
                Ok(()) => {}
            }
            self.orphans.pop();
        }
        Ok(())
    }

    fn back_off(&mut self, failure: &Failure) -> Duration {
        warn!(%failure, "sms outbox failed, will retry");
        let wait = BACK_OFF.0.saturating_mul(1 << self.failures.min(16)).min(BACK_OFF.1);
        self.failures = self.failures.saturating_add(1);
        self.rests_until = Some(Instant::now() + wait);
        wait
    }

    /// The one timer: the next look, unless something wakes us before.
    fn arm(&mut self, myself: &ActorRef<Message>, wait: Duration) {
        let timer = myself.send_after(wait.min(self.plan.tick), || Message::Look);
        if let Some(old) = self.timer.replace(timer) {
            old.abort();
        }
    }

    async fn count(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        if self.counted_at.is_none_or(|at| now - at >= COUNT_EVERY) {
            metrics::depth(self.plan.ports.outbox.depth().await?);
            self.counted_at = Some(now);
        }
        Ok(())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}
