//! What this process knows of what is at home, for when home cannot be asked: the alerts whose clock runs, the emergencies
//! that wait to be sent, and the texts it is sending. Lost with the process.

mod texts;

use std::collections::HashMap;
use std::time::Duration;

use engine::alert::Alert;
use engine::ids::AlertId;
use parking_lot::Mutex;
use tokio::time::Instant;

pub(super) use texts::{Texts, Waiting};

/// Far more alerts than ever run at once.
const ALERTS: usize = 20_000;
/// Whoever walks alerts looks at least this often which there are. Another node must not: they are walked there.
const WALKS_WITHIN: Duration = Duration::from_secs(90);

#[derive(Default)]
pub(super) struct Known {
    alerts: Mutex<HashMap<AlertId, Alert>>,
    walked_at: Mutex<Option<Instant>>,
    pub texts: Texts,
}

impl Known {
    /// As home has it now.
    pub fn saw(&self, alert: &Alert) {
        if self.walked_at.lock().is_none_or(|at| at.elapsed() > WALKS_WITHIN) {
            return;
        }
        let mut alerts = self.alerts.lock();
        if !alert.state.is_running() {
            alerts.remove(&alert.id);
        } else if alerts.len() < ALERTS || alerts.contains_key(&alert.id) {
            alerts.insert(alert.id, alert.clone());
        }
    }

    /// All that run at home now.
    pub fn saw_all(&self, running: &[Alert]) {
        *self.walked_at.lock() = Some(Instant::now());
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
}
