//! What arrives while the store is read again: kept, the newest of each call, to be shown on top of what was read.

use std::collections::HashMap;

use engine::ids::CallKey;
use engine::ports::Update;

/// The newest update of each call and of each call's messages: two per live call at most.
#[derive(Default)]
pub(super) struct Missed {
    pub updates: Vec<Update>,
    places: HashMap<(CallKey, bool), usize>,
}

impl Missed {
    pub fn note(&mut self, update: Update) {
        let (tenant, call) = match &update {
            Update::Call { call, .. } => (call.tenant.clone(), Some(call.id.clone())),
            Update::Sms { sms } => (sms.tenant.clone(), sms.call.clone()),
            Update::Speaking { .. } => return,
        };
        let Some(call) = call else { return };
        let key = (CallKey { tenant, call }, matches!(update, Update::Sms { .. }));
        match self.places.get(&key) {
            Some(place) => self.updates[*place] = update,
            None => {
                self.places.insert(key, self.updates.len());
                self.updates.push(update);
            }
        }
    }
}
