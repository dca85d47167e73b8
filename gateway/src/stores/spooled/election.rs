//! Who leads while home is away: every node, over its own spool. Nobody else sees what is in there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{Election, Term};
use tokio::time::timeout;

use super::{Both, Spooled};
use crate::stores::postgres::{PostgresElection, PostgresSettings};

struct SpooledElection {
    both: Arc<Both>,
    home: PostgresElection,
    /// The last term this node led at home; 0: none.
    last: AtomicU64,
}

/// As long as home is there.
struct AtHome {
    both: Arc<Both>,
    term: Box<dyn Term>,
}

/// As long as home is away. Its number is the last one's: whoever led at home goes on with what it has in hand.
struct Alone {
    both: Arc<Both>,
    number: u64,
}

impl Spooled {
    /// `node` is drawn at random at the start of the process.
    pub fn election(&self, home: &PostgresSettings, node: String) -> Result<Arc<dyn Election>, Failure> {
        let home = PostgresElection::new(home, node)?;
        Ok(Arc::new(SpooledElection { both: self.both.clone(), home, last: AtomicU64::new(0) }))
    }
}

#[async_trait]
impl Election for SpooledElection {
    async fn stand(&self) -> Result<Option<Box<dyn Term>>, Failure> {
        let gate = &self.both.gate;
        if gate.is_reachable() {
            match self.home.stand().await {
                Ok(Some(term)) => {
                    self.last.store(term.number(), Ordering::Relaxed);
                    return Ok(Some(Box::new(AtHome { both: self.both.clone(), term })));
                }
                Ok(None) => {
                    // Who does sends what is left here too.
                    self.both.known.texts.rest();
                    return Ok(None);
                }
                Err(failure) => {
                    // Whether it is away, or has only no session for this, is for others to find out.
                    gate.knock.notify_one();
                    if timeout(self.both.settings.patience * 2, gate.left()).await.is_err() {
                        return Err(failure);
                    }
                }
            }
        }
        Ok(Some(Box::new(Alone { both: self.both.clone(), number: self.last.load(Ordering::Relaxed) })))
    }
}

#[async_trait]
impl Term for AtHome {
    fn number(&self) -> u64 {
        self.term.number()
    }

    /// Over as soon as home is known to be away, so that no emergency waits for a session that is silent.
    async fn renew(&mut self) -> Result<(), Failure> {
        tokio::select! {
            renewed = self.term.renew() => renewed,
            () = self.both.gate.left() => Err(Failure::retry("the store is away")),
        }
    }

    async fn resign(self: Box<Self>) {
        self.term.resign().await;
    }
}

#[async_trait]
impl Term for Alone {
    fn number(&self) -> u64 {
        self.number
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        if self.both.gate.is_reachable() { Err(Failure::retry("the store is back")) } else { Ok(()) }
    }

    async fn resign(self: Box<Self>) {}
}
