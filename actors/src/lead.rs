//! Which node does what only one may do at a time: send texts, walk alerts, publish to the bus. Where there is one
//! process, it is that one, always.
//!
//! The elector stands for election until it wins, and then says every [`Limits::lead_renew`] that it is alive. A node
//! that was halted for longer than [`Limits::lead_trusted`] does not trust its own memory of having led: another one may
//! lead by now, and the store has the word. It runs until its handle is dropped; one that panics is started again.

use std::sync::Arc;
use std::time::Duration;

use engine::ids::AlertId;
use engine::ports::{Election, Term};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};

use crate::bell::Untold;
use crate::limits::Limits;
use crate::metrics;
use crate::supervise::{Supervised, supervise};

/// Whether this node leads now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lead {
    standing: watch::Receiver<Standing>,
    /// How long the last sign of life is trusted.
    trusted: Option<Duration>,
    /// For the node that leads, where another one may.
    untold: Option<Arc<Untold>>,
}

/// One life of what lives no longer than a term, and that term.
pub(crate) struct Life {
    pub term: u64,
    pub ended: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    /// The number of the term, when this node was last known to lead.
    led: Option<(u64, Instant)>,
}

impl Lead {
    /// The only process there is.
    pub fn always() -> Lead {
        Lead { standing: watch::channel(Standing { led: Some((0, Instant::now())) }).1, trusted: None, untold: None }
    }

    pub fn held(&self) -> bool {
        self.term().is_some()
    }

    /// Returns at once on the node that leads; on another, when it comes to lead.
    pub async fn until_held(&self) {
        let mut standing = self.standing.clone();
        if standing.wait_for(|standing| self.trusts(*standing).is_some()).await.is_err() {
            // Nobody elects any more and nobody led: only a process that stops gets here.
            std::future::pending::<()>().await;
        }
    }

    /// Returns at once on a node that does not lead; else when it leads no longer, or cannot be sure any more.
    pub(crate) async fn until_lost(&self) {
        let mut standing = self.standing.clone();
        loop {
            let Standing { led } = *standing.borrow_and_update();
            let (Some((_, at)), Some(trusted)) = (led, self.trusted) else {
                return if led.is_some() {
                    std::future::pending().await
                };
            };
            let ends = at + trusted;
            let renewed = tokio::select! {
                Ok(()) = standing.changed() => true,
                () = sleep_until(ends) => false,
            };
            if !renewed {
                return;
            }
        }
    }

    /// What this node commits is told to the one that leads.
    pub(crate) fn telling(self, untold: Arc<Untold>) -> Lead {
        Lead { untold: Some(untold), ..self }
    }

    /// Texts were committed here, or something about this alert: where another node leads, that one is to know.
    pub(crate) fn owes(&self, alert: Option<AlertId>) {
        if let Some(untold) = self.untold.as_ref().filter(|_| !self.held()) {
            untold.add(alert);
        }
    }

    /// The number of the term this node leads, if it does.
    pub(crate) fn term(&self) -> Option<u64> {
        self.trusts(*self.standing.borrow())
    }

    /// Returns when this node leads a term other than `known`: in between another one may have led.
    pub(crate) async fn another_term(&self, known: Option<u64>) -> u64 {
        let mut standing = self.standing.clone();
        let is_new = |standing: &Standing| self.trusts(*standing).is_some_and(|number| known != Some(number));
        let led = standing.wait_for(is_new).await.ok().and_then(|standing| standing.led);
        match led {
            Some((number, _)) => number,
            None => std::future::pending().await,
        }
    }

    fn trusts(&self, standing: Standing) -> Option<u64> {
        let (number, at) = standing.led?;
        self.trusted.is_none_or(|trusted| at.elapsed() < trusted).then_some(number)
    }
}

impl Life {
    /// Returns its term when it has ended. None never ends.
    pub async fn ended(life: &mut Option<Life>) -> u64 {
        match life {
            Some(life) => {
                let _ = (&mut life.ended).await;
                life.term
            }
            None => std::future::pending().await,
        }
    }
}

/// Stands for election. The first ballot is over when it returns, so that a node that is alone begins at once.
pub(crate) async fn elect(election: Arc<dyn Election>, limits: &Limits) -> (Lead, Supervised) {
    let (told, standing) = watch::channel(Standing { led: None });
    let lead = Lead { standing, trusted: Some(limits.lead_trusted), untold: None };
    let elector = Elector { election, told, renew: limits.lead_renew, trusted: limits.lead_trusted };
    let first = elector.stand().await;
    let elector = Arc::new((elector, Mutex::new(first)));
    let task = supervise("elector", move || {
        let elector = elector.clone();
        async move {
            let _alive = metrics::alive("elector");
            let first = elector.1.lock().take();
            elector.0.run(first).await;
        }
    });
    (lead, task)
}

struct Elector {
    election: Arc<dyn Election>,
    told: watch::Sender<Standing>,
    renew: Duration,
    trusted: Duration,
}

impl Elector {
    async fn run(&self, mut won: Option<Box<dyn Term>>) {
        while !self.told.is_closed() {
            match won.take() {
                Some(term) => {
                    self.lead(term).await;
                    metrics::leading(false);
                }
                None => sleep(self.renew).await,
            }
            won = self.stand().await;
        }
    }

    async fn stand(&self) -> Option<Box<dyn Term>> {
        // Before the answer: what we know is as old as our question.
        let asked = Instant::now();
        match timeout(self.trusted, self.election.stand()).await {
            Ok(Ok(Some(term))) => {
                info!(term = term.number(), "this node leads");
                metrics::leading(true);
                self.told.send_replace(Standing { led: Some((term.number(), asked)) });
                Some(term)
            }
            Ok(Ok(None)) => None,
            Ok(Err(failure)) => {
                warn!(%failure, "no election, will retry");
                None
            }
            Err(_) => {
                warn!("no answer to the election in time, will retry");
                None
            }
        }
    }

    /// Until the term is over.
    async fn lead(&self, mut term: Box<dyn Term>) {
        let ended = loop {
            tokio::select! {
                () = sleep(self.renew) => {}
                // Nobody here asks any more who leads.
                () = self.told.closed() => return term.resign().await,
            }
            let asked = Instant::now();
            match timeout(self.trusted, term.renew()).await {
                Ok(Ok(())) => _ = self.told.send_replace(Standing { led: Some((term.number(), asked)) }),
                Ok(Err(failure)) => break failure.to_string(),
                Err(_) => break "no answer in time".to_owned(),
            }
        };
        self.told.send_replace(Standing { led: None });
        warn!(why = ended, term = term.number(), "this node leads no longer");
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::memory::MemoryElection;

    use super::*;

    async fn node(ballot: &MemoryElection, name: &str) -> (Lead, Supervised) {
        elect(Arc::new(ballot.node(name)), &Limits::default()).await
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_nodes_one_leads_and_the_other_follows_when_it_is_gone() {
        let ballot = MemoryElection::default();
        let (first, leading) = node(&ballot, "a").await;
        let (second, _standing) = node(&ballot, "b").await;
        assert!(first.held() && !second.held());
        let term = first.term();
        drop(leading);
        second.until_held().await;
        assert!(second.term() > term, "another term");
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_lost_the_lead_knows_whether_another_one_had_it() {
        let ballot = MemoryElection::default();
        let (lead, _elector) = node(&ballot, "a").await;
        let term = lead.term();
        ballot.cut();
        sleep(Limits::default().lead_renew * 2).await;
        assert_eq!(lead.term(), term, "nobody led in between");
        let (other, elector) = node(&ballot, "b").await;
        ballot.only("b");
        ballot.cut();
        other.until_held().await;
        drop(elector);
        ballot.only("a");
        assert_ne!(lead.another_term(term).await, term.expect("it led"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_was_halted_does_not_trust_that_it_still_leads() {
        let ballot = MemoryElection::default();
        let (lead, _elector) = node(&ballot, "a").await;
        ballot.hang();
        tokio::time::advance(Limits::default().lead_trusted).await;
        assert!(!lead.held(), "before the elector has had its turn");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lead_is_lost_when_it_is_not_renewed_and_when_another_node_takes_it() {
        let ballot = MemoryElection::default();
        let (lead, elector) = node(&ballot, "a").await;
        let waiting = Limits::default().lead_trusted * 10;
        assert!(timeout(waiting, lead.until_lost()).await.is_err(), "it is renewed all the time");
        ballot.only("b");
        ballot.cut();
        lead.until_lost().await;
        assert!(!lead.held());
        lead.until_lost().await;
        ballot.only("a");
        lead.until_held().await;
        ballot.hang();
        lead.until_lost().await;
        assert!(!lead.held(), "nobody said that it does");
        drop(elector);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_alone_leads_always() {
        let lead = Lead::always();
        lead.until_held().await;
        assert!(timeout(Duration::from_secs(3600), lead.until_lost()).await.is_err());
        assert!(lead.held());
    }
}
