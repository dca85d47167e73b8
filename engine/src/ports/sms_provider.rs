//! A carrier.

use async_trait::async_trait;

use crate::sms::{SendOutcome, Sms};

#[async_trait]
pub trait SmsProvider: Send + Sync + 'static {
    /// Lower case: for metrics and the banner.
    fn name(&self) -> &'static str;

    /// Sends one message, once, from `sender`. Bounded in time by the implementation; never retries by itself.
    async fn send(&self, sms: &Sms, sender: &str) -> SendOutcome;
}
