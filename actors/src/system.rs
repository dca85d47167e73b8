//! Starts everything in order, owns what must never stop, and stops it in order.

use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{
    AlertStore, Bell, CallControl, CallStore, Clock, Election, EventBus, Forwarder, OptOuts, Pusher, SmsLedger,
    SmsOutbox, SmsProvider, Telephony,
};
use engine::sms::DeliveryReport;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::alerts::{Alerts, Ledger};
use crate::bell::{self, Untold};
use crate::bus::LocalBus;
use crate::cache::ReadThrough;
use crate::call::Context;
use crate::calls::Calls;
use crate::committer::{Committer, Wakers};
use crate::deadman::{Deadman, Watch};
use crate::errands::Errands;
use crate::lead::{self, Lead};
use crate::leavers::{Leavers, Listening};
use crate::limits::Limits;
use crate::live_feed::LiveFeed;
use crate::publisher::{Outside, Publisher};
use crate::reaper::Reaper;
use crate::relay::Relay;
use crate::sms_desk::SmsDesk;
use crate::sms_pool::{PoolPorts, SmsPool};
use crate::sms_reconciler::SmsReconciler;
use crate::sms_reports::SmsReports;
use crate::supervise::Supervised;
use crate::tenants::Tenants;

/// What a commit in flight is still given when the time to drain is over.
const LAST_COMMIT: Duration = Duration::from_secs(1);

/// What the system stands on.
pub struct Ports {
    pub calls: Arc<dyn CallStore>,
    pub outbox: Arc<dyn SmsOutbox>,
    pub ledger: Arc<dyn SmsLedger>,
    pub opt_outs: Arc<dyn OptOuts>,
    pub provider: Arc<dyn SmsProvider>,
    /// Reports of a carrier that lives in this process.
    pub reports: Option<mpsc::Receiver<DeliveryReport>>,
    pub bus: Arc<dyn EventBus>,
    /// Where the live feed listens: the local end of the bus.
    pub feed: LocalBus,
    /// The bus others listen to, if there is one.
    pub outside: Option<Outside>,
    /// Told of commits and, by the bus, of changes.
    pub cache: Option<ReadThrough>,
    pub control: Option<Arc<dyn CallControl>>,
    pub forwarder: Arc<dyn Forwarder>,
    pub alerts: Arc<dyn AlertStore>,
    pub telephony: Arc<dyn Telephony>,
    pub pusher: Arc<dyn Pusher>,
    pub clock: Arc<dyn Clock>,
    /// Among the nodes that share the store. None: there are no others.
    pub election: Option<Arc<dyn Election>>,
    /// By which they wake the one that leads.
    pub bell: Option<Arc<dyn Bell>>,
    /// Somebody outside who is to hear that all is well.
    pub watch: Option<Watch>,
}

/// How messages are sent: which numbers or services send, each at its own pace.
#[derive(Clone, Debug, Default)]
pub struct Senders {
    pub names: Vec<String>,
    /// Segments per second and sender; `None` is as fast as the carrier answers.
    pub per_second: Option<f64>,
    /// The same of all of them together.
    pub account_per_second: Option<f64>,
}

/// The running system.
pub struct System {
    pub calls: Calls,
    pub live: LiveFeed,
    pub tenants: Tenants,
    /// Where carriers' reports go that arrive by other ways than `Ports::reports`.
    pub sms_reports: SmsReports,
    /// What people do with messages.
    pub sms_desk: SmsDesk,
    pub sms_pool: SmsPool,
    pub alerts: Alerts,
    /// Whether this node does what only one may do at a time.
    pub lead: Lead,
    committer: Committer,
    /// In the order they are stopped.
    tasks: Mutex<Vec<Supervised>>,
}

impl System {
    /// Each part is started after those it needs. Fails when the store cannot be read.
    pub async fn start(ports: Ports, tenants: Tenants, senders: Senders, limits: Limits) -> Result<System, Failure> {
        let limits = Arc::new(limits);
        let (store, outbox, bus, clock) = (ports.calls, ports.outbox, ports.bus, ports.clock);
        let (lead, electing) = match ports.election {
            Some(election) => {
                let (lead, electing) = lead::elect(election, &limits).await;
                (lead, Some(electing))
            }
            None => (Lead::always(), None),
        };
        let untold = Arc::new(Untold::default());
        let lead = lead.telling(untold.clone());
        let (live, feeding) = LiveFeed::start(&ports.feed, store.clone(), limits.live_backlog).await;
        let committed = Arc::new(Notify::new());
        let relaying = Relay::start(store.clone(), bus.clone(), committed.clone(), limits.relay_batch).await?;
        let publishing =
            ports.outside.map(|outside| Publisher::start(outside, store.clone(), lead.clone(), &ports.feed));
        let leavers = Leavers::new(ports.opt_outs, bus.clone(), tenants.clone());
        let provider = Listening { provider: ports.provider, leavers: leavers.clone(), clock: clock.clone() };
        let provider: Arc<dyn SmsProvider> = Arc::new(provider);
        let pool = PoolPorts {
            outbox: outbox.clone(),
            ledger: ports.ledger,
            provider: provider.clone(),
            bus: bus.clone(),
            clock: clock.clone(),
            lead: lead.clone(),
        };
        let sms_pool = SmsPool::start(pool, tenants.clone(), senders, &limits).await?;
        let sms_reports =
            SmsReports::new(outbox.clone(), bus.clone()).telling(sms_pool.clone()).learning_who_leaves(leavers);
        let listening = ports.reports.map(|reports| sms_reports.listen(reports).into());
        let sms_desk = SmsDesk::new(outbox.clone(), sms_reports.clone(), sms_pool.clone(), clock.clone());
        let reconciling = SmsReconciler {
            outbox: outbox.clone(),
            provider,
            reports: sms_reports.clone(),
            pool: sms_pool.clone(),
            clock: clock.clone(),
            lead: lead.clone(),
            limits: limits.clone(),
        }
        .start();
        let (alert_store, texts) = (ports.alerts.clone(), outbox.clone());
        let ledger = Ledger {
            store: ports.alerts,
            outbox,
            tenants: tenants.clone(),
            clock: clock.clone(),
            bus,
            telephony: ports.telephony,
            pusher: ports.pusher,
        };
        let (alerts, hearing) =
            Alerts::start(ledger, sms_pool.clone(), lead.clone(), &ports.feed, limits.clone()).await?;
        let ringing = ports.bell.map(|bell| {
            let (lead, sms_pool, alerts) = (lead.clone(), sms_pool.clone(), alerts.clone());
            [bell::ring(bell.clone(), untold), bell::Listening { bell, lead, sms_pool, alerts }.start()]
        });
        let wake = Wakers { cache: ports.cache, relay: committed, sms_pool: sms_pool.clone(), alerts: alerts.clone() };
        let (committer, committing) = Committer::start(store.clone(), wake, limits.commit_queue, limits.commit_batch);
        let watching = ports.watch.map(|watch| {
            let (committer, pool, alerts) = (committer.clone(), sms_pool.clone(), alerts.clone());
            let (lead, clock) = (lead.clone(), clock.clone());
            Deadman { watch, committer, pool, alerts, store: alert_store, outbox: texts, lead, clock }.start()
        });
        let context = Context {
            store: store.clone(),
            clock: clock.clone(),
            committer: committer.clone(),
            tenants: tenants.clone(),
            linger: limits.linger,
        };
        let errands = Errands::new(store.clone(), ports.forwarder, tenants.clone(), limits.clone());
        let calls = Calls::start(Arc::new(context), errands, limits.clone()).await?;
        let reaping = Reaper {
            calls: calls.clone(),
            live: live.clone(),
            store,
            control: ports.control,
            lead: lead.clone(),
            clock,
            limits,
        }
        .start();
        let tasks = [reaping, reconciling, committing, hearing, relaying, feeding];
        let others = ringing.into_iter().flatten().chain(electing);
        let tasks =
            Mutex::new(tasks.into_iter().chain(listening).chain(publishing).chain(watching).chain(others).collect());
        Ok(System { calls, live, tenants, sms_reports, sms_desk, sms_pool, alerts, lead, committer, tasks })
    }

    #[cfg(test)]
    pub(crate) async fn stop_sending(&self) {
        self.sms_pool.stop().await;
    }

    /// Answers what is inside, refuses the rest, lets messages under way end until `ends`, and stops every actor.
    pub async fn stop(&self, ends: Instant) {
        if !self.calls.drain(ends.saturating_duration_since(Instant::now())).await {
            tracing::warn!(in_flight = self.calls.in_flight(), "stopping with events unanswered");
        }
        // Cut where the time ends: what was being sent is then unknown at the next start.
        let _ = timeout_at(ends, self.sms_pool.stop()).await;
        let _ = timeout_at(ends + LAST_COMMIT, self.committer.barrier()).await;
        self.calls.stop().await;
        self.alerts.stop().await;
        self.tasks.lock().clear();
    }
}
