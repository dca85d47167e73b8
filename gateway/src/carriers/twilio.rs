//! Twilio: one form POST per message.
//!
//! Creating a message there is not idempotent, so what matters is to know what an answer proves. No byte written: not
//! sent. "Too many requests", or a refusal: not sent, and by the code we know what follows. Anything else once bytes
//! have left (a timeout, a reset, a server error, a success that cannot be read): unknown. Nothing is ever repeated
//! here. Facts: twilio.com/docs/messaging/api/message-resource, read 2026-11.

mod errors;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actors::system::Senders;
use async_trait::async_trait;
use engine::phone::without_numbers;
use engine::playbook::sms::OwnCarrier;
use engine::ports::{Clock, SmsProvider};
use engine::sms::{Attempt, ErrorClass, SendOutcome, Sms};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tracing::{debug, warn};

use self::errors::ErrorTable;
use super::{BadCarrier, Carrier, pace};
use crate::settings;

/// Answers are about 1 KiB; one that is longer than this is not read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Seconds a message may wait at Twilio. Source: error 90007.
const VALIDITY_S: std::ops::RangeInclusive<u64> = 1..=36_000;

/// Idle connections are dropped before Twilio drops them: a request on one that is being closed would be unknown.
const IDLE: Duration = Duration::from_secs(20);

pub struct Twilio {
    http: Client,
    messages: Url,
    account_sid: String,
    auth_token: SecretString,
    errors: ErrorTable,
    clock: Arc<dyn Clock>,
}

pub(super) fn carrier(settings: &settings::Twilio, clock: Arc<dyn Clock>) -> Result<Carrier, BadCarrier> {
    let from = match (settings.messaging_service_sid.as_str(), settings.from.as_str()) {
        ("", "") => return Err(BadCarrier::Missing { setting: "sms.twilio.from" }),
        ("", number) => number,
        (service, _) => service,
    };
    let senders = Senders { names: vec![from.to_owned()], per_second: pace(settings.mps) };
    Ok(Carrier { provider: Arc::new(Twilio::new(settings, clock)?), senders, reports: None })
}

/// A tenant's own account; everything else is as the deployment has it.
pub(super) fn own_account(
    settings: &settings::Twilio,
    own: &OwnCarrier,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn SmsProvider>, BadCarrier> {
    let (account_sid, auth_token) = (own.account.to_string(), own.secret.to_string().into());
    let settings = settings::Twilio { account_sid, auth_token, ..settings.clone() };
    Ok(Arc::new(Twilio::new(&settings, clock)?))
}

impl Twilio {
    pub fn new(settings: &settings::Twilio, clock: Arc<dyn Clock>) -> Result<Twilio, BadCarrier> {
        let account_sid = settings.account_sid.clone();
        if account_sid.is_empty() {
            return Err(BadCarrier::Missing { setting: "sms.twilio.account_sid" });
        }
        if settings.auth_token.expose_secret().is_empty() {
            return Err(BadCarrier::Missing { setting: "sms.twilio.auth_token" });
        }
        let base = base_url(&settings.base_url)?;
        let http = client(settings, is_loopback(&base))
            .map_err(|error| BadCarrier::Bad { setting: "sms.twilio", why: error.to_string() })?;
        let messages = messages_url(base, &account_sid)?;
        let auth_token = settings.auth_token.clone();
        Ok(Twilio { http, messages, account_sid, auth_token, errors: ErrorTable::built_in(), clock })
    }

    /// The form. `sender` is a messaging service when it is one's id, else a number or a name.
    fn form<'a>(&self, sms: &'a Sms, sender: &'a str) -> [(&'static str, std::borrow::Cow<'a, str>); 4] {
        let from = if is_messaging_service(sender) { "MessagingServiceSid" } else { "From" };
        let left_s = sms.expires_at.since(self.clock.now()).as_secs();
        let validity_s = left_s.clamp(*VALIDITY_S.start(), *VALIDITY_S.end());
        [
            ("To", sms.to.as_str().into()),
            (from, sender.into()),
            ("Body", (&*sms.body).into()),
            ("ValidityPeriod", validity_s.to_string().into()),
        ]
    }

    async fn understand(&self, response: Response) -> SendOutcome {
        let status = response.status();
        let request_id = response.headers().get("twilio-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        debug!(http.status = status.as_u16(), twilio.request_id = request_id, "carrier answered");
        if status == StatusCode::TOO_MANY_REQUESTS {
            return SendOutcome::Throttled { after: retry_after(response.headers()) };
        }
        let answer = read(response).await;
        match status.as_u16() {
            200..=299 => match answer.and_then(|answer| answer.sid).filter(|sid| !sid.is_empty()) {
                Some(sid) => SendOutcome::Accepted { provider_id: sid.into() },
                None => SendOutcome::Unknown { reason: "accepted with an answer that cannot be read".into() },
            },
            400..=599 => self.refused(status, answer.unwrap_or_default()),
            // Nobody follows a redirect with a POST that costs money.
            _ => SendOutcome::Unknown { reason: format!("unexpected status {status}").into() },
        }
    }

    fn refused(&self, status: StatusCode, answer: Answer) -> SendOutcome {
        let known = answer.code.and_then(|code| self.errors.class_of(code));
        let code = answer.code.unwrap_or(u32::from(status.as_u16()));
        let class = match known {
            Some(class) => class,
            None if status.is_server_error() => ErrorClass::Unknown,
            None if status == StatusCode::UNAUTHORIZED => ErrorClass::AccountFault,
            None => {
                warn!(http.status = status.as_u16(), twilio.code = code, "refusal with a code that is in no table");
                ErrorClass::PermanentUnknownCode
            }
        };
        let message = without_numbers(&answer.message.unwrap_or_else(|| format!("status {}", status.as_u16())));
        match class {
            ErrorClass::ThrottleAccount => SendOutcome::Throttled { after: None },
            ErrorClass::Unknown | ErrorClass::UnknownLeanUnsent | ErrorClass::UnknownDelivery => {
                SendOutcome::Unknown { reason: format!("{code}: {message}").into() }
            }
            class => SendOutcome::Rejected { code, class, message: message.into() },
        }
    }
}

#[async_trait]
impl SmsProvider for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    async fn send(&self, sms: &Sms, attempt: &Attempt) -> SendOutcome {
        let request = self
            .http
            .post(self.messages.clone())
            .basic_auth(&self.account_sid, Some(self.auth_token.expose_secret()))
            .form(&self.form(sms, &attempt.sender));
        match request.send().await {
            Ok(response) => self.understand(response).await,
            Err(error) if error.is_connect() => SendOutcome::NotSent { reason: "cannot connect".into() },
            Err(error) if error.is_builder() => SendOutcome::NotSent { reason: "request cannot be built".into() },
            Err(error) if error.is_timeout() => SendOutcome::Unknown { reason: "no answer in time".into() },
            Err(_) => SendOutcome::Unknown { reason: "connection lost before the answer".into() },
        }
    }
}

/// What we read of an answer, success or refusal.
#[derive(Default, Deserialize)]
struct Answer {
    sid: Option<String>,
    code: Option<u32>,
    message: Option<String>,
}

/// `None` when it breaks off, is too long, or is not such an answer.
async fn read(mut response: Response) -> Option<Answer> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).ok()
}

/// Seconds only: Twilio sends no dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn client(settings: &settings::Twilio, loopback: bool) -> reqwest::Result<Client> {
    // Whoever comes first installs it; there is only one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("cordboard/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(settings.connect_timeout_s))
        .timeout(Duration::from_secs(settings.timeout_s))
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    if loopback { builder.no_proxy().build() } else { builder.build() }
}

/// Credentials and bodies leave in clear only to this very machine.
fn base_url(text: &str) -> Result<Url, BadCarrier> {
    let bad = |why: &str| BadCarrier::Bad { setting: "sms.twilio.base_url", why: why.to_owned() };
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(bad("http:// is for this machine only, use https://")),
        _ => Err(bad("not an https:// URL")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn messages_url(mut base: Url, account_sid: &str) -> Result<Url, BadCarrier> {
    let mut path = base
        .path_segments_mut()
        .map_err(|()| BadCarrier::Bad { setting: "sms.twilio.base_url", why: "has no path".to_owned() })?;
    path.pop_if_empty().extend(["2010-04-01", "Accounts", account_sid, "Messages.json"]);
    drop(path);
    Ok(base)
}

/// `MG` and 32 hexadecimal digits.
fn is_messaging_service(sender: &str) -> bool {
    let digits = sender.strip_prefix("MG").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_in_clear_only_to_this_machine() {
        for (text, taken) in [
            ("https://api.example.com", true),
            ("http://127.0.0.1:4010", true),
            ("http://[::1]:4010", true),
            ("http://localhost:4010", true),
            ("http://api.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.8", false),
            ("ftp://127.0.0.1", false),
            ("api.example.com", false),
            ("", false),
        ] {
            assert_eq!(base_url(text).is_ok(), taken, "{text}");
        }
    }

    #[test]
    fn the_url_keeps_the_path_of_its_base() {
        for base in ["https://proxy.example.com/sms", "https://proxy.example.com/sms/"] {
            let url = messages_url(Url::parse(base).unwrap(), "AC0").unwrap();
            assert_eq!(url.as_str(), "https://proxy.example.com/sms/2010-04-01/Accounts/AC0/Messages.json");
        }
    }

    #[test]
    fn only_a_services_id_is_a_service() {
        assert!(is_messaging_service(&format!("MG{}", "0a".repeat(16))));
        assert!(!is_messaging_service("+15145550199"));
        assert!(!is_messaging_service("MGARAGE"));
    }
}
