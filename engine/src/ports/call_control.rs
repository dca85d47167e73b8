//! The platform's own interface, asked when a call has gone silent.

use async_trait::async_trait;

use crate::call::Phase;
use crate::failure::Failure;
use crate::ids::CallKey;

#[async_trait]
pub trait CallControl: Send + Sync + 'static {
    /// Where the platform says the call stands; `None` when it does not know the call.
    async fn phase_of(&self, call: &CallKey) -> Result<Option<Phase>, Failure>;
}
