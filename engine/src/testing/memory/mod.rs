//! Ports in memory: as strict as the real ones (they run the same contracts), and they fail when a test tells them to.

mod alerts;
mod analytics;
mod bell;
mod bus;
mod bus_cursor;
mod cache;
mod calls;
mod clock;
mod election;
mod history;
mod ledger;
mod opt_outs;
mod outbox;
mod provider;
mod pusher;
mod store;
mod telephony;

pub use bell::MemoryBell;
pub use bus::{MemoryBus, MemoryOuterBus};
pub use cache::MemoryCache;
pub use clock::ManualClock;
pub use election::MemoryElection;
pub use provider::MemoryProvider;
pub use pusher::MemoryPusher;
pub use store::{MemoryStore, Quarantined};
pub use telephony::MemoryTelephony;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A test that panicked while holding a lock has failed already; the others may go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
