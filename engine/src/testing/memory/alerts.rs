//! The memory store as an [`AlertStore`].

use std::cmp::Reverse;

use async_trait::async_trait;

use super::store::{Records, StoredAlert};
use super::{MemoryStore, lock};
use crate::alert::{Alert, AlertBrief, Change, Entry};
use crate::call::Frame;
use crate::failure::Failure;
use crate::ids::{AlertId, CallKey, TenantId};
use crate::playbook::Shift;
use crate::ports::{AlertStore, AlertsWanted};

#[async_trait]
impl AlertStore for MemoryStore {
    async fn write(&self, change: &Change) -> Result<bool, Failure> {
        Ok(lock(&self.records).write_alert(change))
    }

    async fn alert(&self, tenant: Option<&TenantId>, id: AlertId) -> Result<Option<Alert>, Failure> {
        let records = lock(&self.records);
        let found = records.alerts.get(&id).map(|stored| &stored.alert);
        Ok(found.filter(|alert| tenant.is_none_or(|tenant| *tenant == alert.tenant)).cloned())
    }

    async fn running(&self, limit: usize) -> Result<Vec<Alert>, Failure> {
        let mut running = lock(&self.records).alerts_where(|alert| alert.state.is_running());
        running.sort_by_key(|alert| (alert.next_at, alert.id));
        running.truncate(limit);
        Ok(running)
    }

    async fn alerts(&self, wanted: &AlertsWanted) -> Result<Vec<Alert>, Failure> {
        let records = lock(&self.records);
        let last = wanted.before.and_then(|id| records.alerts.get(&id)).map(|stored| key(&stored.alert));
        let mut found = records.alerts_where(|alert| {
            wanted.tenant.as_ref().is_none_or(|tenant| *tenant == alert.tenant)
                && (wanted.states.is_empty() || wanted.states.contains(&alert.state))
                && last.is_none_or(|last| key(alert) < last)
        });
        found.sort_by_key(|alert| Reverse(key(alert)));
        found.truncate(wanted.limit);
        Ok(found)
    }

    async fn keep_shift(&self, tenant: &TenantId, shift: &Shift) -> Result<(), Failure> {
        lock(&self.records).shifts.insert(tenant.clone(), shift.clone());
        Ok(())
    }

    async fn shifts(&self) -> Result<Vec<(TenantId, Shift)>, Failure> {
        Ok(lock(&self.records).shifts.clone().into_iter().collect())
    }

    async fn writable(&self) -> Result<(), Failure> {
        if self.is_read_only() { Err(Failure::retry("read only")) } else { Ok(()) }
    }

    async fn receipt(&self, id: AlertId) -> Result<Vec<Entry>, Failure> {
        Ok(lock(&self.records).alerts.get(&id).map(|stored| stored.receipt.clone()).unwrap_or_default())
    }
}

/// Newest is largest.
fn key(alert: &Alert) -> (crate::time::Timestamp, AlertId) {
    (alert.opened_at, alert.id)
}

impl Records {
    /// What a frame says of alerts.
    pub(super) fn note_alerts(&mut self, frame: &Frame) {
        for (notice, texts) in Change::noticed_in(frame) {
            let known = self.alerts.get(&notice.alert).map(|stored| &stored.alert);
            let change = Change::of_notice(known, notice, &texts, frame);
            self.write_alert(&change);
        }
    }

    fn write_alert(&mut self, change: &Change) -> bool {
        let alert = &change.alert;
        let last = self.alerts.get(&alert.id).map_or(0, |stored| stored.alert.version);
        if alert.version != last + 1 {
            return false;
        }
        let stored =
            self.alerts.entry(alert.id).or_insert_with(|| StoredAlert { alert: alert.clone(), receipt: Vec::new() });
        stored.alert = alert.clone();
        stored.receipt.extend(change.entries.iter().cloned());
        for text in &change.texts {
            self.owe(text);
        }
        true
    }

    fn alerts_where(&self, wanted: impl Fn(&Alert) -> bool) -> Vec<Alert> {
        self.alerts.values().map(|stored| &stored.alert).filter(|alert| wanted(alert)).cloned().collect()
    }

    /// The one that is not over, else the newest.
    pub(super) fn alert_of(&self, call: &CallKey) -> Option<AlertBrief> {
        let of_call = self.alerts_where(|alert| alert.tenant == call.tenant && alert.call.as_ref() == Some(&call.call));
        of_call.iter().max_by_key(|alert| (alert.state.is_running(), key(alert))).map(Alert::brief)
    }
}
