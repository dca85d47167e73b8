//! What is taken away because its time is over.

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use engine::ports::Removed;
use engine::time::Timestamp;

const REMOVED: &str = "cordboard_retention_removed_total";
const WENT: &str = "cordboard_retention_last_run_timestamp_seconds";

pub(super) fn describe() {
    describe_counter!(REMOVED, "What was taken away because its time was over, by what it was");
    describe_gauge!(WENT, Unit::Seconds, "When everything was last looked through for what is too old, in Unix time");
    count(Removed::default());
}

pub(crate) fn removed(removed: Removed) {
    count(removed);
}

fn count(removed: Removed) {
    let Removed { quietened, calls, frames, texts, alerts, inbound, quarantined } = removed;
    for (what, number) in [
        ("words", quietened),
        ("calls", calls),
        ("frames", frames),
        ("texts", texts),
        ("alerts", alerts),
        ("inbound", inbound),
        ("quarantined", quarantined),
    ] {
        counter!(REMOVED, "what" => what).increment(number);
    }
}

pub(crate) fn went(at: Timestamp) {
    gauge!(WENT).set(at.as_millis() as f64 / 1_000.0);
}
