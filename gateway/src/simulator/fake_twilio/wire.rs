//! HTTP/1.1 by hand, so that an answer can be broken off anywhere.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::carriers::twilio::Fields;

/// Longest request that is read.
const LONGEST: usize = 1024 * 1024;

/// A request that arrived whole.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
    /// Counts connections from 0.
    pub connection: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        find(&self.form, name)
    }

    pub fn asks(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The account in the path.
    pub fn account(&self) -> String {
        self.path.split('/').nth(3).unwrap_or_default().to_owned()
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    pub fn new(status: u16, body: &str) -> Answer {
        Answer { status, headers: Vec::new(), body: body.to_owned() }
    }

    pub fn with(mut self, header: &'static str, value: impl ToString) -> Answer {
        self.headers.push((header, value.to_string()));
        self
    }

    pub fn refuse(status: u16, code: u32, message: &str) -> Answer {
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        let body = json!({"code": code, "message": message, "more_info": more_info, "status": status});
        Answer::new(status, &body.to_string())
    }

    pub fn created(body: Value) -> Answer {
        Answer::new(201, &body.to_string())
    }

    pub(super) fn with_concurrent(self, concurrent: u32) -> Answer {
        self.with("twilio-concurrent-requests", concurrent)
    }
}

/// One request, or `None` when the other side hung up or speaks something else.
pub(super) async fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Request> {
    let head_end = loop {
        if let Some(at) = unread.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        fill(stream, unread).await?;
    };
    let head = String::from_utf8(unread.drain(..head_end).collect()).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (first.next()?, first.next()?);
    let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<_> = lines.filter_map(split).collect();
    let length: usize = find(&headers, "content-length").map_or(Some(0), |length| length.parse().ok())?;
    while unread.len() < length {
        fill(stream, unread).await?;
    }
    let body: Vec<u8> = unread.drain(..length).collect();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request {
        method,
        path: path.to_owned(),
        query: pairs(query.as_bytes()),
        headers,
        form: pairs(&body),
        connection: 0,
    })
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    Fields::read(text).iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn fill(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(unread).await.ok()?;
    (read > 0 && unread.len() <= LONGEST).then_some(())
}

/// Whether the other side may still be there.
pub(super) async fn write(stream: &mut TcpStream, answer: &Answer) -> bool {
    let headers: String = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {} X\r\ndate: {}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        answer.status,
        date(),
        answer.body.len()
    );
    stream.write_all(format!("{head}{}", answer.body).as_bytes()).await.is_ok()
}

pub(super) async fn break_off(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"sid\":").await;
}

fn date() -> String {
    jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
