//! Posts to a business's own channel, by the same guarded way: to ntfy as text with headers, to anybody else as a signed
//! JSON document (see the module above for how it is checked).

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::alert::{Reason, Word};
use engine::ids::{AlertId, CallId, TenantId};
use engine::playbook::PushFormat;
use engine::ports::{NewPush, Pusher};
use engine::priority::Priority;
use engine::tools::Lost;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use super::{HttpForwarder, header, visible};

/// What is posted. A promise to whoever receives it: fields are added, never renamed.
#[derive(Serialize)]
struct Document<'a> {
    /// `alert.open`, `alert.taken`, `alert.unanswered`.
    r#type: String,
    id: &'a str,
    alert: AlertId,
    tenant: &'a TenantId,
    call: Option<&'a CallId>,
    reason: Reason,
    priority: Priority,
    business: &'a str,
    title: &'a str,
    text: &'a str,
    client: &'a str,
    callback: &'a str,
    service: &'a str,
    address: &'a str,
    message: &'a str,
    /// Shows the alert, and asks before anything is done. Empty where the world cannot reach us.
    link: &'a str,
}

#[async_trait]
impl Pusher for HttpForwarder {
    async fn push(&self, push: &NewPush) -> Result<(), Lost> {
        let (headers, body) = match push.channel.format {
            PushFormat::Ntfy => (ntfy_headers(push)?, push.text.to_string()),
            PushFormat::Json => {
                let body = serde_json::to_string(&document(push)).expect("what we post is text");
                (self.headers(&push.channel.endpoint.secret, &push.id, &body), body)
            }
        };
        // What it answers is its own affair.
        self.send(&push.channel.endpoint, headers, body).await.map(drop)
    }
}

fn document(push: &NewPush) -> Document<'_> {
    let words = &push.words;
    Document {
        r#type: format!("alert.{}", push.word.as_str()),
        id: &push.id,
        alert: push.alert,
        tenant: &push.tenant,
        call: push.call.as_ref(),
        reason: push.reason,
        priority: push.priority,
        business: &words.business,
        title: &push.title,
        text: &push.text,
        client: &words.client,
        callback: &words.callback,
        service: &words.service,
        address: &words.address,
        message: &words.message,
        link: &words.link,
    }
}

/// `x-sequence-id`: posted twice, it is shown once.
fn ntfy_headers(push: &NewPush) -> Result<HeaderMap, Lost> {
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (HeaderName::from_static("title"), header(&in_a_header(&push.title))),
        (HeaderName::from_static("priority"), HeaderValue::from_static(urgency(push))),
        (HeaderName::from_static("tags"), HeaderValue::from_static(tag(push))),
        (HeaderName::from_static("x-sequence-id"), header(&visible(&push.id))),
        (HeaderName::from_static("idempotency-key"), header(&visible(&push.id))),
    ]);
    if push.word != Word::Taken && !push.words.link.is_empty() {
        headers.insert(HeaderName::from_static("click"), header(&visible(&push.words.link)));
    }
    let token = &push.channel.endpoint.secret;
    if !token.is_empty() {
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Lost::refused("its token fits no header"))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    Ok(headers)
}

/// ntfy's own scale: from 5, which breaks through silence, to 1.
fn urgency(push: &NewPush) -> &'static str {
    match (push.word, push.priority) {
        (Word::Taken, _) => "2",
        (_, Priority::P1) => "5",
        (_, Priority::P2) => "4",
        _ => "3",
    }
}

fn tag(push: &NewPush) -> &'static str {
    match (push.word, push.reason) {
        (Word::Taken, _) => "white_check_mark",
        (Word::Unanswered, _) => "no_entry",
        (Word::Open, Reason::Drill) => "test_tube",
        (Word::Open, _) => "rotating_light",
    }
}

/// RFC 2047 where the letters need it.
fn in_a_header(text: &str) -> String {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.contains("=?");
    if plain { text.to_owned() } else { format!("=?UTF-8?B?{}?=", STANDARD.encode(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_of_any_letters_fits_a_header_and_is_read_again() {
        for (title, sent) in [
            ("Acme P1: alert", "Acme P1: alert"),
            ("Boréal", "=?UTF-8?B?Qm9yw6lhbA==?="),
            ("a\r\nX-Evil: 1", "=?UTF-8?B?YQ0KWC1FdmlsOiAx?="),
            ("=?UTF-8?B?eA==?=", "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?="),
        ] {
            assert_eq!(in_a_header(title), sent);
            header(sent);
        }
    }
}
