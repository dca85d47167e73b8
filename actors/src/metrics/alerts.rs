//! What alerts move.

use std::sync::Arc;
use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use engine::priority::Priority;
use parking_lot::Mutex;

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

/// The alerts that are looked after here. The node that leads shows them; what another one still knows, only that one
/// can say how it stands.
#[derive(Clone, Default)]
pub struct Walked(Arc<Mutex<Shown>>);

#[derive(Default)]
struct Shown {
    shown: bool,
    /// By priority.
    open: [u32; 4],
}

/// One alert open, for as long as it is held.
pub struct Open(Walked, Priority);

impl Walked {
    pub fn open(&self, priority: Priority) -> Open {
        self.change(|walked| walked.open[priority as usize] += 1);
        Open(self.clone(), priority)
    }

    pub fn show(&self, shown: bool) {
        self.change(|walked| walked.shown = shown);
    }

    fn change(&self, how: impl FnOnce(&mut Shown)) {
        let mut walked = self.0.lock();
        how(&mut walked);
        for priority in Priority::ALL {
            let open = if walked.shown { walked.open[priority as usize] } else { 0 };
            gauge!(OPEN, "priority" => priority.as_str()).set(f64::from(open));
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.change(|walked| walked.open[self.1 as usize] -= 1);
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
