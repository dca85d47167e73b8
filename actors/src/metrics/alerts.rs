//! What alerts move.

use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use engine::priority::Priority;

const OPEN: &str = "cordboard_alerts_open";
const ACK_SECONDS: &str = "cordboard_alert_ack_seconds";
const UNANSWERED: &str = "cordboard_alerts_unanswered_total";
const PUSHES: &str = "cordboard_alert_pushes_total";
const PINGS: &str = "cordboard_deadman_pings_total";
const CALLS: &str = "cordboard_alert_calls_total";

pub fn describe() {
    describe_gauge!(OPEN, "Alerts that nobody has taken yet, by priority");
    describe_histogram!(ACK_SECONDS, Unit::Seconds, "From the opening of an alert until somebody took it, by priority");
    describe_counter!(UNANSWERED, "Alerts whose whole roster was told and nobody took them, by priority");
    describe_counter!(PUSHES, "What was told to a channel that is not the carrier, by what became of it");
    describe_counter!(PINGS, "Times the dead man's switch was to be told that all is well, by what came of it");
    describe_counter!(CALLS, "Calls to the team, by how they ended");
    for priority in Priority::ALL {
        gauge!(OPEN, "priority" => priority.as_str()).increment(0.0);
        counter!(UNANSWERED, "priority" => priority.as_str()).absolute(0);
    }
    for outcome in ["answered", "machine", "no_answer", "failed", "unknown"] {
        counter!(CALLS, "outcome" => outcome).absolute(0);
    }
    for outcome in ["delivered", "failed"] {
        counter!(PUSHES, "outcome" => outcome).absolute(0);
    }
    for outcome in ["sent", "failed", "withheld"] {
        counter!(PINGS, "outcome" => outcome).absolute(0);
    }
}

/// One alert open, for as long as it is held.
pub struct Open(Priority);

pub fn open(priority: Priority) -> Open {
    gauge!(OPEN, "priority" => priority.as_str()).increment(1.0);
    Open(priority)
}

impl Drop for Open {
    fn drop(&mut self) {
        gauge!(OPEN, "priority" => self.0.as_str()).decrement(1.0);
    }
}

pub fn acknowledged(priority: Priority, after: Duration) {
    histogram!(ACK_SECONDS, "priority" => priority.as_str()).record(after);
}

pub fn unanswered(priority: Priority) {
    counter!(UNANSWERED, "priority" => priority.as_str()).increment(1);
}

pub fn called(outcome: &'static str) {
    counter!(CALLS, "outcome" => outcome).increment(1);
}

pub fn pushed(outcome: &'static str) {
    counter!(PUSHES, "outcome" => outcome).increment(1);
}

pub fn pinged(outcome: &'static str) {
    counter!(PINGS, "outcome" => outcome).increment(1);
}
