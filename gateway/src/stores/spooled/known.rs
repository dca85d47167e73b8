//! What this process knows of what is at home, for when home cannot be asked: the alerts whose clock runs, and the texts
//! it is sending. Lost with the process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::alert::Alert;
use engine::ids::{AlertId, SmsId};
use engine::ports::{Claim, ClaimRequest};
use engine::time::Timestamp;
use parking_lot::Mutex;

/// Far more alerts than ever run at once.
const ALERTS: usize = 20_000;

#[derive(Default)]
pub(super) struct Known {
    alerts: Mutex<HashMap<AlertId, Alert>>,
    claims: Mutex<HashMap<SmsId, Claim>>,
    /// Asked for at home at that time, and no answer came.
    doubtful: Mutex<Vec<(ClaimRequest, Timestamp)>>,
    /// What an earlier life was sending at home has not been looked for yet.
    unrecovered: AtomicBool,
}

impl Known {
    /// As home has it now.
    pub fn saw(&self, alert: &Alert) {
        let mut alerts = self.alerts.lock();
        if !alert.state.is_running() {
            alerts.remove(&alert.id);
        } else if alerts.len() < ALERTS || alerts.contains_key(&alert.id) {
            alerts.insert(alert.id, alert.clone());
        }
    }

    /// All that run at home now.
    pub fn saw_all(&self, running: &[Alert]) {
        *self.alerts.lock() = running.iter().take(ALERTS).map(|alert| (alert.id, alert.clone())).collect();
    }

    pub fn alert(&self, id: AlertId) -> Option<Alert> {
        self.alerts.lock().get(&id).cloned()
    }

    pub fn alerts(&self) -> Vec<Alert> {
        self.alerts.lock().values().cloned().collect()
    }

    /// It goes on in the spool from now on.
    pub fn took_along(&self, id: AlertId) {
        self.alerts.lock().remove(&id);
    }

    /// Claimed at home, and about to be sent.
    pub fn claimed(&self, claim: &Claim) {
        self.claims.lock().insert(claim.sms.id, claim.clone());
    }

    pub fn claim(&self, id: SmsId, attempt: u32) -> Option<Claim> {
        self.claims.lock().get(&id).filter(|claim| claim.attempt.number == attempt).cloned()
    }

    pub fn settled(&self, id: SmsId) {
        self.claims.lock().remove(&id);
    }

    pub fn doubts(&self, asked: Vec<ClaimRequest>, at: Timestamp) {
        self.doubtful.lock().extend(asked.into_iter().map(|request| (request, at)));
    }

    pub fn doubtful(&self) -> Vec<(ClaimRequest, Timestamp)> {
        self.doubtful.lock().clone()
    }

    /// The first so many are resolved.
    pub fn resolved(&self, count: usize) {
        self.doubtful.lock().drain(..count);
    }

    pub fn owe_recovery(&self) {
        self.unrecovered.store(true, Ordering::Release);
    }

    pub fn owes_recovery(&self) -> bool {
        self.unrecovered.load(Ordering::Acquire)
    }

    pub fn recovered(&self) {
        self.unrecovered.store(false, Ordering::Release);
    }
}
