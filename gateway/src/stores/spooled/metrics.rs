//! What graphs show of the spool, with the help texts.

use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const UNCONFIRMED: &str = "cordboard_journal_unconfirmed";
const AWAY: &str = "cordboard_store_away";
const AWAY_SECONDS: &str = "cordboard_store_away_seconds_total";
const LEFT: &str = "cordboard_store_left_total";

pub fn describe() {
    describe_gauge!(UNCONFIRMED, "Frames on this machine's disk that the store does not have yet");
    describe_gauge!(AWAY, "1 while the store is away and what is recorded goes into the spool");
    describe_counter!(AWAY_SECONDS, Unit::Seconds, "Time the store was away");
    describe_counter!(LEFT, "Times the store went away, by why");
}

pub(super) fn unconfirmed(frames: u64) {
    gauge!(UNCONFIRMED).set(frames as f64);
}

pub(super) fn away(away: bool) {
    gauge!(AWAY).set(if away { 1.0 } else { 0.0 });
}

pub(super) fn was_away(time: Duration) {
    // Counters hold whole numbers: whoever calls this saves up the rest.
    counter!(AWAY_SECONDS).increment(time.as_secs());
}

pub(super) fn left(why: &'static str) {
    counter!(LEFT, "why" => why).increment(1);
}
