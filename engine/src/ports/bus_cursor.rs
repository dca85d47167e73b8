//! How far the bus outside has been told, kept where the frames are; and which texts and alerts changed since.

use async_trait::async_trait;

use super::{Position, Update};
use crate::failure::Failure;

/// A text or an alert that has changed, once, however often it did.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Numbers of the changes this tells of, in the order they were noted. A number is never given twice.
    pub changes: Vec<u64>,
    /// As it stands now, which may be later than the changes. `None`: it is gone, or cannot be read.
    pub update: Option<Update>,
}

#[async_trait]
pub trait BusCursor: Send + Sync + 'static {
    /// Where telling goes on. At the first call ever that is the newest frame, and from then on changes of texts and
    /// alerts are noted, each in the transaction that makes it.
    async fn resume(&self) -> Result<Position, Failure>;

    /// Every frame up to here has arrived. Never goes back.
    async fn advance(&self, to: Position) -> Result<(), Failure>;

    /// The oldest `limit` changes that are noted and not among `except`, by what they are changes of.
    async fn changed(&self, except: &[u64], limit: usize) -> Result<Vec<Changed>, Failure>;

    /// These changes have arrived.
    async fn told(&self, changes: &[u64]) -> Result<(), Failure>;
}
