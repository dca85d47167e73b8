//! What it tells us afterwards, signed; on time, late, twice, backwards, or not at all.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha1::Sha1;
use tokio::time::sleep;

use super::act::{Fate, Manners};
use super::books::{Message, Plan};
use super::{SOON, State};

type Form = Vec<(String, String)>;

/// Makes the calls.
pub(super) struct Caller {
    http: reqwest::Client,
    made: Mutex<Vec<(String, u16)>>,
}

impl Caller {
    pub fn new() -> Caller {
        // Whoever comes first installs it; there is only one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(15)).build();
        Caller { http: http.expect("a client without certificates of its own"), made: Mutex::default() }
    }

    pub fn made(&self) -> Vec<(String, u16)> {
        self.made.lock().clone()
    }

    /// Status and body; 0 where nobody answers.
    pub async fn post(&self, manners: &Manners, url: &str, form: &Form) -> (u16, String) {
        let url = url.split('#').next().unwrap_or_default();
        let proxied =
            manners.reached_at.as_ref().and_then(|(public, real)| Some(format!("{real}{}", url.strip_prefix(public)?)));
        let account = form.iter().find(|(name, _)| name == "AccountSid").map_or("", |(_, account)| account);
        let request = self.http.post(proxied.as_deref().unwrap_or(url));
        let request = request.header("x-twilio-signature", signature(manners.token_of(account), url, form)).form(form);
        let answered = match request.send().await {
            Ok(response) => (response.status().as_u16(), response.text().await.unwrap_or_default()),
            Err(_) => (0, String::new()),
        };
        self.made.lock().push((url.to_owned(), answered.0));
        answered
    }

    /// As often as the URL's fragment asks for, until somebody takes it.
    pub async fn insist(&self, manners: &Manners, url: &str, form: &Form) {
        let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
        let times = fragment.split('&').find_map(|pair| pair.strip_prefix("rc=")?.parse().ok()).unwrap_or(0_u32);
        for _ in 0..=times {
            if (200..300).contains(&self.post(manners, url, form).await.0) {
                return;
            }
            sleep(SOON * 20).await;
        }
    }
}

/// Made anew from the description of it, not with the product's own.
fn signature(token: &str, url: &str, form: &Form) -> String {
    let mut pairs = form.clone();
    pairs.sort();
    pairs.dedup();
    let text = pairs.iter().fold(url.to_owned(), |text, (name, value)| text + name + value);
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(token.as_bytes()).expect("an HMAC takes any key");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

impl State {
    /// What becomes of a message, told as the manners have it.
    pub(super) async fn deliver(self: &Arc<Self>, sid: &str, plan: Plan, fate: Fate, manners: &Manners) {
        let fails = plan.fails.or(if let Fate::Failed(code) = fate { Some(code) } else { None });
        let mut steps: Vec<(Duration, &'static str, Option<u32>)> = match (fails, fate) {
            (Some(code), _) => vec![(plan.leaves_in, "failed", Some(code))],
            (None, Fate::Sent) => vec![(plan.leaves_in, "sent", None)],
            (None, Fate::Undelivered(code)) => {
                vec![(plan.leaves_in, "sent", None), (manners.delivery, "undelivered", Some(code))]
            }
            (None, _) => vec![(plan.leaves_in, "sent", None), (manners.delivery, "delivered", None)],
        };
        if manners.callbacks_reversed {
            steps.reverse();
        }
        for (wait, status, code) in steps {
            sleep(wait).await;
            let moved = self.books.lock().moves(sid, status, code);
            if let Some(message) = moved {
                self.tell(&message, manners).await;
            }
        }
    }

    async fn tell(&self, message: &Message, manners: &Manners) {
        let Some(url) = message.callback.as_deref().filter(|_| !manners.callbacks_lost) else { return };
        let form = form(message);
        sleep(manners.callbacks_late).await;
        for _ in 0..if manners.callbacks_twice { 2 } else { 1 } {
            self.caller.insist(manners, url, &form).await;
        }
    }
}

fn form(message: &Message) -> Form {
    let code = message.error_code.map(|code| code.to_string());
    let mut fields = vec![
        ("MessageSid", message.sid.as_str()),
        ("SmsSid", message.sid.as_str()),
        ("MessageStatus", message.status),
        ("SmsStatus", message.status),
        ("AccountSid", message.account.as_str()),
        ("From", message.from.as_deref().unwrap_or("+15005550006")),
        ("To", message.to.as_str()),
        ("ApiVersion", "2010-04-01"),
    ];
    fields.extend(code.as_deref().map(|code| ("ErrorCode", code)));
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
