//! What is kept only for a time: a call's words, then the call.
//!
//! ```text
//! live → ended ── transcripts_days ──► without words ── calls_days ──► gone
//! ```
//! Counted from whichever is later, the end of the call or the last thing heard of it. A call that is live, has an
//! alert whose clock runs, or a text that is not sent or of which nobody knows the end, is left as it is.

use async_trait::async_trait;

use crate::failure::Failure;
use crate::ids::TenantId;
use crate::time::Timestamp;

/// What one step took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Calls that lost their words.
    pub quietened: u64,
    pub calls: u64,
    pub frames: u64,
    pub texts: u64,
    pub alerts: u64,
    /// Texts that came in.
    pub inbound: u64,
    /// Events put aside for people to look at.
    pub quarantined: u64,
}

impl Removed {
    pub fn add(&mut self, more: Removed) {
        self.quietened += more.quietened;
        self.calls += more.calls;
        self.frames += more.frames;
        self.texts += more.texts;
        self.alerts += more.alerts;
        self.inbound += more.inbound;
        self.quarantined += more.quarantined;
    }

    pub fn is_nothing(&self) -> bool {
        *self == Removed::default()
    }
}

/// Steps that are small enough to stand between nobody and their commit. Each is done again until it removes nothing.
#[async_trait]
pub trait Retention: Send + Sync + 'static {
    /// Everybody of whom something may be kept.
    async fn tenants(&self) -> Result<Vec<TenantId>, Failure>;

    /// Takes the words out of calls that were over before, the oldest first: as many as have about `frames` frames, at
    /// least one.
    async fn quieten(&self, tenant: &TenantId, before: Timestamp, frames: usize) -> Result<Removed, Failure>;

    /// Removes such calls with all that belongs to them. Their places in the order of commits are not used again.
    async fn remove(&self, tenant: &TenantId, before: Timestamp, frames: usize) -> Result<Removed, Failure>;

    /// Removes up to `limit` of each: what people texted and events put aside before `words_before`; texts and alerts
    /// of no call that were over before `calls_before`. `None`: what belongs to nobody in particular.
    async fn remove_loose(
        &self,
        tenant: Option<&TenantId>,
        words_before: Timestamp,
        calls_before: Timestamp,
        limit: usize,
    ) -> Result<Removed, Failure>;
}
