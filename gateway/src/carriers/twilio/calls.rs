//! Telephoning somebody of the team: a call with its words inline, one key to press, and how it ended.
//!
//! A call is placed once. How it ended is told by webhook, or read from Twilio's books every few seconds, whichever is
//! first; without a public URL no key can be heard and the books are all there is. An answering machine acknowledges
//! nothing, whatever it plays back. Calls that wait here are in memory: after a restart a key pressed is still told to
//! whoever asks [`Phone::hears`], and nobody waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use engine::phone::PhoneNumber;
use engine::playbook::Language;
use engine::sms::SendOutcome;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::client::Account;
use super::form::{Callbacks, is_sid};
use super::posted::Fields;
use super::{Errors, answers, twiml};
use crate::carriers::BadCarrier;
use crate::settings;

/// How long it rings. Most mailboxes pick up after that.
const RING_S: &str = "25";
/// Seconds for a key after the words were said.
const KEY_WITHIN_S: u32 = 8;
/// How often the books are looked at while a call is under way.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Ringing, the words twice, and the time for a key; then nobody waits any more.
const LONGEST_CALL: Duration = Duration::from_secs(120);
/// Events of one call that have not been looked at.
const EVENTS: usize = 8;

/// One call to one person.
#[derive(Clone, Debug)]
pub struct StaffCall {
    /// Ours, unique: at most 64 letters, digits, `-` and `_`. Part of the URL Twilio calls.
    pub id: Box<str>,
    pub to: PhoneNumber,
    pub from: Box<str>,
    pub language: Language,
    /// What happened and where, and which keys there are.
    pub say: Box<str>,
}

/// What is heard of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceEvent {
    Pressed(char),
    /// A person listened, and pressed nothing.
    Listened,
    Machine,
    /// Busy, declined, or rang in vain.
    NobodyPickedUp,
    Failed,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEnd {
    Heard(VoiceEvent),
    /// It was never placed.
    NotPlaced {
        why: Box<str>,
    },
    /// It may have rung.
    Unknown {
        why: Box<str>,
    },
}

pub struct Phone {
    account: Account,
    errors: Arc<Errors>,
    callbacks: Option<Callbacks>,
    waiting: Mutex<HashMap<Box<str>, mpsc::Sender<VoiceEvent>>>,
    look_every: Duration,
}

#[derive(Deserialize)]
struct Booked {
    status: String,
    answered_by: Option<String>,
}

impl Phone {
    pub fn new(
        settings: &settings::Twilio,
        public_url: Option<&str>,
        errors: Arc<Errors>,
    ) -> Result<Phone, BadCarrier> {
        let callbacks = public_url.map(|url| Callbacks { public_url: url.to_owned() });
        Ok(Phone {
            account: Account::new(settings)?,
            errors,
            callbacks,
            waiting: Mutex::default(),
            look_every: LOOK_EVERY,
        })
    }

    /// How often the books are looked at while a call is under way.
    pub fn looking_every(self, look_every: Duration) -> Phone {
        Phone { look_every, ..self }
    }

    /// Places the call, once, and returns when it has ended, after two minutes at the latest.
    pub async fn call(&self, call: &StaffCall) -> CallEnd {
        let (sender, mut events) = mpsc::channel(EVENTS);
        self.waiting.lock().insert(call.id.clone(), sender);
        let end = match self.place(call).await {
            SendOutcome::Accepted { provider_id } => self.until_it_ends(&provider_id, &mut events).await,
            // What was heard of it before its own answer proves that it rang.
            SendOutcome::Unknown { reason } => match timeout_at(Instant::now() + LONGEST_CALL, events.recv()).await {
                Ok(Some(event)) => CallEnd::Heard(event),
                _ => CallEnd::Unknown { why: reason },
            },
            SendOutcome::Rejected { code, message, .. } => {
                CallEnd::NotPlaced { why: format!("{code}: {message}").into() }
            }
            SendOutcome::Throttled { .. } => CallEnd::NotPlaced { why: "too many requests".into() },
            SendOutcome::NotSent { reason } => CallEnd::NotPlaced { why: reason },
        };
        self.waiting.lock().remove(&call.id);
        end
    }

    /// Passes on what was heard of a call; `false`: nobody waits for it.
    pub fn hears(&self, id: &str, event: VoiceEvent) -> bool {
        let sender = self.waiting.lock().get(id).cloned();
        sender.is_some_and(|sender| sender.try_send(event).is_ok())
    }

    async fn place(&self, call: &StaffCall) -> SendOutcome {
        let mut form = vec![
            ("To", call.to.as_str().to_owned()),
            ("From", call.from.to_string()),
            ("Twiml", self.twiml(call)),
            ("MachineDetection", "Enable".to_owned()),
            ("Timeout", RING_S.to_owned()),
        ];
        if let Some(callbacks) = &self.callbacks {
            form.push(("StatusCallback", callbacks.voice(call)));
            form.push(("StatusCallbackEvent", "completed".to_owned()));
        }
        match self.account.post(self.account.url(&["Calls.json"])).form(&form).send().await {
            Ok(response) => answers::understand(response, &self.errors).await,
            Err(error) => answers::unanswered(&error),
        }
    }

    /// The words twice, and a key at any time. Without a way back, the words alone.
    fn twiml(&self, call: &StaffCall) -> String {
        let Some(callbacks) = &self.callbacks else {
            return fitting(&call.say, |say| twiml::response(&twiml::said(say, call.language).repeat(2)));
        };
        let action = twiml::escaped(&callbacks.voice(call));
        fitting(&call.say, |say| {
            let said = twiml::said(say, call.language);
            twiml::response(&format!(
                "<Gather numDigits=\"1\" timeout=\"{KEY_WITHIN_S}\" action=\"{action}\">{said}<Pause length=\"1\"/>{said}</Gather>"
            ))
        })
    }

    async fn until_it_ends(&self, sid: &str, events: &mut mpsc::Receiver<VoiceEvent>) -> CallEnd {
        let ends = Instant::now() + LONGEST_CALL;
        while Instant::now() < ends {
            match timeout_at(Instant::now() + self.look_every, events.recv()).await {
                Ok(Some(event)) => return CallEnd::Heard(event),
                Ok(None) => break,
                Err(_) => (),
            }
            if let Some(event) = self.look_up(sid).await {
                // A key pressed at the last moment is on its way to us.
                let last = timeout_at(Instant::now() + self.look_every, events.recv()).await;
                return CallEnd::Heard(last.ok().flatten().unwrap_or(event));
            }
        }
        CallEnd::Unknown { why: "the call did not end in time".into() }
    }

    /// `None`: it has not ended, or nobody can tell.
    async fn look_up(&self, sid: &str) -> Option<VoiceEvent> {
        if !is_sid(sid, "CA") {
            return None;
        }
        let url = self.account.url(&["Calls", &format!("{sid}.json")]);
        let response = self.account.get(url).send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let booked: Booked = answers::read(response).await?;
        ended(&booked.status, booked.answered_by.as_deref().unwrap_or_default())
    }
}

impl Callbacks {
    fn voice(&self, call: &StaffCall) -> String {
        format!("{}/webhooks/twilio/voice/{}?lang={}", self.public_url, call.id, call.language.as_str())
    }
}

/// What a webhook about a call tells. `None`: it goes on.
pub fn voice_event(fields: &Fields<'_>) -> Option<VoiceEvent> {
    let answered_by = fields.get("AnsweredBy").unwrap_or_default();
    let key = fields.get("Digits").and_then(|digits| digits.chars().next());
    match key {
        _ if is_machine(answered_by) => Some(VoiceEvent::Machine),
        Some(key) => Some(VoiceEvent::Pressed(key)),
        None => ended(fields.get("CallStatus").unwrap_or_default(), answered_by),
    }
}

fn ended(status: &str, answered_by: &str) -> Option<VoiceEvent> {
    match status {
        "completed" if is_machine(answered_by) => Some(VoiceEvent::Machine),
        "completed" => Some(VoiceEvent::Listened),
        "busy" | "no-answer" | "canceled" => Some(VoiceEvent::NobodyPickedUp),
        "failed" => Some(VoiceEvent::Failed),
        _ => None,
    }
}

/// `machine_start`, `machine_end_beep`, … and `fax`. `unknown` may be a person.
fn is_machine(answered_by: &str) -> bool {
    answered_by.starts_with("machine") || answered_by == "fax"
}

/// As much of the words as fits into one request.
fn fitting(say: &str, twiml: impl Fn(&str) -> String) -> String {
    let mut words: String = say.to_owned();
    loop {
        let made = twiml(&words);
        let (length, chars) = (made.chars().count(), words.chars().count());
        if length <= twiml::LONGEST || chars == 0 {
            return made;
        }
        // In proportion: they are said twice, and escapes are longer than what they stand for.
        let keep = (chars * twiml::LONGEST / length).min(chars - 1);
        words = words.chars().take(keep).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_presses_no_key_and_a_call_that_goes_on_has_not_ended() {
        let heard = |body: &str| voice_event(&Fields::read(body.as_bytes()));
        for (body, event) in [
            ("CallStatus=in-progress&Digits=1", Some(VoiceEvent::Pressed('1'))),
            ("CallStatus=in-progress&Digits=2&AnsweredBy=human", Some(VoiceEvent::Pressed('2'))),
            ("CallStatus=in-progress&Digits=1&AnsweredBy=unknown", Some(VoiceEvent::Pressed('1'))),
            ("CallStatus=in-progress&Digits=1&AnsweredBy=machine_start", Some(VoiceEvent::Machine)),
            ("CallStatus=completed&AnsweredBy=machine_end_beep", Some(VoiceEvent::Machine)),
            ("CallStatus=completed&AnsweredBy=fax", Some(VoiceEvent::Machine)),
            ("CallStatus=completed", Some(VoiceEvent::Listened)),
            ("CallStatus=no-answer", Some(VoiceEvent::NobodyPickedUp)),
            ("CallStatus=busy", Some(VoiceEvent::NobodyPickedUp)),
            ("CallStatus=failed", Some(VoiceEvent::Failed)),
            ("CallStatus=ringing", None),
            ("CallStatus=in-progress", None),
            ("", None),
        ] {
            assert_eq!(heard(body), event, "{body}");
        }
    }

    #[test]
    fn words_are_cut_to_what_one_request_may_hold() {
        let made = fitting(&"<é>".repeat(3_000), |say| twiml::response(&twiml::said(say, Language::Fr).repeat(2)));
        assert!((3_900..=twiml::LONGEST).contains(&made.chars().count()), "{}", made.chars().count());
        assert!(made.ends_with("</Say></Response>"));
        assert!(fitting("court", |say| twiml::said(say, Language::Fr)).contains("court"));
    }
}
