//! A carrier.

use std::sync::Arc;

use async_trait::async_trait;

use crate::failure::Failure;
use crate::ids::TenantId;
use crate::sms::{Answered, Attempt, ErrorClass, Found, Sms};

/// Called when the first byte of a message is written.
pub type Leaves = Arc<dyn Fn() + Send + Sync>;

#[async_trait]
pub trait SmsProvider: Send + Sync + 'static {
    /// Lower case: for metrics and the banner.
    fn name(&self) -> &'static str;

    /// Sends one message, once, from the attempt's sender, and says when it leaves: to connect may take longer than the
    /// pace of that sender forgives. A carrier that cannot tell never says it. Bounded in time by the implementation;
    /// never retries by itself.
    async fn send_timed(&self, sms: &Sms, attempt: &Attempt, leaves: Leaves) -> Answered;

    /// The same, for whoever need not know when it leaves.
    async fn send(&self, sms: &Sms, attempt: &Attempt) -> Answered {
        self.send_timed(sms, attempt, Arc::new(|| {})).await
    }

    /// Messages in the carrier's books that may be this attempt: of the same words, from the same sender to the same
    /// number, whoever sent them and whenever. An error is no answer, and never means absence.
    async fn find(&self, _sms: &Sms, _attempt: &Attempt) -> Result<Vec<Found>, Failure> {
        Err(Failure::fail("this carrier shows no books"))
    }

    /// One message of a tenant's by the carrier's own id; `None` when the carrier does not know it.
    async fn fetch(&self, _tenant: &TenantId, _provider_id: &str) -> Result<Option<Found>, Failure> {
        Err(Failure::fail("this carrier shows no books"))
    }

    /// What one of this carrier's error codes means, for those that come with a report. `None`: nobody has heard of it.
    fn class_of(&self, _code: u32) -> Option<ErrorClass> {
        None
    }

    /// Requests of the account under way at once, as the carrier counted them in its newest answer. `None`: it does not
    /// tell.
    fn concurrent(&self) -> Option<u32> {
        None
    }
}
