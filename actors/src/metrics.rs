//! Every metric the actors move, with its help text.

/// Describes the metrics of this crate to the recorder. Call once, after the recorder is installed.
pub fn describe() {}
