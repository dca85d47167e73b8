//! An open-loop load engine: every shot is sent when it is due, whether or not earlier ones were answered, and its
//! latency counts from when it was due. A server that stalls therefore shows in the figures; a closed loop would wait
//! with it and hide it.
//!
//! Three hands: a thread builds shots ahead of time, a thread sleeps until each is due, and the runtime sends.

mod outcome;
mod wanted;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub use self::outcome::Outcome;
use self::outcome::Record;
pub use self::wanted::Wanted;

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
    pub on_answer: Arc<dyn Fn(&Answered<'_>) + Send + Sync>,
}

/// What came of one shot.
pub struct Answered<'a> {
    pub shot: &'a Shot,
    /// From due to answered, or to having failed.
    pub latency: Duration,
    /// Status and body; `None` when no whole answer came.
    pub answer: Option<(u16, &'a [u8])>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connections: 256,
            timeout: Duration::from_secs(20),
            ahead: 256,
            stop: Stop::default(),
            on_answer: Arc::new(|_| {}),
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
    on_answer: Arc<dyn Fn(&Answered<'_>) + Send + Sync>,
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
        let request = self.client.post(self.target.clone()).headers(shot.headers.clone()).body(shot.body.clone());
        let (outcome, on_answer) = (self.outcome.clone(), self.on_answer.clone());
        let sent_at = began.elapsed();
        async move {
            let answered = answer(request).await;
            let latency = began.elapsed().saturating_sub(shot.due);
            let record = Record { kind: shot.kind, due: shot.due, sent_at, latency, bytes: shot.body.len() as u64 };
            let answer = answered.as_ref().ok().map(|(status, body)| (*status, &**body));
            on_answer(&Answered { shot: &shot, latency, answer });
            outcome.lock().note(&record, &shot.wanted, answered);
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

#[cfg(test)]
mod tests;
