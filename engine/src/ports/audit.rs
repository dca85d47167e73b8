//! Who did what: a list that is only ever added to.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::ids::TenantId;
use crate::time::Timestamp;

/// One thing that somebody did. Never holds a number, a name or what anybody said.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    pub at: Timestamp,
    /// The role of the token, or the name it has.
    pub by: Box<str>,
    /// Whose; `None`: of all.
    pub tenant: Option<TenantId>,
    /// `erase`, `backup`…
    pub action: Box<str>,
    /// What it was done to, as something that can be told again and not read: `hmac:…`.
    pub subject: Box<str>,
    pub detail: Value,
}

/// As it is listed. Field names are a promise to clients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audited {
    /// Later ones have higher ones.
    pub position: u64,
    pub at: Timestamp,
    pub by: Box<str>,
    pub tenant: Option<TenantId>,
    pub action: Box<str>,
    pub subject: Box<str>,
    pub detail: Value,
}

#[async_trait]
pub trait AuditLog: Send + Sync + 'static {
    /// Committed when it returns.
    async fn note(&self, deed: &Deed) -> Result<(), Failure>;

    /// Newest first, those before `before`; of one tenant or of all.
    async fn deeds(
        &self,
        tenant: Option<&TenantId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, Failure>;
}
