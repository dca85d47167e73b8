//! What changed within one window, the newest state of each row only.

use std::collections::HashMap;
use std::sync::Arc;

use actors::live_feed::Change;
use engine::alert::Alert;
use engine::call::CallView;
use engine::ids::{AlertId, CallKey, SmsId, TenantId};
use engine::ports::Update;
use engine::sms::Sms;

use super::frame::{AlertPatch, CallPatch, Rows, SmsPatch};
use crate::http::alerts::Row;

/// A change was missed.
#[derive(Debug, PartialEq, Eq)]
pub struct Hole;

pub struct Window {
    tenant: Option<TenantId>,
    offset: u64,
    /// `None`: the call is not live any more.
    calls: HashMap<CallKey, Option<Arc<CallView>>>,
    texts: HashMap<SmsId, Arc<Sms>>,
    alerts: HashMap<AlertId, Arc<Alert>>,
}

impl Window {
    /// `tenant`: whose changes are let in; `None` is everybody's. `heard`: offset of the last change before.
    pub fn new(tenant: Option<TenantId>, heard: u64) -> Window {
        Window { tenant, offset: heard, calls: HashMap::new(), texts: HashMap::new(), alerts: HashMap::new() }
    }

    /// Refuses a change that does not follow the last one. A feed that starts again counts from nothing, so this is
    /// also how a new epoch shows.
    pub fn add(&mut self, change: &Change) -> Result<(), Hole> {
        if change.offset != self.offset + 1 {
            return Err(Hole);
        }
        self.offset = change.offset;
        if self.tenant.as_ref().is_none_or(|tenant| tenant == tenant_of(&change.update)) {
            self.merge(change);
        }
        Ok(())
    }

    fn merge(&mut self, change: &Change) {
        if let Update::Sms { sms } = &change.update {
            self.texts.insert(sms.id, Arc::clone(sms));
        }
        if let Update::Alert { alert } = &change.update {
            let newest = self.alerts.entry(alert.id).or_insert_with(|| Arc::clone(alert));
            if alert.version > newest.version {
                *newest = Arc::clone(alert);
            }
        }
        match (&change.call, &change.update) {
            (Some(call), _) if call.phase.is_live() => self.set(call, Some(Arc::clone(call))),
            (Some(call), _) | (None, Update::Call { call, .. }) => self.set(call, None),
            (None, Update::Erased { tenant, id }) => {
                self.calls.insert(CallKey { tenant: tenant.clone(), call: id.clone() }, None);
            }
            (None, _) => {}
        }
    }

    /// Offset of the newest change.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn calls(&self, from: u64) -> Option<CallPatch> {
        if self.calls.is_empty() {
            return None;
        }
        let set = self.calls.values().flatten().cloned().collect();
        let del = self.calls.iter().filter(|(_, call)| call.is_none()).map(|(key, _)| key.call.clone()).collect();
        Some(Rows::Patch { ch: "calls", from, off: self.offset, set, del })
    }

    pub fn texts(&self, from: u64) -> Option<SmsPatch> {
        if self.texts.is_empty() {
            return None;
        }
        let set = self.texts.values().cloned().collect();
        Some(Rows::Patch { ch: "sms", from, off: self.offset, set, del: Vec::new() })
    }

    pub fn alerts(&self, from: u64) -> Option<AlertPatch> {
        if self.alerts.is_empty() {
            return None;
        }
        let set = self.alerts.values().map(|alert| Row::from(Alert::clone(alert))).collect();
        Some(Rows::Patch { ch: "alerts", from, off: self.offset, set, del: Vec::new() })
    }

    fn set(&mut self, call: &CallView, row: Option<Arc<CallView>>) {
        self.calls.insert(CallKey { tenant: call.tenant.clone(), call: call.id.clone() }, row);
    }
}

fn tenant_of(update: &Update) -> &TenantId {
    match update {
        Update::Call { call, .. } => &call.tenant,
        Update::Sms { sms } => &sms.tenant,
        Update::Alert { alert } => &alert.tenant,
        Update::Erased { tenant, .. } => tenant,
        Update::Speaking { call, .. } => &call.tenant,
    }
}

#[cfg(test)]
mod tests {
    use engine::call::{Call, Phase, SmsCounts};
    use engine::ids::CallId;
    use engine::time::Timestamp;

    use super::*;

    fn change(offset: u64, tenant: &str, id: &str, phase: Phase) -> Change {
        let state = Call { phase, ..Call::new("sample", Timestamp::EPOCH) };
        let call =
            state.view(&TenantId::parse(tenant).unwrap(), &CallId::parse(id).unwrap(), SmsCounts::default(), None);
        let update = Update::Call { seq: offset, call: Arc::clone(&call), events: Arc::from([]) };
        Change { offset, update, call: phase.is_live().then_some(call) }
    }

    fn patch(window: &Window) -> (u64, Vec<Phase>, Vec<String>) {
        let Some(Rows::Patch { off, set, del, .. }) = window.calls(1) else { panic!("no patch") };
        (off, set.iter().map(|call| call.phase).collect(), del.iter().map(CallId::to_string).collect())
    }

    #[test]
    fn only_the_newest_state_of_a_call_is_told() {
        let mut window = Window::new(None, 1);
        window.add(&change(2, "acme", "one", Phase::Ringing)).unwrap();
        window.add(&change(3, "acme", "one", Phase::InProgress)).unwrap();
        assert_eq!(patch(&window), (3, vec![Phase::InProgress], vec![]));
    }

    #[test]
    fn a_call_that_ended_is_taken_off_the_board() {
        let mut window = Window::new(None, 1);
        window.add(&change(2, "acme", "one", Phase::Ringing)).unwrap();
        window.add(&change(3, "acme", "one", Phase::Ended)).unwrap();
        assert_eq!(patch(&window), (3, vec![], vec!["one".to_owned()]));
    }

    #[test]
    fn another_tenants_change_moves_the_offset_and_nothing_else() {
        let mut window = Window::new(TenantId::parse("acme").ok(), 1);
        window.add(&change(2, "other", "theirs", Phase::Ringing)).unwrap();
        assert!(window.calls(1).is_none());
        assert_eq!(window.offset(), 2);
    }

    #[test]
    fn a_hole_in_the_offsets_is_never_patched_over() {
        for (heard, next) in [(1, 3), (7, 1), (7, 7), (7, 6)] {
            let mut window = Window::new(None, heard);
            assert_eq!(window.add(&change(next, "acme", "one", Phase::Ringing)), Err(Hole), "{next} after {heard}");
        }
    }
}
