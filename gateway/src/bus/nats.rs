//! NATS as the bus outside: core publish, each message with a `Nats-Msg-Id`. It keeps nothing; what it has not taken
//! waits in the store, and nobody but the publisher waits for it.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{Delivered, Dispatch, OuterBus};
use tokio::sync::Mutex;

use super::Address;
use super::health::Health;
use super::session::{Cut, Session};
use crate::tls::authorities;

/// Messages on their way to the connection. The publisher waits for the rest.
const QUEUE: usize = 256;
/// Longest pause between two tries to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct NatsSettings {
    pub address: Address,
    /// First tokens of every subject: `cordboard`.
    pub prefix: String,
    /// A `.creds` file, with a JWT and the key that signs.
    pub credentials: Option<PathBuf>,
    /// PEM of who vouches for the servers, in place of the system's.
    pub ca: Option<PathBuf>,
    pub connect_within: Duration,
    /// How long a server may take to answer before it is said to be slow.
    pub answer_within: Duration,
    /// After a lost connection: how long subscribers are given to come back before they are told what they missed.
    pub settle: Duration,
}

pub struct NatsBus {
    settings: NatsSettings,
    health: Health,
    session: Mutex<Option<Session>>,
}

impl NatsBus {
    /// Returns at once, whether there is a server or not. Fails when a file of the settings cannot be read.
    pub async fn open(settings: NatsSettings) -> Result<NatsBus, Failure> {
        if let Some(file) = &settings.ca {
            // The client reads it with each connection, and would take a file without any for one that has some.
            authorities("bus.ca_file", file)?;
        }
        let health = Health::default();
        let session = Mutex::new(Some(Session::open(settings.clone(), health.clone()).await?));
        Ok(NatsBus { settings, health, session })
    }

    /// `nats host:port`.
    pub fn describe(&self) -> String {
        self.settings.address.to_string()
    }

    /// Where somebody should look; empty while it is connected and moving.
    pub fn troubles(&self) -> Vec<String> {
        self.health.troubles()
    }
}

#[async_trait]
impl OuterBus for NatsBus {
    async fn deliver(&self, dispatches: &[Dispatch]) -> Result<Delivered, Failure> {
        let mut slot = self.session.lock().await;
        let session = match &mut *slot {
            Some(session) => session,
            none => none.insert(Session::open(self.settings.clone(), self.health.clone()).await?),
        };
        match session.deliver(dispatches).await {
            Ok(delivered) => Ok(delivered),
            Err(Cut::Lost) => Err(Failure::retry("nats: the connection was lost")),
            Err(Cut::GivenUp) => {
                *slot = None;
                Err(Failure::retry("nats: connected, but nothing came back"))
            }
        }
    }
}

pub(super) async fn connect(settings: &NatsSettings, health: &Health) -> Result<Client, Failure> {
    let (told, tried) = (health.clone(), health.clone());
    let mut options = ConnectOptions::new()
        .name("cordboard")
        .retry_on_initial_connect()
        .connection_timeout(settings.connect_within)
        .ping_interval(settings.answer_within)
        .client_capacity(QUEUE)
        .subscription_capacity(QUEUE)
        .reconnect_delay_callback(pause)
        // A cluster names its other servers by host and port alone: they would be asked without TLS.
        .require_tls(settings.address.is_secure())
        .reconnect_to_server_callback(move |servers, _| {
            tried.tried(&servers);
            std::future::ready(None)
        })
        .event_callback(move |event| {
            told.hear(&event);
            std::future::ready(())
        });
    options = settings.address.login(options);
    if let Some(file) = &settings.credentials {
        let cannot = |why| Failure::fail(format!("bus.credentials_file: cannot use {}: {why}", file.display()));
        options = options.credentials_file(file).await.map_err(cannot)?;
    }
    if let Some(file) = &settings.ca {
        options = options.add_root_certificates(file.clone());
    }
    let client = options.connect(settings.address.servers()).await;
    client.map_err(|error| Failure::fail(format!("nats: {}", error.kind())))
}

/// At once, then ever longer.
fn pause(tries: usize) -> Duration {
    let doublings = tries.saturating_sub(2).min(6);
    if tries <= 1 { Duration::ZERO } else { Duration::from_millis(25 << doublings).min(LONGEST_PAUSE) }
}
