//! Alerts, taken along into the spool and home again.

use engine::failure::Failure;

use super::super::spool::Changed;
use super::Emptying;
use crate::stores::postgres::Adopted;

/// Alerts looked at at once.
const BATCH: usize = 1_000;

impl Emptying {
    /// Every alert that was last seen ringing at home is kept here too: so it goes on after a restart without home.
    pub(super) async fn take_along_alerts(&self) -> Result<(), Failure> {
        let _turn = self.store.turn.read().await;
        for alert in self.store.known.alerts() {
            self.store.spool.seed_alert(&alert).await?;
            self.store.known.took_along(alert.id);
        }
        Ok(())
    }

    pub(super) async fn move_alerts(&self) -> Result<(), Failure> {
        // Those whose frame is still behind them in the spool wait at the front, and must not hide the others.
        let mut wanted = BATCH;
        while self.store.spool.has_alerts() {
            let changed = self.store.spool.changed_alerts(wanted).await?;
            let (found, mut moved) = (changed.len(), 0);
            for changed in changed {
                moved += usize::from(self.move_alert(&changed).await?);
            }
            if found < wanted {
                break;
            }
            if moved == 0 {
                wanted *= 2;
            }
        }
        Ok(())
    }

    async fn move_alert(&self, changed: &Changed) -> Result<bool, Failure> {
        let alert = &changed.alert;
        match self.store.home.adopt_alert(alert, changed.base, &changed.entries).await? {
            Adopted::TooEarly => return Ok(false),
            Adopted::Here => {}
            Adopted::Refused => tracing::error!(alert.id = %alert.id, "store refuses an alert of the spool"),
        }
        self.store.spool.forget_alert(alert.id, alert.version).await?;
        Ok(true)
    }
}
