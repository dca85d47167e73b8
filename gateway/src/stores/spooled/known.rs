//! What this process knows of what is at home, for when home cannot be asked: the alerts whose clock runs, the emergencies
//! that wait to be sent, and the texts it is sending. Lost with the process.

mod texts;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::alert::Alert;
use engine::ids::AlertId;
use parking_lot::Mutex;

pub(super) use texts::{Texts, Waiting};

/// Far more alerts than ever run at once.
const ALERTS: usize = 20_000;

#[derive(Default)]
pub(super) struct Known {
    alerts: Mutex<HashMap<AlertId, Alert>>,
    pub texts: Texts,
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
