//! What an answer proves.

use std::time::Duration;

use engine::phone::without_numbers;
use engine::sms::{ErrorClass, SendOutcome};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracing::debug;

use super::errors::{Errors, Heard};

/// Answers are about 1 KiB, lists of 20 messages about 20; one that is longer than this is not read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// "Service unavailable".
const UNAVAILABLE: u32 = 20503;

/// Requests of the account under way at once, as Twilio counts them.
const CONCURRENT: &str = "twilio-concurrent-requests";

/// What we read of an answer, success or refusal.
#[derive(Default, Deserialize)]
pub(super) struct Answer {
    pub sid: Option<String>,
    pub code: Option<u32>,
    pub message: Option<String>,
}

/// How a request to create something ended.
pub(super) async fn understand(response: Response, errors: &Errors) -> SendOutcome {
    let status = response.status();
    let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    debug!(
        http.status = status.as_u16(),
        twilio.request_id = text("twilio-request-id"),
        twilio.concurrent = text(CONCURRENT),
        twilio.duration = text("twilio-request-duration"),
        "carrier answered"
    );
    if status == StatusCode::TOO_MANY_REQUESTS {
        return SendOutcome::Throttled { after: retry_after(response.headers()) };
    }
    let answer: Option<Answer> = read(response).await;
    match status.as_u16() {
        200..=299 => match answer.and_then(|answer| answer.sid).filter(|sid| !sid.is_empty()) {
            Some(sid) => SendOutcome::Accepted { provider_id: sid.into() },
            None => SendOutcome::Unknown { code: None, reason: "accepted with an answer that cannot be read".into() },
        },
        400..=599 => refused(status, answer.unwrap_or_default(), errors),
        // Nobody follows a redirect with a POST that costs money.
        _ => SendOutcome::Unknown { code: None, reason: format!("unexpected status {status}").into() },
    }
}

fn refused(status: StatusCode, answer: Answer, errors: &Errors) -> SendOutcome {
    // A proxy in between says the same without Twilio's code.
    let named = answer.code.or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(UNAVAILABLE));
    let code = named.unwrap_or(u32::from(status.as_u16()));
    let class = match named.and_then(|code| errors.class_of(code, Heard::InAnAnswer)) {
        Some(class) => class,
        None if status.is_server_error() => ErrorClass::Unknown,
        None if status == StatusCode::UNAUTHORIZED => ErrorClass::AccountFault,
        None => ErrorClass::PermanentUnknownCode,
    };
    let message = without_numbers(&answer.message.unwrap_or_else(|| format!("status {}", status.as_u16())));
    match class {
        ErrorClass::ThrottleAccount => SendOutcome::Throttled { after: None },
        ErrorClass::Unknown | ErrorClass::UnknownLeanUnsent | ErrorClass::UnknownDelivery => {
            SendOutcome::Unknown { code: named, reason: format!("{code}: {message}").into() }
        }
        class => SendOutcome::Rejected { code, class, message: message.into() },
    }
}

/// How a request ended that got no answer.
pub(super) fn unanswered(error: &reqwest::Error) -> SendOutcome {
    match error {
        error if error.is_connect() => SendOutcome::NotSent { reason: "cannot connect".into() },
        error if error.is_builder() => SendOutcome::NotSent { reason: "request cannot be built".into() },
        error if error.is_timeout() => SendOutcome::Unknown { code: None, reason: "no answer in time".into() },
        _ => SendOutcome::Unknown { code: None, reason: "connection lost before the answer".into() },
    }
}

/// `None` when it breaks off, is too long, or is not such an answer.
pub(super) async fn read<T: DeserializeOwned>(mut response: Response) -> Option<T> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).ok()
}

pub(super) fn concurrent(headers: &HeaderMap) -> Option<u32> {
    headers.get(CONCURRENT)?.to_str().ok()?.trim().parse().ok()
}

/// Seconds only: Twilio sends no dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
