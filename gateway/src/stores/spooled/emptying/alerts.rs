//! Alerts, taken along into the spool and home again.

use engine::failure::Failure;

use super::super::spool::Changed;
use super::Emptying;
use crate::stores::postgres::Adopted;

/// Alerts looked at at once.
const BATCH: usize = 1_000;
/// Alerts written to the spool in one commit. Whoever records waits for it.
const AT_ONCE: usize = 64;

impl Emptying {
    /// Every alert that was last seen ringing at home is kept here too: so it goes on after a restart without home.
    pub(super) async fn take_along_alerts(&self) -> Result<(), Failure> {
        let _turn = self.store.turn.read().await;
        for alerts in self.store.known.alerts().chunks(AT_ONCE) {
            self.store.spool.seed_alerts(alerts).await?;
            alerts.iter().for_each(|alert| self.store.known.took_along(alert.id));
        }
        Ok(())
    }

    /// Those that only rang on are at home as they are. Nobody may be writing: one that was just taken along looks the
    /// same.
    pub(super) async fn forget_unchanged_alerts(&self) -> Result<(), Failure> {
        if self.store.spool.has_alerts() { self.store.spool.forget_unchanged_alerts().await } else { Ok(()) }
    }

    pub(super) async fn move_alerts(&self) -> Result<(), Failure> {
        // Those whose frame is still behind them in the spool wait at the front, and must not hide the others.
        let mut wanted = BATCH;
        while self.store.spool.has_alerts() {
            let changed = self.store.spool.changed_alerts(wanted).await?;
            let mut moved = 0;
            for some in changed.chunks(AT_ONCE) {
                moved += self.move_some_alerts(some).await?;
            }
            if changed.len() < wanted {
                break;
            }
            if moved == 0 {
                wanted *= 2;
            }
        }
        Ok(())
    }

    /// How many were moved. What was moved before home failed is forgotten all the same.
    async fn move_some_alerts(&self, some: &[Changed]) -> Result<usize, Failure> {
        let (mut moved, mut failed) = (Vec::with_capacity(some.len()), None);
        for changed in some {
            match self.move_alert(changed).await {
                Ok(true) => moved.push((changed.alert.id, changed.alert.version)),
                Ok(false) => {}
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
        }
        if !moved.is_empty() {
            self.store.spool.forget_alerts(&moved).await?;
        }
        failed.map_or(Ok(moved.len()), Err)
    }

    /// Whether home has it now, or will never take it.
    async fn move_alert(&self, changed: &Changed) -> Result<bool, Failure> {
        let alert = &changed.alert;
        if alert.version == changed.base {
            // It was taken along this moment, for a change that is being written.
            return Ok(false);
        }
        match self.store.home.adopt_alert(alert, changed.base, &changed.entries).await? {
            Adopted::TooEarly => return Ok(false),
            Adopted::Here => self.store.gate.took(),
            Adopted::Refused => tracing::error!(alert.id = %alert.id, "store refuses an alert of the spool"),
        }
        Ok(true)
    }
}
