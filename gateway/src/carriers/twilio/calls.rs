//! Telephoning somebody of the team: a call with its words inline, one key to press, and how it ended.
//!
//! A call is placed once. How it ended is told by webhook, or read from Twilio's books every few seconds, whichever is
//! first; without a public URL no key can be heard and the books are all there is. An answering machine acknowledges
//! nothing, whatever it plays back. Calls that are waited for are in memory: a key pressed is told to the alert by the
//! call's name, and needs nobody who waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use engine::alert::Answer;
use engine::ports::{CallOutcome, NewCall};
use engine::sms::SendOutcome;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::client::Account;
use super::form::{Callbacks, is_sid};
use super::posted::Fields;
use super::twiml::KEY_WITHIN_S;
use super::{Errors, Ways, answers, twiml};
use crate::carriers::BadCarrier;
use crate::settings;

/// How long it rings. Most mailboxes pick up after that.
const RING_S: &str = "25";
/// How often the books are looked at while a call is under way.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Ringing, the words twice, and the time for a key; then nobody waits any more.
const LONGEST_CALL: Duration = Duration::from_secs(120);
/// Events of one call that have not been looked at.
const EVENTS: usize = 8;

/// What a webhook tells of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Answered(Answer),
    /// A key that means nothing.
    OtherKey,
    Ended(CallOutcome),
}

/// Calls that somebody here waits for.
#[derive(Default)]
pub struct UnderWay(Mutex<HashMap<Box<str>, mpsc::Sender<CallOutcome>>>);

impl UnderWay {
    /// Passes on how a call ended; `false`: nobody waits for it.
    pub fn ended(&self, id: &str, outcome: CallOutcome) -> bool {
        let sender = self.0.lock().get(id).cloned();
        sender.is_some_and(|sender| sender.try_send(outcome).is_ok())
    }

    fn begins(&self, id: &str) -> mpsc::Receiver<CallOutcome> {
        let (sender, events) = mpsc::channel(EVENTS);
        self.0.lock().insert(id.into(), sender);
        events
    }
}

/// Phones from one account.
pub struct Phone {
    account: Account,
    /// Empty where texts leave by a service alone: nobody can be phoned then.
    from: String,
    errors: Arc<Errors>,
    callbacks: Option<Callbacks>,
    under_way: Arc<UnderWay>,
    look_every: Duration,
}

#[derive(Deserialize)]
struct Booked {
    status: String,
    answered_by: Option<String>,
}

impl Phone {
    pub fn new(settings: &settings::Twilio, ways: &Ways) -> Result<Phone, BadCarrier> {
        Ok(Phone {
            account: Account::new(settings)?,
            from: settings.from.clone(),
            errors: ways.errors.clone(),
            callbacks: ways.callbacks(),
            under_way: ways.calls.clone(),
            look_every: LOOK_EVERY,
        })
    }

    /// How often the books are looked at while a call is under way.
    pub fn looking_every(self, look_every: Duration) -> Phone {
        Phone { look_every, ..self }
    }

    /// Places the call, once, and returns when it has ended, after two minutes at the latest.
    pub async fn call(&self, call: &NewCall) -> CallOutcome {
        if self.from.is_empty() {
            return CallOutcome::Failed { why: "there is no number to phone from".into() };
        }
        let mut events = self.under_way.begins(&call.id);
        let outcome = match self.place(call).await {
            SendOutcome::Accepted { provider_id } => self.until_it_ends(&provider_id, &mut events).await,
            // What was heard of it before its own answer proves that it rang.
            SendOutcome::Unknown { reason, .. } => match timeout_at(Instant::now() + LONGEST_CALL, events.recv()).await
            {
                Ok(Some(outcome)) => outcome,
                _ => CallOutcome::Unknown { why: reason },
            },
            SendOutcome::Rejected { code, message, .. } => {
                CallOutcome::Failed { why: format!("{code}: {message}").into() }
            }
            SendOutcome::Throttled { .. } => CallOutcome::Failed { why: "too many requests".into() },
            SendOutcome::NotSent { reason } => CallOutcome::Failed { why: reason },
        };
        self.under_way.0.lock().remove(&call.id);
        outcome
    }

    async fn place(&self, call: &NewCall) -> SendOutcome {
        let mut form = vec![
            ("To", call.to.as_str().to_owned()),
            ("From", self.from.clone()),
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
    fn twiml(&self, call: &NewCall) -> String {
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

    async fn until_it_ends(&self, sid: &str, events: &mut mpsc::Receiver<CallOutcome>) -> CallOutcome {
        let ends = Instant::now() + LONGEST_CALL;
        while Instant::now() < ends {
            match timeout_at(Instant::now() + self.look_every, events.recv()).await {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => break,
                Err(_) => (),
            }
            if let Some(outcome) = self.look_up(sid).await {
                // A key pressed at the last moment is on its way to us.
                let last = timeout_at(Instant::now() + self.look_every, events.recv()).await;
                return last.ok().flatten().unwrap_or(outcome);
            }
        }
        CallOutcome::Unknown { why: "the call did not end in time".into() }
    }

    /// `None`: it has not ended, or nobody can tell.
    async fn look_up(&self, sid: &str) -> Option<CallOutcome> {
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
    fn voice(&self, call: &NewCall) -> String {
        format!("{}/webhooks/twilio/voice/{}?lang={}", self.public_url, call.id, call.language.as_str())
    }
}

/// What a webhook about a call tells. `None`: it goes on.
pub fn heard(fields: &Fields<'_>) -> Option<Heard> {
    let answered_by = fields.get("AnsweredBy").unwrap_or_default();
    match fields.get("Digits").filter(|digits| !digits.is_empty()) {
        _ if is_machine(answered_by) => Some(Heard::Ended(CallOutcome::Machine)),
        Some("1") => Some(Heard::Answered(Answer::Take)),
        Some("2") => Some(Heard::Answered(Answer::Pass)),
        Some(_) => Some(Heard::OtherKey),
        None => ended(fields.get("CallStatus").unwrap_or_default(), answered_by).map(Heard::Ended),
    }
}

fn ended(status: &str, answered_by: &str) -> Option<CallOutcome> {
    match status {
        "completed" if is_machine(answered_by) => Some(CallOutcome::Machine),
        "completed" => Some(CallOutcome::Answered { answer: None }),
        "busy" | "no-answer" | "canceled" => Some(CallOutcome::NoAnswer),
        "failed" => Some(CallOutcome::Failed { why: "the carrier could not connect it".into() }),
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
    use engine::playbook::Language;

    use super::*;

    #[test]
    fn a_machine_presses_no_key_and_a_call_that_goes_on_has_not_ended() {
        let failed = CallOutcome::Failed { why: "the carrier could not connect it".into() };
        let ended = |outcome| Some(Heard::Ended(outcome));
        for (body, told) in [
            ("CallStatus=in-progress&Digits=1", Some(Heard::Answered(Answer::Take))),
            ("CallStatus=in-progress&Digits=2&AnsweredBy=human", Some(Heard::Answered(Answer::Pass))),
            ("CallStatus=in-progress&Digits=1&AnsweredBy=unknown", Some(Heard::Answered(Answer::Take))),
            ("CallStatus=in-progress&Digits=12", Some(Heard::OtherKey)),
            ("CallStatus=in-progress&Digits=%23", Some(Heard::OtherKey)),
            ("CallStatus=in-progress&Digits=1&AnsweredBy=machine_start", ended(CallOutcome::Machine)),
            ("CallStatus=completed&AnsweredBy=machine_end_beep", ended(CallOutcome::Machine)),
            ("CallStatus=completed&AnsweredBy=fax", ended(CallOutcome::Machine)),
            ("CallStatus=completed", ended(CallOutcome::Answered { answer: None })),
            ("CallStatus=no-answer", ended(CallOutcome::NoAnswer)),
            ("CallStatus=busy", ended(CallOutcome::NoAnswer)),
            ("CallStatus=failed", ended(failed)),
            ("CallStatus=ringing", None),
            ("CallStatus=in-progress", None),
            ("", None),
        ] {
            assert_eq!(heard(&Fields::read(body.as_bytes())), told, "{body}");
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
