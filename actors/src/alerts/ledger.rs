//! The one way an alert changes outside of a call's frame: read, decide, write where nobody was first, tell the world.
//! Whoever lost the race reads again. Holds nothing itself.

use std::sync::Arc;
use std::time::Duration;

use engine::alert::{Alert, AlertEvent, AlertState, Change, Desk, Notice, Owner, What};
use engine::failure::Failure;
use engine::ids::AlertId;
use engine::ports::{AlertStore, Clock, EventBus, Pusher, SmsOutbox, Telephony, Update};
use engine::time::Timestamp;
use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::metrics::alerts as metrics;
use crate::sms_pool::SmsPool;
use crate::tenants::Tenants;

/// Races lost in a row before the caller is told to come again.
const TRIES: usize = 16;

/// What alerts stand on.
pub struct Ledger {
    pub store: Arc<dyn AlertStore>,
    pub outbox: Arc<dyn SmsOutbox>,
    pub tenants: Tenants,
    pub clock: Arc<dyn Clock>,
    pub bus: Arc<dyn EventBus>,
    pub telephony: Arc<dyn Telephony>,
    pub pusher: Arc<dyn Pusher>,
}

/// The ledger, and who sends what it owes.
pub(crate) struct Desktop {
    pub ledger: Ledger,
    pub sms_pool: SmsPool,
}

/// What came of trying to change an alert.
pub(crate) enum Applied {
    Changed(Box<Alert>),
    /// The event means nothing for it as it stands.
    Unchanged(Box<Alert>),
    Unknown,
}

impl Desktop {
    /// Reads the alert and applies the event, as often as others are first.
    pub async fn apply(&self, id: AlertId, event: &AlertEvent) -> Result<Applied, Failure> {
        for _ in 0..TRIES {
            let Some(alert) = self.ledger.store.alert(None, id).await? else { return Ok(Applied::Unknown) };
            let Some(change) = self.decide(&alert, event) else { return Ok(Applied::Unchanged(Box::new(alert))) };
            if self.write(alert.state, &change).await? {
                return Ok(Applied::Changed(Box::new(change.alert)));
            }
        }
        Err(Failure::retry("an alert changed too often at once"))
    }

    /// What is noticed outside of a call's frame: opens its alert or adds to it, once per notice and what noticed it.
    /// False: it was noticed before.
    pub async fn raise(&self, notice: &Notice, owner: Owner, now: Timestamp) -> Result<bool, Failure> {
        for _ in 0..TRIES {
            let known = self.ledger.store.alert(None, notice.alert).await?;
            if known.is_some() && self.is_noticed(notice).await? {
                return Ok(false);
            }
            let (before, change) = match &known {
                None => (AlertState::Open, Alert::opened(notice, owner.clone(), &[], now)),
                Some(alert) => (alert.state, alert.noticed(notice, &[], now)),
            };
            if self.write(before, &change).await? {
                return Ok(true);
            }
        }
        Err(Failure::retry("an alert changed too often at once"))
    }

    async fn is_noticed(&self, notice: &Notice) -> Result<bool, Failure> {
        let receipt = self.ledger.store.receipt(notice.alert).await?;
        let mut by = receipt.iter().filter_map(|entry| match &entry.what {
            What::Opened { by, .. } | What::Updated { by, .. } => Some(by),
            _ => None,
        });
        Ok(by.any(|by| *by == notice.by))
    }

    /// Applies what has happened outside already, a call or a post: waits for a store that is away, from the first of
    /// these to the last, and gives up only on one that will never take it.
    pub async fn record(&self, id: AlertId, event: &AlertEvent, (mut wait, longest): (Duration, Duration)) {
        while let Err(failure) = self.apply(id, event).await {
            if !failure.is_retry() {
                return error!(alert.id = %id, %failure, "what became of a telling cannot be recorded");
            }
            warn!(alert.id = %id, %failure, "what became of a telling not recorded, will retry");
            sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }

    pub fn decide(&self, alert: &Alert, event: &AlertEvent) -> Option<Change> {
        let playbook = self.ledger.tenants.get(&alert.tenant);
        let desk = Desk { playbook: playbook.as_deref(), now: self.ledger.clock.now() };
        alert.decide(event, &desk)
    }

    pub async fn write(&self, before: AlertState, change: &Change) -> Result<bool, Failure> {
        if !self.ledger.store.write(change).await? {
            return Ok(false);
        }
        if !change.texts.is_empty() {
            self.sms_pool.wake();
        }
        tell(before, &change.alert);
        self.publish(&change.alert).await;
        Ok(true)
    }

    pub async fn publish(&self, alert: &Alert) {
        if let Err(failure) = self.ledger.bus.publish(&Update::Alert { alert: Arc::new(alert.clone()) }).await {
            warn!(%failure, "alert update not published");
        }
    }
}

/// What people and graphs must see of a change of state.
fn tell(before: AlertState, alert: &Alert) {
    if before == alert.state {
        return;
    }
    let (id, tenant, priority) = (alert.id, &alert.tenant, alert.priority);
    match alert.state {
        AlertState::Acknowledged => {
            metrics::acknowledged(priority, alert.updated_at.since(alert.opened_at));
            let how = alert.acknowledged.as_ref().map_or("", |by| by.how.as_str());
            info!(alert.id = %id, %tenant, alert.priority = %priority, how, "alert acknowledged");
        }
        AlertState::Unanswered => {
            metrics::unanswered(priority);
            error!(alert.id = %id, %tenant, alert.priority = %priority, "alert unanswered, everybody of its roster was told");
        }
        AlertState::Escalated => warn!(alert.id = %id, %tenant, alert.priority = %priority, "alert escalated"),
        AlertState::Resolved => info!(alert.id = %id, %tenant, "alert resolved"),
        AlertState::Open => info!(alert.id = %id, %tenant, alert.priority = %priority, "alert open again"),
    }
}
