//! Bounds on what is being worked on: mailboxes here have no bound of their own, so every message carries a seat.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Seats of the whole system.
#[derive(Clone)]
pub(crate) struct Seats {
    free: Arc<Semaphore>,
    all: usize,
}

/// Seats of one call; of errands, those of one tenant.
#[derive(Clone, Default, Debug)]
pub(crate) struct CallSeats(Arc<AtomicUsize>);

/// One event being worked on. Travels with it from the mailbox to the answer; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    _of_system: OwnedSemaphorePermit,
    of_call: CallSeats,
}

impl Seats {
    pub fn new(all: usize) -> Seats {
        Seats { free: Arc::new(Semaphore::new(all)), all }
    }

    /// `None` when the system or this call has no seat left, or when the system is stopping.
    pub fn take(&self, of_call: &CallSeats, per_call: usize) -> Option<Seat> {
        let of_system = self.free.clone().try_acquire_owned().ok()?;
        if of_call.0.fetch_add(1, Ordering::Relaxed) >= per_call {
            of_call.0.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Seat { _of_system: of_system, of_call: of_call.clone() })
    }

    pub fn taken(&self) -> usize {
        self.all - self.free.available_permits()
    }

    /// Waits until every seat has been given back, then lets nobody sit down again. False when `within` passed first:
    /// then too nobody sits down again.
    pub async fn close(&self, within: Duration) -> bool {
        let all = u32::try_from(self.all).unwrap_or(u32::MAX);
        let everybody_left = tokio::time::timeout(within, self.free.acquire_many(all)).await.is_ok();
        self.free.close();
        everybody_left
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.of_call.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn seats_are_bounded_per_call_and_in_all_and_come_back() {
        let seats = Seats::new(3);
        let (a, b) = (CallSeats::default(), CallSeats::default());
        let first = seats.take(&a, 2).unwrap();
        let _second = seats.take(&a, 2).unwrap();
        assert!(seats.take(&a, 2).is_none(), "this call has no more");
        let _third = seats.take(&b, 2).unwrap();
        assert!(seats.take(&b, 2).is_none(), "the system has no more");
        drop(first);
        assert!(seats.take(&b, 2).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn closing_waits_for_those_inside_and_refuses_the_rest() {
        let seats = Seats::new(2);
        let call = CallSeats::default();
        let seat = seats.take(&call, 2).unwrap();
        assert!(!seats.close(Duration::from_secs(1)).await);
        assert!(seats.take(&call, 2).is_none());
        drop(seat);
        assert_eq!(seats.taken(), 0);
    }
}
