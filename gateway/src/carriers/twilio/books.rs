//! Twilio's own books: what it has of a message, asked when nobody told.

use engine::failure::Failure;
use engine::sms::{DeliveryStatus, Found};
use engine::time::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::DATE;
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::answers::{concurrent, read};
use super::form::{is_messaging_service, is_sid};
use super::{Twilio, status};

/// As many messages of one number as are looked through.
const PAGE: &str = "20";

/// Written before the body of every message of an account on trial.
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account - ";

#[derive(Deserialize)]
struct Page {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    sid: String,
    to: Option<String>,
    from: Option<String>,
    body: Option<String>,
    status: String,
    direction: Option<String>,
    date_created: Option<String>,
    error_code: Option<u32>,
    messaging_service_sid: Option<String>,
}

impl Twilio {
    /// Messages of these words from this sender to this number, whoever sent them and whenever, newest first; a rewritten
    /// one as it was before. An error is no answer and never means absence.
    pub(super) async fn find_in_books(&self, to: &str, sender: &str, body: &str) -> Result<Vec<Found>, Failure> {
        // Not by DateSent: a message that waits has none yet.
        let mut query = vec![("To", to), ("PageSize", PAGE)];
        if !is_messaging_service(sender) {
            query.push(("From", sender));
        }
        let response = self.ask(&["Messages.json"], &query).await?;
        let skew = self.skew(&response);
        let page: Page = self.page(response).await?;
        let is_it = |message: &&Message| message.is(to, sender, body);
        page.messages.iter().filter(is_it).map(|message| message.booked(skew)).collect()
    }

    /// One message by Twilio's own id; `None` when Twilio does not know it.
    pub(super) async fn fetch_from_books(&self, provider_id: &str) -> Result<Option<Found>, Failure> {
        // It becomes part of a path.
        if !is_sid(provider_id, "SM") && !is_sid(provider_id, "MM") {
            return Ok(None);
        }
        let response = self.ask(&["Messages", &format!("{provider_id}.json")], &[]).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let skew = self.skew(&response);
        let message: Message = self.page(response).await?;
        message.booked(skew).map(Some)
    }

    async fn ask(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Response, Failure> {
        let request = self.account.get(self.account.url(path)).query(query);
        let response = request.send().await.map_err(|_| Failure::retry("twilio cannot be asked"))?;
        self.hears(concurrent(response.headers()));
        Ok(response)
    }

    async fn page<T: serde::de::DeserializeOwned>(&self, response: Response) -> Result<T, Failure> {
        let status = response.status();
        if !status.is_success() {
            return Err(Failure::retry(format!("twilio answered {}", status.as_u16())));
        }
        read(response).await.ok_or_else(|| Failure::retry("twilio's answer cannot be read"))
    }

    /// Milliseconds our clock is ahead of Twilio's.
    fn skew(&self, response: &Response) -> i64 {
        let theirs = response.headers().get(DATE).and_then(|date| at(date.to_str().ok()?));
        theirs.map_or(0, |theirs| self.clock.now().as_millis() - theirs.as_millis())
    }
}

impl Message {
    fn is(&self, to: &str, sender: &str, body: &str) -> bool {
        let from = if is_messaging_service(sender) { &self.messaging_service_sid } else { &self.from };
        let words = self.body.as_deref().unwrap_or_default();
        self.direction.as_deref() == Some("outbound-api")
            && self.to.as_deref() == Some(to)
            && from.as_deref() == Some(sender)
            && words.strip_prefix(TRIAL_PREFIX).unwrap_or(words) == body
    }

    fn booked(&self, skew_ms: i64) -> Result<Found, Failure> {
        let created_at = self.date_created.as_deref().and_then(at);
        let created_at = created_at.ok_or_else(|| Failure::retry("twilio's books show a message without a time"))?;
        Ok(Found {
            provider_id: self.sid.as_str().into(),
            // Whatever else it says, it is in the books.
            status: status(&self.status).unwrap_or(DeliveryStatus::Accepted),
            error_code: self.error_code,
            created_at: Timestamp::from_millis(created_at.as_millis() + skew_ms),
        })
    }
}

/// `Wed, 25 Nov 2026 18:12:37 +0000`
fn at(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|at| Timestamp::from_millis(at.timestamp().as_millisecond()))
}
