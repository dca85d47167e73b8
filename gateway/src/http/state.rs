//! What every handler may reach. Made once at start, shared by all workers.

use std::sync::Arc;
use std::time::Duration;

use actors::alerts::Alerts;
use actors::cache::ReadThrough;
use actors::calls::Calls;
use actors::inbound::Inbound;
use actors::live_feed::LiveFeed;
use actors::sms_desk::SmsDesk;
use actors::sms_reports::SmsReports;
use actors::tenants::Tenants;
use arc_swap::ArcSwap;
use engine::alert::Links;
use engine::ports::{AlertStore, Analytics, CallHistory, CallStore, Clock, Inbox, OptOuts, SmsOutbox};
use engine::sms::DeliveryReport;
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};

use super::Problem;
use super::auth::Access;
use super::body::{Bounds, Memory};
use super::figures::Window;
use super::health::Probe;
use super::keeping::Keeping;
use super::refusal_log::RefusalLog;
use crate::carriers::twilio::{UnderWay, Webhooks};
use crate::metrics::Exposition;
use crate::platforms::vapi::Doorkeeper;
use crate::playbooks::Shelf;
use crate::settings;
use crate::shadow::Handover;

/// Answers whose record may still be on its way at once.
const AFTERTHOUGHTS: usize = 1024;
/// Streams open at once.
const STREAMS: usize = 512;
/// Longest wait for a list of live calls that is whole.
const ALL_LIVE_WITHIN: Duration = Duration::from_secs(20);

/// What carriers tell, and where it goes.
pub struct CarrierSide {
    /// Who may speak for the carrier.
    pub webhooks: Webhooks,
    pub reports: SmsReports,
    /// For reports that came too early; none for a carrier that sends none by webhook.
    pub late_reports: Option<mpsc::Sender<DeliveryReport>>,
    pub inbound: Inbound,
    /// Calls to the team that somebody waits for.
    pub calls: Arc<UnderWay>,
    pub opt_outs: Arc<dyn OptOuts>,
    pub inbox: Arc<dyn Inbox>,
}

/// What the composition root hands over.
pub struct Parts {
    pub calls: Calls,
    pub live: LiveFeed,
    pub playbooks: Arc<Shelf>,
    pub store: Arc<dyn CallStore>,
    pub history: Arc<dyn CallHistory>,
    pub analytics: Arc<dyn Analytics>,
    pub cache: ReadThrough,
    pub outbox: Arc<dyn SmsOutbox>,
    pub sms_desk: SmsDesk,
    pub carrier: CarrierSide,
    pub alert_store: Arc<dyn AlertStore>,
    pub alerts: Alerts,
    /// Reads the links of alerts; `None` where none are made.
    pub links: Option<Links>,
    pub clock: Arc<dyn Clock>,
    pub doorkeeper: Arc<ArcSwap<Doorkeeper>>,
    /// The admin token's text; only its digest is kept.
    pub admin_token: SecretString,
    /// How the world reaches us, without a trailing slash.
    pub public_url: Option<String>,
    pub probes: Vec<Probe>,
    pub metrics: Exposition,
    /// Wanted on `/metrics`; empty: none.
    pub metrics_token: SecretString,
    /// Where work goes on that must outlive a request: never an HTTP worker's own runtime.
    pub runtime: Handle,
    /// The way to the webhooks of those who only watch.
    pub handover: Handover,
    /// What is erased, backed up and written down about who did it.
    pub keeping: Keeping,
}

pub struct State {
    pub calls: Calls,
    pub live: LiveFeed,
    pub tenants: Tenants,
    pub playbooks: Arc<Shelf>,
    pub store: Arc<dyn CallStore>,
    pub history: Arc<dyn CallHistory>,
    pub analytics: Arc<dyn Analytics>,
    pub cache: ReadThrough,
    pub outbox: Arc<dyn SmsOutbox>,
    pub sms_desk: SmsDesk,
    pub carrier: CarrierSide,
    pub alert_store: Arc<dyn AlertStore>,
    pub alerts: Alerts,
    pub links: Option<Links>,
    pub clock: Arc<dyn Clock>,
    /// Replaced whole when secrets are rotated.
    pub doorkeeper: Arc<ArcSwap<Doorkeeper>>,
    pub access: Access,
    pub public_url: Option<String>,
    pub webhook_body: Bounds,
    pub webhook_memory: WebhookMemory,
    pub probes: Vec<Probe>,
    pub metrics: Exposition,
    pub metrics_token: SecretString,
    pub refusal_log: RefusalLog,
    pub window: Window,
    pub runtime: Handle,
    pub afterthoughts: Arc<Semaphore>,
    pub handover: Handover,
    pub keeping: Keeping,
    pub streams: Arc<Semaphore>,
    pub stopping: Stopping,
}

impl State {
    pub fn new(parts: Parts, settings: &settings::Http) -> State {
        State {
            access: Access::new(&parts.admin_token, Arc::clone(&parts.clock)),
            webhook_body: Bounds {
                bytes: settings.webhook_body_bytes,
                within: Duration::from_secs(settings.body_timeout_s),
            },
            webhook_memory: WebhookMemory::new(settings.webhook_memory_bytes, settings.webhook_body_bytes),
            refusal_log: RefusalLog::default(),
            window: Window::default(),
            afterthoughts: Arc::new(Semaphore::new(AFTERTHOUGHTS)),
            handover: parts.handover,
            keeping: parts.keeping,
            streams: Arc::new(Semaphore::new(STREAMS)),
            stopping: Stopping::default(),
            calls: parts.calls,
            live: parts.live,
            tenants: parts.playbooks.tenants.clone(),
            playbooks: parts.playbooks,
            store: parts.store,
            history: parts.history,
            analytics: parts.analytics,
            cache: parts.cache,
            outbox: parts.outbox,
            sms_desk: parts.sms_desk,
            carrier: parts.carrier,
            alert_store: parts.alert_store,
            alerts: parts.alerts,
            links: parts.links,
            clock: parts.clock,
            doorkeeper: parts.doorkeeper,
            public_url: parts.public_url,
            probes: parts.probes,
            metrics: parts.metrics,
            metrics_token: parts.metrics_token,
            runtime: parts.runtime,
        }
    }

    /// Returns when every live call is shown: some of them would look like all of them. After a start with very many it
    /// takes some seconds, in which everything else is answered.
    pub async fn all_live(&self) -> Result<(), Problem> {
        let loaded = tokio::time::timeout(ALL_LIVE_WITHIN, self.live.loaded()).await;
        loaded.map_err(|_| Problem::unavailable("the live calls are still being read"))
    }
}

/// Memory for the bodies of webhooks, of those who have shown a secret and, apart from them, of those whose signature
/// may still turn out to be made up: they cannot crowd out the others.
pub struct WebhookMemory {
    pub proven: Memory,
    pub signed: Memory,
}

impl WebhookMemory {
    /// Of the whole, an eighth is for the signed: at least one body, at most half.
    fn new(bytes: usize, body_bytes: usize) -> WebhookMemory {
        let signed = (bytes / 8).max(body_bytes).min(bytes / 2);
        WebhookMemory { proven: Memory::new(bytes - signed), signed: Memory::new(signed) }
    }
}

/// Tells streams, and those who ask whether we are ready, that the process is about to end.
#[derive(Clone)]
pub struct Stopping(watch::Sender<bool>);

impl Default for Stopping {
    fn default() -> Self {
        Stopping(watch::Sender::new(false))
    }
}

impl Stopping {
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    pub fn begun(&self) -> bool {
        *self.0.borrow()
    }

    pub async fn wait(&self) {
        let mut told = self.0.subscribe();
        // Fails only when the sender is gone, and we hold it.
        let _ = told.wait_for(|begun| *begun).await;
    }
}
