//! The composition root: the only place that names concrete adapters. Everything is built once, in order, and stopped
//! in the opposite one.

mod bus_side;
mod cache_side;
mod carrier_side;
mod store_side;

use std::net::{SocketAddr, TcpListener};
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
use actors::sms_pool::SmsPool;
use actors::supervise::Supervised;
use actors::system::{Ports, System};
use actors::tenants::{InForce, Tenants};
use arc_swap::ArcSwap;
use engine::alert::Links;
use engine::failure::Failure;
use engine::ports::{AlertStore, CallControl, EventBus, SystemClock};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::carriers::twilio::Ways;
use crate::carriers::{self, BadCarrier, Carrier};
use crate::data_dir::{DataDir, DataDirError, Kept};
use crate::forward::{HttpBeacon, HttpForwarder};
use crate::http::{self, Condition, Keeping, Parts, Probe, State};
use crate::metrics::Exposition;
use crate::platforms::vapi::{Doorkeeper, VapiControl};
use crate::playbooks::{self, LastGood, PlaybooksError, Shelf};
use crate::settings::{LimitSettings, Retention as RetentionSettings, Settings, SmsProviderName};
use crate::shadow::Handover;
use crate::stores::Store;
pub use store_side::{database, is_embedded, postgres};

/// How often texts and alerts are looked for that other nodes wrote.
const LOOK_FOR_OTHERS: Duration = Duration::from_secs(1);
/// What another node has changed is shown after this, where only the store knows.
const SEEN_WITHIN: Duration = Duration::from_millis(700);

/// What folding in the write-ahead log may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Why the server did not start. Says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Playbooks(#[from] PlaybooksError),
    #[error(transparent)]
    Carrier(#[from] BadCarrier),
    #[error("cannot listen on {address}: {why}; choose another address with --listen")]
    Listen { address: String, why: std::io::Error },
    #[error("{0}")]
    Failed(#[from] Failure),
}

/// What a server starts with: a bound port, a data directory that is ours alone, playbooks that were read. Everything
/// that can be refused has been.
pub struct Start {
    pub settings: Settings,
    pub listener: TcpListener,
    pub address: SocketAddr,
    pub admin_token: Kept,
    /// The one to use first; the others are being rotated out.
    pub webhook_secrets: Vec<SecretString>,
    /// Where the secret is kept, when none is configured.
    pub kept_secret: Option<Kept>,
    playbooks: Arc<Shelf>,
    doorkeeper: Arc<ArcSwap<Doorkeeper>>,
    /// Makes the links of alerts, where the world can reach us.
    links: Option<Links>,
    audit_key: Kept,
    data_dir: DataDir,
}

impl Start {
    /// The address may have port 0: see [`Start::address`].
    pub fn prepare(settings: Settings) -> Result<Start, StartError> {
        let listener = listen(&settings.listen)?;
        let address = listener.local_addr().map_err(|why| StartError::listen(&settings.listen, why))?;
        let data_dir = DataDir::open(&settings.data_dir)?;
        let (admin_token, audit_key) = (data_dir.admin_token()?, data_dir.audit_key()?);
        let vapi = &settings.platforms.vapi;
        let configured = !vapi.secret.expose_secret().is_empty();
        let kept_secret = if configured { None } else { Some(data_dir.vapi_secret()?) };
        let first = kept_secret.as_ref().map_or(&vapi.secret, |kept| &kept.secret);
        let webhook_secrets: Vec<SecretString> =
            std::iter::once(first).chain(&vapi.previous_secrets).cloned().collect();
        let links = links(&settings, &data_dir)?;
        let (playbooks, doorkeeper) = open_playbooks(&settings, &data_dir, &webhook_secrets, links.clone())?;
        Ok(Start {
            listener,
            address,
            admin_token,
            webhook_secrets,
            kept_secret,
            playbooks,
            doorkeeper,
            links,
            audit_key,
            data_dir,
            settings,
        })
    }

    /// `http://127.0.0.1:8080`: how this machine reaches the server.
    pub fn local_url(&self) -> String {
        match self.address.ip() {
            ip if ip.is_unspecified() => format!("http://127.0.0.1:{}", self.address.port()),
            _ => format!("http://{}", self.address),
        }
    }
}

/// Reads them for the first time. From then on the doorkeeper knows the secrets of whoever is in force.
fn open_playbooks(
    settings: &Settings,
    data_dir: &DataDir,
    deployment: &[SecretString],
    links: Option<Links>,
) -> Result<(Arc<Shelf>, Arc<ArcSwap<Doorkeeper>>), StartError> {
    let (vapi, deployment) = (settings.platforms.vapi.clone(), deployment.to_vec());
    let knowing = move |tenants: &InForce| Doorkeeper::new(&vapi, deployment.clone(), &tenants.playbooks);
    let doorkeeper = Arc::new(ArcSwap::from_pointee(knowing(&InForce::default())));
    let told = doorkeeper.clone();
    let last_good = LastGood::new(data_dir.playbooks()?);
    let shelf = Shelf::open(&settings.playbooks, last_good, Arc::new(SystemClock), links, move |in_force| {
        told.store(Arc::new(knowing(in_force)));
    })?;
    Ok((Arc::new(shelf), doorkeeper))
}

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
        let limits = limits(&settings, shared);
        let cached = cache_side::open(&settings, store.clone(), &limits)?;
        let in_use = vec![
            ("store", place),
            ("bus", bus_side::place(nats.as_ref())),
            ("cache", cached.place.clone()),
            ("sms", provider.to_owned()),
        ];
        let mut probes = probes(&store, kind, &playbooks);
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
        probes.push(texting(system.sms_pool.clone(), provider));
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

/// `shared`: with other nodes. What they commit they ring for, and a ring may be lost, so it is looked for too; what they
/// text shows in calls, and is told of by Redis alone.
fn limits(settings: &Settings, shared: bool) -> Limits {
    let otherwise = Limits::default();
    let (pool_tick, alerts_sweep) = match shared {
        true => (LOOK_FOR_OTHERS, LOOK_FOR_OTHERS),
        false => (otherwise.pool_tick, otherwise.alerts_sweep),
    };
    let alone = !shared || !settings.cache.url.expose_secret().is_empty();
    let LimitSettings { calls, seats, seats_per_call, commit_queue, commit_batch, .. } = settings.limits;
    let limits = &settings.limits;
    Limits {
        calls,
        seats,
        seats_per_call,
        commit_queue,
        commit_batch,
        answer_within: Duration::from_millis(limits.answer_within_ms),
        linger: Duration::from_secs(limits.linger_s),
        silent_scheduled: Duration::from_secs(limits.silent_scheduled_s),
        silent_ringing: Duration::from_secs(limits.silent_ringing_s),
        silent_in_progress: Duration::from_secs(limits.silent_in_progress_s),
        cache_ttl: Duration::from_secs(settings.cache.ttl_s),
        cache_loads: settings.cache.loads,
        cache_budget: Duration::from_millis(settings.cache.timeout_ms),
        cache_good_for: if alone { otherwise.cache_good_for } else { SEEN_WITHIN },
        pool_tick,
        alerts_sweep,
        senders: settings.sms.senders,
        sweep_after: sweep_after(settings),
        drain: Duration::from_secs(settings.drain_s),
        ..otherwise
    }
}

/// Where no callback can arrive, asking is the only way to learn what became of a message.
fn sweep_after(settings: &Settings) -> Duration {
    let sms = &settings.sms;
    let hears = sms.provider == SmsProviderName::Sandbox || public_url(settings).is_some();
    Duration::from_secs(if hears { sms.sweep_after_s } else { sms.poll_after_s })
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

fn probes(store: &Arc<dyn Store>, kind: &'static str, playbooks: &Arc<Shelf>) -> Vec<Probe> {
    let (store, troubled) = (store.clone(), store.clone());
    let playbooks = playbooks.clone();
    let store = Probe::new("store", kind, move || {
        let store = store.clone();
        async move { store.ping().await }
    });
    let mut probes = vec![store.troubled(move || troubled.troubles())];
    probes.push(Probe::telling("playbooks", move || {
        let standing = playbooks.standing();
        Condition { kind: standing.served().to_string() + " in force", troubles: standing.troubles() }
    }));
    probes
}

/// A carrier whose breakers are open keeps messages waiting and loses none: we are ready all the same.
fn texting(pool: SmsPool, provider: &'static str) -> Probe {
    Probe::telling("sms", move || {
        let open = pool.open_breakers().into_iter().filter(|(_, count)| *count > 0);
        let troubles = open.map(|(kind, count)| format!("{count} breaker open: {}", kind.as_str())).collect();
        Condition { kind: provider.to_owned(), troubles }
    })
}

fn listen(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|why| StartError::listen(address, why))
}

impl StartError {
    fn listen(address: &str, why: std::io::Error) -> StartError {
        StartError::Listen { address: address.to_owned(), why }
    }
}

/// Zero is never.
fn every(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// A text can only carry a link that leads somewhere.
fn links(settings: &Settings, data_dir: &DataDir) -> Result<Option<Links>, StartError> {
    let Some(url) = public_url(settings) else { return Ok(None) };
    let key = data_dir.link_key()?;
    Ok(Some(Links::new(&url, key.secret.expose_secret().as_bytes())))
}

fn public_url(settings: &Settings) -> Option<String> {
    let url = settings.public_url.trim_end_matches('/');
    (!url.is_empty()).then(|| url.to_owned())
}
