//! What went wrong outside, classified by what the caller does next.

use std::time::Duration;

/// Made where the cause is known; read where somebody must decide whether to try again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The same attempt may succeed later.
    #[error("{what}")]
    Retry { what: String, after: Option<Duration> },
    /// Trying again would fail again.
    #[error("{what}")]
    Fail { what: String },
}

impl Failure {
    pub fn retry(what: impl Into<String>) -> Failure {
        Failure::Retry { what: what.into(), after: None }
    }

    pub fn fail(what: impl Into<String>) -> Failure {
        Failure::Fail { what: what.into() }
    }

    /// Not before `wait` has passed. No effect on a failure that is not worth repeating.
    pub fn after(self, wait: Duration) -> Failure {
        match self {
            Failure::Retry { what, .. } => Failure::Retry { what, after: Some(wait) },
            fail => fail,
        }
    }

    pub fn is_retry(&self) -> bool {
        matches!(self, Failure::Retry { .. })
    }
}
