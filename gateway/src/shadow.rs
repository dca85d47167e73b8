//! The webhook of a business that only watches: what reaches us is handed on to it as it came, and what it answers is
//! what the platform hears. We never stand between the two for longer than it takes.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use engine::failure::Failure;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use tokio::sync::Semaphore;

use crate::forward;

/// Webhooks handed on at once.
const AT_ONCE: usize = 512;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Bytes of an answer. The largest that is known is an assistant described in full.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Headers that belong to one connection, or that are made anew for the next one. So do those that `Connection` names:
/// RFC 9110 §7.6.1.
const NOT_HANDED_ON: [HeaderName; 13] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Hands webhooks on. It goes wherever the playbook says: it is the owner's own server, often on this machine.
#[derive(Clone)]
pub struct Handover {
    client: Client,
    places: Arc<Semaphore>,
}

/// What the other webhook answered, whatever it was.
#[derive(Clone, Debug)]
pub struct TheirAnswer {
    pub status: u16,
    pub content_type: Option<Box<str>>,
    pub body: Bytes,
}

/// Why there is no answer to hand back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("too many webhooks are being handed on")]
    Busy,
    #[error("it does not answer in time")]
    TooSlow,
    #[error("it cannot be reached")]
    Unreachable,
    #[error("its answer broke off, or is too large")]
    Broken,
}

impl NoAnswer {
    /// Whether it may have heard the question, and done what it was asked.
    pub const fn was_asked(self) -> bool {
        match self {
            NoAnswer::TooSlow | NoAnswer::Broken => true,
            NoAnswer::Busy | NoAnswer::Unreachable => false,
        }
    }
}

impl Handover {
    pub fn new() -> Result<Handover, Failure> {
        let client = forward::client().connect_timeout(CONNECT_WITHIN);
        let client = client.build().map_err(|e| Failure::fail(format!("http client: {e}")))?;
        Ok(Handover { client, places: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// `headers` as they came.
    pub async fn ask<'a>(
        &self,
        url: &str,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        body: Bytes,
        within: Duration,
    ) -> Result<TheirAnswer, NoAnswer> {
        let _place = self.places.try_acquire().map_err(|_| NoAnswer::Busy)?;
        let url = Url::parse(url).map_err(|_| NoAnswer::Unreachable)?;
        let request = self.client.post(url).headers(handed_on(headers)).body(body);
        let asked = async { read(request.send().await?).await };
        match tokio::time::timeout(within, asked).await {
            Err(_) => Err(NoAnswer::TooSlow),
            Ok(Ok(answer)) => answer.ok_or(NoAnswer::Broken),
            Ok(Err(error)) if error.is_connect() || error.is_builder() => Err(NoAnswer::Unreachable),
            Ok(Err(_)) => Err(NoAnswer::Broken),
        }
    }
}

/// `None` when there is more of it than anybody should send.
async fn read(mut answer: reqwest::Response) -> Result<Option<TheirAnswer>, reqwest::Error> {
    let status: StatusCode = answer.status();
    let content_type = answer.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).map(Box::from);
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(TheirAnswer { status: status.as_u16(), content_type, body: body.freeze() }))
}

fn handed_on<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> HeaderMap {
    let parsed = headers.filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?))
    });
    let mut kept = HeaderMap::new();
    for (name, value) in parsed {
        kept.append(name, value);
    }
    for name in NOT_HANDED_ON.into_iter().chain(of_this_connection(&kept)) {
        kept.remove(name);
    }
    kept
}

fn of_this_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let options = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    options.flat_map(|options| options.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_connection_are_not_handed_on() {
        let came: [(&str, &[u8]); 9] = [
            ("host", b"a"),
            ("x-vapi-secret", b"s"),
            ("Transfer-Encoding", b"chunked"),
            ("bad name", b"x"),
            ("Keep-Alive", b"timeout=5"),
            ("trailer", b"expires"),
            ("proxy-connection", b"close"),
            ("connection", b"close, X-Hop"),
            ("x-hop", b"1"),
        ];
        let kept = handed_on(came.into_iter());
        assert_eq!(kept.len(), 1);
        assert_eq!(kept["x-vapi-secret"], "s");
    }
}
