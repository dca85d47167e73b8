//! Metrics of the cache.

use ::metrics::{counter, describe_counter};

const REQUESTS: &str = "cordboard_cache_requests_total";

/// The cache in this process, and the one behind it.
pub(crate) const FRONT: &str = "memory";
pub(crate) const BEHIND: &str = "redis";

/// What came of asking a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Hit,
    /// Shown although it was out of date: the store was slow or away.
    Stale,
    Miss,
    Error,
    /// Not asked, because it kept failing.
    Skipped,
}

pub(super) fn describe() {
    describe_counter!(
        REQUESTS,
        "Reads by the cache that was asked and what came of it; hits among those of `memory` are the hit ratio"
    );
    for (cache, outcomes) in [
        (FRONT, [Outcome::Hit, Outcome::Stale, Outcome::Miss].as_slice()),
        (BEHIND, &[Outcome::Hit, Outcome::Miss, Outcome::Error, Outcome::Skipped]),
    ] {
        for outcome in outcomes {
            counter!(REQUESTS, "cache" => cache, "outcome" => outcome.as_str()).increment(0);
        }
    }
}

pub(crate) fn asked(cache: &'static str, outcome: Outcome) {
    counter!(REQUESTS, "cache" => cache, "outcome" => outcome.as_str()).increment(1);
}

/// Counts, and passes on what it is about.
pub(crate) fn counted<T>(cache: &'static str, outcome: Outcome, found: T) -> T {
    asked(cache, outcome);
    found
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Outcome::Hit => "hit",
            Outcome::Stale => "stale",
            Outcome::Miss => "miss",
            Outcome::Error => "error",
            Outcome::Skipped => "skipped",
        }
    }
}
