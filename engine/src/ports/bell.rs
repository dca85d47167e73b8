//! Where several nodes share one store: how one of them tells the node that leads that there is something to do.

use async_trait::async_trait;

use crate::failure::Failure;
use crate::ids::AlertId;

#[async_trait]
pub trait Bell: Send + Sync + 'static {
    /// Tells whoever listens that texts may be owed and that these alerts have changed. It may be lost: it spares them
    /// the wait for their next look, and replaces none.
    async fn ring(&self, alerts: &[AlertId]) -> Result<(), Failure>;

    /// Whatever is rung after this has returned is heard.
    async fn listen(&self) -> Result<Box<dyn Ear>, Failure>;
}

#[async_trait]
pub trait Ear: Send + 'static {
    /// Waits for the next ring, if there has been none since the last: several of them are one, with the alerts of all.
    /// Giving up the wait loses nothing. An error: nothing more is heard, and the last may have been missed.
    async fn heard(&mut self) -> Result<Vec<AlertId>, Failure>;
}
