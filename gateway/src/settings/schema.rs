//! The settings as types. `config/default.toml` says what each one means and holds its default.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::stores::spooled::OutageSms;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub listen: String,
    pub data_dir: PathBuf,
    pub public_url: String,
    pub log: String,
    pub log_format: LogFormat,
    pub drain_s: u64,
    pub http: Http,
    pub store: Store,
    pub bus: Bus,
    pub cache: Cache,
    pub playbooks: Playbooks,
    pub platforms: Platforms,
    pub sms: Sms,
    pub metrics: Metrics,
    pub deadman: Deadman,
    pub retention: Retention,
    pub limits: LimitSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub workers: usize,
    pub max_connections: usize,
    pub webhook_body_bytes: usize,
    pub webhook_memory_bytes: usize,
    pub head_timeout_s: u64,
    pub body_timeout_s: u64,
    pub keep_alive_s: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// `sqlite:` is the file `cordboard.db` in the data directory; `sqlite:PATH` another one; `postgres://…` a server,
    /// with the password it wants.
    pub url: SecretString,
    pub readers: u32,
    pub connections: u32,
    pub acquire_timeout_ms: u64,
    pub statement_timeout_ms: u64,
    pub migrate: bool,
    pub spool: Spool,
}

/// What helps out while Postgres is late or gone.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spool {
    pub patience_ms: u64,
    pub probe_ms: u64,
    pub outage_sms: OutageSms,
    pub max_frames: u64,
}

/// Which store a URL is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    Sqlite,
    Postgres,
}

impl Store {
    /// `None`: no store we know.
    pub fn kind(&self) -> Option<StoreKind> {
        match self.url.expose_secret().split_once(':')?.0 {
            "sqlite" => Some(StoreKind::Sqlite),
            "postgres" | "postgresql" => Some(StoreKind::Postgres),
            _ => None,
        }
    }
}

/// The event bus: empty is within this process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// `nats://…` or `tls://…`, with the password it wants.
    pub url: SecretString,
    pub prefix: String,
    pub credentials_file: String,
    pub ca_file: String,
    pub connect_timeout_ms: u64,
    pub answer_timeout_ms: u64,
    pub settle_ms: u64,
}

/// The cache: always within this process, with a Redis behind it when there is a URL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// With the password it wants.
    pub url: SecretString,
    pub ca_file: String,
    pub prefix: String,
    pub ttl_s: u64,
    pub memory_bytes: u64,
    pub loads: usize,
    pub timeout_ms: u64,
    pub connect_timeout_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbooks {
    /// Empty: the shipped playbooks.
    pub dir: String,
    pub default_tenant: String,
    /// Zero: only on SIGHUP, or when asked.
    pub poll_s: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platforms {
    pub vapi: Vapi,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vapi {
    pub secret: SecretString,
    pub previous_secrets: Vec<SecretString>,
    pub secret_header: String,
    pub bearer_header: String,
    pub bearer_prefix: String,
    pub credential_id: String,
    pub api_key: SecretString,
    pub base_url: String,
    pub hmac: Hmac,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hmac {
    pub algorithm: HmacAlgorithm,
    pub signature_header: String,
    pub signature_prefix: String,
    pub signature_encoding: SignatureEncoding,
    pub include_timestamp: bool,
    pub timestamp_header: String,
    pub payload_format: String,
    pub message_id_header: String,
    pub secret_is_base64: bool,
    pub tolerance_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HmacAlgorithm {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureEncoding {
    Hex,
    Base64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    pub provider: SmsProviderName,
    pub senders: usize,
    pub sweep_after_s: u64,
    pub poll_after_s: u64,
    pub sandbox: Sandbox,
    pub twilio: Twilio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsProviderName {
    Sandbox,
    Twilio,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    pub from: String,
    pub latency_ms: u64,
    pub delivery_ms: u64,
    pub mps: f64,
    pub script: SandboxScript,
}

/// What the sandbox carrier rehearses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SandboxScript {
    /// It behaves like a carrier that works.
    #[default]
    #[serde(rename = "")]
    Works,
    /// It never answers.
    Hang,
    /// Every message ends undelivered.
    Fail,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twilio {
    pub account_sid: String,
    pub auth_token: SecretString,
    pub previous_auth_tokens: Vec<SecretString>,
    pub api_key_sid: String,
    pub api_key_secret: SecretString,
    pub webhook_keys: Vec<SecretString>,
    pub errors_file: String,
    pub from: String,
    pub messaging_service_sid: String,
    pub base_url: String,
    pub mps: f64,
    pub account_mps: f64,
    pub timeout_s: u64,
    pub connect_timeout_s: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub token: SecretString,
}

/// Who is told that all is well.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadman {
    /// Empty: nobody.
    pub url: SecretString,
    pub period_s: u64,
}

/// Of businesses whose playbook does not say.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub calls_days: u32,
    pub transcripts_days: u32,
    pub look_every_s: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    pub calls: usize,
    pub seats: usize,
    pub seats_per_call: usize,
    pub commit_queue: usize,
    pub commit_batch: usize,
    pub answer_within_ms: u64,
    pub linger_s: u64,
    pub silent_scheduled_s: u64,
    pub silent_ringing_s: u64,
    pub silent_in_progress_s: u64,
}
