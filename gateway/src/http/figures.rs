//! `GET /api/metrics`: how the last minute went, from a window that slides by seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::Data;
use parking_lot::Mutex;
use serde::Serialize;

use super::State;
use super::auth::Identity;

/// Seconds the window looks back.
const SPAN_S: u64 = 60;

/// The shape of the first dashboard this project served, spelled as it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Milliseconds, mean, to hundredths.
    pub avg_response_time: f64,
    /// Percent of answers that were our fault (5xx), to hundredths.
    pub error_rate: f64,
    /// Requests per minute.
    pub throughput: u64,
    /// Open connections.
    pub active_connections: usize,
}

pub async fn figures(_: Identity, state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.window.figures())
}

/// One slot per second of the last minute; a slot is reused once its second is a minute old.
pub struct Window {
    started: Instant,
    seconds: Mutex<[Second; SPAN_S as usize]>,
    connections: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Default)]
struct Second {
    /// Seconds since the start, plus one: 0 is a slot never used.
    stamp: u64,
    requests: u64,
    errors: u64,
    spent: Duration,
}

/// Counts its connection for as long as it lives.
pub struct Connection(Arc<AtomicUsize>);

impl Default for Window {
    fn default() -> Self {
        Window {
            started: Instant::now(),
            seconds: Mutex::new([Second::default(); SPAN_S as usize]),
            connections: Arc::default(),
        }
    }
}

impl Window {
    pub fn record(&self, error: bool, took: Duration) {
        self.record_at(self.started.elapsed().as_secs(), error, took);
    }

    pub fn figures(&self) -> Figures {
        self.figures_at(self.started.elapsed().as_secs())
    }

    pub fn connection(&self) -> Connection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection(Arc::clone(&self.connections))
    }

    fn record_at(&self, second: u64, error: bool, took: Duration) {
        let slot = &mut self.seconds.lock()[(second % SPAN_S) as usize];
        if slot.stamp != second + 1 {
            *slot = Second { stamp: second + 1, ..Second::default() };
        }
        slot.requests += 1;
        slot.errors += u64::from(error);
        slot.spent += took;
    }

    fn figures_at(&self, second: u64) -> Figures {
        let seconds = *self.seconds.lock();
        let recent = seconds.iter().filter(|slot| slot.stamp > 0 && slot.stamp + SPAN_S > second + 1);
        let (requests, errors, spent) = recent.fold((0, 0, Duration::ZERO), |(requests, errors, spent), slot| {
            (requests + slot.requests, errors + slot.errors, spent + slot.spent)
        });
        let share = |part: f64| if requests == 0 { 0.0 } else { hundredths(part / requests as f64) };
        Figures {
            avg_response_time: share(spent.as_secs_f64() * 1000.0),
            error_rate: share(errors as f64 * 100.0),
            throughput: requests,
            active_connections: self.connections.load(Ordering::Relaxed),
        }
    }
}

/// More digits are noise to whoever reads them.
pub fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_forgets_what_is_a_minute_old() {
        let window = Window::default();
        window.record_at(0, true, Duration::from_millis(30));
        window.record_at(59, false, Duration::from_millis(10));
        let figures = window.figures_at(59);
        assert_eq!((figures.throughput, figures.error_rate, figures.avg_response_time), (2, 50.0, 20.0));
        let figures = window.figures_at(60);
        assert_eq!((figures.throughput, figures.error_rate), (1, 0.0));
        window.record_at(119, false, Duration::ZERO);
        assert_eq!(window.figures_at(119).throughput, 1, "the slot of second 59 is used again, not added to");
    }

    #[test]
    fn figures_have_two_decimals_at_most() {
        let window = Window::default();
        for (error, nanos) in [(true, 1_234_567), (false, 0), (false, 0)] {
            window.record_at(0, error, Duration::from_nanos(nanos));
        }
        let figures = window.figures_at(0);
        assert_eq!((figures.avg_response_time, figures.error_rate), (0.41, 33.33));
    }

    #[test]
    fn an_empty_window_divides_by_nothing() {
        assert_eq!(Window::default().figures().avg_response_time, 0.0);
    }

    #[test]
    fn a_connection_counts_until_it_is_dropped() {
        let window = Window::default();
        let connection = window.connection();
        assert_eq!(window.figures().active_connections, 1);
        drop(connection);
        assert_eq!(window.figures().active_connections, 0);
    }
}
