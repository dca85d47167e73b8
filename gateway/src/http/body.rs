//! Reading a body that may be too large, too slow, or packed.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{Bytes, Payload};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Problem;

/// Bodies of forms and small commands.
pub const SMALL_BYTES: usize = 16 * 1024;
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

/// The whole body of a request that is [`welcome`], and the memory it takes up.
pub async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    bounds: Bounds,
    memory: &Memory,
) -> Result<(Bytes, Room), Unread> {
    let longest = promised_bytes(request).map_or(bounds.bytes, |bytes| bounds.bytes.min(bytes as usize));
    let mut body = Body { bytes: Vec::new(), room: memory.no_room_yet(), longest };
    match tokio::time::timeout(bounds.within, collect(payload, bounds.bytes, &mut body)).await {
        Ok(read) => read.map(|()| (body.bytes.into(), body.room)),
        Err(_) => Err(Unread::TooSlow),
    }
}

/// Reads a body that nobody wants, so that its sender hears the answer instead of a broken connection. Holds nothing.
pub async fn discard(payload: &mut Payload, bounds: Bounds) {
    let _ = tokio::time::timeout(bounds.within, drain(payload, bounds.bytes)).await;
}

async fn drain(payload: &mut Payload, most: usize) {
    let mut seen = 0;
    while let Some(Ok(chunk)) = payload.next().await {
        seen += chunk.len();
        if seen > most {
            return;
        }
    }
}

/// Memory for bodies being read or answered, in all. Taken as bytes arrive: a promise of bytes costs nothing.
#[derive(Clone)]
pub struct Memory(Arc<Semaphore>);

/// What one body takes of it; given back when dropped.
pub struct Room {
    memory: Memory,
    taken: Option<OwnedSemaphorePermit>,
}

impl Memory {
    const UNIT_BYTES: usize = 1024;

    pub fn new(bytes: usize) -> Memory {
        Memory(Arc::new(Semaphore::new(bytes / Self::UNIT_BYTES)))
    }

    fn no_room_yet(&self) -> Room {
        Room { memory: self.clone(), taken: None }
    }
}

impl Room {
    /// Takes what is missing for a buffer of this size.
    fn grow_to(&mut self, bytes: usize) -> Result<(), Unread> {
        let taken = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(Memory::UNIT_BYTES).saturating_sub(taken);
        let missing = u32::try_from(missing).map_err(|_| Unread::NoRoom)?;
        let more = self.memory.0.clone().try_acquire_many_owned(missing).map_err(|_| Unread::NoRoom)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

/// A body on its way in: its buffer is never larger than the room that was taken for it.
struct Body {
    bytes: Vec<u8>,
    room: Room,
    /// As far as can be told from the head.
    longest: usize,
}

impl Body {
    /// Doubles the buffer when it is full, as far as the body can still grow.
    fn push(&mut self, chunk: &[u8]) -> Result<(), Unread> {
        let length = self.bytes.len() + chunk.len();
        if length > self.bytes.capacity() {
            let capacity = (2 * self.bytes.capacity()).min(self.longest).max(length);
            self.room.grow_to(capacity)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

async fn collect(payload: &mut Payload, most: usize, body: &mut Body) -> Result<(), Unread> {
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Unread::Broken)?;
        if body.bytes.len() + chunk.len() > most {
            return Err(Unread::TooLarge);
        }
        body.push(&chunk)?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn body(memory: &Memory, longest: usize) -> Body {
        Body { bytes: Vec::new(), room: memory.no_room_yet(), longest }
    }

    #[test]
    fn a_body_takes_room_as_it_arrives_and_gives_it_back() {
        let memory = Memory::new(8 * 1024);
        let mut first = body(&memory, 1024 * 1024);
        assert_eq!(memory.0.available_permits(), 8, "a promise costs nothing");
        assert_eq!(first.push(&[0; 3 * 1024]), Ok(()));
        assert_eq!(first.push(&[0; 1024]), Ok(()));
        assert_eq!(memory.0.available_permits(), 2, "the buffer was doubled");
        let mut second = body(&memory, 1024 * 1024);
        assert_eq!(second.push(&[0; 3 * 1024]), Err(Unread::NoRoom));
        drop(first);
        assert_eq!(second.push(&[0; 3 * 1024]), Ok(()));
    }

    #[test]
    fn a_buffer_is_not_doubled_beyond_what_can_still_come() {
        let memory = Memory::new(8 * 1024);
        let mut body = body(&memory, 5 * 1024);
        assert_eq!(body.push(&[0; 3 * 1024]), Ok(()));
        assert_eq!(body.push(&[0; 2 * 1024]), Ok(()));
        assert_eq!(memory.0.available_permits(), 3);
    }
}
