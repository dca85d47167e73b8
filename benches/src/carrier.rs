//! A carrier on 127.0.0.1 that keeps a log: when the first byte of each request arrived, by its own clock. It takes
//! every message and has no books. Threads and blocking reads, so that nothing comes between the byte and the clock.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A request to send a message.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Of its first byte.
    pub at: Instant,
    /// The form, as it came.
    pub form: String,
}

#[derive(Clone)]
pub struct FakeCarrier {
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<Arrival>>>,
}

impl FakeCarrier {
    /// Lives as long as the process. `latency`: until it answers.
    pub fn start(latency: Duration) -> std::io::Result<FakeCarrier> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let carrier = FakeCarrier { address: listener.local_addr()?, log: Arc::default() };
        let serving = carrier.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let carrier = serving.clone();
                std::thread::spawn(move || carrier.serve(stream, latency));
            }
        });
        Ok(carrier)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has arrived, in the order of its first bytes.
    pub fn log(&self) -> Vec<Arrival> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        log.sort_by_key(|arrival| arrival.at);
        log
    }

    pub fn forget(&self) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// One connection, until the other side closes it.
    fn serve(&self, mut stream: TcpStream, latency: Duration) {
        let _ = stream.set_nodelay(true);
        let mut unread = Vec::new();
        while let Some((at, head, body)) = request(&mut stream, &mut unread) {
            let answer = if head.starts_with("POST") {
                let number = {
                    let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
                    log.push(Arrival { at, form: body });
                    log.len()
                };
                std::thread::sleep(latency);
                let id = at.elapsed().as_nanos() as u64;
                (201, format!(r#"{{"sid":"SM{id:016x}{number:016x}","status":"queued"}}"#))
            } else {
                (200, r#"{"messages":[]}"#.to_owned())
            };
            let (status, body) = answer;
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// When its first byte came, its head and its body. `None` when the connection ends.
fn request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<(Instant, String, String)> {
    let mut began = (!unread.is_empty()).then(Instant::now);
    let mut chunk = [0; 4096];
    loop {
        if let Some((head, length)) = head(unread)
            && unread.len() >= length
        {
            let body = String::from_utf8_lossy(&unread[head.len()..length]).into_owned();
            unread.drain(..length);
            return Some((began?, head, body));
        }
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        began.get_or_insert_with(Instant::now);
        unread.extend_from_slice(&chunk[..read]);
    }
}

/// The head, and where the request ends.
fn head(bytes: &[u8]) -> Option<(String, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    Some((head, end + length))
}
