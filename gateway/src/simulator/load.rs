//! An open-loop load engine: every shot is sent when it is due, whether or not earlier ones were answered, and its
//! latency counts from when it was due. A server that stalls therefore shows in the figures; a closed loop would wait
//! with it and hide it.
//!
//! Three hands: a thread builds shots ahead of time, a thread sleeps until each is due, and the runtime sends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// One request to come.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Since the start of the run. Shots come in this order.
    pub due: Duration,
    pub kind: &'static str,
    pub body: Bytes,
    pub headers: HeaderMap,
    pub wanted: Wanted,
}

/// What the body of a 200 must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Anything,
    /// A JSON object.
    Object,
    /// `results` with one entry for each of these ids, in their order, each with a result or an error.
    ToolResults(Arc<[Box<str>]>),
}

#[derive(Clone)]
pub struct Options {
    /// Most requests on their way at once. A shot that finds none free waits, and the wait counts.
    pub connections: usize,
    /// From sending until the whole answer is there.
    pub timeout: Duration,
    /// Shots built ahead of time.
    pub ahead: usize,
    pub stop: Stop,
    /// Called after every answer or failure.
    pub on_answer: Arc<dyn Fn() + Send + Sync>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connections: 256,
            timeout: Duration::from_secs(20),
            ahead: 256,
            stop: Stop::default(),
            on_answer: Arc::new(|| {}),
        }
    }
}

/// Ends a run early: what is due is no longer sent, what is on its way is awaited.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What came of a run. Histograms are in microseconds, sizes in bytes.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub by_status: BTreeMap<u16, u64>,
    pub timeouts: u64,
    /// Refused, reset, unresolved.
    pub broken: u64,
    /// Answers of 200 whose body was not the wanted one.
    pub wrong_answers: u64,
    /// From due to answered, of everything that was answered.
    pub latency: Histogram<u64>,
    pub latency_by_kind: BTreeMap<&'static str, Histogram<u64>>,
    /// From due to sent: how late the generator itself was.
    pub late: Histogram<u64>,
    pub body_bytes: Histogram<u64>,
    pub bytes_sent: u64,
    pub sent: u64,
    /// When the last shot was due, and when it was sent.
    pub last_due: Duration,
    pub last_sent: Duration,
    /// Until the last answer.
    pub elapsed: Duration,
}

/// Sends every shot of the plan and waits for the answers. Fails only if no client can be built.
pub async fn run(
    plan: impl Iterator<Item = Shot> + Send + 'static,
    target: Url,
    options: Options,
) -> Result<Outcome, reqwest::Error> {
    let client = client(&target, &options)?;
    let ending = Ending { asked: options.stop.clone(), over: Stop::default() };
    let _ends_the_threads = StopOnDrop(ending.over.clone());
    let seats = Arc::new(Semaphore::new(options.connections));
    let outcome = Arc::new(Mutex::new(Outcome::new()));
    let (shots, queue) = sync_channel(options.ahead.max(1));
    let (filling, filled) = mpsc::channel::<()>();
    let ends = ending.clone();
    spawn("load-feed", move || feed(plan, &shots, filling, &ends));
    let (finished, all_sent) = oneshot::channel();
    let pacer = Pacer {
        client,
        target,
        seats: seats.clone(),
        outcome: outcome.clone(),
        runtime: Handle::current(),
        on_answer: options.on_answer.clone(),
        ending,
    };
    spawn("load-pace", move || {
        // The feeder drops its end when it is ahead far enough, or at the end of the plan.
        let _ = filled.recv();
        let _ = finished.send(pacer.pace(&queue));
    });
    let began = all_sent.await.unwrap_or_else(|_| Instant::now());
    let all = u32::try_from(options.connections).unwrap_or(u32::MAX);
    let _every_seat = seats.acquire_many(all).await.expect("nobody closes the semaphore");
    let mut outcome = outcome.lock().clone();
    outcome.elapsed = began.elapsed();
    Ok(outcome)
}

/// A client that keeps its connections, and does not send loopback traffic through a proxy of the environment.
pub fn client(target: &Url, options: &Options) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .timeout(options.timeout)
        .connect_timeout(Duration::from_secs(5).min(options.timeout))
        .pool_max_idle_per_host(options.connections)
        .redirect(reqwest::redirect::Policy::none());
    if crate::settings::is_loopback(target) { builder.no_proxy().build() } else { builder.build() }
}

/// Asked to stop, or nobody waits for the outcome any more.
#[derive(Clone)]
struct Ending {
    asked: Stop,
    over: Stop,
}

impl Ending {
    fn wanted(&self) -> bool {
        self.asked.wanted() || self.over.wanted()
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.now();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).expect("the system can start a thread");
}

fn feed(plan: impl Iterator<Item = Shot>, shots: &SyncSender<Shot>, filling: mpsc::Sender<()>, ending: &Ending) {
    let mut filling = Some(filling);
    for shot in plan {
        let sent = match shots.try_send(shot) {
            Ok(()) => true,
            Err(TrySendError::Full(shot)) => {
                filling = None;
                shots.send(shot).is_ok()
            }
            Err(TrySendError::Disconnected(_)) => false,
        };
        if !sent || ending.wanted() {
            return;
        }
    }
    drop(filling);
}

struct Pacer {
    client: Client,
    target: Url,
    seats: Arc<Semaphore>,
    outcome: Arc<Mutex<Outcome>>,
    runtime: Handle,
    on_answer: Arc<dyn Fn() + Send + Sync>,
    ending: Ending,
}

impl Pacer {
    /// Returns when the run began.
    fn pace(&self, queue: &Receiver<Shot>) -> Instant {
        let began = Instant::now();
        for shot in queue {
            sleep_until(began + shot.due, &self.ending);
            if self.ending.wanted() {
                break;
            }
            let seat = self.runtime.block_on(self.seats.clone().acquire_owned());
            let seat = seat.expect("nobody closes the semaphore");
            self.runtime.spawn(self.send(shot, began, seat));
        }
        began
    }

    fn send(&self, shot: Shot, began: Instant, seat: OwnedSemaphorePermit) -> impl Future<Output = ()> + 'static {
        let request = self.client.post(self.target.clone()).headers(shot.headers).body(shot.body.clone());
        let (outcome, on_answer) = (self.outcome.clone(), self.on_answer.clone());
        let sent_at = began.elapsed();
        async move {
            let answered = answer(request).await;
            let latency = began.elapsed().saturating_sub(shot.due);
            let record = Record { kind: shot.kind, due: shot.due, sent_at, latency, bytes: shot.body.len() as u64 };
            outcome.lock().note(&record, &shot.wanted, answered);
            on_answer();
            drop(seat);
        }
    }
}

/// The kernel's timer is finer than the runtime's, which rounds to a millisecond.
fn sleep_until(due: Instant, ending: &Ending) {
    const LONGEST_NAP: Duration = Duration::from_millis(50);
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        if ending.wanted() {
            return;
        }
        std::thread::sleep(left.min(LONGEST_NAP));
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Bytes), reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok((status, response.bytes().await?))
}

struct Record {
    kind: &'static str,
    due: Duration,
    sent_at: Duration,
    latency: Duration,
    bytes: u64,
}

impl Outcome {
    fn new() -> Outcome {
        Outcome {
            by_status: BTreeMap::new(),
            timeouts: 0,
            broken: 0,
            wrong_answers: 0,
            latency: histogram(),
            latency_by_kind: BTreeMap::new(),
            late: histogram(),
            body_bytes: histogram(),
            bytes_sent: 0,
            sent: 0,
            last_due: Duration::ZERO,
            last_sent: Duration::ZERO,
            elapsed: Duration::ZERO,
        }
    }

    pub fn errors(&self) -> u64 {
        self.timeouts + self.broken
    }

    fn note(&mut self, record: &Record, wanted: &Wanted, answered: Result<(u16, Bytes), reqwest::Error>) {
        self.sent += 1;
        self.bytes_sent += record.bytes;
        self.last_due = self.last_due.max(record.due);
        self.last_sent = self.last_sent.max(record.sent_at);
        self.body_bytes.saturating_record(record.bytes);
        self.late.saturating_record(micros(record.sent_at.saturating_sub(record.due)));
        match answered {
            Ok((status, body)) => {
                *self.by_status.entry(status).or_default() += 1;
                self.wrong_answers += u64::from(status == 200 && !wanted.is(&body));
                self.latency.saturating_record(micros(record.latency));
                let of_kind = self.latency_by_kind.entry(record.kind).or_insert_with(histogram);
                of_kind.saturating_record(micros(record.latency));
            }
            Err(error) if error.is_timeout() => self.timeouts += 1,
            Err(_) => self.broken += 1,
        }
    }
}

/// Three significant digits; grows by itself.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are valid")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Wanted {
    /// Is this the body of a right answer?
    pub fn is(&self, body: &[u8]) -> bool {
        match self {
            Wanted::Anything => true,
            Wanted::Object => serde_json::from_slice::<BTreeMap<String, &RawValue>>(body).is_ok(),
            Wanted::ToolResults(ids) => results_for(body, ids),
        }
    }
}

fn results_for(body: &[u8], ids: &[Box<str>]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
    let Some(results) = answer["results"].as_array() else { return false };
    let matches = |(result, id): (&Value, &str)| {
        let spoken: Vec<&Value> = ["result", "error"].into_iter().filter_map(|key| result.get(key)).collect();
        let one_line = |text: &Value| text.as_str().is_some_and(|text| !text.contains('\n'));
        result["toolCallId"].as_str() == Some(id) && spoken.len() == 1 && one_line(spoken[0])
    };
    results.len() == ids.len() && results.iter().zip(ids.iter().map(|id| &**id)).all(matches)
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
