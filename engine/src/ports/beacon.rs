//! Somebody far away who raises the alarm when they hear nothing from us.

use async_trait::async_trait;

use crate::failure::Failure;

#[async_trait]
pub trait Beacon: Send + Sync + 'static {
    /// Tells them once that all is well. Whoever asks keeps the time, and drops the future when it is over.
    async fn ping(&self) -> Result<(), Failure>;
}
