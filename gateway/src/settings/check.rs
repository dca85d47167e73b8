//! Refuses settings that are well-formed but dangerous or cannot work, and says how to mend them.

use std::net::{SocketAddr, ToSocketAddrs};

use actix_web::http::header::HeaderName;
use engine::ids::TenantId;
use engine::phone::PhoneNumber;
use reqwest::Url;
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;

use super::error::SettingsError;
use super::load::Loaded;
use super::{Retention, Settings, SmsProviderName, Store, StoreKind, Twilio};
use crate::bus::Address;

/// Smallest body limit that still takes a webhook, and the largest that is sane, in bytes.
const BODY_LIMITS: std::ops::RangeInclusive<usize> = 65_536..=64 * 1024 * 1024;
/// Characters of what every subject on the bus begins with.
const MAX_PREFIX: usize = 64;
/// Ten years.
const MAX_RETENTION_DAYS: u32 = 3650;
/// What a signature may be made over.
const PLACEHOLDERS: [&str; 5] = ["{body}", "{timestamp}", "{method}", "{url}", "{svix-id}"];

/// The setting, why it is refused, and what to do.
type Refusal = (&'static str, String, String);
type Verdict = Result<(), Refusal>;

pub(super) fn check(loaded: &Loaded) -> Result<(), SettingsError> {
    let rules = [
        listen,
        stores,
        bus,
        cache,
        public_url,
        log,
        data_dir,
        http,
        playbooks,
        vapi_secrets,
        vapi_headers,
        signature,
        sms,
        twilio,
        deadman,
        retention,
        limits,
    ];
    rules.iter().try_for_each(|rule| rule(&loaded.settings)).map_err(|(key, why, fix)| SettingsError::Refused {
        at: loaded.origin(key).clone(),
        key: key.to_owned(),
        why,
        fix,
    })
}

impl Settings {
    /// `listen` as an address; a host name stands for its first address.
    pub fn listen_address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok().or_else(|| self.listen.to_socket_addrs().ok()?.next())
    }
}

fn refuse(key: &'static str, why: impl Into<String>, fix: impl Into<String>) -> Verdict {
    Err((key, why.into(), fix.into()))
}

fn listen(settings: &Settings) -> Verdict {
    let Some(address) = settings.listen_address() else {
        let why = format!("{:?} is not an address and a port", settings.listen);
        return refuse("listen", why, "write it like 127.0.0.1:8080 or [::1]:8080");
    };
    if address.ip().is_loopback() || !settings.platforms.vapi.secret.expose_secret().is_empty() {
        return Ok(());
    }
    let why = format!("{address} is reachable from other machines and no webhook secret is configured");
    refuse("listen", why, "set CORDBOARD_PLATFORMS__VAPI__SECRET, or listen on 127.0.0.1 behind a tunnel or proxy")
}

fn stores(settings: &Settings) -> Verdict {
    let store = &settings.store;
    match store.kind() {
        None => {
            let fix = "use sqlite: (in the data directory), sqlite:PATH or postgres://user:password@host:5432/database";
            return refuse("store.url", "it is no store we know", fix);
        }
        Some(StoreKind::Sqlite) if store.readers == 0 => {
            return refuse("store.readers", "nothing could be read", "set it to 1 or more");
        }
        Some(StoreKind::Postgres) => postgres(store)?,
        Some(StoreKind::Sqlite) => {}
    }
    Ok(())
}

/// Its own words for a bad URL: it is a secret, and not shown.
fn cache(settings: &Settings) -> Verdict {
    let cache = &settings.cache;
    at_least_one("cache.ttl_s", cache.ttl_s)?;
    at_least_one("cache.loads", cache.loads as u64)?;
    at_least_one("cache.timeout_ms", cache.timeout_ms)?;
    at_least_one("cache.connect_timeout_ms", cache.connect_timeout_ms)?;
    let word = |c: char| c.is_ascii_alphanumeric() || ['.', '_', '-', ':'].contains(&c);
    if cache.prefix.is_empty() || cache.prefix.len() > 64 || !cache.prefix.chars().all(word) {
        return refuse("cache.prefix", "keys would not be told apart by it", "use letters, digits, and . _ - only");
    }
    let text = cache.url.expose_secret();
    if text.is_empty() {
        return Ok(());
    }
    let fix = "give it as redis://user:password@host:6379/0, with %40 for an @ in the password";
    let Some(url) = Url::parse(text).ok().filter(|url| url.has_host() && matches!(url.scheme(), "redis" | "rediss"))
    else {
        return refuse("cache.url", "it does not say which Redis", fix);
    };
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() && database.parse::<u8>().is_err() {
        return refuse("cache.url", "its path is not the number of a database", fix);
    }
    if url.scheme() == "redis" && !cache.ca_file.is_empty() {
        return refuse("cache.ca_file", "redis:// is without TLS: nobody would be asked", "use rediss:// in cache.url");
    }
    Ok(())
}

/// A tenth more than this has its own number.
const MOST_SPOOLED: u64 = 15_000_000;

/// Its own words for a bad URL: it is a secret, and not shown.
fn postgres(store: &Store) -> Verdict {
    let url = Url::parse(store.url.expose_secret());
    // A slash or an @ in it is what is left of a password that was not escaped.
    let is_name = |path: &str| !path.is_empty() && !path.contains(['/', '@']);
    let named = url.is_ok_and(|url| url.path().strip_prefix('/').is_some_and(is_name));
    if !named {
        let fix = "give it as postgres://user:password@host:5432/database, with %40 for an @ in the password";
        return refuse("store.url", "it does not say which database of which server", fix);
    }
    if store.connections < 4 {
        return refuse(
            "store.connections",
            "two are kept for recording calls, too few are left",
            "set it to 4 or more",
        );
    }
    if store.acquire_timeout_ms == 0 {
        return refuse("store.acquire_timeout_ms", "nobody would get a connection", "set it to 1 or more");
    }
    if store.statement_timeout_ms == 0 {
        return refuse("store.statement_timeout_ms", "a statement could take for ever", "set it to 1 or more");
    }
    let spool = &store.spool;
    if spool.patience_ms == 0 {
        return refuse("store.spool.patience_ms", "nobody would ever wait for Postgres", "set it to 1 or more");
    }
    if spool.probe_ms == 0 {
        return refuse("store.spool.probe_ms", "Postgres would be asked without a pause", "set it to 1 or more");
    }
    if spool.max_frames > MOST_SPOOLED {
        let fix = format!("set it to {MOST_SPOOLED} or less");
        return refuse("store.spool.max_frames", "places in the spool could not be told apart", fix);
    }
    Ok(())
}

/// Its own words for a bad URL: it is a secret, and not shown.
fn bus(settings: &Settings) -> Verdict {
    let bus = &settings.bus;
    let url = bus.url.expose_secret();
    if url.is_empty() {
        return Ok(());
    }
    if let Err(why) = Address::parse(url) {
        let fix = "give it as nats://host:4222 or tls://user:password@host:4222, with %40 for an @ in the password";
        return refuse("bus.url", why.to_string(), fix);
    }
    let token =
        |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if bus.prefix.len() > MAX_PREFIX || !bus.prefix.split('.').all(token) {
        let fix = "words of letters, digits, - and _ with dots between, at most 64 characters, like cordboard";
        return refuse("bus.prefix", "it cannot begin a subject", fix);
    }
    at_least_one("bus.connect_timeout_ms", bus.connect_timeout_ms)?;
    at_least_one("bus.answer_timeout_ms", bus.answer_timeout_ms)
}

fn public_url(settings: &Settings) -> Verdict {
    const KEY: &str = "public_url";
    if settings.public_url.is_empty() {
        return Ok(());
    }
    secure_url(KEY, &settings.public_url, "webhooks carry secrets and transcripts")?;
    let url = Url::parse(&settings.public_url).expect("it was just parsed");
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return refuse(KEY, "it has a path", "give scheme and host only, like https://calls.example.com");
    }
    Ok(())
}

/// https, or http on this machine.
fn secure_url(key: &'static str, text: &str, because: &str) -> Verdict {
    let Some(url) = Url::parse(text).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
    else {
        return refuse(key, format!("{text:?} is not an http or https URL"), "write it like https://calls.example.com");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(key, "it carries a user name or password", "give them in their own settings");
    }
    if url.scheme() == "https" || is_loopback(&url) {
        return Ok(());
    }
    refuse(key, format!("plain http beyond this machine: {because}"), "use https")
}

/// Does this URL stay on this machine?
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn log(settings: &Settings) -> Verdict {
    match EnvFilter::try_new(&settings.log) {
        Ok(_) => Ok(()),
        Err(error) => {
            refuse("log", format!("not a level or filter: {error}"), "write it like info or info,gateway=debug")
        }
    }
}

fn data_dir(settings: &Settings) -> Verdict {
    if settings.data_dir.as_os_str().is_empty() {
        return refuse("data_dir", "it is empty", "name a directory, like ./data");
    }
    Ok(())
}

fn http(settings: &Settings) -> Verdict {
    let http = &settings.http;
    if !BODY_LIMITS.contains(&http.webhook_body_bytes) {
        let why = format!("webhooks are 40 KB to 1.5 MB, so {} bytes cannot be meant", http.webhook_body_bytes);
        return refuse("http.webhook_body_bytes", why, "set it between 65536 and 67108864");
    }
    at_least_one("http.max_connections", http.max_connections as u64)?;
    at_least_one("http.head_timeout_s", http.head_timeout_s)?;
    at_least_one("http.body_timeout_s", http.body_timeout_s)
}

fn playbooks(settings: &Settings) -> Verdict {
    let tenant = &settings.playbooks.default_tenant;
    if tenant.is_empty() || TenantId::parse(tenant).is_ok() {
        return Ok(());
    }
    let why = format!("{tenant:?} is not the id of a tenant");
    refuse("playbooks.default_tenant", why, "write it as `tenant` in the playbook, like boreal, or leave it empty")
}

fn vapi_secrets(settings: &Settings) -> Verdict {
    let vapi = &settings.platforms.vapi;
    let secret = vapi.secret.expose_secret();
    if !secret.is_empty() && secret.trim() != secret {
        return refuse(
            "platforms.vapi.secret",
            "it begins or ends with a space, which a header cannot carry",
            "remove the space",
        );
    }
    // An empty header is what an unconfigured platform sends: it must prove nothing.
    if vapi.previous_secrets.iter().any(|previous| previous.expose_secret().trim().is_empty()) {
        return refuse("platforms.vapi.previous_secrets", "one of them is empty: it would let anybody in", "remove it");
    }
    secure_url("platforms.vapi.base_url", &vapi.base_url, "the API key would be readable")
}

fn vapi_headers(settings: &Settings) -> Verdict {
    let vapi = &settings.platforms.vapi;
    let headers = [
        ("platforms.vapi.secret_header", &vapi.secret_header, false),
        ("platforms.vapi.bearer_header", &vapi.bearer_header, false),
        ("platforms.vapi.hmac.signature_header", &vapi.hmac.signature_header, false),
        ("platforms.vapi.hmac.timestamp_header", &vapi.hmac.timestamp_header, !vapi.hmac.include_timestamp),
        ("platforms.vapi.hmac.message_id_header", &vapi.hmac.message_id_header, true),
    ];
    for (key, name, may_be_empty) in headers {
        let fine = (may_be_empty && name.is_empty()) || HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !fine {
            return refuse(key, format!("{name:?} is not the name of a header"), "use letters, digits and dashes");
        }
    }
    Ok(())
}

fn signature(settings: &Settings) -> Verdict {
    const KEY: &str = "platforms.vapi.hmac.payload_format";
    let hmac = &settings.platforms.vapi.hmac;
    if !hmac.payload_format.contains("{body}") {
        return refuse(KEY, "the signature would not cover the body, so any body would pass", "include {body}");
    }
    let rest = PLACEHOLDERS.iter().fold(hmac.payload_format.clone(), |text, known| text.replace(known, ""));
    if rest.contains(['{', '}']) {
        return refuse(KEY, "it has an unknown placeholder", format!("use only {}", PLACEHOLDERS.join(" ")));
    }
    if hmac.payload_format.contains("{timestamp}") && !hmac.include_timestamp {
        return refuse(KEY, "it wants a timestamp and include_timestamp is false", "set include_timestamp = true");
    }
    if hmac.payload_format.contains("{svix-id}") && hmac.message_id_header.is_empty() {
        return refuse(KEY, "it wants {svix-id} and message_id_header is empty", "name the header, like svix-id");
    }
    Ok(())
}

fn sms(settings: &Settings) -> Verdict {
    let sms = &settings.sms;
    if sms.sandbox.from.parse::<PhoneNumber>().is_err() {
        return refuse("sms.sandbox.from", "it is not a telephone number", "write it like +15145550100");
    }
    positive("sms.sandbox.mps", sms.sandbox.mps)?;
    positive("sms.twilio.mps", sms.twilio.mps)?;
    none_or_positive("sms.twilio.account_mps", sms.twilio.account_mps)?;
    at_least_one("sms.sweep_after_s", sms.sweep_after_s)?;
    at_least_one("sms.poll_after_s", sms.poll_after_s)?;
    at_least_one("sms.senders", sms.senders as u64)
}

fn twilio(settings: &Settings) -> Verdict {
    let twilio = &settings.sms.twilio;
    for (key, secrets) in [
        ("sms.twilio.previous_auth_tokens", &twilio.previous_auth_tokens),
        ("sms.twilio.webhook_keys", &twilio.webhook_keys),
    ] {
        if secrets.iter().any(|secret| secret.expose_secret().trim().is_empty()) {
            return refuse(key, "one of them is empty: it would let anybody in", "remove it");
        }
    }
    if settings.sms.provider != SmsProviderName::Twilio {
        return Ok(());
    }
    if twilio.account_sid.is_empty() {
        return refuse("sms.twilio.account_sid", "it is empty and sms.provider is twilio", missing("ACCOUNT_SID"));
    }
    let key_secret = twilio.api_key_secret.expose_secret().is_empty();
    if twilio.api_key_sid.is_empty() != key_secret {
        let key = if key_secret { "sms.twilio.api_key_secret" } else { "sms.twilio.api_key_sid" };
        return refuse(key, "an API key is its sid and its secret, and one is missing", "set both, or neither");
    }
    if twilio.auth_token.expose_secret().is_empty() && twilio.api_key_sid.is_empty() {
        return refuse("sms.twilio.auth_token", "it is empty and sms.provider is twilio", missing("AUTH_TOKEN"));
    }
    sender(twilio)?;
    at_least_one("sms.twilio.timeout_s", twilio.timeout_s)?;
    at_least_one("sms.twilio.connect_timeout_s", twilio.connect_timeout_s)?;
    secure_url("sms.twilio.base_url", &twilio.base_url, "the account's token would be readable")
}

fn missing(name: &str) -> String {
    format!("set CORDBOARD_SMS__TWILIO__{name}, or sms.provider = \"sandbox\"")
}

fn sender(twilio: &Twilio) -> Verdict {
    match (twilio.from.is_empty(), twilio.messaging_service_sid.is_empty()) {
        (true, true) => refuse("sms.twilio.from", "neither it nor messaging_service_sid is set", missing("FROM")),
        (false, false) => refuse(
            "sms.twilio.messaging_service_sid",
            "sms.twilio.from is set too, and only one can send",
            "keep one of the two",
        ),
        _ => Ok(()),
    }
}

/// Its own words for a bad URL: it is a secret, and not shown.
fn deadman(settings: &Settings) -> Verdict {
    const KEY: &str = "deadman.url";
    let url = settings.deadman.url.expose_secret();
    if url.is_empty() {
        return Ok(());
    }
    let known = Url::parse(url).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
    let Some(url) = known else {
        return refuse(KEY, "it is not an http or https URL", "copy the ping URL from the service");
    };
    if url.scheme() != "https" && !is_loopback(&url) {
        return refuse(KEY, "plain http beyond this machine: anybody on the way could read it", "use https");
    }
    at_least_one("deadman.period_s", settings.deadman.period_s)
}

fn retention(settings: &Settings) -> Verdict {
    let Retention { calls_days, transcripts_days, look_every_s } = settings.retention;
    for (key, days) in [("retention.calls_days", calls_days), ("retention.transcripts_days", transcripts_days)] {
        if !(1..=MAX_RETENTION_DAYS).contains(&days) {
            return refuse(key, "it is not between 1 and 3650 days", "write a number of days");
        }
    }
    if transcripts_days > calls_days {
        let fix = "make it at most retention.calls_days";
        return refuse("retention.transcripts_days", "words would be kept longer than their calls", fix);
    }
    at_least_one("retention.look_every_s", look_every_s)
}

fn limits(settings: &Settings) -> Verdict {
    let limits = &settings.limits;
    for (key, value) in [
        ("limits.calls", limits.calls as u64),
        ("limits.seats", limits.seats as u64),
        ("limits.seats_per_call", limits.seats_per_call as u64),
        ("limits.commit_queue", limits.commit_queue as u64),
        ("limits.commit_batch", limits.commit_batch as u64),
        ("limits.answer_within_ms", limits.answer_within_ms),
        ("limits.silent_scheduled_s", limits.silent_scheduled_s),
        ("limits.silent_ringing_s", limits.silent_ringing_s),
        ("limits.silent_in_progress_s", limits.silent_in_progress_s),
    ] {
        at_least_one(key, value)?;
    }
    Ok(())
}

fn at_least_one(key: &'static str, value: u64) -> Verdict {
    if value == 0 { refuse(key, "zero lets nothing through", "set it to 1 or more") } else { Ok(()) }
}

fn positive(key: &'static str, per_second: f64) -> Verdict {
    if per_second.is_finite() && per_second > 0.0 {
        return Ok(());
    }
    refuse(key, format!("{per_second} messages per second would never send"), "set it above zero, like 1.0")
}

fn none_or_positive(key: &'static str, per_second: f64) -> Verdict {
    if per_second == 0.0 { Ok(()) } else { positive(key, per_second) }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
