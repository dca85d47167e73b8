//! Reading a body that may be too large, too slow, or packed.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Problem;

/// Bodies of forms and small commands.
pub const SMALL_BYTES: usize = 16 * 1024;
/// Reserved at once. A sender that promises 8 MiB and sends nothing costs this much.
const FIRST_RESERVE_BYTES: usize = 64 * 1024;

/// How much of a body is read, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub bytes: usize,
    pub within: Duration,
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    TooLarge,
    TooSlow,
    Packed,
    Broken,
    /// Too many others are being read.
    NoRoom,
}

/// What the head already promises to be too large, or packed, is refused without reading it.
pub fn welcome(request: &HttpRequest, bounds: Bounds) -> Result<(), Unread> {
    if packed(request) {
        Err(Unread::Packed)
    } else if promised_bytes(request).is_some_and(|bytes| bytes > bounds.bytes as u64) {
        Err(Unread::TooLarge)
    } else {
        Ok(())
    }
}

/// The whole body of a request that is [`welcome`].
pub async fn read(request: &HttpRequest, payload: Payload, bounds: Bounds) -> Result<Bytes, Unread> {
    let promised = promised_bytes(request);
    let reserve = promised.map_or(0, |bytes| bytes as usize).min(FIRST_RESERVE_BYTES);
    match tokio::time::timeout(bounds.within, collect(payload, bounds.bytes, reserve)).await {
        Ok(read) => read,
        Err(_) => Err(Unread::TooSlow),
    }
}

/// Reads a body that nobody wants, so that its sender hears the answer instead of a broken connection. Holds nothing.
pub async fn discard(payload: Payload, bounds: Bounds) {
    let _ = tokio::time::timeout(bounds.within, drain(payload, bounds.bytes)).await;
}

async fn drain(mut payload: Payload, most: usize) {
    let mut seen = 0;
    while let Some(Ok(chunk)) = payload.next().await {
        seen += chunk.len();
        if seen > most {
            return;
        }
    }
}

/// Memory for bodies being read or answered, in all.
#[derive(Clone)]
pub struct Memory(Arc<Semaphore>);

impl Memory {
    const UNIT_BYTES: usize = 1024;

    pub fn new(bytes: usize) -> Memory {
        Memory(Arc::new(Semaphore::new(bytes / Self::UNIT_BYTES)))
    }

    /// Room for what the head promises, or for the longest body when it promises nothing.
    pub fn take(&self, request: &HttpRequest, bounds: Bounds) -> Result<OwnedSemaphorePermit, Unread> {
        let bytes = promised_bytes(request).map_or(bounds.bytes, |bytes| bounds.bytes.min(bytes as usize));
        let units = u32::try_from(bytes / Self::UNIT_BYTES + 1).unwrap_or(u32::MAX);
        self.0.clone().try_acquire_many_owned(units).map_err(|_| Unread::NoRoom)
    }
}

async fn collect(mut payload: Payload, most: usize, reserve: usize) -> Result<Bytes, Unread> {
    let mut body = BytesMut::with_capacity(reserve);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Unread::Broken)?;
        if body.len() + chunk.len() > most {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn promised_bytes(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Nobody needs to pack a webhook, and an unpacked one cannot be a bomb.
fn packed(request: &HttpRequest) -> bool {
    let encodings = request.headers().get_all(CONTENT_ENCODING);
    encodings.into_iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

impl Unread {
    /// A metric label.
    pub fn label(self) -> &'static str {
        match self {
            Unread::TooLarge => "too_large",
            Unread::TooSlow => "too_slow",
            Unread::Packed => "packed",
            Unread::Broken => "broken",
            Unread::NoRoom => "no_room",
        }
    }

    pub fn problem(self, bounds: Bounds) -> Problem {
        let (status, detail) = match self {
            Unread::NoRoom => return Problem::unavailable("too many bodies are being read"),
            Unread::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is over {} bytes", bounds.bytes)),
            Unread::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, format!("the body took longer than {} s", bounds.within.as_secs()))
            }
            Unread::Packed => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding is not accepted".to_owned()),
            Unread::Broken => (StatusCode::BAD_REQUEST, "the body broke off".to_owned()),
        };
        Problem::new(status, detail)
    }
}
