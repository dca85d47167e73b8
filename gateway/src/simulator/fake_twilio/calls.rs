//! Calls: whoever is there picks up, listens and presses a key, or does not.

use std::sync::Arc;

use serde_json::json;
use tokio::time::sleep;

use super::act::{Manners, Person};
use super::wire::{Answer, Request};
use super::{SOON, State};

impl State {
    pub(super) fn take_call(self: &Arc<Self>, request: &Request, manners: &Manners) -> Answer {
        let field = |name: &str| request.field(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let (Some(to), Some(twiml)) = (field("To"), field("Twiml")) else {
            return Answer::refuse(400, 21205, "'To' and 'Twiml' are required");
        };
        if field("From").is_none() {
            return Answer::refuse(400, 21213, "A 'From' phone number is required");
        }
        if twiml.chars().count() > 4_000 {
            return Answer::refuse(400, 21219, "'Twiml' is over 4000 characters");
        }
        let sid = self.books.lock().next("CA");
        self.books.lock().calls.insert(sid.clone(), ("queued", None));
        let person = self.people.lock().get(&to).copied().unwrap_or_default();
        let call = Call {
            sid: sid.clone(),
            account: request.account(),
            action: action(&twiml),
            callback: field("StatusCallback"),
            person,
        };
        let (state, manners) = (self.clone(), manners.clone());
        tokio::spawn(async move { state.ring(call, &manners).await });
        Answer::created(json!({"sid": sid, "status": "queued", "to": to}))
    }

    async fn ring(&self, call: Call, manners: &Manners) {
        sleep(SOON).await;
        let (end, answered_by, key) = match call.person {
            Person::RingsOn => {
                self.books.lock().calls.insert(call.sid, ("ringing", None));
                return;
            }
            Person::NobodyPicksUp => ("no-answer", None, None),
            Person::Busy => ("busy", None, None),
            Person::PicksUp(key) => ("completed", Some("human"), key),
            Person::Machine(key) => ("completed", Some("machine_start"), key),
        };
        if let (Some(url), Some(key)) = (&call.action, key) {
            let form = call.form("in-progress", answered_by, Some(key));
            self.caller.post(manners, url, &form).await;
        }
        self.books.lock().calls.insert(call.sid.clone(), (end, answered_by));
        if let Some(url) = &call.callback {
            self.caller.post(manners, url, &call.form(end, answered_by, None)).await;
        }
    }
}

struct Call {
    sid: String,
    account: String,
    action: Option<String>,
    callback: Option<String>,
    person: Person,
}

impl Call {
    fn form(&self, status: &str, answered_by: Option<&str>, key: Option<char>) -> Vec<(String, String)> {
        let mut fields = vec![
            ("CallSid", self.sid.clone()),
            ("AccountSid", self.account.clone()),
            ("CallStatus", status.to_owned()),
        ];
        fields.extend(answered_by.map(|by| ("AnsweredBy", by.to_owned())));
        fields.extend(key.map(|key| ("Digits", key.to_string())));
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The URL a key pressed goes to.
fn action(twiml: &str) -> Option<String> {
    let rest = twiml.split_once("action=\"")?.1;
    Some(rest.split_once('"')?.0.replace("&amp;", "&"))
}
