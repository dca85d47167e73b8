//! How the pool stands, as others may ask at any time: a copy, a second old at most.

use std::time::Duration;

use engine::priority::Priority;
use engine::sms::breaker::FuseKind;
use engine::sms::estimate::{Backlog, delivered_in};
use engine::sms::schedule::Shares;

/// From handed over to delivered, as carriers usually do it.
const DELIVERY: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub backlog: Backlog,
    pub shares: Shares,
    /// Breakers that are not closed.
    pub open: [(FuseKind, usize); 4],
}

impl Default for Standing {
    fn default() -> Standing {
        let backlog = Backlog { segments: [0; 4], per_second: None, delivery: DELIVERY, held: Duration::ZERO };
        Standing { backlog, shares: Shares::default(), open: FuseKind::ALL.map(|kind| (kind, 0)) }
    }
}

impl Standing {
    pub fn delivered_in(&self, priority: Priority, segments: u16) -> Duration {
        delivered_in(priority, segments, &self.backlog, &self.shares)
    }
}
