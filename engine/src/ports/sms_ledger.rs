//! What was sent of late, for limits that outlive a process: a second, a day, and what a carrier taught us.

use async_trait::async_trait;

use crate::failure::Failure;
use crate::ids::{SmsId, TenantId};
use crate::phone::PhoneNumber;
use crate::sms::Sms;
use crate::sms::dispatch::Past;
use crate::time::Timestamp;

/// An attempt that was begun: it may have left.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    pub attempt: Past,
    pub at: Timestamp,
    /// When its answer came, or it was found to have none: it had left by then.
    pub ended_at: Option<Timestamp>,
    /// There was an answer. Without one it may have left at any moment until then.
    pub answered: bool,
}

/// What a tenant used of a day: attempts that count, and those under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DayUse {
    pub segments: u64,
    /// Texts per number that is not the team's.
    pub callers: Vec<(PhoneNumber, u32)>,
}

/// A sender that goes slower than configured.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedPace {
    pub sender: Box<str>,
    /// Of the configured rate: above 0, below 1.
    pub factor: f64,
    pub at: Timestamp,
}

/// A message that does not leave now.
#[derive(Clone, Debug, PartialEq)]
pub struct PutOff {
    pub id: SmsId,
    /// It is due then.
    pub until: Timestamp,
    /// As the API shows it.
    pub why: &'static str,
}

#[async_trait]
pub trait SmsLedger: Send + Sync + 'static {
    /// Attempts begun since then, the oldest first; of more than `limit` the newest.
    async fn begun_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Begun>, Failure>;

    async fn used_since(&self, tenant: &TenantId, since: Timestamp) -> Result<DayUse, Failure>;

    /// Puts messages off and keeps why: all at once, and returns those that were still queued.
    async fn put_off(&self, held: &[PutOff], now: Timestamp) -> Result<Vec<Sms>, Failure>;

    /// Every sender that goes slower than configured.
    async fn learned(&self) -> Result<Vec<LearnedPace>, Failure>;

    /// Replaces what was learned before by this.
    async fn learn(&self, paces: &[LearnedPace]) -> Result<(), Failure>;
}
