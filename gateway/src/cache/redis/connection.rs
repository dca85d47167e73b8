//! The connection to a Redis: one, pipelined, kept for ever. Nothing on it waits without end and nothing piles up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use engine::failure::Failure;
use fred::clients::Client;
use fred::interfaces::{ClientLike, EventInterface, LuaInterface};
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, TcpConfig, TlsConnector, UnresponsiveConfig,
};
use fred::types::{Builder, Value};
use reqwest::Url;
use rustls::ClientConfig;
use tokio::task::JoinHandle;

use super::missing::{Missing, failure};
use crate::tls;

/// Commands that may wait to be sent.
const MOST_WAITING: usize = 4_096;
/// Milliseconds between attempts to connect: the first, the longest, and what is added at random.
const RECONNECT_MS: (u32, u32, u32) = (50, 2_000, 250);
/// Before a connection that was given up for good is tried again: its password may have been mended.
const TRY_AGAIN: std::ops::Range<f64> = 1.0..2.0;

/// Where the Redis is and how long anything may take.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://user:password@host:port/database`, or `rediss://` with TLS. A secret.
    pub url: String,
    /// PEM of who vouches for it, in place of whom the machine believes. For `rediss://`.
    pub ca: Option<PathBuf>,
    /// What every key begins with.
    pub prefix: String,
    pub command_within: Duration,
    pub connect_within: Duration,
}

pub struct Connection {
    client: Arc<ArcSwap<Client>>,
    missing: Arc<Missing>,
    keeping: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

impl Connection {
    /// Returns at once; connects in the background, for ever.
    pub fn open(settings: &RedisSettings) -> Result<Connection, Failure> {
        let builder = builder(settings)?;
        let build = move || builder.build().map_err(|error| failure(&error));
        let client = Arc::new(ArcSwap::from_pointee(build()?));
        let kept = client.clone();
        let missing = Arc::new(Missing::new(is_secure(&settings.url)));
        let noting = missing.clone();
        let keeping = tokio::spawn(async move {
            loop {
                let client = kept.load_full();
                let _hearing = AbortOnDrop(client.on_error({
                    let noting = noting.clone();
                    move |(error, _)| {
                        noting.note(&error);
                        std::future::ready(Ok(()))
                    }
                }));
                // Ends only with what it takes for a mistake of ours, like a password that is refused.
                if let Ok(Err(error)) = client.connect().await {
                    noting.note(&error);
                }
                tokio::time::sleep(Duration::from_secs_f64(rand::random_range(TRY_AGAIN))).await;
                if let Ok(client) = build() {
                    kept.store(Arc::new(client));
                }
            }
        });
        Ok(Connection { client, missing, keeping })
    }

    pub fn is_connected(&self) -> bool {
        self.client.load().is_connected()
    }

    /// What somebody should look at; `None` while there is a connection.
    pub fn trouble(&self) -> Option<String> {
        (!self.is_connected()).then(|| self.missing.told())
    }

    /// Runs a script of ours. Fails at once while there is no connection.
    pub async fn run(&self, script: &'static str, keys: Vec<String>, args: Vec<Value>) -> Result<Value, Failure> {
        let client = self.client.load_full();
        if !client.is_connected() {
            return Err(Failure::retry("redis: not connected"));
        }
        client.eval(script, keys, args).await.map_err(|error| failure(&error))
    }
}

/// Everything that fred leaves open by default is bounded here.
fn builder(settings: &RedisSettings) -> Result<Builder, Failure> {
    // A process has one, and whoever comes first installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = config(settings)?;
    let (first, longest, jitter) = RECONNECT_MS;
    let mut policy = ReconnectPolicy::new_exponential(0, first, longest, 2);
    policy.set_jitter(jitter);
    let mut builder = Builder::from_config(Config { fail_fast: false, ..config });
    builder.set_policy(policy);
    builder.with_performance_config(|performance: &mut PerformanceConfig| {
        performance.default_command_timeout = settings.command_within;
    });
    builder.with_connection_config(|connection: &mut ConnectionConfig| {
        connection.connection_timeout = settings.connect_within;
        connection.internal_command_timeout = settings.connect_within;
        connection.max_command_attempts = 1;
        connection.max_command_buffer_len = MOST_WAITING;
        connection.reconnect_on_auth_error = true;
        connection.tcp = TcpConfig { nodelay: Some(true), ..TcpConfig::default() };
        // A server that hangs holds up nothing: its connection is closed, with whatever still waits on it.
        connection.unresponsive = UnresponsiveConfig {
            max_timeout: Some(settings.command_within * 20),
            interval: settings.command_within * 4,
        };
    });
    Ok(builder)
}

fn config(settings: &RedisSettings) -> Result<Config, Failure> {
    let at = |url: &str| Config::from_url_centralized(url).map_err(|error| failure(&error));
    let Some(file) = settings.ca.as_ref().filter(|_| is_secure(&settings.url)) else { return at(&settings.url) };
    let known = tls::authorities("cache.ca_file", file)?;
    let believing = ClientConfig::builder().with_root_certificates(known).with_no_client_auth();
    let plain = settings.url.replacen("rediss:", "redis:", 1);
    Ok(Config { tls: Some(TlsConnector::from(believing).into()), ..at(&plain)? })
}

fn is_secure(url: &str) -> bool {
    url.starts_with("rediss:")
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// For people: where it is, never with a password.
pub fn describe(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "redis".to_owned() };
    let port = url.port().unwrap_or(6379);
    format!("{} {}:{port}", url.scheme(), url.host_str().unwrap_or("localhost"))
}
