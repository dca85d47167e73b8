//! Elections among nodes of one process.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::lock;
use crate::failure::Failure;
use crate::ports::{Election, Term};

/// What the nodes share. A node stands by [`MemoryElection::node`].
#[derive(Clone, Default)]
pub struct MemoryElection {
    ballot: Arc<Mutex<Ballot>>,
}

#[derive(Default)]
struct Ballot {
    /// Counts every lead that was taken, to tell one's own from a later one.
    taken: u64,
    /// Which of them holds.
    holder: Option<u64>,
    last: Option<Box<str>>,
    term: u64,
    hangs: bool,
    /// Nobody else may win.
    only: Option<Box<str>>,
}

impl MemoryElection {
    /// The same election, seen from this node.
    pub fn node(&self, name: &str) -> impl Election + use<> {
        Node { ballot: self.ballot.clone(), name: name.into() }
    }

    /// Whoever leads is cut off from the others, for a moment.
    pub fn cut(&self) {
        lock(&self.ballot).holder = None;
    }

    /// From now on only this node may win.
    pub fn only(&self, name: &str) {
        lock(&self.ballot).only = Some(name.into());
    }

    /// Nobody is answered any more.
    pub fn hang(&self) {
        lock(&self.ballot).hangs = true;
    }
}

struct Node {
    ballot: Arc<Mutex<Ballot>>,
    name: Box<str>,
}

struct Won {
    ballot: Arc<Mutex<Ballot>>,
    taken: u64,
    term: u64,
}

#[async_trait]
impl Election for Node {
    async fn stand(&self) -> Result<Option<Box<dyn Term>>, Failure> {
        if lock(&self.ballot).hangs {
            std::future::pending::<()>().await;
        }
        let mut ballot = lock(&self.ballot);
        let barred = ballot.only.as_ref().is_some_and(|only| *only != self.name);
        if ballot.holder.is_some() || barred {
            return Ok(None);
        }
        ballot.taken += 1;
        ballot.holder = Some(ballot.taken);
        if ballot.last.as_deref() != Some(&*self.name) {
            ballot.last = Some(self.name.clone());
            ballot.term += 1;
        }
        Ok(Some(Box::new(Won { ballot: self.ballot.clone(), taken: ballot.taken, term: ballot.term })))
    }
}

#[async_trait]
impl Term for Won {
    fn number(&self) -> u64 {
        self.term
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        if lock(&self.ballot).hangs {
            std::future::pending::<()>().await;
        }
        let holds = lock(&self.ballot).holder == Some(self.taken);
        holds.then_some(()).ok_or_else(|| Failure::retry("another node may lead"))
    }

    async fn resign(self: Box<Self>) {}
}

impl Drop for Won {
    fn drop(&mut self) {
        let mut ballot = lock(&self.ballot);
        if ballot.holder == Some(self.taken) {
            ballot.holder = None;
        }
    }
}
