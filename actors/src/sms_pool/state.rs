//! What the pool knows from one message to the next: whose hands are free, who carries what, when to look again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{Begun, LearnedPace};
use engine::priority::Priority;
use engine::sms::estimate::Backlog;
use engine::sms::pace::{Moment, recovered};
use engine::sms::{ErrorClass, SendOutcome, Sms};
use engine::time::Timestamp;
use ractor::{ActorId, ActorProcessingErr, ActorRef, MessagingErr, RpcReplyPort};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, warn};

use super::accounts::{AccountName, Accounts};
use super::days::Days;
use super::standing::Standing;
use super::{BACK_OFF, Message, Plan};
use crate::metrics::sms as metrics;
use crate::sms_sender::{self, Free, Order};

/// Least time between two counts of the queue.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What left longer ago than this holds nothing up any more: more segments than one message has, at the slowest pace.
const LOOK_BACK: Duration = Duration::from_secs(120);
const MOST_LOOKED_BACK: usize = 20_000;

/// An attempt of an earlier life was committed before it left: it may have left so much later, if it was answered.
const LEFT_WITHIN: Duration = Duration::from_millis(100);

/// Our clock begins here, so that what was before us has a place on it.
const ORIGIN: Moment = Duration::from_secs(3600);

pub(super) struct State {
    pub plan: Arc<Plan>,
    born: Instant,
    pub accounts: Accounts,
    pub days: Days,
    pub free: Vec<ActorRef<Arc<Order>>>,
    /// Senders with a message in hand.
    pub busy: HashMap<ActorId, InHand>,
    /// Attempts whose sender is gone, not yet recorded.
    pub orphans: Vec<(Arc<Order>, SendOutcome)>,
    /// As it is kept in the ledger.
    learned: Vec<(Box<str>, f64)>,
    /// Failures of the outbox in a row, and how long it is left alone for them.
    failures: u32,
    rests_until: Option<Instant>,
    timer: Option<JoinHandle<Result<(), MessagingErr<Message>>>>,
    counted_at: Option<Instant>,
    /// Nothing is due before then that we have not seen.
    pub quiet_until: Option<Instant>,
    /// Who waits for us to stop.
    pub stop: Option<RpcReplyPort<()>>,
}

pub(super) struct InHand {
    pub sender: ActorRef<Arc<Order>>,
    pub order: Arc<Order>,
    /// The account it left by.
    pub account: AccountName,
}

impl State {
    /// Takes up what earlier lives sent of late and learned.
    pub async fn load(plan: Arc<Plan>) -> Result<State, Failure> {
        let mut state = State {
            born: Instant::now(),
            accounts: Accounts::new(plan.terms.clone(), plan.tenants.clone()),
            days: Days::default(),
            free: Vec::with_capacity(plan.hands),
            busy: HashMap::with_capacity(plan.hands),
            orphans: Vec::new(),
            learned: Vec::new(),
            failures: 0,
            rests_until: None,
            timer: None,
            counted_at: None,
            quiet_until: None,
            stop: None,
            plan,
        };
        state.remember().await?;
        Ok(state)
    }

    /// Now, on the clock of paces.
    pub fn moment(&self) -> Moment {
        self.moment_of(Instant::now())
    }

    pub fn instant_of(&self, at: Moment) -> Instant {
        self.born + at.saturating_sub(ORIGIN)
    }

    fn moment_of(&self, at: Instant) -> Moment {
        ORIGIN + at.saturating_duration_since(self.born)
    }

    async fn remember(&mut self) -> Result<(), Failure> {
        let ports = self.plan.ports.clone();
        let (wall, now) = (ports.clock.now(), self.moment());
        let begun = ports.ledger.begun_since(wall.minus(LOOK_BACK), MOST_LOOKED_BACK).await?;
        let learned = ports.ledger.learned().await?;
        let left_at = |begun: &Begun| now.saturating_sub(wall.since(left_by(begun).unwrap_or(wall)));
        let factor = |pace: &LearnedPace| recovered(pace.factor, wall.since(pace.at));
        self.accounts.remember(&begun, left_at, &learned, factor, now);
        Ok(())
    }

    /// Other playbooks may bring other accounts, which have to be told what left by them.
    pub async fn follow_playbooks(&mut self) -> Result<(), Failure> {
        if self.accounts.follow() { self.remember().await } else { Ok(()) }
    }

    pub async fn hire(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        self.free.push(sms_sender::spawn(self.plan.ports.clone(), myself.clone()).await?);
        metrics::alive("sms_sender", self.free.len() + self.busy.len());
        Ok(())
    }

    /// What was handed over may have waited for a connection.
    pub fn on_left(&mut self, by: ActorId, at: Instant) {
        let at = self.moment_of(at);
        if let Some(InHand { order, account, .. }) = self.busy.get(&by)
            && let Some(account) = self.accounts.get(account)
        {
            account.leaves(order.claim.sms.id, at);
        }
    }

    pub fn on_free(&mut self, free: Free) {
        if !matches!(free.outcome, SendOutcome::Accepted { .. }) {
            // It may be due again.
            self.quiet_until = None;
        }
        if let Some(done) = self.busy.remove(&free.by) {
            self.hears(&done.order, &done.account, &free.outcome, free.rest, Some(free.took));
            self.free.push(done.sender);
        }
    }

    /// The carrier told later that it could not deliver.
    pub fn on_told(&mut self, sms: &Sms, class: ErrorClass) {
        let now = self.moment();
        if let (Some(sender), Some(account)) = (sms.from.as_deref(), self.accounts.of(&sms.tenant)) {
            account.hears_later(sms, sender, class, now);
        }
    }

    pub fn on_found(&mut self, sms: &Sms) {
        if let (Some(sender), Some(account)) = (sms.from.as_deref(), self.accounts.of(&sms.tenant)) {
            account.was_taken(sms, sender);
        }
    }

    pub fn on_death(&mut self, died: ActorId) {
        self.quiet_until = None;
        self.free.retain(|sender| sender.get_id() != died);
        if let Some(lost) = self.busy.remove(&died) {
            let outcome = SendOutcome::Unknown { code: None, reason: "its sender died".into() };
            self.hears(&lost.order, &lost.account, &outcome, None, None);
            self.orphans.push((lost.order, outcome));
        }
    }

    /// Does what can be done now and sets the timer for the rest.
    pub async fn look(&mut self, myself: &ActorRef<Message>) {
        if !self.plan.ports.lead.held() {
            self.show_nothing();
        }
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
        let wait = if self.may_claim() { self.fill_hands().await? } else { self.plan.tick };
        self.count().await?;
        self.failures = 0;
        self.rests_until = None;
        Ok(wait)
    }

    fn may_claim(&self) -> bool {
        self.stop.is_none() && !self.plan.stopping.load(Ordering::Acquire) && self.plan.ports.lead.held()
    }

    async fn record_orphans(&mut self) -> Result<(), Failure> {
        while let Some((order, outcome)) = self.orphans.last() {
            match self.plan.ports.record(order, &outcome.clone().into()).await {
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

    /// Once a second: what others see of us, and what the next life is to know.
    async fn count(&mut self) -> Result<(), Failure> {
        if !self.plan.ports.lead.held() {
            return Ok(());
        }
        let now = Instant::now();
        if self.counted_at.is_some_and(|at| now - at < COUNT_EVERY) {
            return Ok(());
        }
        let depth = self.plan.ports.outbox.depth().await?;
        metrics::depth(depth);
        let at = self.moment();
        let open = self.accounts.open();
        metrics::breakers(open);
        let account = self.accounts.default();
        let backlog = Backlog {
            // Most messages are one segment; nobody counts them for an estimate.
            segments: depth.map(|(_, messages)| messages),
            per_second: account.and_then(|account| account.rate(at)),
            held: account.map(|account| account.held(at)).unwrap_or_default(),
            ..Standing::default().backlog
        };
        *self.plan.standing.write() = Standing { backlog, open, shares: self.plan.terms.shares };
        self.keep_learned(at).await?;
        self.counted_at = Some(now);
        Ok(())
    }

    /// What waits, and what it waits for, is for the node that leads to say: this one knows as little as one that never
    /// did.
    fn show_nothing(&mut self) {
        let nothing = Standing::default();
        metrics::depth(Priority::ALL.map(|priority| (priority, 0)));
        metrics::breakers(nothing.open);
        *self.plan.standing.write() = nothing;
        self.counted_at = None;
    }

    async fn keep_learned(&mut self, now: Moment) -> Result<(), Failure> {
        let learned = self.accounts.learned(now);
        let wall = self.plan.ports.clock.now();
        // It is given back by itself: only another lesson is news, or that all is forgotten.
        let is_news = learned.len() != self.learned.len()
            || learned.iter().zip(&self.learned).any(|(new, old)| new.0 != old.0 || new.1 < old.1);
        if is_news {
            let pace =
                |(sender, factor): &(Box<str>, f64)| LearnedPace { sender: sender.clone(), factor: *factor, at: wall };
            let paces: Vec<LearnedPace> = learned.iter().map(pace).collect();
            self.plan.ports.ledger.learn(&paces).await?;
        }
        self.learned = learned;
        Ok(())
    }
}

/// The latest moment it can have left. `None`: it may be leaving now.
fn left_by(begun: &Begun) -> Option<Timestamp> {
    let ended_at = begun.ended_at?;
    Some(if begun.answered { begun.at.plus(LEFT_WITHIN).min(ended_at) } else { ended_at })
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}
