//! Where several nodes share one store: which of them does what only one may do at a time.

use async_trait::async_trait;

use crate::failure::Failure;

#[async_trait]
pub trait Election: Send + Sync + 'static {
    /// Asks to lead. `None`: another node does.
    async fn stand(&self) -> Result<Option<Box<dyn Term>>, Failure>;
}

/// This node leads until the term is over: it resigned, died, stopped for longer than the others wait, or lost sight of
/// what they share.
#[async_trait]
pub trait Term: Send + 'static {
    /// Grows whenever another node comes to lead. The same number again: nobody did in between.
    fn number(&self) -> u64;

    /// Says that we are alive. An error ends the term: somebody else may lead.
    async fn renew(&mut self) -> Result<(), Failure>;

    /// Lets another node lead at once. A term that is dropped does so too, a little later.
    async fn resign(self: Box<Self>);
}
