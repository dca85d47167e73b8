//! Alerts: one that rings goes on wherever it can be written. One that was opened at home is taken over into the spool as
//! it was last seen.

use std::collections::HashMap;

use async_trait::async_trait;
use engine::alert::{Alert, Change, Entry};
use engine::failure::Failure;
use engine::ids::{AlertId, TenantId};
use engine::playbook::Shift;
use engine::ports::{AlertStore, AlertsWanted};

use super::known::Waiting;
use super::spool::Owed;
use super::{Both, Spooled};

#[async_trait]
impl AlertStore for Spooled {
    async fn write(&self, change: &Change) -> Result<bool, Failure> {
        let _turn = self.turn.read().await;
        let _uncertain = self.known.texts.uncertain(change.texts.iter().map(|text| text.id));
        if let Some(written) = self.at_home(self.home.write(change)).await {
            if matches!(written, Ok(true)) {
                self.known.saw(&change.alert);
                self.expect_to_send(change.texts.iter().map(Waiting::of));
            }
            return written;
        }
        self.take_along(change).await?;
        self.spool.expect_alerts();
        self.spool.expect_texts();
        self.spool.store.write(change).await
    }

    async fn alert(&self, tenant: Option<&TenantId>, id: AlertId) -> Result<Option<Alert>, Failure> {
        if self.spool.has_alerts()
            && let Some(alert) = self.spool.store.alert(tenant, id).await?
        {
            return Ok(Some(alert));
        }
        if let Some(alert) = self.if_reachable(self.home.alert(tenant, id)).await {
            let alert = alert?;
            alert.iter().for_each(|alert| self.known.saw(alert));
            return Ok(alert);
        }
        let known = self.known.alert(id).filter(|alert| tenant.is_none_or(|tenant| *tenant == alert.tenant));
        known.map(Some).ok_or_else(|| self.away())
    }

    async fn running(&self, limit: usize) -> Result<Vec<Alert>, Failure> {
        let mut running = match self.patiently(self.home.running(limit)).await {
            Some(running) => {
                let running = running?;
                if running.len() < limit {
                    self.known.saw_all(&running);
                }
                running
            }
            None => self.known.alerts(),
        };
        if self.spool.has_alerts() {
            // As it goes on here, also where it is over by now.
            let here = self.spool.alerts().await?;
            let mut all: HashMap<_, _> = running.into_iter().map(|alert| (alert.id, alert)).collect();
            all.extend(here.into_iter().map(|alert| (alert.id, alert)));
            running = all.into_values().filter(|alert| alert.state.is_running()).collect();
            running.sort_by_key(|alert| (alert.next_at, alert.id));
            running.truncate(limit);
        }
        Ok(running)
    }

    async fn alerts(&self, wanted: &AlertsWanted) -> Result<Vec<Alert>, Failure> {
        let here = if self.spool.has_alerts() { self.spool.store.alerts(wanted).await? } else { Vec::new() };
        if !self.gate.is_reachable() {
            return Ok(here);
        }
        let home = self.asked_of_home(self.home.alerts(wanted)).await?;
        let mut all: HashMap<_, _> = home.into_iter().map(|alert| (alert.id, alert)).collect();
        all.extend(here.into_iter().map(|alert| (alert.id, alert)));
        let mut all: Vec<Alert> = all.into_values().collect();
        all.sort_by_key(|alert| std::cmp::Reverse((alert.opened_at, alert.id)));
        all.truncate(wanted.limit);
        Ok(all)
    }

    async fn keep_shift(&self, tenant: &TenantId, shift: &Shift) -> Result<(), Failure> {
        let _turn = self.turn.read().await;
        match self.at_home(self.home.keep_shift(tenant, shift)).await {
            Some(kept) => kept?,
            None => self.spool.owe(&Owed::Shift { tenant: tenant.clone(), shift: shift.clone() }).await?,
        }
        self.spool.store.keep_shift(tenant, shift).await
    }

    async fn shifts(&self) -> Result<Vec<(TenantId, Shift)>, Failure> {
        match self.patiently(self.home.shifts()).await {
            Some(shifts) => shifts,
            None => self.spool.store.shifts().await,
        }
    }

    async fn writable(&self) -> Result<(), Failure> {
        match self.at_home(self.home.writable()).await {
            Some(writable) => writable,
            None => self.spool.store.writable().await,
        }
    }

    async fn receipt(&self, id: AlertId) -> Result<Vec<Entry>, Failure> {
        let mut receipt = match self.asked_of_home(self.home.receipt(id)).await {
            // The part of it that is here is more than nothing.
            Err(failure) if failure.is_retry() && self.spool.has_alerts() => Vec::new(),
            receipt => receipt?,
        };
        if self.spool.has_alerts() {
            let here = self.spool.store.receipt(id).await?;
            receipt.retain(|entry| here.iter().all(|newer| newer.seq != entry.seq));
            receipt.extend(here);
            receipt.sort_by_key(|entry| entry.seq);
        }
        Ok(receipt)
    }
}

impl Both {
    /// A change is of what its version follows: that is what home has, or had when it was last heard of.
    async fn take_along(&self, change: &Change) -> Result<(), Failure> {
        let before = change.alert.version.saturating_sub(1);
        if before == 0 || self.spool.store.alert(None, change.alert.id).await?.is_some() {
            return Ok(());
        }
        let known = self.known.alert(change.alert.id).filter(|alert| alert.version == before);
        let last_seen = known.unwrap_or_else(|| Alert { version: before, ..change.alert.clone() });
        self.spool.seed_alerts(&[last_seen]).await
    }
}
