//! The memory store as a [`CallStore`].

use std::sync::Arc;

use async_trait::async_trait;

use super::store::{Logged, Quarantined, Record, Records};
use super::{MemoryStore, lock};
use crate::call::{CallView, Frame, Phase, SmsCounts};
use crate::failure::Failure;
use crate::ids::{CallId, CallKey, EventKey, TenantId};
use crate::ports::{AppendError, CallStore, FindsCalls, Position, Recorded, SilentCall, StoredCall, StoredFrame};
use crate::time::Timestamp;

#[async_trait]
impl FindsCalls for MemoryStore {
    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure> {
        let records = lock(&self.records);
        let live = records.calls.iter().filter(|(_, record)| record.state.phase.is_live());
        Ok(live.map(|(call, record)| records.view(call, record)).collect())
    }

    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure> {
        let records = lock(&self.records);
        let found = records
            .calls
            .iter()
            .filter(|(call, _)| call.call == *id && tenant.is_none_or(|tenant| *tenant == call.tenant))
            .max_by_key(|(_, record)| record.state.updated_at);
        Ok(found.map(|(call, record)| records.view(call, record)))
    }
}

#[async_trait]
impl CallStore for MemoryStore {
    async fn append(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>> {
        self.append_now(frames)
    }

    async fn load(&self, call: &CallKey) -> Result<Option<StoredCall>, Failure> {
        Ok(lock(&self.records).calls.get(call).map(|record| StoredCall {
            state: record.state.clone(),
            keys: record.keys.keys().map(EventKey::digest).collect(),
        }))
    }

    async fn recorded(&self, call: &CallKey, key: &EventKey) -> Result<Option<Recorded>, Failure> {
        let records = lock(&self.records);
        let place = records.calls.get(call).and_then(|record| record.keys.get(key));
        let read = |logged: &Logged| Recorded { facts: logged.frame.facts.clone(), answer: logged.answer.clone() };
        Ok(place.map(|place| read(&records.log[*place])))
    }

    async fn frames_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(StoredFrame, Arc<CallView>)>, Failure> {
        let skipped = usize::try_from(position).unwrap_or(usize::MAX);
        let records = lock(&self.records);
        let after = records.log.iter().skip(skipped).take(limit);
        self.read(after.clone().map(|logged| logged.frame.position))?;
        Ok(after
            .map(|logged| (logged.frame.clone(), records.view(&logged.frame.call, &records.calls[&logged.frame.call])))
            .collect())
    }

    async fn last_position(&self) -> Result<Position, Failure> {
        Ok(lock(&self.records).log.len() as u64)
    }

    async fn calls_of(
        &self,
        tenant: &TenantId,
        number: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<CallView>>, Failure> {
        let records = lock(&self.records);
        let with_number = |(call, record): &(&CallKey, &Record)| {
            let state = &record.state;
            call.tenant == *tenant && state.other_side() == Some(number) && state.started_at < before
        };
        let mut found: Vec<_> = records.calls.iter().filter(with_number).collect();
        found.sort_by_key(|(_, record)| std::cmp::Reverse(record.state.started_at));
        Ok(found.into_iter().take(limit).map(|(call, record)| records.view(call, record)).collect())
    }

    async fn timeline(&self, call: &CallKey, after_seq: u64, limit: usize) -> Result<Vec<StoredFrame>, Failure> {
        let records = lock(&self.records);
        let places = records.calls.get(call).map(|record| record.frames.as_slice()).unwrap_or_default();
        let skipped = usize::try_from(after_seq).unwrap_or(usize::MAX);
        Ok(places.iter().skip(skipped).take(limit).map(|place| records.log[*place].frame.clone()).collect())
    }

    async fn silent(&self, cutoffs: &[(Phase, Timestamp)], limit: usize) -> Result<Vec<SilentCall>, Failure> {
        let records = lock(&self.records);
        let late = |record: &Record| {
            let (phase, heard) = (record.state.phase, record.state.updated_at);
            phase.is_live() && cutoffs.iter().any(|(of, cutoff)| *of == phase && heard < *cutoff)
        };
        let mut silent: Vec<SilentCall> = records
            .calls
            .iter()
            .filter(|(_, record)| late(record))
            .map(|(call, record)| SilentCall {
                call: call.clone(),
                phase: record.state.phase,
                updated_at: record.state.updated_at,
            })
            .collect();
        silent.sort_by_key(|call| call.updated_at);
        silent.truncate(limit);
        Ok(silent)
    }

    async fn quarantine(
        &self,
        call: &CallKey,
        key: &EventKey,
        raw: &str,
        why: &str,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let event = Quarantined { call: call.clone(), key: key.clone(), raw: raw.to_owned(), why: why.to_owned(), at };
        lock(&self.records).quarantined.insert((call.clone(), key.to_string()), event);
        Ok(())
    }
}

impl Records {
    pub(super) fn view(&self, call: &CallKey, record: &Record) -> Arc<CallView> {
        let mut counts = SmsCounts::default();
        for message in self.texts.values() {
            if message.sms.tenant == call.tenant && message.sms.call.as_ref() == Some(&call.call) {
                counts.add(message.sms.state, 1);
            }
        }
        record.state.view(&call.tenant, &call.call, counts, self.alert_of(call))
    }
}
