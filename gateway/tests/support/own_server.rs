//! A business's own server on 127.0.0.1: it does what its script says, else it answers `done`, and remembers every
//! request and every connection.

// Each test file that includes this uses another part of it.
#![allow(dead_code)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub const SECRET: &str = "a-secret-of-this-tool";

pub enum Act {
    /// Status, one more header, body.
    Answer(u16, &'static str, String),
    /// A body that never ends.
    Pour,
    /// Takes the request, then resets the connection.
    Reset,
    /// Never answers and keeps the connection.
    Hang,
}

#[derive(Clone, Debug)]
pub struct Request {
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// As the documentation tells a business to check it.
    pub fn is_signed(&self) -> bool {
        let signed = format!("{}.{}", self.header("x-cordboard-timestamp"), self.body);
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        mac.verify_slice(&hex::decode(self.header("x-cordboard-signature")).unwrap()).is_ok()
    }
}

#[derive(Clone)]
pub struct OwnServer {
    pub address: SocketAddr,
    state: Arc<State>,
    /// Its connections end with the last handle.
    _listening: Arc<JoinSet<()>>,
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Act>>,
    log: Mutex<Vec<Request>>,
    connections: Mutex<usize>,
    arrival: Notify,
}

impl OwnServer {
    pub async fn start() -> OwnServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, state.clone()));
        OwnServer { address, state, _listening: Arc::new(listening) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/tools", self.address)
    }

    /// Adds to the script.
    pub fn will(&self, act: Act) {
        self.state.script.lock().unwrap().push_back(act);
    }

    pub fn answers(&self, status: u16, body: &str) {
        self.will(Act::Answer(status, "", body.to_owned()));
    }

    /// Every request so far, oldest first.
    pub fn log(&self) -> Vec<Request> {
        self.state.log.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// Returns when so many requests have arrived in all.
    pub async fn requests(&self, count: usize) {
        while self.log().len() < count {
            self.state.arrival.notified().await;
        }
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        *state.connections.lock().unwrap() += 1;
        connections.spawn(serve(stream, state.clone()));
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut unread = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut unread).await {
        state.log.lock().unwrap().push(request);
        state.arrival.notify_one();
        let act = state.script.lock().unwrap().pop_front();
        match act.unwrap_or_else(|| Act::Answer(200, "", r#"{"result":"done"}"#.to_owned())) {
            Act::Answer(status, header, body) => {
                let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
                let head = format!("HTTP/1.1 {status} X\r\n{header}content-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
            Act::Pour => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
                while stream.write_all(b"400\r\n").await.is_ok()
                    && stream.write_all(&[b'x'; 1024]).await.is_ok()
                    && stream.write_all(b"\r\n").await.is_ok()
                {}
                return;
            }
            Act::Reset => return stream.set_zero_linger().unwrap(),
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
    let head = String::from_utf8_lossy(&unread.drain(..head_end).collect::<Vec<_>>()).into_owned();
    let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<_> = head.lines().skip(1).filter_map(split).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, n)| n.parse().unwrap());
    while unread.len() < length {
        fill(stream, unread).await?;
    }
    let body = String::from_utf8(unread.drain(..length).collect()).unwrap();
    Some(Request { headers, body })
}

async fn fill(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(unread).await.ok()?;
    (read > 0).then_some(())
}
