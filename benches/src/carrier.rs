//! A carrier on 127.0.0.1 that keeps a log: when the first byte of each request arrived, by its own clock. It takes
//! every message and has no books. Threads and blocking reads, so that nothing comes between the byte and the clock.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::sms::segments;

/// What servers text from.
const NUMBER: &str = "+15145550199";

/// A request to send a message.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Of its first byte.
    pub at: Instant,
    /// The recipient, as it came.
    pub to: String,
    pub body: String,
    /// Counted here, of the body that came.
    pub segments: u32,
}

#[derive(Clone)]
pub struct FakeCarrier {
    pub address: SocketAddr,
    /// How long an answer takes, spread evenly.
    latency: Range<Duration>,
    log: Arc<Mutex<Vec<Arrival>>>,
}

impl FakeCarrier {
    /// Lives as long as the process.
    pub fn start(latency: Range<Duration>) -> std::io::Result<FakeCarrier> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let carrier = FakeCarrier { address: listener.local_addr()?, latency, log: Arc::default() };
        let serving = carrier.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let carrier = serving.clone();
                std::thread::spawn(move || carrier.serve(stream));
            }
        });
        Ok(carrier)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a server text through this carrier, so many segments a second at most.
    pub fn settings(&self, per_second: u32) -> Vec<(&'static str, String)> {
        vec![
            ("CORDBOARD_SMS__PROVIDER", "twilio".to_owned()),
            ("CORDBOARD_SMS__TWILIO__ACCOUNT_SID", "AC00000000000000000000000000000000".to_owned()),
            ("CORDBOARD_SMS__TWILIO__AUTH_TOKEN", "no-secret".to_owned()),
            ("CORDBOARD_SMS__TWILIO__FROM", NUMBER.to_owned()),
            ("CORDBOARD_SMS__TWILIO__BASE_URL", self.url()),
            ("CORDBOARD_SMS__TWILIO__MPS", per_second.to_string()),
        ]
    }

    /// What has arrived, in the order of its first bytes.
    pub fn log(&self) -> Vec<Arrival> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        log.sort_by_key(|arrival| arrival.at);
        log
    }

    pub fn arrived(&self) -> usize {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// One connection, until the other side closes it.
    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut unread = Vec::new();
        while let Some((at, head, body)) = request(&mut stream, &mut unread) {
            let (status, answer) = self.answer(at, &head, &body);
            let length = answer.len();
            let answer = format!(
                "HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{answer}"
            );
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, at: Instant, head: &str, body: &str) -> (u16, String) {
        if !head.starts_with("POST") {
            return (200, r#"{"messages":[]}"#.to_owned());
        }
        let Some(arrival) = arrival(at, body) else {
            // A phone call, which nobody answers.
            return (201, format!(r#"{{"sid":"CA{:032x}","status":"queued"}}"#, at.elapsed().as_nanos()));
        };
        let number = {
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(arrival);
            log.len()
        };
        std::thread::sleep(self.latency_of(number).saturating_sub(at.elapsed()));
        (201, format!(r#"{{"sid":"SM{number:032x}","status":"queued"}}"#))
    }

    /// Multiples of the golden ratio fall evenly and in no order.
    fn latency_of(&self, number: usize) -> Duration {
        const GOLDEN: f64 = 0.618_033_988_749_895;
        let Range { start, end } = self.latency;
        start + (end - start).mul_f64((number as f64 * GOLDEN).fract())
    }
}

/// The most segments in any window of a second that begins with a message, and that message: no other window holds more.
pub fn most_in_a_second(log: &[Arrival]) -> (u32, usize) {
    let within = |(index, first): (usize, &Arrival)| -> (u32, usize) {
        let window = log[index..].iter().take_while(|arrival| arrival.at < first.at + Duration::from_secs(1));
        (window.map(|arrival| arrival.segments).sum(), index)
    };
    log.iter().enumerate().map(within).max_by_key(|(most, _)| *most).unwrap_or((0, 0))
}

/// `None` when the form is not a message's.
fn arrival(at: Instant, form: &str) -> Option<Arrival> {
    // A form is written as a query is.
    let url = reqwest::Url::parse(&format!("http://carrier/?{form}")).ok()?;
    let mut fields: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let (to, body) = (fields.remove("To")?, fields.remove("Body")?);
    Some(Arrival { at, to, segments: segments(&body).count.into(), body })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_second_is_found_by_segments_and_what_is_a_second_apart_is_not_together() {
        let begin = Instant::now();
        let arrival = |at_ms: u64, segments: u32| Arrival {
            at: begin + Duration::from_millis(at_ms),
            to: String::new(),
            body: String::new(),
            segments,
        };
        let log = [arrival(0, 1), arrival(400, 1), arrival(1_000, 3), arrival(1_399, 2), arrival(1_400, 1)];
        assert_eq!(most_in_a_second(&log), (6, 2));
        assert_eq!(most_in_a_second(&log[..3]), (4, 1));
        assert_eq!(most_in_a_second(&[]), (0, 0));
    }

    #[test]
    fn a_form_is_read_as_it_was_written_and_a_call_is_no_message() {
        let read = arrival(Instant::now(), "To=%2B15145550142&From=%2B15145550199&Body=l%27eau+monte+%C3%A7a").unwrap();
        assert_eq!((read.to.as_str(), read.body.as_str(), read.segments), ("+15145550142", "l'eau monte ça", 1));
        assert!(arrival(Instant::now(), "To=%2B15145550142&Twiml=%3CResponse%2F%3E").is_none());
    }
}
