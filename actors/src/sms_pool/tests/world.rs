//! The world of these stories: an outbox in memory, a carrier with a script, and the clock of paused time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, SmsId, TenantId};
use engine::ports::{
    Begun, Candidate, Candidates, Checks, Claim, ClaimRequest, Clock, DayUse, IdempotencyKey, LearnedPace, Leaves,
    NotClaimed, PutOff, Settled, SmsFilter, SmsLedger, SmsOutbox, SmsProvider, Submitted, Update,
};
use engine::priority::Priority;
use engine::sms::dispatch::Past;
use engine::sms::{
    Answered, Attempt, AttemptToken, Command, Commanded, DeliveryReport, ErrorClass, NewSms, Reported, SendOutcome,
    Settlement, Sms, SmsState,
};
use engine::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Barrier, Notify, broadcast};
use tokio::time::Instant;

use crate::bus::LocalBus;
use crate::lead::Lead;
use crate::limits::Limits;
use crate::sms_pool::{PoolPorts, SmsPool};
use crate::system::Senders;
use crate::tenants::Tenants;

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
    /// Where each one is, and which of them are queued: a day is ten thousand of them.
    places: Mutex<HashMap<SmsId, usize>>,
    queued: Mutex<BTreeSet<usize>>,
    begun: Mutex<Vec<(SmsId, Begun)>>,
    tried: Mutex<HashMap<SmsId, Vec<Box<str>>>>,
    learned: Mutex<Vec<LearnedPace>>,
    pub depth: Mutex<[u64; 4]>,
    /// That many calls of each kind fail before one works.
    pub claims_to_fail: AtomicU32,
    pub settles_to_fail: AtomicU32,
    pub claims_to_panic: AtomicU32,
    pub reports_to_miss: AtomicU32,
    pub claims: AtomicU32,
    /// What waits for another of its call to the same person is not shown, as real stores do it.
    pub hides_lines: AtomicBool,
    /// How long a claim's commit takes, or the process is halted after it.
    pub claim_takes: Mutex<Duration>,
}

impl Outbox {
    /// The newest attempt of it.
    fn ends(&self, id: SmsId, now: Timestamp, answered: bool) {
        if let Some((_, begun)) = self.begun.lock().iter_mut().rev().find(|(of, _)| *of == id) {
            (begun.ended_at, begun.answered) = (Some(now), answered);
        }
    }

    pub fn owe(&self, sms: Sms) {
        let mut rows = self.rows.lock();
        self.places.lock().insert(sms.id, rows.len());
        self.queued.lock().insert(rows.len());
        rows.push(sms);
    }

    pub fn row(&self, id: SmsId) -> Sms {
        self.rows.lock()[self.place(id)].clone()
    }

    fn place(&self, id: SmsId) -> usize {
        self.places.lock()[&id]
    }

    /// Attempts of it so far.
    pub fn begun(&self, id: SmsId) -> usize {
        self.begun.lock().iter().filter(|(of, _)| *of == id).count()
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
        let mut queued = self.queued.lock();
        let late = queued.extract_if(.., |place| rows[*place].expires_at < now).collect::<Vec<_>>();
        let expire = |place: usize| {
            rows[place].state = SmsState::Expired;
            rows[place].clone()
        };
        let expired = late.into_iter().map(expire).collect();
        // In the order they were owed, which for most is that of their deadlines.
        let mut of: BTreeMap<(Priority, &TenantId), Vec<&Sms>> = BTreeMap::new();
        let hides = self.hides_lines.load(SeqCst);
        let is_under_way = |it: &&Sms| hides && it.call.is_some() && it.state == SmsState::Sending;
        let lines: HashSet<_> = rows.iter().filter(is_under_way).map(|it| (&it.to, &it.call)).collect();
        let may = |sms: &&Sms| sms.due_at <= now && !lines.contains(&(&sms.to, &sms.call));
        for sms in queued.iter().map(|place| &rows[*place]).filter(may) {
            let of_tenant = of.entry((sms.priority, &sms.tenant)).or_default();
            if of_tenant.len() < per_class {
                of_tenant.push(sms);
            }
        }
        let of_class = |priority| {
            let tenants = of.iter().filter(|((class, _), _)| *class == priority);
            let mut due: Vec<(usize, &Sms)> = tenants.flat_map(|(_, due)| due.iter().copied().enumerate()).collect();
            due.sort_by_key(|(turn, sms)| (*turn, sms.expires_at, sms.due_at));
            due.into_iter().take(per_class).map(|(_, sms)| self.candidate(sms)).collect()
        };
        Ok(Candidates { due: Priority::ALL.map(of_class), expired })
    }

    async fn claim(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        let halted = *self.claim_takes.lock();
        if !halted.is_zero() {
            tokio::time::sleep(halted).await;
        }
        let mut rows = self.rows.lock();
        let claim = |request: &ClaimRequest| {
            let place = self.place(request.id);
            let was_queued = self.queued.lock().remove(&place);
            let sms = Some(&mut rows[place]).filter(|_| was_queued).ok_or(NotClaimed::Gone)?;
            let (tenant, to) = (sms.tenant.clone(), sms.to.clone());
            let attempt = Past { tenant, to, sender: request.sender.clone(), segments: sms.segments };
            self.begun.lock().push((sms.id, Begun { attempt, at: now, ended_at: None, answered: false }));
            self.tried.lock().entry(sms.id).or_default().push(request.sender.clone());
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
        let place = self.place(id);
        let sms = &mut rows[place];
        let moved = sms.state == SmsState::Sending;
        self.ends(id, now, settlement.state != SmsState::Unknown);
        if moved {
            sms.state = settlement.state;
            sms.attempts -= u32::from(!settlement.counts);
            sms.due_at = settlement.due_at.unwrap_or(sms.due_at);
            sms.provider_id = settlement.provider_id.clone();
            sms.error = settlement.error.clone();
            sms.updated_at = now;
        }
        if sms.state == SmsState::Queued {
            self.queued.lock().insert(place);
        }
        Ok(Settled { sms: sms.clone(), moved })
    }

    async fn report(&self, report: &DeliveryReport, _: Option<ErrorClass>) -> Result<Reported, Failure> {
        if takes(&self.reports_to_miss) {
            return Ok(Reported::Unheard);
        }
        let mut rows = self.rows.lock();
        let found = rows.iter_mut().find(|sms| sms.provider_id.as_ref() == Some(&report.provider_id));
        let Some(sms) = found else { return Ok(Reported::Unheard) };
        let from = std::mem::replace(&mut sms.state, report.status.state());
        sms.error_code = report.error_code;
        Ok(Reported::Moved { sms: sms.clone(), from })
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut rows = self.rows.lock();
        let cut = rows.iter_mut().filter(|sms| sms.state == SmsState::Sending).map(|sms| {
            self.ends(sms.id, now, false);
            sms.state = SmsState::Unknown;
            sms.clone()
        });
        Ok(cut.collect())
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure> {
        let rows = self.rows.lock();
        Ok(self.queued.lock().iter().map(|place| rows[*place].due_at).filter(|at| *at > after).min())
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        let depth = *self.depth.lock();
        Ok(Priority::ALL.map(|priority| (priority, depth[priority as usize])))
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

    async fn alike(&self, _: &Sms, _: &Attempt) -> Result<Vec<Attempt>, Failure> {
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

#[async_trait]
impl SmsLedger for Outbox {
    async fn begun_since(&self, since: Timestamp, _: usize) -> Result<Vec<Begun>, Failure> {
        Ok(self.begun.lock().iter().map(|(_, begun)| begun).filter(|begun| begun.at >= since).cloned().collect())
    }

    async fn used_since(&self, tenant: &TenantId, since: Timestamp) -> Result<DayUse, Failure> {
        let begun = self.begun.lock();
        let of_tenant =
            begun.iter().map(|(_, begun)| begun).filter(|begun| begun.attempt.tenant == *tenant && begun.at >= since);
        Ok(DayUse { segments: of_tenant.map(|begun| u64::from(begun.attempt.segments)).sum(), callers: Vec::new() })
    }

    async fn put_off(&self, held: &[PutOff], _: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut rows = self.rows.lock();
        let put_off = held.iter().map(|PutOff { id, until, why }| {
            let sms = &mut rows[self.place(*id)];
            sms.due_at = *until;
            sms.error = Some((*why).into());
            sms.clone()
        });
        Ok(put_off.collect())
    }

    async fn learned(&self) -> Result<Vec<LearnedPace>, Failure> {
        Ok(self.learned.lock().clone())
    }

    async fn learn(&self, paces: &[LearnedPace]) -> Result<(), Failure> {
        *self.learned.lock() = paces.to_vec();
        Ok(())
    }
}

impl Outbox {
    fn candidate(&self, sms: &Sms) -> Candidate {
        Candidate::of(sms, self.tried.lock().get(&sms.id).cloned().unwrap_or_default())
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
    pub tenant: TenantId,
    pub segments: u32,
}

/// What the carrier does with a message nobody wrote a script for.
pub type Habit = dyn Fn(&Sms, &str) -> (Duration, SendOutcome) + Send + Sync;

/// A carrier with a script per number; without one it accepts at once.
#[derive(Default)]
pub struct Carrier {
    /// What it takes to connect for the next message.
    pub connects_in: Mutex<Option<Duration>>,
    pub habit: Mutex<Option<Arc<Habit>>>,
    /// How often each message was taken, or may have been.
    pub taken: Mutex<HashMap<SmsId, u32>>,
    /// What its error codes mean.
    pub classes: Mutex<HashMap<u32, ErrorClass>>,
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

    fn class_of(&self, code: u32) -> Option<ErrorClass> {
        self.classes.lock().get(&code).copied()
    }

    async fn send_timed(&self, sms: &Sms, attempt: &Attempt, leaves: Leaves) -> Answered {
        let connects_in = self.connects_in.lock().take();
        if let Some(connects_in) = connects_in {
            tokio::time::sleep(connects_in).await;
        }
        leaves();
        self.log.lock().push(Sent {
            at: Instant::now(),
            id: sms.id,
            from: attempt.sender.to_string(),
            tenant: sms.tenant.clone(),
            segments: sms.segments.into(),
        });
        let scripted = self.script.lock().get_mut(&sms.id).and_then(Vec::pop);
        let habit = self.habit.lock().clone().filter(|_| scripted.is_none());
        if let Some(habit) = habit {
            let (latency, outcome) = habit(sms, &attempt.sender);
            if matches!(outcome, SendOutcome::Accepted { .. } | SendOutcome::Unknown { .. }) {
                *self.taken.lock().entry(sms.id).or_default() += 1;
            }
            tokio::time::sleep(latency).await;
            return outcome.into();
        }
        let does = scripted.unwrap_or(Does::Accepts);
        match does {
            Does::Accepts => {}
            Does::WaitsForAll(barrier) => {
                barrier.wait().await;
            }
            Does::HangsUntil(told) => told.notified().await,
            Does::Panics => panic!("a broken adapter"),
            Does::Answers(outcome) => return outcome.into(),
        }
        SendOutcome::Accepted { provider_id: format!("X{}", sms.id).into() }.into()
    }
}

pub struct World {
    pub outbox: Arc<Outbox>,
    pub carrier: Arc<Carrier>,
    pub clock: Arc<TestClock>,
    pub tenants: Tenants,
    pub bus: LocalBus,
    /// Whether the next pool to be started leads.
    pub lead: Lead,
    pub updates: broadcast::Receiver<Update>,
}

impl World {
    pub fn new() -> World {
        let bus = LocalBus::new(4_096);
        let updates = bus.subscribe();
        World {
            outbox: Arc::default(),
            carrier: Arc::default(),
            clock: Arc::new(TestClock::new()),
            tenants: Tenants::default(),
            bus,
            lead: Lead::always(),
            updates,
        }
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
        let senders = Senders { names: vec!["+15145550199".to_owned()], per_second, ..Senders::default() };
        self.pool_with(hands, senders).await
    }

    pub async fn pool_with(&self, hands: usize, senders: Senders) -> SmsPool {
        let limits = Limits { senders: hands, ..Limits::default() };
        let (outbox, carrier) = (self.outbox.clone(), self.carrier.clone());
        let bus = Arc::new(self.bus.clone());
        let (ledger, clock) = (outbox.clone(), self.clock.clone());
        let ports = PoolPorts { outbox, ledger, provider: carrier, bus, clock, lead: self.lead.clone() };
        SmsPool::start(ports, self.tenants.clone(), senders, &limits).await.unwrap()
    }

    /// Ends the pool as `kill -9` would: nothing is finished, nothing is told.
    pub async fn kill(pool: SmsPool) {
        pool.plan.stopping.store(true, SeqCst);
        let actor = pool.actor.read().clone();
        if let Some(actor) = actor {
            let _ = actor.kill_and_wait(None).await;
        }
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
