//! Asks a business's own server: one signed POST, and no way from it into our network.
//!
//! Who receives it takes the header `x-cordboard-timestamp` (seconds since 1970), computes HMAC-SHA256 of
//! `TIMESTAMP.BODY` with the shared secret, compares it in constant time with `x-cordboard-signature` (hexadecimal),
//! and refuses a timestamp that is more than five minutes away. `idempotency-key` is the same whenever the same thing
//! is asked again: answer it, and do nothing twice.

mod beacon;
mod push;
mod resolver;

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::addresses;
use engine::failure::Failure;
use engine::ports::{Clock, Forwarder, Post};
use engine::tools::{Endpoint, Lost};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Response, Url};
use sha2::Sha256;

pub use self::beacon::HttpBeacon;
use self::resolver::{OnlyPublic, is_not_public};

/// Longest answer read, in bytes. The model has to read it too.
const LONGEST_ANSWER: usize = 16 * 1024;
/// A server that does not even take the connection will not answer in time either.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// Idle connections are dropped before most servers drop them: a request on one that is being closed would be lost.
const IDLE: Duration = Duration::from_secs(20);

pub struct HttpForwarder {
    /// Connects to public addresses only, and encrypted.
    guarded: Client,
    /// For tools whose playbook allows private addresses.
    open: Client,
    clock: Arc<dyn Clock>,
}

impl HttpForwarder {
    pub fn new(clock: Arc<dyn Clock>) -> Result<HttpForwarder, Failure> {
        let built = |builder: ClientBuilder| builder.build().map_err(|e| Failure::fail(format!("http client: {e}")));
        let guarded = client().https_only(true).dns_resolver(OnlyPublic);
        Ok(HttpForwarder { guarded: built(guarded)?, open: built(client())?, clock })
    }

    /// A host that is an address already is connected to without being looked up.
    fn client_for(&self, url: &Url, allow_private: bool) -> Result<&Client, Lost> {
        if allow_private {
            return Ok(&self.open);
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse() {
            Ok(address) if !addresses::is_public(address) => Err(Lost::not_asked(NOT_PUBLIC)),
            _ => Ok(&self.guarded),
        }
    }

    fn headers(&self, secret: &str, idempotency_key: &str, body: &str) -> HeaderMap {
        let seconds = (self.clock.now().as_millis() / 1_000).to_string();
        let mut signature = header(&signature(secret, &seconds, body));
        signature.set_sensitive(true);
        HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (HeaderName::from_static("idempotency-key"), header(&visible(idempotency_key))),
            (HeaderName::from_static("x-cordboard-timestamp"), header(&seconds)),
            (HeaderName::from_static("x-cordboard-signature"), signature),
        ])
    }

    /// Once, and to no address it may not go to. The answer of a success, not read yet.
    async fn send(&self, endpoint: &Endpoint, headers: HeaderMap, body: String) -> Result<Response, Lost> {
        let url = Url::parse(&endpoint.url).map_err(|_| Lost::not_asked("its URL cannot be read"))?;
        let client = self.client_for(&url, endpoint.allow_private)?;
        let response = client.post(url).headers(headers).body(body).send().await.map_err(|error| not_sent(&error))?;
        match response.status().as_u16() {
            200..=299 => Ok(response),
            // Not the answer to what was asked: not read in time, not now, not yet. It may be asked again.
            status @ (408 | 425 | 429) => Err(Lost::unknown(format!("status {status}"))),
            status @ 300..=499 => Err(Lost::refused(format!("status {status}"))),
            status => Err(Lost::unknown(format!("status {status}"))),
        }
    }
}

const NOT_PUBLIC: &str = "its address is private, and the playbook does not allow that";

/// Never through a proxy of the environment: it would look the name up itself, and connect wherever that leads.
pub(crate) fn client() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(8)
        .user_agent(concat!("cordboard/", env!("CARGO_PKG_VERSION")))
}

#[async_trait]
impl Forwarder for HttpForwarder {
    async fn post(&self, post: Post<'_>) -> Result<String, Lost> {
        let headers = self.headers(&post.endpoint.secret, post.idempotency_key, post.body);
        let response = self.send(post.endpoint, headers, post.body.to_owned()).await?;
        let is_page = is_html(&response);
        let answer = read(response).await?;
        // Sloppy servers send JSON under any name; a page that is one is a login or an error, and no result.
        let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(&answer).is_ok();
        if is_page && !is_json() { Err(Lost::unknown("a page instead of an answer")) } else { Ok(answer) }
    }
}

fn not_sent(error: &reqwest::Error) -> Lost {
    if is_not_public(error) {
        Lost::not_asked(NOT_PUBLIC)
    } else if error.is_builder() {
        Lost::not_asked("its URL is not https")
    } else if error.is_connect() {
        Lost::not_asked(if error.is_timeout() { "no connection within 1000 ms" } else { "no connection" })
    } else {
        Lost::unknown("the connection broke off")
    }
}

fn is_html(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"].iter().any(|html| media_type.eq_ignore_ascii_case(html))
}

/// At most [`LONGEST_ANSWER`] bytes are ever in memory, whatever the length it claims.
async fn read(mut response: Response) -> Result<String, Lost> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Lost::unknown("the answer broke off"))? {
        if answer.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Lost::unknown(format!("an answer of more than {LONGEST_ANSWER} bytes")));
        }
        answer.extend_from_slice(&chunk);
    }
    String::from_utf8(answer).map_err(|_| Lost::unknown("an answer that is not UTF-8"))
}

fn signature(secret: &str, seconds: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in [seconds, ".", body] {
        mac.update(part.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

/// Ids are hostile text: what a header cannot carry is percent-encoded, so that different keys stay different.
fn visible(key: &str) -> String {
    let mut visible = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'%' | 0..=b' ' | 0x7f.. => write!(visible, "%{byte:02X}").expect("a string takes everything"),
            _ => visible.push(byte.into()),
        }
    }
    visible
}

fn header(visible: &str) -> HeaderValue {
    HeaderValue::from_str(visible).expect("visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_any_other_implementation_makes_of_it() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac a-secret-of-this-tool
        let expected = "3d049ca4ca58d7b024c3545fab7e18259119d629bbcbf6d0efedc031728a806a";
        assert_eq!(signature("a-secret-of-this-tool", "1700000000", r#"{"a":1}"#), expected);
    }

    #[test]
    fn a_key_of_any_letters_fits_a_header_and_stays_distinct() {
        for (key, sent) in [
            ("call-1/call_abc", "call-1/call_abc"),
            ("a\r\nx-evil: 1/t", "a%0D%0Ax-evil:%201/t"),
            ("é%C3", "%C3%A9%25C3"),
            ("", ""),
        ] {
            assert_eq!(visible(key), sent);
            header(&visible(key));
        }
    }
}
