//! Stories of attempts that got no answer, told in paused time on a memory store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::ports::{Checks, Clock, Leaves, SmsOutbox, SmsProvider, Update};
use engine::priority::Priority::{self, P1, P3};
use engine::sms::{
    Answered, Attempt, DeliveryReport, DeliveryStatus, ErrorClass, Found, NewSms, SendOutcome, Sms, SmsState,
};
use engine::testing::frames::tenant;
use engine::testing::memory::MemoryStore;
use engine::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, timeout};

use super::SmsReconciler;
use crate::bus::LocalBus;
use crate::lead::Lead;
use crate::limits::Limits;
use crate::sms_pool::{PoolPorts, SmsPool};
use crate::sms_reports::SmsReports;
use crate::supervise::Supervised;
use crate::system::Senders;
use crate::tenants::Tenants;

/// The wall clock moves as paused time does.
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000).plus(self.0.elapsed())
    }
}

/// What the carrier does with a request.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Takes,
    /// Takes it, and the answer is lost.
    TakesSilently,
    /// The request is lost.
    Loses,
    /// The same, and the answer says that it probably is.
    IsUnavailable,
}

const UNAVAILABLE: u32 = 20503;

/// A carrier whose answers get lost, and whose books lag.
struct Carrier {
    clock: Arc<TestClock>,
    does: Mutex<Vec<Does>>,
    books: Mutex<Vec<(Sms, Found)>>,
    sent: Mutex<Vec<SmsId>>,
    lag: Duration,
    looks: AtomicU32,
    looks_to_fail: AtomicU32,
    fetches: AtomicU32,
}

impl Carrier {
    fn becomes(&self, id: SmsId, status: DeliveryStatus) {
        self.books.lock().iter_mut().filter(|(sms, _)| sms.id == id).for_each(|(_, found)| found.status = status);
    }
}

#[async_trait]
impl SmsProvider for Carrier {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    async fn send_timed(&self, sms: &Sms, _: &Attempt, _: Leaves) -> Answered {
        let does = self.does.lock().pop().unwrap_or(Does::Takes);
        let mut sent = self.sent.lock();
        sent.push(sms.id);
        let provider_id: Box<str> = format!("X{}", sent.len()).into();
        if !matches!(does, Does::Loses | Does::IsUnavailable) {
            let created_at = self.clock.now();
            let status = DeliveryStatus::Accepted;
            let found = Found { provider_id: provider_id.clone(), status, error_code: None, created_at };
            self.books.lock().push((sms.clone(), found));
        }
        match does {
            Does::Takes => SendOutcome::Accepted { provider_id }.into(),
            Does::IsUnavailable => SendOutcome::Unknown { code: Some(UNAVAILABLE), reason: "503".into() }.into(),
            _ => SendOutcome::Unknown { code: None, reason: "no answer in time".into() }.into(),
        }
    }

    fn class_of(&self, code: u32) -> Option<ErrorClass> {
        (code == UNAVAILABLE).then_some(ErrorClass::UnknownLeanUnsent)
    }

    async fn find(&self, sms: &Sms, _: &Attempt) -> Result<Vec<Found>, Failure> {
        self.looks.fetch_add(1, SeqCst);
        if self.looks_to_fail.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(Failure::retry("books are closed"));
        }
        let seen = self.clock.now().minus(self.lag);
        let books = self.books.lock();
        let same = books.iter().filter(|(other, _)| other.to == sms.to && other.body == sms.body);
        Ok(same.map(|(_, found)| found.clone()).filter(|found| found.created_at <= seen).collect())
    }

    async fn fetch(&self, _: &TenantId, provider_id: &str) -> Result<Option<Found>, Failure> {
        self.fetches.fetch_add(1, SeqCst);
        let books = self.books.lock();
        Ok(books.iter().map(|(_, found)| found).find(|found| *found.provider_id == *provider_id).cloned())
    }
}

struct World {
    store: Arc<MemoryStore>,
    carrier: Arc<Carrier>,
    clock: Arc<TestClock>,
    updates: broadcast::Receiver<Update>,
    reports: SmsReports,
    pool: SmsPool,
    _reconciling: Supervised,
}

impl World {
    /// The first request meets the first of these, and so on; later ones are taken.
    async fn start(does: &[Does], lag: Duration) -> World {
        let (store, clock) = (Arc::<MemoryStore>::default(), Arc::new(TestClock(Instant::now())));
        let carrier = Arc::new(Carrier {
            clock: clock.clone(),
            does: Mutex::new(does.iter().rev().copied().collect()),
            books: Mutex::default(),
            sent: Mutex::default(),
            lag,
            looks: AtomicU32::new(0),
            looks_to_fail: AtomicU32::new(0),
            fetches: AtomicU32::new(0),
        });
        let bus = LocalBus::new(4_096);
        let updates = bus.subscribe();
        let limits = Arc::new(Limits::default());
        let senders = Senders { names: vec!["+15145550199".to_owned()], per_second: None, ..Senders::default() };
        let reports = SmsReports::new(store.clone(), Arc::new(bus.clone()));
        let ports = PoolPorts {
            outbox: store.clone(),
            ledger: store.clone(),
            provider: carrier.clone(),
            bus: Arc::new(bus),
            clock: clock.clone(),
            lead: Lead::always(),
        };
        let pool = SmsPool::start(ports, Tenants::default(), senders, &limits);
        let pool = pool.await.unwrap();
        let reconciler = SmsReconciler {
            outbox: store.clone(),
            provider: carrier.clone(),
            reports: reports.clone(),
            pool: pool.clone(),
            clock: clock.clone(),
            lead: Lead::always(),
            limits,
        };
        World { store, carrier, clock, updates, reports, pool, _reconciling: reconciler.start() }
    }

    async fn owes(&self, n: u8, body: &str, priority: Priority) -> SmsId {
        let now = self.clock.now();
        let new = NewSms {
            id: SmsId::from_bits([n; 16]),
            tenant: tenant("boreal"),
            call: None,
            alert: None,
            to: "+15145550110".parse().unwrap(),
            contact: "owner".into(),
            body: body.into(),
            segments: 1,
            priority,
            due_at: now,
            expires_at: now.plus(Duration::from_secs(6 * 3600)),
            created_at: now,
            suppressed: None,
        };
        self.store.submit(&new, None).await.unwrap();
        self.pool.wake();
        new.id
    }

    /// Waits for a message to reach a state; how long that took.
    async fn sees(&mut self, id: SmsId, state: SmsState) -> (Sms, Duration) {
        let began = Instant::now();
        loop {
            match self.updates.recv().await.unwrap() {
                Update::Sms { sms } if sms.id == id && sms.state == state => {
                    return (Sms::clone(&sms), began.elapsed());
                }
                _ => {}
            }
        }
    }

    async fn row(&self, id: SmsId) -> Sms {
        SmsOutbox::find(&*self.store, None, id).await.unwrap().unwrap()
    }

    /// How often this message was given to the carrier.
    fn sent(&self, id: SmsId) -> usize {
        self.carrier.sent.lock().iter().filter(|sent| **sent == id).count()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_message_whose_answer_was_lost_is_found_and_never_sent_again() {
    let mut world = World::start(&[Does::TakesSilently], Duration::from_secs(1)).await;
    let id = world.owes(1, "flood", P1).await;
    world.sees(id, SmsState::Unknown).await;
    let (found, took) = world.sees(id, SmsState::Accepted).await;
    assert_eq!((found.provider_id.as_deref(), found.possible_duplicate), (Some("X1"), false));
    assert!(took < Duration::from_secs(4), "found at the first look: {took:?}");
    assert_eq!(world.sent(id), 1);
}

#[tokio::test(start_paused = true)]
async fn books_that_lag_are_waited_for() {
    let mut world = World::start(&[Does::TakesSilently], Duration::from_secs(20)).await;
    let id = world.owes(1, "flood", P1).await;
    world.sees(id, SmsState::Accepted).await;
    assert_eq!(world.sent(id), 1);
    assert_eq!(world.carrier.looks.load(SeqCst), 3, "missed twice, then there");
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_the_carrier_never_had_is_sent_once_more_and_marked() {
    let mut world = World::start(&[Does::Loses, Does::Loses], Duration::ZERO).await;
    let id = world.owes(1, "flood", P1).await;
    world.sees(id, SmsState::Unknown).await;
    let (again, took) = world.sees(id, SmsState::Queued).await;
    assert!(again.possible_duplicate);
    assert!((30..36).contains(&took.as_secs()), "two looks half a minute apart: {took:?}");
    world.sees(id, SmsState::Unknown).await;
    assert!(timeout(HOUR, world.sees(id, SmsState::Queued)).await.is_err(), "once");
    assert_eq!((world.sent(id), world.row(id).await.state), (2, SmsState::Unknown));
}

#[tokio::test(start_paused = true)]
async fn the_others_are_held_and_looked_for_no_more() {
    let mut world = World::start(&[Does::Loses], Duration::ZERO).await;
    let id = world.owes(1, "tuesday at nine", P3).await;
    world.sees(id, SmsState::Unknown).await;
    assert!(timeout(HOUR, world.sees(id, SmsState::Queued)).await.is_err());
    assert_eq!((world.sent(id), world.row(id).await.state), (1, SmsState::Unknown));
    assert_eq!(world.carrier.looks.load(SeqCst), 4, "at 2, 10, 30 and 120 seconds");
    assert_eq!(world.store.checks(Checks::Unknown, Timestamp::MAX, 9).await.unwrap(), []);
    assert_eq!(world.store.count(SmsState::Unknown).await, Ok(1), "and it is counted and listed");
}

#[tokio::test(start_paused = true)]
async fn what_was_probably_not_taken_is_sent_again_after_one_look_and_no_oftener() {
    let mut world = World::start(&[Does::IsUnavailable, Does::IsUnavailable], Duration::ZERO).await;
    let id = world.owes(1, "tuesday at nine", P3).await;
    let (_, unknown_after) = world.sees(id, SmsState::Unknown).await;
    let (again, after) = world.sees(id, SmsState::Queued).await;
    assert!(again.possible_duplicate);
    assert!(after - unknown_after <= Duration::from_secs(3), "{after:?}");
    world.sees(id, SmsState::Unknown).await;
    assert!(timeout(HOUR, world.sees(id, SmsState::Queued)).await.is_err(), "once");
    assert_eq!((world.sent(id), world.row(id).await.state), (2, SmsState::Unknown));
}

#[tokio::test(start_paused = true)]
async fn the_same_words_twice_are_told_apart() {
    let mut world = World::start(&[Does::TakesSilently, Does::Loses], Duration::ZERO).await;
    let (first, second) = (world.owes(1, "come", P3).await, world.owes(2, "come", P3).await);
    world.sees(first, SmsState::Accepted).await;
    sleep(HOUR).await;
    let states = (world.row(first).await.state, world.row(second).await.state);
    assert_eq!(states, (SmsState::Accepted, SmsState::Unknown), "one was taken, and one is missing");
}

#[tokio::test(start_paused = true)]
async fn a_message_of_another_with_the_same_words_is_nobodys_proof() {
    let mut world = World::start(&[Does::Loses], Duration::ZERO).await;
    let lost = world.owes(1, "come", P3).await;
    world.sees(lost, SmsState::Unknown).await;
    let taken = world.owes(2, "come", P3).await;
    world.sees(taken, SmsState::Accepted).await;
    sleep(HOUR).await;
    assert_eq!(world.row(lost).await.state, SmsState::Unknown);
}

#[tokio::test(start_paused = true)]
async fn books_that_cannot_be_read_prove_nothing() {
    let mut world = World::start(&[Does::TakesSilently], Duration::ZERO).await;
    world.carrier.looks_to_fail.store(20, SeqCst);
    let id = world.owes(1, "flood", P3).await;
    world.sees(id, SmsState::Unknown).await;
    let (_, took) = world.sees(id, SmsState::Accepted).await;
    assert!(took > Duration::from_secs(20 * 30) && world.sent(id) == 1, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_emergency_does_not_wait_for_books_that_cannot_be_read() {
    let mut world = World::start(&[Does::Loses], Duration::ZERO).await;
    world.carrier.looks_to_fail.store(20, SeqCst);
    let id = world.owes(1, "flood", P1).await;
    world.sees(id, SmsState::Unknown).await;
    let (sms, took) = world.sees(id, SmsState::Accepted).await;
    assert!(sms.possible_duplicate && took < Duration::from_secs(35), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_callback_ends_the_search() {
    let mut world = World::start(&[Does::Loses], Duration::ZERO).await;
    let id = world.owes(1, "flood", P1).await;
    world.sees(id, SmsState::Unknown).await;
    let attempt = world.store.attempts(id).await.unwrap().remove(0);
    let report = DeliveryReport {
        token: Some(attempt.token),
        provider_id: "X1".into(),
        status: DeliveryStatus::Delivered,
        error_code: None,
        at: world.clock.now(),
    };
    world.reports.apply(&report).await.unwrap();
    sleep(HOUR).await;
    assert_eq!((world.sent(id), world.row(id).await.state), (1, SmsState::Delivered));
    assert_eq!(world.carrier.looks.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_the_carrier_is_silent_about_is_asked_for_until_it_has_ended() {
    let mut world = World::start(&[], Duration::ZERO).await;
    let id = world.owes(1, "flood", P1).await;
    world.sees(id, SmsState::Accepted).await;
    sleep(Duration::from_secs(310)).await;
    assert_eq!((world.carrier.fetches.load(SeqCst), world.row(id).await.state), (1, SmsState::Accepted));
    world.carrier.becomes(id, DeliveryStatus::Delivered);
    let (_, took) = world.sees(id, SmsState::Delivered).await;
    assert!((880..920).contains(&took.as_secs()), "three times as long: {took:?}");
    sleep(HOUR * 2).await;
    assert_eq!(world.carrier.fetches.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_never_ends_is_given_up() {
    let mut world = World::start(&[], Duration::ZERO).await;
    let id = world.owes(1, "flood", P1).await;
    world.sees(id, SmsState::Accepted).await;
    sleep(HOUR * 40).await;
    assert_eq!(world.carrier.fetches.load(SeqCst), Limits::default().sweeps);
}
