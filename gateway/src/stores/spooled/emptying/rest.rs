//! What is said at home again, and what is learnt from home for the next time it is away.

use engine::failure::Failure;
use engine::ports::{AlertStore, CallStore, Inbox, OptOuts};
use tokio::time::Instant;

use super::super::spool::Owed;
use super::{Emptying, LEARN_EVERY, Learned};

/// More than anybody has.
const OPT_OUTS: usize = 1_000_000;

impl Emptying {
    /// In order. Saying it twice changes nothing.
    pub(super) async fn say_what_is_owed(&self) -> Result<(), Failure> {
        let (spool, home) = (&self.store.spool, &self.store.home);
        for (place, owed) in spool.owed().await? {
            match owed {
                Owed::OptOut { opt_out } => _ = home.add(&opt_out).await?,
                Owed::OptIn { opt_in } => _ = home.clear(&opt_in).await?,
                Owed::Shift { tenant, shift } => home.keep_shift(&tenant, &shift).await?,
            }
            spool.forget_owed(place).await?;
        }
        for sms in spool.inbound().await? {
            home.keep(&sms).await?;
            spool.forget_inbound(&sms.id).await?;
        }
        for event in spool.quarantined().await? {
            match home.quarantine(&event.call, &event.key, &event.raw, &event.why, event.at).await {
                Err(failure) if failure.is_retry() => return Err(failure),
                Err(failure) => tracing::error!(%failure, "a quarantined event stays in the spool"),
                Ok(()) => spool.forget_quarantined(&event.call, &event.key).await?,
            }
        }
        Ok(())
    }

    /// Who wants no texts, and who took which shift: as often as it changes.
    pub async fn learn_what_home_knows(&self) {
        let known = *self.learned.lock();
        if known.is_some_and(|known| known.at.elapsed() < LEARN_EVERY) {
            return;
        }
        match self.learn(known).await {
            Ok(learned) => *self.learned.lock() = Some(learned),
            Err(failure) => tracing::warn!(%failure, "who wants no texts could not be learnt, will retry"),
        }
    }

    async fn learn(&self, known: Option<Learned>) -> Result<Learned, Failure> {
        let (spool, home) = (&self.store.spool, &self.store.home);
        let (at, newest) = (Instant::now(), home.newest_opt_out().await?);
        let mut opt_outs = known.and_then(|known| known.opt_outs);
        if opt_outs != Some(newest) {
            let in_force = home.in_force(None, OPT_OUTS).await?;
            let _turn = self.store.turn.write().await;
            // What is said while home is away is said here alone, and must not be forgotten.
            if self.store.gate.is_home() && spool.owed().await?.is_empty() {
                spool.know_opt_outs(&in_force).await?;
                opt_outs = Some(newest);
            }
        }
        if known.is_none() {
            let _turn = self.store.turn.read().await;
            spool.know_shifts(&home.shifts().await?).await?;
        }
        Ok(Learned { at, opt_outs })
    }
}
