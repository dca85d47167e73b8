//! A carrier that outlives the server: it takes, loses, throttles and forgets to answer, and shows its books.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::ports::{Clock, Leaves, SmsProvider, SystemClock};
use engine::sms::{Answered, Attempt, DeliveryStatus, Found, SendOutcome, Sms};

use super::gate::Gate;

pub struct Carrier {
    books: Mutex<Vec<(SmsId, Box<str>, Found)>>,
    dice: AtomicU64,
}

impl Carrier {
    pub fn new(seed: u64) -> Carrier {
        Carrier { books: Mutex::default(), dice: AtomicU64::new(seed) }
    }

    /// One entry for every time a message was taken.
    pub fn taken(&self) -> Vec<SmsId> {
        self.books.lock().unwrap().iter().map(|(id, ..)| *id).collect()
    }

    fn take(&self, sms: &Sms) -> Box<str> {
        let mut books = self.books.lock().unwrap();
        let provider_id: Box<str> = format!("X{}", books.len()).into();
        let (status, created_at) = (DeliveryStatus::Delivered, SystemClock.now());
        let found = Found { provider_id: provider_id.clone(), status, error_code: None, created_at };
        books.push((sms.id, sms.body.clone(), found));
        provider_id
    }
}

/// The next number of a sequence that is the same in every run.
pub fn roll(dice: &AtomicU64) -> u64 {
    let mut z = dice.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The carrier as one life of the server reaches it.
pub struct Line {
    pub carrier: Arc<Carrier>,
    pub gate: Arc<Gate>,
}

#[async_trait]
impl SmsProvider for Line {
    fn name(&self) -> &'static str {
        "outliving"
    }

    async fn send_timed(&self, sms: &Sms, _: &Attempt, _: Leaves) -> Answered {
        self.gate.pass().await;
        let outcome = match roll(&self.carrier.dice) % 100 {
            0..70 => SendOutcome::Accepted { provider_id: self.carrier.take(sms) },
            70..80 => {
                self.carrier.take(sms);
                SendOutcome::Unknown { code: None, reason: "no answer in time".into() }
            }
            80..98 => SendOutcome::Unknown { code: None, reason: "no answer in time".into() },
            _ => SendOutcome::Throttled { after: None },
        };
        self.gate.pass().await;
        outcome.into()
    }

    async fn find(&self, sms: &Sms, _: &Attempt) -> Result<Vec<Found>, Failure> {
        self.gate.pass().await;
        let books = self.carrier.books.lock().unwrap();
        Ok(books.iter().filter(|(_, body, _)| *body == sms.body).map(|(.., found)| found.clone()).collect())
    }

    async fn fetch(&self, _: &TenantId, provider_id: &str) -> Result<Option<Found>, Failure> {
        self.gate.pass().await;
        let books = self.carrier.books.lock().unwrap();
        Ok(books.iter().map(|(.., found)| found).find(|found| *found.provider_id == *provider_id).cloned())
    }
}
