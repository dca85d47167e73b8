//! One server after another on the same store. A life has a runtime of its own: when that is dropped, every task of it
//! ends where it stands, as in a process that is killed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use actors::Limits;
use actors::bus::LocalBus;
use actors::lead::Lead;
use actors::sms_pool::{PoolPorts, SmsPool};
use actors::sms_reconciler::SmsReconciler;
use actors::sms_reports::SmsReports;
use actors::system::Senders;
use actors::tenants::Tenants;
use engine::ids::SmsId;
use engine::ports::{Checks, Clock, SmsOutbox, SystemClock};
use engine::priority::Priority;
use engine::sms::breaker::{Rule, Rules};
use engine::sms::{LookUps, NewSms, Sms, SmsState};
use engine::testing::frames::tenant;
use engine::testing::memory::MemoryStore;
use tokio::runtime::Builder;
use tokio::time::sleep;

use super::carrier::{Carrier, Line, roll};
use super::gate::{Gate, Gated};
use super::{all_of, to_ask};

/// Messages owed at the beginning of each life.
const OWED: u64 = 2;
/// A life is cut at one of its first steps.
const STEPS: u64 = 24;
/// What is sent without end is not waited for.
const TOO_MANY: usize = 2_000;

type Opening = Pin<Box<dyn Future<Output = Arc<dyn SmsOutbox>>>>;

pub struct Lives {
    open: Box<dyn Fn() -> Opening>,
    carrier: Arc<Carrier>,
    dice: AtomicU64,
    owed: AtomicU64,
    without_claim_rows: bool,
}

/// How it all ended.
pub struct Ends {
    pub carrier: Arc<Carrier>,
    pub messages: Vec<Sms>,
    pub owed: usize,
    pub kills: u64,
    pub still_to_ask: usize,
    /// Messages a list of the unknown shows.
    pub listed_unknown: usize,
}

impl Lives {
    /// `open` opens the store again, as it is.
    pub fn new<F: Future<Output = Arc<dyn SmsOutbox>> + 'static>(seed: u64, open: impl Fn() -> F + 'static) -> Lives {
        Lives {
            open: Box::new(move || Box::pin(open())),
            carrier: Arc::new(Carrier::new(seed)),
            dice: AtomicU64::new(seed),
            owed: AtomicU64::new(0),
            without_claim_rows: false,
        }
    }

    pub fn without_claim_rows(&mut self) {
        self.without_claim_rows = true;
    }

    /// Lives until that many were cut, and one that is left alone until nothing moves any more.
    pub fn story(&self, kills: u64) -> Ends {
        let (mut cut, mut lives) = (0, 0);
        while cut < kills {
            cut += u64::from(self.live(1 + roll(&self.dice) % STEPS, OWED));
            lives += 1;
            assert!(lives < 10 * kills, "hardly a life is cut");
        }
        self.live(u64::MAX, 0);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (messages, unknown, still_to_ask) = runtime.block_on(async {
            let store = (self.open)().await;
            let unknown = all_of(&*store, Some(SmsState::Unknown)).await;
            (all_of(&*store, None).await, unknown, to_ask(&*store, Checks::Unknown).await)
        });
        let owed = usize::try_from(self.owed.load(SeqCst)).unwrap();
        Ends { carrier: self.carrier.clone(), messages, owed, kills, still_to_ask, listed_unknown: unknown.len() }
    }

    /// Whether it was cut.
    fn live(&self, steps: u64, owed: u64) -> bool {
        let gate = Arc::new(Gate::after(steps));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                () = gate.closes() => {}
                () = self.run(&gate, owed) => {}
            }
        });
        gate.closed.load(SeqCst)
    }

    async fn run(&self, gate: &Arc<Gate>, owed: u64) {
        let inner = (self.open)().await;
        for _ in 0..owed {
            let new = self.owe();
            inner.submit(&new, None).await.expect("it is kept");
        }
        let (gate, without_claim_rows) = (gate.clone(), self.without_claim_rows);
        let outbox = Arc::new(Gated { inner: inner.clone(), gate: gate.clone(), without_claim_rows });
        let provider = Arc::new(Line { carrier: self.carrier.clone(), gate });
        let (bus, clock, limits) = (Arc::new(LocalBus::new(64)), Arc::new(SystemClock), Arc::new(limits()));
        let senders = Senders { names: vec!["+15145550199".to_owned()], per_second: None, ..Senders::default() };
        let ports = PoolPorts {
            outbox: outbox.clone(),
            // No limit here outlives a life.
            ledger: Arc::<MemoryStore>::default(),
            provider: provider.clone(),
            bus: bus.clone(),
            clock: clock.clone(),
            lead: Lead::always(),
        };
        let pool = SmsPool::start(ports, Tenants::default(), senders, &limits);
        let pool = pool.await.expect("the pool starts");
        let reports = SmsReports::new(outbox.clone(), bus);
        let _reconciling =
            SmsReconciler { outbox, provider, reports, pool, clock, lead: Lead::always(), limits }.start();
        while !self.is_quiet(&*inner).await {
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn is_quiet(&self, store: &dyn SmsOutbox) -> bool {
        if self.carrier.taken().len() > TOO_MANY {
            return true;
        }
        for state in [SmsState::Queued, SmsState::Sending, SmsState::Accepted] {
            if store.count(state).await.expect("a count") > 0 {
                return false;
            }
        }
        to_ask(store, Checks::Unknown).await == 0
    }

    fn owe(&self) -> NewSms {
        let n = self.owed.fetch_add(1, SeqCst);
        let now = SystemClock.now();
        NewSms {
            id: SmsId::from_bits(u128::from(n).to_be_bytes()),
            tenant: tenant("boreal"),
            call: None,
            alert: None,
            to: format!("+1514555{:04}", 110 + n % 10).parse().unwrap(),
            contact: "owner".into(),
            body: format!("message {n}").into(),
            segments: 1,
            priority: Priority::ALL[usize::try_from(n % 4).unwrap()],
            due_at: now,
            expires_at: now.plus(Duration::from_secs(3600)),
            created_at: now,
            suppressed: None,
        }
    }
}

/// As in earnest, a thousand times as fast.
fn limits() -> Limits {
    let quick = Rule { failures: 5, rest: Duration::from_millis(60), longest: Duration::from_millis(600) };
    Limits {
        senders: 4,
        look_ups: LookUps {
            after: [2, 10, 30, 120].map(Duration::from_millis).to_vec(),
            apart: Duration::from_millis(30),
            give_up: Duration::from_secs(3600),
        },
        sweep_after: Duration::from_millis(3),
        sweep_every: Duration::ZERO,
        reconcile_tick: Duration::from_millis(1),
        pair: (u32::MAX, Duration::from_secs(1)),
        breakers: Rules { account: quick, sender: quick, route: quick, words: quick },
        ..Limits::default()
    }
}
