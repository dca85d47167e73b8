//! A bell among nodes of one process.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use super::lock;
use crate::failure::Failure;
use crate::ids::AlertId;
use crate::ports::{Bell, Ear};

/// Every clone is another node's.
#[derive(Clone, Default)]
pub struct MemoryBell {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    ears: Vec<Arc<Mutex<Ringing>>>,
    rings: usize,
    broken: bool,
}

/// What one ear has not heard yet.
#[derive(Default)]
struct Ringing {
    alerts: Option<BTreeSet<AlertId>>,
    cut: bool,
    waiting: Option<Waker>,
}

impl MemoryBell {
    /// How often it was rung.
    pub fn rings(&self) -> usize {
        lock(&self.state).rings
    }

    /// How many have listened, also those who do no more.
    pub fn listened(&self) -> usize {
        lock(&self.state).ears.len()
    }

    /// Whoever listens now hears nothing more, and knows it.
    pub fn cut(&self) {
        let ears = lock(&self.state).ears.clone();
        ears.iter().for_each(|ear| lock(ear).change(|ringing| ringing.cut = true));
    }

    /// From now on nobody can ring or begin to listen, or they can again.
    pub fn breaks(&self, broken: bool) {
        lock(&self.state).broken = broken;
    }

    fn works(&self) -> Result<(), Failure> {
        if lock(&self.state).broken { Err(Failure::retry("the bell is broken")) } else { Ok(()) }
    }
}

#[async_trait]
impl Bell for MemoryBell {
    async fn ring(&self, alerts: &[AlertId]) -> Result<(), Failure> {
        self.works()?;
        let mut state = lock(&self.state);
        state.rings += 1;
        let add = |ringing: &mut Ringing| ringing.alerts.get_or_insert_default().extend(alerts);
        state.ears.iter().for_each(|ear| lock(ear).change(add));
        Ok(())
    }

    async fn listen(&self) -> Result<Box<dyn Ear>, Failure> {
        self.works()?;
        let ringing = Arc::new(Mutex::new(Ringing::default()));
        lock(&self.state).ears.push(ringing.clone());
        Ok(Box::new(MemoryEar { ringing }))
    }
}

impl Ringing {
    fn change(&mut self, how: impl FnOnce(&mut Ringing)) {
        how(self);
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

struct MemoryEar {
    ringing: Arc<Mutex<Ringing>>,
}

#[async_trait]
impl Ear for MemoryEar {
    async fn heard(&mut self) -> Result<Vec<AlertId>, Failure> {
        poll_fn(|context| {
            let mut ringing = lock(&self.ringing);
            if ringing.cut {
                return Poll::Ready(Err(Failure::retry("the bell was cut")));
            }
            if let Some(alerts) = ringing.alerts.take() {
                return Poll::Ready(Ok(alerts.into_iter().collect()));
            }
            ringing.waiting = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}
