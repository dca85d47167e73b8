//! The memory store as a [`BusCursor`]. What changed it finds out when it is asked, by what it saw the time before.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::store::Records;
use super::{MemoryStore, lock};
use crate::alert::Alert;
use crate::failure::Failure;
use crate::ids::{AlertId, SmsId};
use crate::ports::{BusCursor, Changed, Position, Update};
use crate::sms::Sms;

#[derive(Default)]
pub(super) struct Noted {
    /// None before the first call of `resume`.
    position: Option<Position>,
    texts: BTreeMap<SmsId, Sms>,
    alerts: BTreeMap<AlertId, Alert>,
    last_change: u64,
    log: BTreeMap<u64, Subject>,
}

#[derive(Clone, Copy, PartialEq)]
enum Subject {
    Sms(SmsId),
    Alert(AlertId),
}

#[async_trait]
impl BusCursor for MemoryStore {
    async fn resume(&self) -> Result<Position, Failure> {
        let mut records = lock(&self.records);
        let newest = records.log.len() as u64;
        if records.noted.position.is_none() {
            records.note_changes();
            records.noted.log.clear();
        }
        Ok(*records.noted.position.get_or_insert(newest))
    }

    async fn advance(&self, to: Position) -> Result<(), Failure> {
        let mut records = lock(&self.records);
        records.noted.position = records.noted.position.max(Some(to));
        Ok(())
    }

    async fn changed(&self, except: &[u64], limit: usize) -> Result<Vec<Changed>, Failure> {
        let mut records = lock(&self.records);
        if records.noted.position.is_none() {
            return Ok(Vec::new());
        }
        records.note_changes();
        let new = records.noted.log.iter().filter(|(change, _)| !except.contains(change)).take(limit);
        let mut by_subject: Vec<(Subject, Vec<u64>)> = Vec::new();
        for (change, subject) in new {
            match by_subject.iter_mut().find(|(known, _)| known == subject) {
                Some((_, changes)) => changes.push(*change),
                None => by_subject.push((*subject, vec![*change])),
            }
        }
        let standing = |(subject, changes)| Changed { changes, update: records.standing(subject) };
        Ok(by_subject.into_iter().map(standing).collect())
    }

    async fn told(&self, changes: &[u64]) -> Result<(), Failure> {
        lock(&self.records).noted.log.retain(|change, _| !changes.contains(change));
        Ok(())
    }
}

impl Records {
    fn note_changes(&mut self) {
        let Records { texts, alerts, noted, .. } = self;
        let texts = texts.values().map(|message| &message.sms).filter(|sms| noted.texts.get(&sms.id) != Some(sms));
        let texts: Vec<Sms> = texts.cloned().collect();
        let alerts = alerts.values().map(|stored| &stored.alert);
        let alerts: Vec<Alert> = alerts.filter(|alert| noted.alerts.get(&alert.id) != Some(alert)).cloned().collect();
        for sms in texts {
            noted.note(Subject::Sms(sms.id));
            noted.texts.insert(sms.id, sms);
        }
        for alert in alerts {
            noted.note(Subject::Alert(alert.id));
            noted.alerts.insert(alert.id, alert);
        }
    }

    fn standing(&self, subject: Subject) -> Option<Update> {
        match subject {
            Subject::Sms(id) => self.texts.get(&id).map(|message| Update::Sms { sms: Arc::new(message.sms.clone()) }),
            Subject::Alert(id) => {
                self.alerts.get(&id).map(|stored| Update::Alert { alert: Arc::new(stored.alert.clone()) })
            }
        }
    }
}

impl Noted {
    fn note(&mut self, subject: Subject) {
        self.last_change += 1;
        self.log.insert(self.last_change, subject);
    }
}
