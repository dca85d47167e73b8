//! The dead man's switch: tells somebody outside that all is well, as long as it is. That the process lives is not
//! enough: the committer, the store, the pool and the alerts must answer, and nobody may wait for a P1 that is overdue.
//! When anything of that is missing nothing is told, and whoever waits to hear from us raises the alarm.
//!
//! Runs until the system stops; one that panics is started again. It keeps nothing.

use std::sync::Arc;
use std::time::Duration;

use engine::alert::{Alert, Fate, Telling, Way};
use engine::failure::Failure;
use engine::ids::SmsId;
use engine::ports::{AlertStore, Beacon, Clock, SmsOutbox};
use engine::priority::Priority;
use engine::sms::SmsState;
use engine::time::Timestamp;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{error, info, warn};

use crate::alerts::Alerts;
use crate::committer::Committer;
use crate::lead::Lead;
use crate::metrics::alerts as metrics;
use crate::sms_pool::SmsPool;
use crate::supervise::{Supervised, supervise};

/// Longest wait for one part's sign of life.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
const PINGS_WITHIN: Duration = Duration::from_secs(10);
/// How late a step of a P1 may be, and its texts may leave.
const LATE_STEP: Duration = Duration::from_secs(10);
const LATE_TEXT: Duration = Duration::from_secs(60);
/// Alerts looked at, those due first.
const LOOKED_AT: usize = 64;

/// Who waits to hear from us.
#[derive(Clone)]
pub struct Watch {
    pub beacon: Arc<dyn Beacon>,
    /// How often they hear from us.
    pub every: Duration,
}

/// Whose signs of life are wanted.
#[derive(Clone)]
pub(crate) struct Deadman {
    pub watch: Watch,
    pub committer: Committer,
    pub pool: SmsPool,
    pub alerts: Alerts,
    pub store: Arc<dyn AlertStore>,
    pub outbox: Arc<dyn SmsOutbox>,
    /// Those that do not lead have no pool and no alerts to ask; the one that does speaks for all.
    pub lead: Lead,
    pub clock: Arc<dyn Clock>,
}

/// Why nothing is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Committer,
    Store,
    Pool,
    Alerts,
    /// Somebody should have been told of a P1 by now.
    Overdue,
}

impl Deadman {
    pub fn start(self) -> Supervised {
        supervise("deadman", move || self.clone().run())
    }

    async fn run(self) {
        let mut ticks = interval(self.watch.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = None;
        loop {
            ticks.tick().await;
            self.lead.until_held().await;
            let found = self.trouble().await;
            tell(before, found);
            before = found;
            match found {
                None => self.ping().await,
                Some(_) => metrics::pinged("withheld"),
            }
        }
    }

    async fn ping(&self) {
        let pinged = timeout(PINGS_WITHIN, self.watch.beacon.ping()).await;
        match pinged.unwrap_or_else(|_| Err(Failure::retry("no answer in time"))) {
            Ok(()) => metrics::pinged("sent"),
            Err(failure) => {
                metrics::pinged("failed");
                warn!(%failure, "dead man's switch not told that all is well");
            }
        }
    }

    async fn trouble(&self) -> Option<Trouble> {
        let committer = timeout(ANSWERS_WITHIN, self.committer.barrier());
        let store = timeout(ANSWERS_WITHIN, self.store.writable());
        let pool = self.pool.answers(ANSWERS_WITHIN);
        let alerts = self.alerts.answers(ANSWERS_WITHIN);
        let (committer, store, pool, alerts) = tokio::join!(committer, store, pool, alerts);
        let signs = [
            (Trouble::Committer, committer == Ok(true)),
            (Trouble::Store, matches!(store, Ok(Ok(())))),
            (Trouble::Pool, pool),
            (Trouble::Alerts, alerts),
        ];
        match signs.into_iter().find(|(_, alive)| !alive) {
            Some((trouble, _)) => Some(trouble),
            None => timeout(ANSWERS_WITHIN, self.overdue()).await.unwrap_or(Some(Trouble::Store)),
        }
    }

    async fn overdue(&self) -> Option<Trouble> {
        let Ok(running) = self.store.running(LOOKED_AT).await else { return Some(Trouble::Store) };
        let now = self.clock.now();
        for alert in running.iter().filter(|alert| alert.priority == Priority::P1) {
            if is_step_late(alert, now) {
                return Some(Trouble::Overdue);
            }
            for sms in late_texts(alert, now) {
                match self.outbox.find(Some(&alert.tenant), sms).await {
                    Ok(Some(text)) if matches!(text.state, SmsState::Queued | SmsState::Sending) => {
                        return Some(Trouble::Overdue);
                    }
                    Ok(_) => {}
                    Err(_) => return Some(Trouble::Store),
                }
            }
        }
        None
    }
}

/// Somebody should have been told by now, and was not.
fn is_step_late(alert: &Alert, now: Timestamp) -> bool {
    alert.next_at.is_some_and(|due| due.plus(LATE_STEP) < now)
}

/// Of the step told last: what should have left by now, if it has not.
fn late_texts(alert: &Alert, now: Timestamp) -> impl Iterator<Item = SmsId> {
    let late = move |told: &&Telling| {
        told.place == alert.place && told.by == Way::Sms && told.fate == Fate::Owed && told.at.plus(LATE_TEXT) < now
    };
    alert.told.iter().filter(late).filter_map(|told| told.sms)
}

fn tell(before: Option<Trouble>, found: Option<Trouble>) {
    match (before, found) {
        (before, Some(trouble)) if before != found => {
            error!(?trouble, "something is wrong, the dead man's switch is not told that all is well");
        }
        (Some(_), None) => info!("all is well again, the dead man's switch is told so"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use engine::alert::{Alert, Notice, Owner};
    use engine::testing::{contracts, fixtures};

    use super::*;

    fn due(seconds: u64) -> Alert {
        let key = fixtures::key("c1");
        let notice = Notice { first_at: fixtures::at(seconds), ..contracts::notice(&key, Priority::P1) };
        Alert::opened(&notice, Owner { tenant: key.tenant, call: None }, &[], fixtures::at(0)).alert
    }

    #[test]
    fn a_step_is_late_some_seconds_after_it_was_due() {
        for (due_at, now, late) in [(20, 20, false), (20, 30, false), (20, 31, true), (500, 31, false)] {
            assert_eq!(is_step_late(&due(due_at), fixtures::at(now)), late, "{due_at} {now}");
        }
        let over = Alert { next_at: None, ..due(20) };
        assert!(!is_step_late(&over, fixtures::at(5_000)));
    }
}
