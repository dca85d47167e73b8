//! The frames of the live protocol, and how one looks as a Server-Sent Event.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use engine::call::CallView;
use engine::ids::CallId;
use engine::sms::Sms;
use engine::time::Timestamp;
use serde::Serialize;

use crate::http::alerts::Row;
use crate::http::auth::Role;

/// Rows in one frame of a snapshot: about 256 KB of calls.
const ROWS: usize = 500;
/// Milliseconds after which a browser tries again when the stream breaks.
const RETRY_MS: u32 = 2_000;

/// Rows of a channel. `off` is the channel's offset after the frame, `from` the one before.
#[derive(Serialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum Rows<'a, R> {
    Snap { ch: &'static str, epoch: &'a str, off: u64, part: usize, parts: usize, rows: &'a [R] },
    Patch { ch: &'static str, from: u64, off: u64, set: Vec<R>, del: Vec<CallId> },
}

/// Everything that carries no rows and moves no offset.
#[derive(Serialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum Notice {
    Welcome {
        v: u8,
        session: String,
        role: &'static str,
        ping: u64,
        server: &'static str,
        now: i64,
    },
    Err {
        ch: &'static str,
        code: &'static str,
        retry: bool,
    },
    /// `code`: why, as a WebSocket would say it. Come back after a random time between the two.
    Bye {
        code: u16,
        why: &'static str,
        retry_ms: [u32; 2],
    },
    Ping,
}

impl<R: Serialize> Rows<'_, R> {
    /// The place in the feed as the event's id, then the JSON on one line.
    pub fn encode(&self, epoch: &str) -> Bytes {
        let (Rows::Snap { off, .. } | Rows::Patch { off, .. }) = self;
        Bytes::from(format!("id: {epoch}:{off}\ndata: {}\n\n", json(self)))
    }
}

impl Notice {
    pub fn encode(&self) -> Bytes {
        Bytes::from(format!("data: {}\n\n", json(self)))
    }
}

fn json(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("frames hold text, numbers and times")
}

/// The first frame of every stream, and how soon a browser comes back when the stream breaks.
pub fn welcome(role: Role, ping: Duration, now: Timestamp) -> Bytes {
    let session = uuid::Uuid::now_v7().simple().to_string();
    let server = env!("CARGO_PKG_VERSION");
    let now = now.as_millis();
    let welcome = Notice::Welcome { v: 1, session, role: role.as_str(), ping: ping.as_secs(), server, now };
    Bytes::from([format!("retry: {RETRY_MS}\n").as_bytes(), &welcome.encode()].concat())
}

/// A snapshot in as many parts as its rows need, at least one.
pub fn snapshot<R: Serialize>(ch: &'static str, epoch: &str, off: u64, rows: &[R]) -> Vec<Bytes> {
    let parts = rows.len().div_ceil(ROWS).max(1);
    let frame = |part: usize| {
        let rows = &rows[part * ROWS..rows.len().min((part + 1) * ROWS)];
        Rows::Snap { ch, epoch, off, part: part + 1, parts, rows }.encode(epoch)
    };
    (0..parts).map(frame).collect()
}

pub type CallPatch = Rows<'static, Arc<CallView>>;
pub type AlertPatch = Rows<'static, Row>;
pub type SmsPatch = Rows<'static, Arc<Sms>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_split_and_says_into_how_many_parts() {
        let rows: Vec<usize> = (0..ROWS + 1).collect();
        let parts = snapshot("calls", "k3f9", 7, &rows);
        assert_eq!(parts.len(), 2);
        let last = std::str::from_utf8(&parts[1]).unwrap();
        assert_eq!(
            last,
            "id: k3f9:7\ndata: {\"t\":\"snap\",\"ch\":\"calls\",\"epoch\":\"k3f9\",\"off\":7,\
             \"part\":2,\"parts\":2,\"rows\":[500]}\n\n"
        );
        assert_eq!(snapshot::<usize>("sms", "k3f9", 7, &[]).len(), 1, "nothing is a snapshot too");
    }
}
