//! What the pool knows from one message to the next: whose hands are free, who carries what, when to look again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{Candidate, Candidates, Claim, ClaimRequest};
use engine::sms::SendOutcome;
use ractor::{ActorId, ActorProcessingErr, ActorRef, MessagingErr, RpcReplyPort};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, warn};

use super::pace::Pace;
use super::{BACK_OFF, Message, Plan};
use crate::metrics::sms as metrics;
use crate::sms_sender::{self, Free, Order};

/// Shortest sleep when the outbox says a message is due that it does not give: it waits for another one, and the end of
/// that one wakes us.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// Least time between two counts of the queue.
const COUNT_EVERY: Duration = Duration::from_secs(1);

pub(super) struct State {
    pub plan: Arc<Plan>,
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
    /// Who waits for us to stop.
    pub stop: Option<RpcReplyPort<()>>,
}

struct InHand {
    sender: ActorRef<Arc<Order>>,
    order: Arc<Order>,
    /// Index of the pace it left by.
    pace: usize,
}

impl State {
    pub fn new(plan: Arc<Plan>) -> State {
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

    pub async fn hire(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        self.free.push(sms_sender::spawn(self.plan.ports.clone(), myself.clone()).await?);
        metrics::alive("sms_sender", self.free.len() + self.busy.len());
        Ok(())
    }

    pub fn on_free(&mut self, free: Free) {
        if let Some(done) = self.busy.remove(&free.by) {
            self.paces[done.pace].hears(done.order.refusals, free.rest, Instant::now());
            self.free.push(done.sender);
        }
    }

    pub fn on_death(&mut self, died: ActorId) {
        self.free.retain(|sender| sender.get_id() != died);
        if let Some(lost) = self.busy.remove(&died) {
            self.paces[lost.pace].hears(lost.order.refusals, None, Instant::now());
            self.orphans.push((lost.order, SendOutcome::Unknown { reason: "its sender died".into() }));
        }
    }

    /// Does what can be done now and sets the timer for the rest.
    pub async fn look(&mut self, myself: &ActorRef<Message>) {
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
            let (chosen, claims) = self.claim(pace, room).await?;
            let none_claimed = claims.is_empty();
            claims.into_iter().for_each(|claim| self.hand_over(claim, pace));
            if chosen < room || none_claimed {
                return self.until_due().await;
            }
        }
        Ok(self.plan.tick)
    }

    /// How many were chosen, and those of them that could be claimed.
    async fn claim(&self, pace: usize, room: usize) -> Result<(usize, Vec<Claim>), Failure> {
        let ports = &self.plan.ports;
        let now = ports.clock.now();
        let Candidates { due, expired } = ports.outbox.candidates(now, room).await?;
        for sms in expired {
            warn!(sms.id = %sms.id, "sms expired unsent");
            ports.publish(sms).await;
        }
        let sender = &self.paces[pace].name;
        let request = |candidate: &Candidate| ClaimRequest { id: candidate.id, sender: (**sender).into() };
        let requests: Vec<_> = due.iter().flatten().take(room).map(request).collect();
        if requests.is_empty() {
            return Ok((0, Vec::new()));
        }
        let claims = ports.outbox.claim(&requests, now).await?;
        Ok((requests.len(), claims.into_iter().flatten().collect()))
    }

    fn hand_over(&mut self, claim: Claim, pace: usize) {
        let refusals = self.paces[pace].takes_one(Instant::now());
        let order = Arc::new(Order { claim, refusals });
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
