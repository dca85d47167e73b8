//! What a run is measured by: counts, and histograms of what took how long.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;

use super::Wanted;

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

/// One request, sent.
pub(super) struct Record {
    pub kind: &'static str,
    pub due: Duration,
    pub sent_at: Duration,
    pub latency: Duration,
    pub bytes: u64,
}

impl Outcome {
    pub(super) fn new() -> Outcome {
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

    pub(super) fn note(&mut self, record: &Record, wanted: &Wanted, answered: Result<(u16, Bytes), reqwest::Error>) {
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
