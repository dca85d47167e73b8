//! What the publisher moves.

use ::metrics::{counter, describe_counter, describe_gauge, gauge};

const PUBLISHED: &str = "cordboard_bus_published_total";
const BEHIND: &str = "cordboard_bus_frames_behind";
const LEFT_OUT: &str = "cordboard_bus_left_out_total";

pub fn describe() {
    describe_counter!(PUBLISHED, "Messages the bus outside has taken, repeated ones included");
    describe_gauge!(BEHIND, "Committed frames the bus outside has not taken yet, on the node that publishes");
    describe_counter!(LEFT_OUT, "Messages that can never be published and were left out");
}

pub fn published(count: usize) {
    counter!(PUBLISHED).increment(count as u64);
}

pub fn left_out(count: usize) {
    counter!(LEFT_OUT).increment(count as u64);
}

pub fn behind(frames: u64) {
    gauge!(BEHIND).set(frames as f64);
}
