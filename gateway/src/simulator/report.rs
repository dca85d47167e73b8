//! What a simulation found, for people and programs.

use std::collections::BTreeMap;

use engine::priority::Priority;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::load::Outcome;

#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub target: String,
    /// The same seed makes the same bodies again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<Priority, u64>,
    pub sent: u64,
    pub by_status: BTreeMap<u16, u64>,
    /// Webhooks that got no answer.
    pub errors: u64,
    pub timeouts: u64,
    /// Answers of 200 with a body the platform could not use.
    pub wrong_answers: u64,
    pub duplicates: u64,
    pub reordered: u64,
    pub dropped: u64,
    /// From when a webhook was due until its answer was there.
    pub latency_ms: Percentiles,
    pub latency_ms_by_type: BTreeMap<&'static str, Percentiles>,
    /// How late the generator itself sent. Large figures mean that the generator was the bottleneck.
    pub late_ms: Percentiles,
    pub body_bytes: Sizes,
    pub bytes_sent: u64,
    pub rate: Rate,
    pub elapsed_s: f64,
    /// The same webhooks against a server that stores nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Box<Summary>>,
    /// How many times the baseline's p99 this one's is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_over_baseline: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sizes {
    pub min: u64,
    pub mean: u64,
    pub max: u64,
}

/// Webhooks per second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rate {
    pub wanted: f64,
    pub achieved: f64,
}

impl Summary {
    pub fn new(target: &str, outcome: &Outcome) -> Summary {
        let intervals = outcome.sent.saturating_sub(1) as f64;
        let per_second = |time: std::time::Duration| round(intervals / time.as_secs_f64().max(f64::MIN_POSITIVE));
        let by_kind = outcome.latency_by_kind.iter().map(|(kind, histogram)| (*kind, percentiles(histogram)));
        let sizes = &outcome.body_bytes;
        Summary {
            target: target.to_owned(),
            seed: None,
            calls: BTreeMap::new(),
            sent: outcome.sent,
            by_status: outcome.by_status.clone(),
            errors: outcome.errors(),
            timeouts: outcome.timeouts,
            wrong_answers: outcome.wrong_answers,
            duplicates: 0,
            reordered: 0,
            dropped: 0,
            latency_ms: percentiles(&outcome.latency),
            latency_ms_by_type: by_kind.collect(),
            late_ms: percentiles(&outcome.late),
            body_bytes: Sizes { min: smallest(sizes), mean: sizes.mean() as u64, max: sizes.max() },
            bytes_sent: outcome.bytes_sent,
            rate: if intervals == 0.0 {
                Rate { wanted: 0.0, achieved: 0.0 }
            } else {
                Rate { wanted: per_second(outcome.last_due), achieved: per_second(outcome.last_sent) }
            },
            elapsed_s: round(outcome.elapsed.as_secs_f64()),
            baseline: None,
            p99_over_baseline: None,
        }
    }

    pub fn compare(&mut self, baseline: Option<Summary>) {
        let ratio = |other: &Summary| round(self.latency_ms.p99 / other.latency_ms.p99.max(0.001));
        self.p99_over_baseline = baseline.as_ref().map(ratio);
        self.baseline = baseline.map(Box::new);
    }

    /// Every webhook was answered with 200 and a body the platform can use.
    pub fn is_clean(&self) -> bool {
        self.errors == 0 && self.wrong_answers == 0 && self.by_status.keys().all(|status| *status == 200)
    }
}

fn smallest(sizes: &Histogram<u64>) -> u64 {
    if sizes.is_empty() { 0 } else { sizes.min() }
}

/// A histogram in microseconds, as milliseconds.
fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let at = |quantile: f64| round(histogram.value_at_quantile(quantile) as f64 / 1000.0);
    Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1.0) }
}

/// To microseconds, or thousandths.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
