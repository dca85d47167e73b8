//! A carrier that remembers what it was asked to send and answers as the test says.

use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::failure::Failure;
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::ports::{Leaves, SmsProvider};
use crate::sms::{Answered, Attempt, DeliveryStatus, Found, SendOutcome, Sms};

type Outcome = dyn Fn(&Sms) -> Option<SendOutcome> + Send + Sync;

pub struct MemoryProvider {
    sent: Mutex<Vec<(Sms, String)>>,
    books: Mutex<Vec<Entry>>,
    outcome: Box<Outcome>,
}

/// What the carrier took.
struct Entry {
    sender: Box<str>,
    to: PhoneNumber,
    body: Box<str>,
    found: Found,
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
        MemoryProvider { sent: Mutex::default(), books: Mutex::default(), outcome: Box::new(outcome) }
    }

    /// A carrier that hangs.
    pub fn silent() -> MemoryProvider {
        MemoryProvider::answering(|_| None)
    }

    pub fn id_of(sms: &Sms) -> Box<str> {
        format!("carrier-{}", sms.id).into()
    }

    /// The carrier has this message, whatever it answered.
    pub fn has(&self, sms: &Sms, sender: &str, found: Found) {
        let (sender, to, body) = (sender.into(), sms.to.clone(), sms.body.clone());
        lock(&self.books).push(Entry { sender, to, body, found });
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

    async fn send_timed(&self, sms: &Sms, attempt: &Attempt, leaves: Leaves) -> Answered {
        leaves();
        lock(&self.sent).push((sms.clone(), attempt.sender.to_string()));
        let Some(outcome) = (self.outcome)(sms) else { return std::future::pending().await };
        if let SendOutcome::Accepted { provider_id } = &outcome {
            let (provider_id, created_at) = (provider_id.clone(), attempt.started_at);
            let found = Found { provider_id, status: DeliveryStatus::Accepted, error_code: None, created_at };
            self.has(sms, &attempt.sender, found);
        }
        outcome.into()
    }

    async fn find(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Found>, Failure> {
        let same = |entry: &&Entry| entry.sender == attempt.sender && entry.to == sms.to && entry.body == sms.body;
        Ok(lock(&self.books).iter().filter(same).map(|entry| entry.found.clone()).collect())
    }

    async fn fetch(&self, _: &TenantId, provider_id: &str) -> Result<Option<Found>, Failure> {
        let books = lock(&self.books);
        Ok(books.iter().map(|entry| &entry.found).find(|found| *found.provider_id == *provider_id).cloned())
    }
}

impl fmt::Debug for MemoryProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryProvider").field("sent", &lock(&self.sent).len()).finish_non_exhaustive()
    }
}
