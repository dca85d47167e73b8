//! Hears what became of texts to the team. One that failed is told to its alert; one that belongs to no alert opens one.
//! What was missed, while nobody listened or by falling behind, is caught up with from the store.

use std::sync::Arc;
use std::time::Duration;

use engine::alert::{self, AlertEvent, Fate, Owner};
use engine::failure::Failure;
use engine::ports::Update;
use engine::sms::Sms;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, broadcast};
use tokio::time::sleep;
use tracing::warn;

use super::{Alerts, BACK_OFF};

/// Texts looked through at start for those that were lost meanwhile, and how old that news may be.
const LOST_LOOKED_AT: usize = 500;
const LOST_AGE: Duration = Duration::from_secs(3_600);

impl Alerts {
    /// Only failures are written to the alert: that a text has arrived, the text itself says.
    async fn heard(&self, sms: &Sms) -> Result<(), Failure> {
        let Some(fate) = Fate::of_text(sms.state).filter(|fate| fate.is_in_vain()) else { return Ok(()) };
        let Some(id) = sms.alert else { return self.heard_of_lost(sms).await };
        let why = sms.error.clone().or_else(|| Some(sms.state.as_str().into()));
        self.change(id, &AlertEvent::Texted { sms: sms.id, fate, why }).await.map(drop)
    }

    /// A text of the team's that belongs to no alert opens one, or adds to its call's.
    async fn heard_of_lost(&self, sms: &Sms) -> Result<(), Failure> {
        let desk = &self.context.desk;
        let now = desk.ledger.clock.now();
        let playbook = desk.ledger.tenants.get(&sms.tenant);
        let Some(notice) = playbook.and_then(|playbook| alert::undelivered(&playbook, sms, now)) else {
            return Ok(());
        };
        if desk.raise(&notice, Owner { tenant: sms.tenant.clone(), call: sms.call.clone() }, now).await? {
            warn!(sms.id = %sms.id, alert.id = %notice.alert, "a text to the team was lost, somebody else is told");
            self.look_at(notice.alert);
        }
        Ok(())
    }

    /// What became of texts while nobody listened.
    async fn catch_up(&self) -> Result<(), Failure> {
        let ledger = &self.context.desk.ledger;
        let now = ledger.clock.now();
        for sms in ledger.outbox.latest(None, LOST_LOOKED_AT).await? {
            if sms.alert.is_none() && sms.updated_at.plus(LOST_AGE) >= now {
                self.heard(&sms).await?;
            }
        }
        for alert in ledger.store.running(self.limits.alerts).await? {
            for sms in alert.told.iter().filter(|told| told.fate == Fate::Owed).filter_map(|told| told.sms) {
                if let Some(sms) = ledger.outbox.find(Some(&alert.tenant), sms).await? {
                    self.heard(&sms).await?;
                }
            }
        }
        Ok(())
    }
}

/// Listens for texts that failed. One that cannot be recorded now is found again by the next catching up.
pub(super) async fn hear(alerts: Alerts, updates: Arc<Mutex<broadcast::Receiver<Update>>>) {
    let mut updates = updates.lock().await;
    let mut behind = true;
    loop {
        if behind {
            behind =
                alerts.catch_up().await.inspect_err(|failure| warn!(%failure, "alerts could not catch up")).is_err();
            if behind {
                sleep(BACK_OFF.1).await;
                continue;
            }
        }
        match updates.recv().await {
            Ok(Update::Sms { sms }) => {
                if let Err(failure) = alerts.heard(&sms).await {
                    warn!(%failure, "alert did not hear of its text");
                    behind = true;
                }
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => behind = true,
            Err(RecvError::Closed) => return,
        }
    }
}
