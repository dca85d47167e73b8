//! The composition root: the only place that names concrete adapters. Everything is built once, in order, and stopped
//! in the opposite one.

mod bus_side;
mod cache_side;
mod carrier_side;
mod limits;
mod probes;
mod start;
mod store_side;

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actors::Limits;
use actors::analytics::Counting;
use actors::bus::LocalBus;
use actors::cache::{Filler, ReadThrough};
use actors::deadman::Watch;
use actors::publisher::Outside;
use actors::retention::{Pace, Retainer};
use actors::supervise::Supervised;
use actors::system::{Ports, System};
use actors::tenants::Tenants;
use engine::failure::Failure;
use engine::ports::{AlertStore, CallControl, EventBus, SystemClock};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::carriers::twilio::Ways;
use crate::carriers::{self, Carrier};
use crate::data_dir::DataDir;
use crate::forward::{HttpBeacon, HttpForwarder};
use crate::http::{self, Keeping, Parts, State};
use crate::metrics::Exposition;
use crate::platforms::vapi::VapiControl;
use crate::playbooks;
use crate::settings::{Retention as RetentionSettings, Settings};
use crate::shadow::Handover;
use crate::stores::Store;
pub use start::{Start, StartError};
pub use store_side::{database, is_embedded, postgres};

/// What folding in the write-ahead log may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// A running server.
pub struct App {
    /// `store`, `bus`, `cache`, `sms`, and which one is in use.
    pub in_use: Vec<(&'static str, String)>,
    state: Arc<State>,
    system: System,
    store: Arc<dyn Store>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    upkeep: JoinHandle<()>,
    /// Look at files, keep the cache, and count, while the server runs.
    watching: Vec<Supervised>,
    drain: Duration,
    /// Held, so that no second server uses the directory.
    _data_dir: DataDir,
}

impl App {
    /// Starts everything; ready when it returns.
    pub async fn start(start: Start) -> Result<App, StartError> {
        let Start { settings, listener, admin_token, playbooks, doorkeeper, links, audit_key, data_dir, .. } = start;
        let clock = Arc::new(SystemClock);
        let tenants = playbooks.tenants.clone();
        let ways = Ways::new(&settings.sms.twilio, public_url(&settings))?;
        let mut carrier = carriers::carrier(&settings.sms, &ways, tenants.clone(), clock.clone())?;
        let provider = carrier.provider.name();
        let store_side::Opened { store, kind, place, nodes } = store_side::open(&settings).await?;
        for (tenant, shift) in AlertStore::shifts(&*store).await? {
            playbooks.shifts.put(tenant, shift);
        }
        let nats = bus_side::open(&settings).await?;
        let shared = nodes.is_some();
        let limits = limits::of(&settings, shared);
        let cached = cache_side::open(&settings, store.clone(), &limits)?;
        let in_use = vec![
            ("store", place),
            ("bus", bus_side::place(nats.as_ref())),
            ("cache", cached.place.clone()),
            ("sms", provider.to_owned()),
        ];
        let mut probes = probes::of(&store, kind, &playbooks);
        probes.push(bus_side::probe(nats.as_ref()));
        let metrics = crate::metrics::install();
        let feed = LocalBus::new(limits.live_backlog).through(cached.cache.clone());
        let filler = cached.filler(&feed);
        let late_reports = carrier.late_reports.take();
        let outside = nats.map(|bus| Outside { bus, cursor: store.clone() });
        let cache = cached.cache.clone();
        let reaching = Reaching { nodes, feed: feed.clone(), outside, cache: cache.clone(), limits };
        let system = start_system(&settings, store.clone(), carrier, tenants, clock.clone(), reaching).await?;
        let warming = warming(&system, &cache);
        let carrier = carrier_side::build(&settings, &ways, &store, &system, late_reports, Arc::new(feed.clone()));
        probes.push(probes::texting(system.sms_pool.clone(), provider));
        probes.push(cached.probe());
        let watching = playbooks::watch(playbooks.clone(), every(settings.playbooks.poll_s))
            .map_err(|why| Failure::fail(format!("cannot catch SIGHUP: {why}")))?;
        let following = shared.then(|| store_side::follow_shifts(store.clone(), playbooks.shifts.clone()));
        let counting = Counting {
            store: store.clone(),
            calls: store.clone(),
            tenants: system.tenants.clone(),
            lead: system.lead.clone(),
            clock: clock.clone(),
        };
        let keeping = Keeping {
            places: vec![store.clone()],
            store: store.clone(),
            bus: Arc::new(feed.clone()),
            data_dir: data_dir.path().to_owned(),
            audit_key: audit_key.secret,
            turn: tokio::sync::Mutex::new(()),
        };
        let retaining = retaining(&settings, &store, &system, cache.clone());
        let parts = Parts {
            calls: system.calls.clone(),
            live: system.live.clone(),
            doorkeeper,
            playbooks,
            store: store.clone(),
            history: store.clone(),
            analytics: store.clone(),
            cache,
            outbox: store.clone(),
            sms_desk: system.sms_desk.clone(),
            carrier,
            alert_store: store.clone(),
            alerts: system.alerts.clone(),
            links,
            clock,
            admin_token: admin_token.secret,
            public_url: public_url(&settings),
            probes,
            metrics: Exposition { counted: metrics.clone(), runtime: Handle::current(), store: store.clone() },
            metrics_token: settings.metrics.token.clone(),
            runtime: Handle::current(),
            handover: Handover::new()?,
            keeping,
        };
        let state = Arc::new(State::new(parts, &settings.http));
        let drain = Duration::from_secs(settings.drain_s);
        let (server, handle) = http::serve(listener, state.clone(), &settings.http, drain / 2)
            .map_err(|why| StartError::listen(&settings.listen, why))?;
        Ok(App {
            in_use,
            state,
            system,
            store,
            server: handle,
            serving: tokio::spawn(server),
            upkeep: tokio::spawn(crate::metrics::upkeep(metrics)),
            watching: [
                Some(watching),
                ways.errors.watch(),
                following,
                Some(warming),
                Some(counting.start()),
                Some(retaining),
                Some(cached.measuring()),
                filler.map(Filler::start),
            ]
            .into_iter()
            .flatten()
            .collect(),
            drain,
            _data_dir: data_dir,
        })
    }

    /// Which playbooks are in force, for people.
    pub fn playbooks(&self) -> String {
        self.state.playbooks.standing().summary()
    }

    /// Good once, within five minutes: `/login?code=…` opens the page without the token.
    pub fn login_code(&self) -> Option<String> {
        self.state.access.codes.issue()
    }

    /// Stops accepting, answers what is in flight, commits, flushes. At most about `drain_s`: half of it for requests
    /// on their way, the rest for messages being sent.
    pub async fn stop(self) {
        let ends = Instant::now() + self.drain;
        drop(self.watching);
        self.state.stopping.begin();
        self.server.stop(true).await;
        self.system.stop(ends).await;
        if timeout(CLOSE_WITHIN, self.store.close()).await.is_err() {
            tracing::warn!("store not closed in time, the next start folds in its log");
        }
        self.upkeep.abort();
        if let Ok(Err(error)) = self.serving.await {
            tracing::warn!(%error, "http server ended badly");
        }
    }
}

/// Takes away what is kept only for a time.
fn retaining(settings: &Settings, store: &Arc<dyn Store>, system: &System, cache: ReadThrough) -> Supervised {
    let RetentionSettings { calls_days, transcripts_days, look_every_s } = settings.retention;
    let pace = Pace { every: Duration::from_secs(look_every_s), ..Pace::default() };
    let otherwise = engine::playbook::Retention { calls_days, transcripts_days };
    let (store, tenants, clock) = (store.clone(), system.tenants.clone(), Arc::new(SystemClock));
    Retainer { store, tenants, otherwise, clock, lead: system.lead.clone(), cache: Some(cache), pace }.start()
}

/// Who hears of what is committed: this process, and others. And who else commits, and how often that is looked for.
struct Reaching {
    nodes: Option<store_side::Nodes>,
    feed: LocalBus,
    outside: Option<Outside>,
    cache: ReadThrough,
    limits: Limits,
}

async fn start_system(
    settings: &Settings,
    store: Arc<dyn Store>,
    carrier: Carrier,
    tenants: Tenants,
    clock: Arc<SystemClock>,
    Reaching { nodes, feed, outside, cache, limits }: Reaching,
) -> Result<System, Failure> {
    let bus: Arc<dyn EventBus> = Arc::new(feed.clone());
    let (election, bell) = nodes.map(|nodes| (nodes.election, nodes.bell)).unzip();
    let forwarder = Arc::new(HttpForwarder::new(clock.clone())?);
    let ports = Ports {
        calls: store.clone(),
        outbox: store.clone(),
        ledger: store.clone(),
        opt_outs: store.clone(),
        provider: carrier.provider,
        alerts: store,
        telephony: carrier.telephony,
        reports: carrier.reports,
        bus,
        feed,
        outside,
        cache: Some(cache),
        control: control(settings)?,
        watch: watch(settings)?,
        election,
        bell,
        pusher: forwarder.clone(),
        forwarder,
        clock,
    };
    System::start(ports, tenants, carrier.senders, limits).await
}

/// Once, when the live calls are read: with very many of them the server works long before.
fn warming(system: &System, cache: &ReadThrough) -> Supervised {
    let (live, cache) = (system.live.clone(), cache.clone());
    tokio::spawn(async move {
        live.loaded().await;
        cache.warm(&live.snapshot(None).calls).await;
    })
    .into()
}

fn watch(settings: &Settings) -> Result<Option<Watch>, Failure> {
    let deadman = &settings.deadman;
    if deadman.url.expose_secret().is_empty() {
        return Ok(None);
    }
    let beacon = Arc::new(HttpBeacon::new(deadman.url.clone())?);
    Ok(Some(Watch { beacon, every: Duration::from_secs(deadman.period_s) }))
}

fn control(settings: &Settings) -> Result<Option<Arc<dyn CallControl>>, Failure> {
    let vapi = &settings.platforms.vapi;
    if vapi.api_key.expose_secret().is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(VapiControl::new(&vapi.base_url, vapi.api_key.clone())?)))
}

/// Zero is never.
fn every(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn public_url(settings: &Settings) -> Option<String> {
    let url = settings.public_url.trim_end_matches('/');
    (!url.is_empty()).then(|| url.to_owned())
}
