//! When a message will be delivered, honestly: what is before it, by the pace it leaves at, and what delivery takes.

use std::time::Duration;

use super::schedule::Shares;
use crate::priority::Priority;

/// What waits, and how fast it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backlog {
    /// Segments waiting per class, P1 first.
    pub segments: [u64; 4],
    /// Segments per second of all senders together; `None` is as fast as the carrier answers.
    pub per_second: Option<f64>,
    /// From handed over to delivered, usually.
    pub delivery: Duration,
    /// Nothing leaves before this has passed: a carrier that wants to be left alone, an account on hold.
    pub held: Duration,
}

/// From now until a message of `class` and `segments` that is due now is delivered.
pub fn delivered_in(class: Priority, segments: u16, backlog: &Backlog, shares: &Shares) -> Duration {
    backlog.held + queueing(class, segments, backlog, shares) + backlog.delivery
}

/// Everything more urgent goes before it, unless its class gets there sooner by its guaranteed share.
fn queueing(class: Priority, segments: u16, backlog: &Backlog, shares: &Shares) -> Duration {
    let Some(rate) = backlog.per_second.filter(|rate| *rate > 0.0) else { return Duration::ZERO };
    let urgent: u64 = backlog.segments[..class as usize].iter().sum();
    let class_and_itself = (backlog.segments[class as usize] + u64::from(segments)) as f64;
    let last = (urgent as f64 + class_and_itself) / rate;
    let by_share = class_and_itself / (rate * shares.of(class));
    // Its own first slot is open when nothing waits.
    let first = f64::from(segments) / rate;
    Duration::try_from_secs_f64((last.min(by_share) - first).max(0.0)).unwrap_or(Duration::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Priority::{P1, P2, P4};

    fn backlog(segments: [u64; 4], per_second: f64) -> Backlog {
        let delivery = Duration::from_secs(2);
        Backlog { segments, per_second: Some(per_second), delivery, held: Duration::ZERO }
    }

    #[test]
    fn it_is_what_stands_before_it_by_the_pace_and_what_delivery_takes() {
        for (class, segments, waiting, per_second, expected_s) in [
            (P1, 1, [0, 0, 0, 0], 1.0, 2),
            (P1, 1, [0, 0, 0, 10_000], 1.0, 2),
            (P4, 1, [0, 0, 0, 10_000], 1.0, 10_002),
            (P4, 2, [10, 0, 0, 20], 10.0, 5),
            (P2, 1, [1_000, 9, 0, 0], 10.0, 7),
            (P2, 1, [5, 4, 100, 100], 1.0, 11),
        ] {
            let eta = delivered_in(class, segments, &backlog(waiting, per_second), &Shares::default());
            assert_eq!(eta.as_secs_f64().round() as u64, expected_s, "{class} {waiting:?}");
        }
    }

    #[test]
    fn without_a_pace_only_delivery_counts_and_a_hold_is_added() {
        let mut free = Backlog { per_second: None, ..backlog([100; 4], 1.0) };
        assert_eq!(delivered_in(P4, 1, &free, &Shares::default()), Duration::from_secs(2));
        free.held = Duration::from_secs(60);
        assert_eq!(delivered_in(P4, 1, &free, &Shares::default()), Duration::from_secs(62));
    }
}
