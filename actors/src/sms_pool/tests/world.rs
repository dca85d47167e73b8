//! The world of these stories: an outbox in memory, a carrier with a script, and the clock of paused time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, SmsId, TenantId};
use engine::ports::{
    Candidate, Candidates, Checks, Claim, ClaimRequest, Clock, IdempotencyKey, NotClaimed, Settled, SmsFilter,
    SmsOutbox, SmsProvider, Submitted, Update,
};
use engine::priority::Priority;
use engine::sms::{
    Attempt, AttemptToken, Command, Commanded, DeliveryReport, NewSms, Reported, SendOutcome, Settlement, Sms, SmsState,
};
use engine::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Barrier, Notify, broadcast};
use tokio::time::Instant;

use crate::bus::LocalBus;
use crate::limits::Limits;
use crate::sms_pool::SmsPool;
use crate::system::Senders;

/// The wall clock moves as paused time does.
pub struct TestClock(Instant);

impl TestClock {
    pub fn new() -> TestClock {
        TestClock(Instant::now())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000).plus(self.0.elapsed())
    }
}

/// A message to `+1514555<line>`.
pub fn owed(line: u16, priority: Priority, due_at: Timestamp) -> Sms {
    let call = CallKey { tenant: TenantId::parse("boreal").unwrap(), call: CallId::parse("c-1").unwrap() };
    let to = format!("+1514555{line:04}");
    Sms {
        id: SmsId::derive(&call, "tc:1", &to),
        tenant: call.tenant,
        call: Some(call.call),
        alert: None,
        to: to.parse().unwrap(),
        contact: "owner".into(),
        from: None,
        body: "Water in the basement".into(),
        segments: 1,
        priority,
        state: SmsState::Queued,
        attempts: 0,
        provider_id: None,
        error_code: None,
        error: None,
        possible_duplicate: false,
        due_at,
        expires_at: due_at.plus(Duration::from_secs(24 * 3600)),
        created_at: due_at,
        updated_at: due_at,
    }
}

#[derive(Default)]
pub struct Outbox {
    pub rows: Mutex<Vec<Sms>>,
    /// That many calls of each kind fail before one works.
    pub claims_to_fail: AtomicU32,
    pub settles_to_fail: AtomicU32,
    pub claims_to_panic: AtomicU32,
    pub reports_to_miss: AtomicU32,
    pub claims: AtomicU32,
}

impl Outbox {
    pub fn owe(&self, sms: Sms) {
        self.rows.lock().push(sms);
    }

    pub fn row(&self, id: SmsId) -> Sms {
        self.rows.lock().iter().find(|sms| sms.id == id).cloned().unwrap()
    }

    pub fn in_state(&self, state: SmsState) -> usize {
        self.rows.lock().iter().filter(|sms| sms.state == state).count()
    }
}

/// Takes one from a counter; false when it is empty.
fn takes(counter: &AtomicU32) -> bool {
    counter.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl SmsOutbox for Outbox {
    async fn candidates(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure> {
        self.claims.fetch_add(1, SeqCst);
        assert!(!takes(&self.claims_to_panic), "the store broke");
        if takes(&self.claims_to_fail) {
            return Err(Failure::retry("store is away"));
        }
        let mut rows = self.rows.lock();
        let late = rows.iter_mut().filter(|sms| sms.state == SmsState::Queued && sms.expires_at < now);
        let expired = late.map(|sms| {
            sms.state = SmsState::Expired;
            sms.clone()
        });
        let expired = expired.collect();
        let of_class = |priority| {
            let is_due = |sms: &&Sms| sms.priority == priority && sms.state == SmsState::Queued && sms.due_at <= now;
            let mut due: Vec<_> = rows.iter().filter(is_due).collect();
            due.sort_by_key(|sms| (sms.expires_at, sms.due_at));
            due.into_iter().take(per_class).map(candidate).collect()
        };
        Ok(Candidates { due: Priority::ALL.map(of_class), expired })
    }

    async fn claim(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        let mut rows = self.rows.lock();
        let claim = |request: &ClaimRequest| {
            let queued = |sms: &&mut Sms| sms.id == request.id && sms.state == SmsState::Queued;
            let sms = rows.iter_mut().find(queued).ok_or(NotClaimed::Gone)?;
            sms.state = SmsState::Sending;
            sms.attempts += 1;
            sms.from = Some(request.sender.clone());
            let token = AttemptToken::from_bits([0; 16]);
            let attempt = Attempt::new(sms.id, sms.attempts, request.sender.clone(), token, now);
            Ok(Claim { sms: sms.clone(), attempt })
        };
        Ok(requests.iter().map(claim).collect())
    }

    async fn settle(&self, id: SmsId, _: u32, settlement: &Settlement, now: Timestamp) -> Result<Settled, Failure> {
        if takes(&self.settles_to_fail) {
            return Err(Failure::retry("store is away"));
        }
        let mut rows = self.rows.lock();
        let sms = rows.iter_mut().find(|sms| sms.id == id).unwrap();
        let moved = sms.state == SmsState::Sending;
        if moved {
            sms.state = settlement.state;
            sms.attempts -= u32::from(!settlement.counts);
            sms.due_at = settlement.due_at.unwrap_or(sms.due_at);
            sms.provider_id = settlement.provider_id.clone();
            sms.error = settlement.error.clone();
            sms.updated_at = now;
        }
        Ok(Settled { sms: sms.clone(), moved })
    }

    async fn report(&self, report: &DeliveryReport) -> Result<Reported, Failure> {
        if takes(&self.reports_to_miss) {
            return Ok(Reported::Unheard);
        }
        let mut rows = self.rows.lock();
        let found = rows.iter_mut().find(|sms| sms.provider_id.as_ref() == Some(&report.provider_id));
        let Some(sms) = found else { return Ok(Reported::Unheard) };
        let from = std::mem::replace(&mut sms.state, report.status.state());
        Ok(Reported::Moved { sms: sms.clone(), from })
    }

    async fn recover(&self, _: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut rows = self.rows.lock();
        let cut = rows.iter_mut().filter(|sms| sms.state == SmsState::Sending).map(|sms| {
            sms.state = SmsState::Unknown;
            sms.clone()
        });
        Ok(cut.collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, Failure> {
        Ok(self.rows.lock().iter().filter(|sms| sms.state == SmsState::Queued).map(|sms| sms.due_at).min())
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        Ok(Priority::ALL.map(|priority| (priority, 0)))
    }

    async fn count(&self, state: SmsState) -> Result<u64, Failure> {
        Ok(self.in_state(state) as u64)
    }

    async fn submit(&self, _: &NewSms, _: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        unreachable!("the pool submits nothing")
    }

    async fn command(&self, _: Option<&TenantId>, _: SmsId, _: Command, _: Timestamp) -> Result<Commanded, Failure> {
        unreachable!("the pool orders nothing")
    }

    async fn checks(&self, _: Checks, _: Timestamp, _: usize) -> Result<Vec<(Sms, Attempt)>, Failure> {
        unreachable!("the pool asks nobody")
    }

    async fn checked(&self, _: &Attempt, _: bool, _: Option<Timestamp>, _: Timestamp) -> Result<(), Failure> {
        unreachable!("the pool asks nobody")
    }

    async fn alike(&self, _: &Sms, _: &str) -> Result<Vec<Attempt>, Failure> {
        unreachable!("the pool asks nobody")
    }

    async fn owned(&self, _: &[&str]) -> Result<Vec<Box<str>>, Failure> {
        unreachable!("the pool asks nobody")
    }

    async fn attempt_of(&self, _: &AttemptToken) -> Result<Option<Attempt>, Failure> {
        unreachable!("the pool asks for no attempt")
    }

    async fn attempts(&self, _: SmsId) -> Result<Vec<Attempt>, Failure> {
        unreachable!("the pool asks for no attempt")
    }

    async fn list(&self, _: &SmsFilter) -> Result<Vec<Sms>, Failure> {
        unreachable!("the pool asks for no lists")
    }

    async fn find(&self, _: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure> {
        Ok(Some(self.row(id)))
    }
}

fn candidate(sms: &Sms) -> Candidate {
    Candidate {
        id: sms.id,
        tenant: sms.tenant.clone(),
        to: sms.to.clone(),
        call: sms.call.clone(),
        priority: sms.priority,
        due_at: sms.due_at,
        expires_at: sms.expires_at,
        segments: sms.segments,
        created_at: sms.created_at,
        attempts: sms.attempts,
        tried: Vec::new(),
    }
}

/// What the carrier does with one message.
#[derive(Clone)]
pub enum Does {
    Accepts,
    /// Answers only once all of them have arrived.
    WaitsForAll(Arc<Barrier>),
    /// Answers only when told to.
    HangsUntil(Arc<Notify>),
    Panics,
    Answers(SendOutcome),
}

pub struct Sent {
    pub at: Instant,
    pub id: SmsId,
    pub from: String,
}

/// A carrier with a script per number; without one it accepts at once.
#[derive(Default)]
pub struct Carrier {
    pub script: Mutex<HashMap<SmsId, Vec<Does>>>,
    pub log: Mutex<Vec<Sent>>,
}

impl Carrier {
    /// For one message: what happens to its first attempt, its second, …
    pub fn expect(&self, id: SmsId, does: Vec<Does>) {
        self.script.lock().insert(id, does.into_iter().rev().collect());
    }

    pub fn sent(&self) -> Vec<SmsId> {
        self.log.lock().iter().map(|sent| sent.id).collect()
    }

    pub fn times(&self) -> Vec<Instant> {
        self.log.lock().iter().map(|sent| sent.at).collect()
    }
}

#[async_trait]
impl SmsProvider for Carrier {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn send(&self, sms: &Sms, attempt: &Attempt) -> SendOutcome {
        self.log.lock().push(Sent { at: Instant::now(), id: sms.id, from: attempt.sender.to_string() });
        let does = self.script.lock().get_mut(&sms.id).and_then(Vec::pop).unwrap_or(Does::Accepts);
        match does {
            Does::Accepts => {}
            Does::WaitsForAll(barrier) => {
                barrier.wait().await;
            }
            Does::HangsUntil(told) => told.notified().await,
            Does::Panics => panic!("a broken adapter"),
            Does::Answers(outcome) => return outcome,
        }
        SendOutcome::Accepted { provider_id: format!("X{}", sms.id).into() }
    }
}

pub struct World {
    pub outbox: Arc<Outbox>,
    pub carrier: Arc<Carrier>,
    pub clock: Arc<TestClock>,
    pub bus: LocalBus,
    pub updates: broadcast::Receiver<Update>,
}

impl World {
    pub fn new() -> World {
        let bus = LocalBus::new(4_096);
        let updates = bus.subscribe();
        World { outbox: Arc::default(), carrier: Arc::default(), clock: Arc::new(TestClock::new()), bus, updates }
    }

    /// `count` messages of `priority` to the lines from `first` on, due now.
    pub fn owes(&self, first: u16, count: u16, priority: Priority) -> Vec<SmsId> {
        let lines = first..first + count;
        lines.map(|line| self.owes_at(line, priority, self.clock.now())).collect()
    }

    pub fn owes_at(&self, line: u16, priority: Priority, due_at: Timestamp) -> SmsId {
        let sms = owed(line, priority, due_at);
        self.outbox.owe(sms.clone());
        sms.id
    }

    pub async fn pool(&self, hands: usize, per_second: Option<f64>) -> SmsPool {
        let senders = Senders { names: vec!["+15145550199".to_owned()], per_second };
        self.pool_with(hands, senders).await
    }

    pub async fn pool_with(&self, hands: usize, senders: Senders) -> SmsPool {
        let limits = Limits { senders: hands, ..Limits::default() };
        let (outbox, carrier) = (self.outbox.clone(), self.carrier.clone());
        let bus = Arc::new(self.bus.clone());
        SmsPool::start(outbox, carrier, bus, self.clock.clone(), senders, &limits).await.unwrap()
    }

    /// Waits until that many messages have been published in `state`.
    pub async fn sees(&mut self, count: usize, state: SmsState) -> Vec<SmsId> {
        let mut seen = Vec::new();
        while seen.len() < count {
            match self.updates.recv().await.unwrap() {
                Update::Sms { sms } if sms.state == state => seen.push(sms.id),
                _ => {}
            }
        }
        seen
    }
}
