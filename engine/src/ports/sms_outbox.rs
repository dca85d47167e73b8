//! Messages owed. Written by `CallStore::append`; claimed, sent and settled by the pool.

use async_trait::async_trait;

use crate::failure::Failure;
use crate::ids::{CallId, SmsId, TenantId};
use crate::priority::Priority;
use crate::sms::{DeliveryReport, Settlement, Sms};
use crate::time::Timestamp;

/// A message taken for sending: its attempt is committed, so after a crash it is known that it may have left.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub sms: Sms,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// What a look at the queue came to. All of it is committed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// Most urgent first.
    pub claims: Vec<Claim>,
    /// What waited too long: it is not sent any more, and somebody must hear of it.
    pub expired: Vec<Sms>,
}

#[async_trait]
pub trait SmsOutbox: Send + Sync + 'static {
    /// Takes up to `limit` due messages, most urgent first, earliest due first. They are `sending`, with an attempt
    /// row committed, when this returns. What has passed its `expires_at` becomes `expired` instead, all of it, whatever
    /// the limit.
    async fn claim_due(&self, now: Timestamp, sender: &str, limit: usize) -> Result<Due, Failure>;

    /// Records how an attempt ended. Late, or already settled otherwise: nothing changes, and the message is returned
    /// as it stands.
    async fn settle(&self, id: SmsId, attempt: u32, settlement: &Settlement, now: Timestamp) -> Result<Sms, Failure>;

    /// Applies a carrier's report. `None` when it belongs to no message or moves nothing.
    async fn report(&self, report: &DeliveryReport) -> Result<Option<Sms>, Failure>;

    /// At start: every attempt still in flight was cut by a crash. Its message becomes `unknown`.
    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure>;

    /// When the next queued message is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, Failure>;

    /// Queued messages per priority, most urgent first.
    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure>;

    async fn of_call(&self, tenant: Option<&TenantId>, call: &CallId, limit: usize) -> Result<Vec<Sms>, Failure>;

    /// Newest first.
    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<Sms>, Failure>;

    async fn find(&self, tenant: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure>;
}
