//! Sends one message at a time through the carrier and records how it ended.
//!
//! A child of the pool, started and restarted by it; stops with it. It answers the pool only after the outcome is
//! committed, so a store that is away holds it here with the outcome in hand. What a crash loses is that outcome: the
//! pool then records the attempt as unknown.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{Claim, Clock, EventBus, Leaves, Settled, SmsLedger, SmsOutbox, SmsProvider, Update};
use engine::sms::failover::is_senders_fault;
use engine::sms::{Answered, SendOutcome, Settlement, Sms, SmsState, rest_after, settle};
use engine::time::Timestamp;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, info, warn};

use crate::lead::Lead;
use crate::metrics::sms as metrics;
use crate::sms_pool;

/// Shortest and longest wait before a commit is tried again.
const RECORD_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What the pool and its senders stand on.
pub(crate) struct Ports {
    pub outbox: Arc<dyn SmsOutbox>,
    pub ledger: Arc<dyn SmsLedger>,
    pub provider: Arc<dyn SmsProvider>,
    pub bus: Arc<dyn EventBus>,
    pub clock: Arc<dyn Clock>,
    pub lead: Lead,
    /// When the carrier is asked about an attempt that got no answer, and about a message it never reported on.
    pub ask_after: AskAfter,
    /// Attempts so far.
    pub sends: AtomicU64,
}

/// How long after its answer an attempt is first asked about.
#[derive(Clone, Copy)]
pub(crate) struct AskAfter {
    pub unknown: Duration,
    pub accepted: Duration,
}

/// One claimed message to send.
pub(crate) struct Order {
    pub claim: Claim,
    /// Refusals in a row of its number or service before this message.
    pub refusals: u32,
    /// Should that be at fault, there is another to try.
    pub another: bool,
    /// When its slot opens.
    pub not_before: Instant,
}

/// The sender is free again, and what it learnt about the number or service it used.
pub(crate) struct Free {
    pub by: ActorId,
    pub outcome: SendOutcome,
    /// How long that should be left alone.
    pub rest: Option<Duration>,
    /// From when it left, or was handed over, to the answer.
    pub took: Duration,
}

/// Starts one, as a child of `pool`.
pub(crate) async fn spawn(
    ports: Arc<Ports>,
    pool: ActorRef<sms_pool::Message>,
) -> Result<ActorRef<Arc<Order>>, SpawnErr> {
    let parent: ActorCell = pool.get_cell();
    let (actor, _) = Actor::spawn_linked(None, SenderActor, State { ports, pool }, parent).await?;
    Ok(actor)
}

struct SenderActor;

struct State {
    ports: Arc<Ports>,
    pool: ActorRef<sms_pool::Message>,
}

impl Actor for SenderActor {
    type Msg = Arc<Order>;
    type State = State;
    type Arguments = State;

    async fn pre_start(&self, _: ActorRef<Arc<Order>>, state: State) -> Result<State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Arc<Order>>,
        order: Arc<Order>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if order.not_before > Instant::now() {
            sleep_until(order.not_before).await;
        }
        let left = Arc::new(OnceLock::new());
        let handed_over = Instant::now();
        let answered = state.ports.send(&order, state.telling(myself.get_id(), left.clone())).await;
        let took = left.get().unwrap_or(&handed_over).elapsed();
        let rest = rest_after(&answered.outcome, order.refusals);
        if let Err(failure) = state.ports.record_until_done(&order, &answered).await {
            error!(sms.id = %order.claim.sms.id, %failure, "sms outcome cannot be recorded");
        }
        let outcome = answered.outcome;
        // The pool is gone only when we are about to be.
        let _ = state.pool.cast(sms_pool::Message::Free(Free { by: myself.get_id(), outcome, rest, took }));
        Ok(())
    }
}

impl State {
    /// Keeps when the message leaves and tells the pool, once.
    fn telling(&self, by: ActorId, left: Arc<OnceLock<Instant>>) -> Leaves {
        let pool = self.pool.clone();
        Arc::new(move || {
            let now = Instant::now();
            if left.set(now).is_ok() {
                // The pool is gone only when we are about to be.
                let _ = pool.cast(sms_pool::Message::Left { by, at: now });
            }
        })
    }
}

impl Ports {
    async fn send(&self, order: &Order, leaves: Leaves) -> Answered {
        let Claim { sms, attempt } = &order.claim;
        // A process that was halted between the claim and here.
        if self.clock.now() > sms.expires_at {
            return SendOutcome::NotSent { reason: "expired before it left".into() }.into();
        }
        // The same: another node leads by now, and has called this attempt unknown.
        if !self.lead.held() {
            return SendOutcome::NotSent { reason: "another node may lead".into() }.into();
        }
        let started = Instant::now();
        self.sends.fetch_add(1, Ordering::Relaxed);
        let answered = self.provider.send_timed(sms, attempt, leaves).await;
        metrics::sent(self.provider.name(), &answered.outcome, started.elapsed());
        answered
    }

    /// Waits for a store that is away; gives up only on one that will never take it.
    async fn record_until_done(&self, order: &Order, answered: &Answered) -> Result<(), Failure> {
        let (mut wait, longest) = RECORD_AGAIN;
        loop {
            match self.record(order, answered).await {
                Err(failure) if failure.is_retry() => {
                    warn!(sms.id = %order.claim.sms.id, %failure, "sms outcome not recorded, will retry");
                    sleep(wait).await;
                    wait = (wait * 2).min(longest);
                }
                done => return done,
            }
        }
    }

    /// Commits what the outcome makes of the message, then tells the world.
    pub async fn record(&self, order: &Order, answered: &Answered) -> Result<(), Failure> {
        let (now, Answered { outcome, http_status }) = (self.clock.now(), answered);
        let Claim { sms, attempt } = &order.claim;
        let settlement = settle(sms, outcome, order.refusals, now);
        let settlement = if order.another { by_another(settlement, outcome, now) } else { settlement };
        let check_at = self.ask_after.at(settlement.state, now);
        let settlement = Settlement { check_at, http_status: *http_status, ..settlement };
        let Settled { sms, moved } = self.outbox.settle(sms.id, attempt.number, &settlement, now).await?;
        info!(
            sms.id = %sms.id,
            sms.attempt = attempt.number,
            sms.state = sms.state.as_str(),
            sms.error_code = sms.error_code,
            outcome = outcome.as_str(),
            "sms attempt ended"
        );
        if moved {
            self.publish(sms).await;
        }
        Ok(())
    }

    /// The change is committed; a bus that is away does not hold up the next message.
    pub async fn publish(&self, sms: Sms) {
        publish(&*self.bus, sms).await;
    }

    /// The same, of a message that has not moved.
    pub async fn show(&self, sms: Sms) {
        show(&*self.bus, sms).await;
    }
}

/// A message its number was at fault for is tried from another one, at once.
fn by_another(settlement: Settlement, outcome: &SendOutcome, now: Timestamp) -> Settlement {
    match settlement.state {
        SmsState::Failed if is_senders_fault(outcome) => {
            Settlement { state: SmsState::Queued, due_at: Some(now), ..settlement }
        }
        _ => settlement,
    }
}

impl AskAfter {
    fn at(self, state: SmsState, now: Timestamp) -> Option<Timestamp> {
        match state {
            SmsState::Unknown => Some(now.plus(self.unknown)),
            SmsState::Accepted => Some(now.plus(self.accepted)),
            _ => None,
        }
    }
}

/// Counts and publishes a message that has moved.
pub(crate) async fn publish(bus: &dyn EventBus, sms: Sms) {
    metrics::moved(sms.state);
    if matches!(sms.state, SmsState::Undelivered | SmsState::Failed | SmsState::Expired) {
        metrics::lost(sms.priority);
    }
    show(bus, sms).await;
}

/// Publishes a committed change of a message.
pub(crate) async fn show(bus: &dyn EventBus, sms: Sms) {
    if let Err(failure) = bus.publish(&Update::Sms { sms: Arc::new(sms) }).await {
        warn!(%failure, "sms update not published");
    }
}
