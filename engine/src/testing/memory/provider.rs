//! A carrier that remembers what it was asked to send and answers as the test says.

use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::ports::SmsProvider;
use crate::sms::{SendOutcome, Sms};

type Outcome = dyn Fn(&Sms) -> Option<SendOutcome> + Send + Sync;

pub struct MemoryProvider {
    sent: Mutex<Vec<(Sms, String)>>,
    outcome: Box<Outcome>,
}

impl Default for MemoryProvider {
    /// Accepts everything, under the id [`MemoryProvider::id_of`] tells.
    fn default() -> MemoryProvider {
        MemoryProvider::answering(|sms| Some(SendOutcome::Accepted { provider_id: MemoryProvider::id_of(sms) }))
    }
}

impl MemoryProvider {
    /// `None`: this message never gets an answer.
    pub fn answering(outcome: impl Fn(&Sms) -> Option<SendOutcome> + Send + Sync + 'static) -> MemoryProvider {
        MemoryProvider { sent: Mutex::default(), outcome: Box::new(outcome) }
    }

    /// A carrier that hangs.
    pub fn silent() -> MemoryProvider {
        MemoryProvider::answering(|_| None)
    }

    pub fn id_of(sms: &Sms) -> Box<str> {
        format!("carrier-{}", sms.id).into()
    }

    /// Every request so far, answered or not, with the sender it asked for.
    pub fn sent(&self) -> Vec<(Sms, String)> {
        lock(&self.sent).clone()
    }
}

#[async_trait]
impl SmsProvider for MemoryProvider {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn send(&self, sms: &Sms, sender: &str) -> SendOutcome {
        lock(&self.sent).push((sms.clone(), sender.to_owned()));
        match (self.outcome)(sms) {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for MemoryProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryProvider").field("sent", &lock(&self.sent).len()).finish_non_exhaustive()
    }
}
