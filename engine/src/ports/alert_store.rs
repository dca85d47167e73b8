//! Where alerts are recorded. Opened and added to by `CallStore::append`, in the transaction of the frame that says so;
//! everything after that is written here.

use async_trait::async_trait;

use crate::alert::{Alert, AlertState, Change, Entry};
use crate::failure::Failure;
use crate::ids::{AlertId, TenantId};
use crate::playbook::Shift;

/// Which alerts a list is of.
#[derive(Clone, Debug, Default)]
pub struct AlertsWanted {
    pub tenant: Option<TenantId>,
    /// Empty: in any state.
    pub states: Vec<AlertState>,
    /// Opened before this one, which is the last of the page before.
    pub before: Option<AlertId>,
    pub limit: usize,
}

#[async_trait]
pub trait AlertStore: Send + Sync + 'static {
    /// Writes the alert, its entries and its texts in one transaction, synced to disk: only where
    /// `alert.version - 1` is what is stored (0: nothing is). False, and nothing written, when somebody else was first.
    async fn write(&self, change: &Change) -> Result<bool, Failure>;

    async fn alert(&self, tenant: Option<&TenantId>, id: AlertId) -> Result<Option<Alert>, Failure>;

    /// Those whose clock runs, the earliest due first, at most `limit`.
    async fn running(&self, limit: usize) -> Result<Vec<Alert>, Failure>;

    /// Newest first.
    async fn alerts(&self, wanted: &AlertsWanted) -> Result<Vec<Alert>, Failure>;

    /// Keeps that somebody took a shift over; the newest of a tenant replaces the one before.
    async fn keep_shift(&self, tenant: &TenantId, shift: &Shift) -> Result<(), Failure>;

    /// Of every tenant, also those that are over.
    async fn shifts(&self) -> Result<Vec<(TenantId, Shift)>, Failure>;

    /// Fails when nothing can be written now.
    async fn writable(&self) -> Result<(), Failure>;

    /// The receipt, in order.
    async fn receipt(&self, id: AlertId) -> Result<Vec<Entry>, Failure>;
}
