//! One load per key at a time, however many wait for it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use engine::failure::Failure;
use engine::ports::CacheKey;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::Answer;

/// A load under way. It lands whether or not somebody still waits.
pub(super) type Flight = Shared<BoxFuture<'static, Answer>>;

#[derive(Default)]
pub(super) struct Flights(Arc<Mutex<Air>>);

#[derive(Default)]
struct Air {
    started: u64,
    flights: HashMap<CacheKey, (u64, Flight)>,
}

impl Flights {
    pub fn join<F>(&self, runtime: &Handle, key: CacheKey, start: impl FnOnce() -> F) -> Flight
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let mut air = self.0.lock();
        if let Some((_, flight)) = air.flights.get(&key) {
            return flight.clone();
        }
        air.started += 1;
        let number = air.started;
        let landing = Landing { air: self.0.clone(), key: key.clone(), number };
        let loading = start();
        let task = runtime.spawn(async move {
            let _landing = landing;
            loading.await
        });
        let landed = task.map(|ended| ended.unwrap_or_else(|_| Err(Failure::retry("cache: the load died"))));
        let flight = landed.boxed().shared();
        air.flights.insert(key, (number, flight.clone()));
        flight
    }

    /// Whoever comes from now on does not join a flight that started before.
    pub fn cut(&self, key: &CacheKey) {
        let mut air = self.0.lock();
        air.flights.remove(key);
        air.flights.remove(&key.of_anybody());
    }

    pub fn cut_all(&self) {
        self.0.lock().flights.clear();
    }
}

/// Removes its own flight, also when the load panics.
struct Landing {
    air: Arc<Mutex<Air>>,
    key: CacheKey,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut air = self.air.lock();
        if air.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            air.flights.remove(&self.key);
        }
    }
}
