//! Texts that came in.

use async_trait::async_trait;
use serde::Serialize;

use crate::failure::Failure;
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::time::Timestamp;

/// A text somebody sent us. Field names are a promise to clients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InboundSms {
    /// The carrier's own id.
    pub id: Box<str>,
    /// Whom it was meant for, as far as that can be told.
    pub tenant: Option<TenantId>,
    pub from: PhoneNumber,
    /// The number or name it was sent to.
    pub to: Box<str>,
    /// At most 1,600 characters.
    pub body: Box<str>,
    /// What it was taken for: `stop`, `help`, `accept`, `other`…
    pub wish: Box<str>,
    pub at: Timestamp,
}

#[async_trait]
pub trait Inbox: Send + Sync + 'static {
    /// Whether a text of this id is kept.
    async fn knows(&self, id: &str) -> Result<bool, Failure>;

    /// `false`: it was here before.
    async fn keep(&self, sms: &InboundSms) -> Result<bool, Failure>;

    /// Newest first.
    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<InboundSms>, Failure>;

    /// Who texted this number last.
    async fn last_to_text(&self, number: &PhoneNumber) -> Result<Option<TenantId>, Failure>;
}
