//! What it has taken, in which order each sender works it off, and who wants nothing from whom.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use engine::sms::{Wish, segments, wish};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::act::Manners;
use super::wire::{Answer, Request};

/// A message it has taken.
#[derive(Clone, Debug)]
pub struct Message {
    pub sid: String,
    pub account: String,
    pub to: String,
    /// The number it is sent from; none until a service picks one.
    pub from: Option<String>,
    pub service: Option<String>,
    pub body: String,
    pub segments: u32,
    pub status: &'static str,
    pub error_code: Option<u32>,
    pub callback: Option<String>,
    /// When it was taken.
    pub at: Instant,
    /// When it is, or was, its turn.
    pub leaves_at: Instant,
    created: jiff::Timestamp,
}

/// What is to happen to a message, and when.
pub(super) struct Plan {
    pub leaves_in: Duration,
    /// It ends before it leaves, with this code.
    pub fails: Option<u32>,
}

#[derive(Default)]
pub(super) struct Books {
    pub messages: Vec<Message>,
    pub calls: HashMap<String, (&'static str, Option<&'static str>)>,
    /// When each sender has worked off what it has.
    free_at: HashMap<String, Instant>,
    /// Who has texted STOP to which number.
    opted_out: BTreeSet<(String, String)>,
    count: usize,
}

/// No sender ever waits for nothing.
const AT_ONCE: Duration = Duration::ZERO;

impl Books {
    pub fn next(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{:032x}", self.count)
    }

    /// Takes a message that is well-formed, or refuses it.
    pub fn take(&mut self, request: &Request, manners: &Manners) -> Result<(Message, Plan), Answer> {
        let field = |name: &str| request.field(name).map(str::to_owned);
        let (to, from) = (field("To").unwrap_or_default(), field("From"));
        let service = field("MessagingServiceSid");
        let sender = from.clone().or_else(|| service.clone()).unwrap_or_default();
        if self.opted_out.contains(&(to.clone(), sender.clone())) {
            return Err(Answer::refuse(400, 21610, "Attempt to send to unsubscribed recipient"));
        }
        let body = field("Body").unwrap_or_default();
        let cost = u32::from(segments(&body).count);
        let now = Instant::now();
        let leaves_at = self.free_at.get(&sender).copied().unwrap_or(now).max(now);
        let mut fails = None;
        if leaves_at - now > manners.queue {
            match service {
                None => return Err(Answer::refuse(400, 21611, "This 'From' number has exceeded its queue")),
                Some(_) => fails = Some(30001),
            }
        }
        let leaves_in = leaves_at - now;
        let validity = field("ValidityPeriod").and_then(|seconds| seconds.parse().ok()).unwrap_or(36_000);
        if leaves_in > Duration::from_secs(validity) {
            fails = fails.or(Some(30036));
        }
        if let (Some(mps), None) = (manners.mps, fails) {
            self.free_at.insert(sender, leaves_at + Duration::from_secs_f64(f64::from(cost) / mps));
        }
        let leaves_in = if fails == Some(30036) { Duration::from_secs(validity) } else { leaves_in };
        let message = Message {
            sid: self.next("SM"),
            account: request.account(),
            to,
            from,
            status: if service.is_some() { "accepted" } else { "queued" },
            service,
            body,
            segments: cost,
            error_code: None,
            callback: field("StatusCallback"),
            at: now,
            leaves_at,
            created: jiff::Timestamp::now(),
        };
        self.messages.push(message.clone());
        Ok((message, Plan { leaves_in: if fails == Some(30001) { AT_ONCE } else { leaves_in }, fails }))
    }

    /// A message has come to this. Returns it as it now stands.
    pub fn moves(&mut self, sid: &str, status: &'static str, code: Option<u32>) -> Option<Message> {
        let message = self.messages.iter_mut().find(|message| message.sid == sid)?;
        message.status = status;
        message.error_code = code;
        Some(message.clone())
    }

    pub fn list(&self, request: &Request, lag: Duration) -> Answer {
        let size: usize = request.asks("PageSize").and_then(|size| size.parse().ok()).unwrap_or(50).min(1_000);
        let fits = |message: &&Message| {
            request.asks("To").is_none_or(|to| to == message.to)
                && request.asks("From").is_none_or(|from| Some(from) == message.from.as_deref())
                && message.at.elapsed() >= lag
        };
        let account = request.account();
        let newest = self.messages.iter().rev().filter(fits).take(size);
        let messages: Vec<Value> = newest.map(|message| message.json(&account)).collect();
        let uri = format!("/2010-04-01/Accounts/{account}/Messages.json?PageSize={size}&Page=0");
        let end = messages.len().saturating_sub(1);
        let page = json!({
            "messages": messages, "page": 0, "page_size": size, "start": 0, "end": end, "uri": uri,
            "first_page_uri": uri, "next_page_uri": null, "previous_page_uri": null,
        });
        Answer::new(200, &page.to_string())
    }

    /// `SM….json` or `CA….json`.
    pub fn one(&self, file: &str, account: &str) -> Answer {
        let sid = file.trim_end_matches(".json");
        if let Some((status, answered_by)) = self.calls.get(sid) {
            let call = json!({"sid": sid, "status": status, "answered_by": answered_by});
            return Answer::new(200, &call.to_string());
        }
        match self.messages.iter().find(|message| message.sid == sid) {
            Some(message) => Answer::new(200, &message.json(account).to_string()),
            None => Answer::refuse(404, 20404, "The requested resource was not found"),
        }
    }

    /// A number belongs to the account that last sent by it.
    fn owner_of(&self, number: &str) -> String {
        let sent = self.messages.iter().rev().find(|message| message.from.as_deref() == Some(number));
        sent.map_or_else(|| "AC00000000000000000000000000000000".to_owned(), |message| message.account.clone())
    }

    /// The form of a text that comes in. English keywords are obeyed; the others are not known to the real one either.
    pub fn comes_in(&mut self, from: &str, to: &str, body: &str) -> Vec<(String, String)> {
        let pair = (from.to_owned(), to.to_owned());
        match (wish(body), body.is_ascii()) {
            (Wish::Stop(engine::sms::Said::Keyword), true) if !body.to_ascii_uppercase().starts_with("ARRET") => {
                self.opted_out.insert(pair);
            }
            (Wish::Start, true) => {
                self.opted_out.remove(&pair);
            }
            _ => (),
        }
        let (sid, account) = (self.next("SM"), self.owner_of(to));
        let fields = [
            ("MessageSid", sid.as_str()),
            ("SmsSid", sid.as_str()),
            ("AccountSid", account.as_str()),
            ("From", from),
            ("To", to),
            ("Body", body),
            ("NumMedia", "0"),
            ("NumSegments", "1"),
            ("ApiVersion", "2010-04-01"),
        ];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }
}

impl Message {
    pub(super) fn json(&self, account: &str) -> Value {
        let at = self.created.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let segments = if self.service.is_some() && self.status == "accepted" { 0 } else { self.segments };
        let uri = format!("/2010-04-01/Accounts/{account}/Messages/{}.json", self.sid);
        json!({
            "sid": self.sid, "account_sid": account, "to": self.to, "from": self.from, "body": self.body,
            "status": self.status, "error_code": self.error_code,
            "error_message": self.error_code.map(|code| format!("error {code}")),
            "num_segments": segments.to_string(), "num_media": "0", "direction": "outbound-api",
            "messaging_service_sid": self.service, "api_version": "2010-04-01",
            "date_created": at, "date_updated": at, "date_sent": null, "price": null, "price_unit": "USD",
            "uri": uri, "subresource_uris": {"media": uri.replace(".json", "/Media.json")},
        })
    }
}
