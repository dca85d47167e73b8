//! Alerts, taken along into the spool and home again.

use engine::failure::Failure;

use super::Emptying;
use crate::stores::postgres::Adopted;

/// Alerts looked at at once.
const BATCH: usize = 1_000;

impl Emptying {
    /// Every alert that was last seen ringing at home is kept here too: so it goes on after a restart without home.
    pub(super) async fn take_along_alerts(&self) {
        let taken = async {
            for alert in self.store.known.alerts() {
                self.store.spool.seed_alert(&alert).await?;
                self.store.known.took_along(alert.id);
            }
            Ok::<_, Failure>(())
        };
        let _turn = self.store.turn.read().await;
        if let Err(failure) = taken.await {
            tracing::warn!(%failure, "alerts not taken along, will retry");
        }
    }

    pub(super) async fn move_alerts(&self) -> Result<(), Failure> {
        if !self.store.spool.has_alerts() {
            return Ok(());
        }
        for changed in self.store.spool.changed_alerts(BATCH).await? {
            let alert = &changed.alert;
            match self.store.home.adopt_alert(alert, changed.base, &changed.entries).await? {
                Adopted::Here => self.store.spool.forget_alert(alert.id, alert.version).await?,
                // Its frame is behind it in the spool.
                Adopted::TooEarly => {}
                Adopted::Refused => {
                    tracing::error!(alert.id = %alert.id, "store refuses an alert of the spool");
                    self.store.spool.forget_alert(alert.id, alert.version).await?;
                }
            }
        }
        Ok(())
    }
}
