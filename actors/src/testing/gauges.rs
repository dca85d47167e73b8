//! What the gauges show that are moved on a test's own thread.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::metrics::{
    Counter, Gauge, Histogram, Key, KeyName, LocalRecorderGuard, Metadata, Recorder, SharedString, Unit,
    set_default_local_recorder,
};
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct Gauges(Mutex<HashMap<String, Arc<AtomicU64>>>);

impl Gauges {
    /// For as long as the guard is held.
    pub fn watched(&self) -> LocalRecorderGuard<'_> {
        set_default_local_recorder(self)
    }

    /// By name and values of labels, all with a space between.
    pub fn shows(&self, name: &str) -> f64 {
        let gauges = self.0.lock();
        f64::from_bits(gauges.get(name).expect("a gauge that was moved").load(Ordering::SeqCst))
    }
}

impl Recorder for Gauges {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let name = key.labels().fold(key.name().to_owned(), |name, label| format!("{name} {}", label.value()));
        Gauge::from_arc(self.0.lock().entry(name).or_default().clone())
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
