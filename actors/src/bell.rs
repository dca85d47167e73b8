//! What a node that does not lead commits, told to the one that does, and what that one makes of it: the same as of a
//! commit of its own.
//!
//! Whoever commits only says so; one task rings, behind the answer, and what is said while it rings is told in one go
//! by the next. The node that leads listens for as long as it leads. Nothing depends on it: whatever is lost here, by a
//! bell that is broken or a node that dies after its commit, is found by the next look. Both tasks end with their
//! handles; one that panics is started again.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::ids::AlertId;
use engine::ports::Bell;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::warn;

use crate::alerts::Alerts;
use crate::lead::Lead;
use crate::metrics;
use crate::sms_pool::SmsPool;
use crate::supervise::{Supervised, supervise};

/// Alerts told at once at most; the look finds the others.
const MOST: usize = 2_000;
/// Between two tries of a bell that does not work.
const AGAIN: Duration = Duration::from_secs(1);

/// What was committed here and the node that leads does not know yet.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    alerts: Mutex<HashSet<AlertId>>,
    news: Notify,
}

impl Untold {
    /// Texts, or this alert. Any number of times before the bell is rung is one ring.
    pub fn add(&self, alert: Option<AlertId>) {
        if let Some(alert) = alert {
            let mut alerts = self.alerts.lock();
            if alerts.len() < MOST {
                alerts.insert(alert);
            }
        }
        self.news.notify_one();
    }
}

/// Rings for what is committed on this node.
pub(crate) fn ring(bell: Arc<dyn Bell>, untold: Arc<Untold>) -> Supervised {
    supervise("bell", move || {
        let (bell, untold) = (bell.clone(), untold.clone());
        async move {
            let _alive = metrics::alive("bell");
            let mut broken = false;
            loop {
                untold.news.notified().await;
                let alerts: Vec<AlertId> = untold.alerts.lock().drain().collect();
                said_once(&mut broken, bell.ring(&alerts).await.err());
            }
        }
    })
}

/// Hears what others commit while this node leads.
pub(crate) struct Listening {
    pub bell: Arc<dyn Bell>,
    pub lead: Lead,
    pub sms_pool: SmsPool,
    pub alerts: Alerts,
}

impl Listening {
    pub fn start(self) -> Supervised {
        let this = Arc::new(self);
        supervise("listener", move || this.clone().run())
    }

    async fn run(self: Arc<Self>) {
        let _alive = metrics::alive("listener");
        let mut broken = false;
        loop {
            self.lead.until_held().await;
            let failure = tokio::select! {
                Err(failure) = self.listen(&mut broken) => failure,
                () = self.lead.until_lost() => continue,
            };
            said_once(&mut broken, Some(failure));
            sleep(AGAIN).await;
        }
    }

    async fn listen(&self, broken: &mut bool) -> Result<Infallible, Failure> {
        let mut ear = self.bell.listen().await?;
        *broken = false;
        // Whatever was rung before, nobody heard.
        self.sms_pool.look();
        self.alerts.look_around();
        loop {
            let alerts = ear.heard().await?;
            self.sms_pool.look();
            alerts.into_iter().for_each(|alert| self.alerts.look_here(alert));
        }
    }
}

/// However long it lasts.
fn said_once(broken: &mut bool, failure: Option<Failure>) {
    let was_broken = std::mem::replace(broken, failure.is_some());
    if let Some(failure) = failure.filter(|_| !was_broken) {
        warn!(%failure, "nodes cannot wake each other, they wait for the next look");
    }
}

#[cfg(test)]
mod tests {
    use engine::ids::TenantId;
    use engine::testing::memory::MemoryBell;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn however_much_is_committed_before_the_bell_is_rung_it_is_rung_once() {
        let (bell, untold) = (MemoryBell::default(), Arc::new(Untold::default()));
        let mut ear = bell.listen().await.unwrap();
        let _ringing = ring(Arc::new(bell.clone()), untold.clone());
        let tenant = TenantId::parse("acme").unwrap();
        (0..3 * MOST).for_each(|n| untold.add(Some(AlertId::without_call(&tenant, &n.to_string()))));
        assert_eq!(ear.heard().await.unwrap().len(), MOST, "the look finds the others");
        while bell.rings() == 0 {
            yield_now().await;
        }
        untold.add(None);
        assert_eq!(ear.heard().await.unwrap(), [], "texts alone");
        assert_eq!(bell.rings(), 2);
    }
}
