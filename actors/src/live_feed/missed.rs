//! What arrives while the store is read again: kept, the newest of each call, to be shown on top of what was read.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use engine::ids::CallKey;
use engine::ports::Update;

/// The newest update of each call, of each call's messages and of its alerts: three per live call at most.
#[derive(Default)]
pub(super) struct Missed {
    pub updates: Vec<Update>,
    places: HashMap<(CallKey, Discriminant<Update>), usize>,
}

impl Missed {
    pub fn note(&mut self, update: Update) {
        let (tenant, call) = match &update {
            Update::Call { call, .. } => (call.tenant.clone(), Some(call.id.clone())),
            Update::Sms { sms } => (sms.tenant.clone(), sms.call.clone()),
            Update::Alert { alert } => (alert.tenant.clone(), alert.call.clone()),
            // Its call was over, and is not shown.
            Update::Erased { .. } | Update::Speaking { .. } => return,
        };
        let Some(call) = call else { return };
        let key = (CallKey { tenant, call }, discriminant(&update));
        match self.places.get(&key) {
            Some(place) => self.updates[*place] = update,
            None => {
                self.places.insert(key, self.updates.len());
                self.updates.push(update);
            }
        }
    }
}
