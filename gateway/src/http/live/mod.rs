//! `GET /api/live/sse`: the live calls and the newest text messages as Server-Sent Events. A snapshot first, then
//! patches, at most one per channel and window. Pulled by the socket: a slow reader falls behind the feed's bounded
//! backlog, and then gets a new snapshot, never part of what it missed.

mod frame;
mod window;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data, Query};
use actors::live_feed::{Change, Snapshot};
use engine::alert::AlertState;
use engine::ids::TenantId;
use engine::ports::AlertsWanted;
use futures_util::stream;
use metrics::{counter, gauge};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

use super::alerts::Row;
use super::auth::Identity;
use super::{Problem, State, query};
use frame::Notice;
use window::Window;

/// Changes of the same row within this time are one.
const WINDOW: Duration = Duration::from_millis(100);
const PING: Duration = Duration::from_secs(25);
/// A stream ends after this long, so that a session that has ended is noticed. Browsers come back by themselves.
const LIFE: Duration = Duration::from_secs(600);
/// Text messages in a snapshot.
const TEXTS: usize = 100;
/// Alerts nobody has taken, in a snapshot.
const ALERTS: usize = 100;

#[derive(Deserialize)]
pub struct Which {
    tenant: Option<String>,
}

pub async fn sse(identity: Identity, which: Query<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    state.all_live().await?;
    let seat = Arc::clone(&state.streams).try_acquire_owned();
    let seat = seat.map_err(|_| Problem::unavailable("too many live streams"))?;
    let stream = Stream::begin(state, &identity, tenant, seat).await;
    let frames = stream::unfold(stream, |mut stream| async move {
        let bytes = stream.next().await?;
        Some((Ok::<_, actix_web::Error>(bytes), stream))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(frames))
}

/// One client's place in the feed.
struct Stream {
    state: Data<State>,
    tenant: Option<TenantId>,
    changes: broadcast::Receiver<Arc<Change>>,
    epoch: Arc<str>,
    /// Offset of the last change heard of. The next one is one more, or something was missed.
    heard: u64,
    /// Offset of the last frame of each channel.
    calls_off: u64,
    sms_off: u64,
    alerts_off: u64,
    queue: VecDeque<Bytes>,
    ends_at: Instant,
    over: bool,
    _seat: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Stream {
    async fn begin(
        state: Data<State>,
        identity: &Identity,
        tenant: Option<TenantId>,
        seat: OwnedSemaphorePermit,
    ) -> Stream {
        let (snapshot, changes) = state.live.subscribe(tenant.as_ref());
        let welcome = frame::welcome(identity.role, PING, state.clock.now());
        let mut stream = Stream {
            state,
            tenant,
            changes,
            epoch: Arc::clone(&snapshot.epoch),
            heard: 0,
            calls_off: 0,
            sms_off: 0,
            alerts_off: 0,
            queue: VecDeque::from([welcome]),
            ends_at: Instant::now() + LIFE,
            over: false,
            _seat: seat,
            _counted: Counted::new(),
        };
        stream.show(&snapshot).await;
        stream
    }

    /// The next bytes for the socket; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.queue.pop_front() {
                counter!("cordboard_live_frames_total", "transport" => "sse").increment(1);
                counter!("cordboard_live_bytes_total", "stage" => "wire").increment(bytes.len() as u64);
                return Some(bytes);
            }
            if self.over {
                return None;
            }
            self.wait().await;
        }
    }

    /// Waits until there is something to say, and queues it.
    async fn wait(&mut self) {
        let stopping = self.state.stopping.clone();
        let heard = tokio::select! {
            biased;
            () = stopping.wait() => return self.bye("drain"),
            () = tokio::time::sleep_until(self.ends_at) => return self.bye("rotate"),
            heard = tokio::time::timeout(PING, self.changes.recv()) => heard,
        };
        match heard {
            Err(_) => self.queue.push_back(Notice::Ping.encode()),
            Ok(Ok(change)) => self.gather(&change).await,
            Ok(Err(RecvError::Lagged(_))) => self.start_over().await,
            Ok(Err(RecvError::Closed)) => self.bye("drain"),
        }
    }

    /// Collects what else changes within the window, then says it once.
    async fn gather(&mut self, first: &Change) {
        let mut window = Window::new(self.tenant.clone(), self.heard);
        let mut whole = window.add(first).is_ok();
        let until = Instant::now() + WINDOW;
        while whole {
            match tokio::time::timeout_at(until, self.changes.recv()).await {
                Ok(Ok(change)) => whole = window.add(&change).is_ok(),
                Ok(Err(RecvError::Lagged(_))) => whole = false,
                Ok(Err(RecvError::Closed)) | Err(_) => return self.push_patches(&window),
            }
        }
        self.start_over().await;
    }

    fn push_patches(&mut self, window: &Window) {
        self.heard = window.offset();
        if let Some(patch) = window.calls(self.calls_off) {
            self.queue.push_back(patch.encode(&self.epoch));
            self.calls_off = self.heard;
        }
        if let Some(patch) = window.texts(self.sms_off) {
            self.queue.push_back(patch.encode(&self.epoch));
            self.sms_off = self.heard;
        }
        if let Some(patch) = window.alerts(self.alerts_off) {
            self.queue.push_back(patch.encode(&self.epoch));
            self.alerts_off = self.heard;
        }
    }

    /// Something was missed, or the feed itself had to start again: what there is now, whole.
    async fn start_over(&mut self) {
        counter!("cordboard_live_resets_total", "why" => "slow").increment(1);
        let (snapshot, changes) = self.state.live.subscribe(self.tenant.as_ref());
        self.changes = changes;
        self.show(&snapshot).await;
    }

    /// Queues a snapshot of every channel. Messages and alerts are read after the subscription: they may be newer than the
    /// offset says, never older.
    async fn show(&mut self, snapshot: &Snapshot) {
        let off = snapshot.offset;
        self.epoch = Arc::clone(&snapshot.epoch);
        (self.heard, self.calls_off, self.sms_off, self.alerts_off) = (off, off, off, off);
        self.queue.extend(frame::snapshot("calls", &self.epoch, off, &snapshot.calls));
        match self.state.outbox.latest(self.tenant.as_ref(), TEXTS).await {
            Ok(texts) => self.queue.extend(frame::snapshot("sms", &self.epoch, off, &texts)),
            Err(failure) => {
                tracing::warn!(error = %failure, "text messages missing from a live snapshot");
                self.queue.push_back(Notice::Err { code: "unavailable", ch: "sms", retry: true }.encode());
            }
        }
        let untaken = vec![AlertState::Open, AlertState::Escalated, AlertState::Unanswered];
        let wanted = AlertsWanted { tenant: self.tenant.clone(), states: untaken, before: None, limit: ALERTS };
        match self.state.alert_store.alerts(&wanted).await {
            Ok(alerts) => {
                let rows: Vec<Row> = alerts.into_iter().map(Row::from).collect();
                self.queue.extend(frame::snapshot("alerts", &self.epoch, off, &rows));
            }
            Err(failure) => {
                tracing::warn!(error = %failure, "alerts missing from a live snapshot");
                self.queue.push_back(Notice::Err { code: "unavailable", ch: "alerts", retry: true }.encode());
            }
        }
    }

    fn bye(&mut self, why: &'static str) {
        self.queue.push_back(Notice::Bye { code: 4001, why, retry_ms: [500, 8000] }.encode());
        self.over = true;
    }
}

/// Holds the gauge up for as long as the stream lives.
struct Counted;

impl Counted {
    fn new() -> Counted {
        gauge!("cordboard_live_connections", "transport" => "sse").increment(1.0);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!("cordboard_live_connections", "transport" => "sse").decrement(1.0);
    }
}
