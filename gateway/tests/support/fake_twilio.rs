//! A Twilio of our own on 127.0.0.1: it does what its script says and remembers every request it was sent.
//!
//! Unscripted requests are accepted. The log is the carrier's side of the story: what really reached it, whatever the
//! sender believes.

// Each test file that includes this uses another part of it.
#![allow(dead_code)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it does with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// 201 and a new message.
    Accept,
    /// Any answer: status, one more header, body.
    Answer(u16, &'static str, String),
    /// Takes the request, then resets the connection.
    Reset,
    /// Answers 201 and breaks off in the middle of the body.
    BreakOff,
    /// Never answers and keeps the connection.
    Hang,
}

impl Act {
    /// A refusal as Twilio writes it.
    pub fn refuse(status: u16, code: u32, message: &str) -> Act {
        let body = format!(
            r#"{{"code":{code},"message":"{message}","more_info":"https://www.example.com/{code}","status":{status}}}"#
        );
        Act::Answer(status, "", body)
    }
}

/// A request that arrived whole.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
    /// Counts connections from 0.
    pub connection: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone)]
pub struct FakeTwilio {
    address: SocketAddr,
    state: Arc<State>,
    /// Its connections end with the last handle.
    _listening: Arc<JoinSet<()>>,
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Act>>,
    log: Mutex<Vec<Request>>,
}

impl FakeTwilio {
    pub async fn start() -> FakeTwilio {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, state.clone()));
        FakeTwilio { address, state, _listening: Arc::new(listening) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds to the script.
    pub fn will(&self, act: Act) {
        self.state.script.lock().unwrap().push_back(act);
    }

    /// Every request so far, oldest first.
    pub fn log(&self) -> Vec<Request> {
        self.state.log.lock().unwrap().clone()
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    for connection in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream, state.clone(), connection));
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>, connection: usize) {
    let mut unread = Vec::new();
    while let Some(mut request) = read_request(&mut stream, &mut unread).await {
        request.connection = connection;
        let number = {
            let mut log = state.log.lock().unwrap();
            log.push(request);
            log.len()
        };
        let act = state.script.lock().unwrap().pop_front().unwrap_or(Act::Accept);
        match act {
            Act::Accept => answer(&mut stream, 201, "", &message(number)).await,
            Act::Answer(status, header, body) => answer(&mut stream, status, header, &body).await,
            Act::Reset => return stream.set_zero_linger().unwrap(),
            Act::BreakOff => {
                let _ = stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"sid\":").await;
                return;
            }
            Act::Hang => std::future::pending().await,
        }
    }
}

/// One request, or `None` when the other side hung up.
async fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Request> {
    let head_end = loop {
        if let Some(at) = unread.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        fill(stream, unread).await?;
    };
    let head = String::from_utf8(unread.drain(..head_end).collect()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (first.next()?, first.next()?);
    let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<_> = lines.filter_map(split).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, n)| n.parse().unwrap());
    while unread.len() < length {
        fill(stream, unread).await?;
    }
    let body = String::from_utf8(unread.drain(..length).collect()).unwrap();
    Some(Request { method, path, headers, form: form(&body), connection: 0 })
}

async fn fill(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(unread).await.ok()?;
    (read > 0).then_some(())
}

fn form(body: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://form/?{body}")).unwrap();
    url.query_pairs().into_owned().collect()
}

async fn answer(stream: &mut TcpStream, status: u16, header: &str, body: &str) {
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{header}content-length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

fn message(number: usize) -> String {
    format!(r#"{{"sid":"SM{number:032x}","status":"queued","error_code":null,"num_segments":"1"}}"#)
}
