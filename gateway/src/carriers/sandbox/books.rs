//! What the sandbox took and how it fares: the newest of it, in memory.

use std::collections::VecDeque;

use engine::phone::PhoneNumber;
use engine::sms::{DeliveryStatus, Found, Sms};
use engine::time::Timestamp;
use parking_lot::Mutex;

/// Messages remembered; older ones are forgotten.
const PAGES: usize = 4_096;

#[derive(Default)]
pub struct Books(Mutex<VecDeque<Entry>>);

struct Entry {
    sender: Box<str>,
    to: PhoneNumber,
    body: Box<str>,
    found: Found,
}

impl Books {
    pub fn enter(&self, sms: &Sms, sender: &str, provider_id: Box<str>, created_at: Timestamp) {
        let found = Found { provider_id, status: DeliveryStatus::Accepted, error_code: None, created_at };
        let mut entries = self.0.lock();
        if entries.len() == PAGES {
            entries.pop_front();
        }
        entries.push_back(Entry { sender: sender.into(), to: sms.to.clone(), body: sms.body.clone(), found });
    }

    pub fn moves(&self, provider_id: &str, status: DeliveryStatus, error_code: Option<u32>) {
        let mut entries = self.0.lock();
        // The newest is looked for most.
        if let Some(entry) = entries.iter_mut().rev().find(|entry| *entry.found.provider_id == *provider_id) {
            (entry.found.status, entry.found.error_code) = (status, error_code);
        }
    }

    /// Of the same words, from the same sender to the same number.
    pub fn find(&self, sms: &Sms, sender: &str) -> Vec<Found> {
        let same = |entry: &&Entry| *entry.sender == *sender && entry.to == sms.to && entry.body == sms.body;
        self.0.lock().iter().filter(same).map(|entry| entry.found.clone()).collect()
    }

    pub fn fetch(&self, provider_id: &str) -> Option<Found> {
        let entries = self.0.lock();
        entries.iter().rev().map(|entry| &entry.found).find(|found| *found.provider_id == *provider_id).cloned()
    }
}
