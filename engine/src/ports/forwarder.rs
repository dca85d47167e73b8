//! A business's own server, asked by a tool of its own.

use async_trait::async_trait;

use crate::tools::{Endpoint, Lost};

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    pub endpoint: &'a Endpoint,
    /// The same for every attempt at the same thing.
    pub idempotency_key: &'a str,
    /// JSON.
    pub body: &'a str,
}

#[async_trait]
pub trait Forwarder: Send + Sync + 'static {
    /// Posts once, signed, and returns the answer of a success, bounded. Never repeats by itself and never follows
    /// the answer elsewhere; whoever asks keeps the time, and drops the future when it is over.
    async fn post(&self, post: Post<'_>) -> Result<String, Lost>;
}
