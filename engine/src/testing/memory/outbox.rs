//! The memory store as an [`SmsOutbox`].

use std::cmp::Reverse;
use std::collections::HashMap;

use async_trait::async_trait;

use super::store::{Asked, Message, Records};
use super::{MemoryStore, lock};
use crate::failure::Failure;
use crate::ids::{SmsId, TenantId, digest64};
use crate::ports::{
    Candidate, Candidates, Checks, Claim, ClaimRequest, IdempotencyKey, NotClaimed, Settled, SmsFilter, SmsOutbox,
    Submitted,
};
use crate::priority::Priority;
use crate::sms::{
    ALIKE_WITHIN, Attempt, AttemptToken, Command, Commanded, DeliveryReport, ErrorClass, NewSms, OVERTAKEN_AFTER,
    Reported, Settlement, Sms, SmsState, hear,
};
use crate::time::Timestamp;

#[async_trait]
impl SmsOutbox for MemoryStore {
    async fn candidates(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure> {
        let mut records = lock(&self.records);
        let expired = records.expire(now);
        let of_class = |priority: Priority| {
            let of_it = |message: &&Message| message.sms.priority == priority && message.sms.is_due(now);
            let mut due: Vec<&Message> = records.texts.values().filter(of_it).collect();
            due.retain(|message| !records.is_behind(&message.sms, now));
            due.sort_by_key(|message| order(&message.sms));
            let mut before: HashMap<&TenantId, usize> = HashMap::new();
            due.sort_by_cached_key(|message| {
                let of_tenant = before.entry(&message.sms.tenant).or_default();
                (std::mem::replace(of_tenant, *of_tenant + 1), order(&message.sms))
            });
            due.into_iter().take(per_class).map(Message::candidate).collect()
        };
        Ok(Candidates { due: Priority::ALL.map(of_class), expired })
    }

    async fn claim(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        let mut records = lock(&self.records);
        Ok(requests.iter().map(|request| records.claim(request, now)).collect())
    }

    async fn settle(
        &self,
        id: SmsId,
        attempt: u32,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        let mut records = lock(&self.records);
        let no_message = || Failure::fail(format!("no text message {id}"));
        let sms = &records.texts.get(&id).ok_or_else(no_message)?.sms;
        let unwanted = records.is_opted_out(Some(&sms.tenant), &sms.to);
        let message = records.texts.get_mut(&id).ok_or_else(no_message)?;
        let newest = message.last_attempt() == attempt;
        let found = message.attempts.iter_mut().find(|known| known.number == attempt);
        let moved = found.is_some_and(|attempt| settlement.apply(&mut message.sms, attempt, newest, now));
        if unwanted {
            message.suppress(now);
        }
        Ok(Settled { sms: message.sms.clone(), moved })
    }

    async fn report(&self, report: &DeliveryReport, class: Option<ErrorClass>) -> Result<Reported, Failure> {
        let mut records = lock(&self.records);
        let is_meant = |attempt: &Attempt| match &report.token {
            Some(token) => attempt.token == *token,
            None => attempt.provider_id.as_ref() == Some(&report.provider_id),
        };
        let place = |message: &Message| Some((message.sms.id, message.attempts.iter().position(is_meant)?));
        let Some((id, place)) = records.texts.values().find_map(place) else { return Ok(Reported::Unheard) };
        let unwanted = records.texts.get(&id).is_some_and(|m| records.is_opted_out(Some(&m.sms.tenant), &m.sms.to));
        let message = records.texts.get_mut(&id).expect("it was just there");
        let newest = place + 1 == message.attempts.len();
        let mut reported = hear(&mut message.sms, &mut message.attempts[place], newest, report, class);
        if let (Reported::Moved { sms, .. }, true) = (&mut reported, unwanted) {
            message.suppress(report.at);
            sms.clone_from(&message.sms);
        }
        Ok(reported)
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut records = lock(&self.records);
        let in_flight = records.texts.values_mut().filter(|message| message.sms.state == SmsState::Sending);
        Ok(in_flight.map(|message| message.cut(now)).collect())
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure> {
        Ok(lock(&self.records).queued().map(|sms| sms.due_at).filter(|at| *at > after).min())
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        let records = lock(&self.records);
        Ok(Priority::ALL.map(|p| (p, records.queued().filter(|sms| sms.priority == p).count() as u64)))
    }

    async fn count(&self, state: SmsState) -> Result<u64, Failure> {
        Ok(lock(&self.records).texts.values().filter(|message| message.sms.state == state).count() as u64)
    }

    async fn submit(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        let mut records = lock(&self.records);
        records.asked.retain(|_, asked| asked.key.until > new.created_at);
        let mut message = Message::new(new);
        if records.is_opted_out(Some(&new.tenant), &new.to) {
            message.suppress(new.created_at);
        }
        let answer = message.sms.clone();
        if let Some(key) = key {
            let name = (new.tenant.clone(), key.key.clone());
            match records.asked.get(&name) {
                Some(asked) if asked.key.digest == key.digest => return Ok(Submitted::Again(asked.answer.clone())),
                Some(_) => return Ok(Submitted::Differs),
                None => records.asked.insert(name, Asked { key: key.clone(), answer: answer.clone() }),
            };
        }
        records.texts.insert(new.id, message);
        Ok(Submitted::New(answer))
    }

    async fn command(
        &self,
        tenant: Option<&TenantId>,
        id: SmsId,
        command: Command,
        now: Timestamp,
    ) -> Result<Commanded, Failure> {
        let mut records = lock(&self.records);
        let unwanted = records.texts.get(&id).is_some_and(|m| records.is_opted_out(Some(&m.sms.tenant), &m.sms.to));
        let found = records.texts.get_mut(&id);
        let Some(message) = found.filter(|message| tenant.is_none_or(|tenant| *tenant == message.sms.tenant)) else {
            return Ok(Commanded::NoSuchMessage);
        };
        let (from, last_attempt) = (message.sms.state, message.last_attempt());
        if let Err(why) = command.apply(&mut message.sms, last_attempt, now) {
            return Ok(Commanded::Refused(why));
        }
        message.attempts.iter_mut().for_each(|attempt| attempt.check_at = None);
        if unwanted {
            message.suppress(now);
        }
        Ok(Commanded::Done { sms: Box::new(message.sms.clone()), from })
    }

    async fn checks(&self, which: Checks, now: Timestamp, limit: usize) -> Result<Vec<(Sms, Attempt)>, Failure> {
        let records = lock(&self.records);
        let mut due: Vec<(Sms, Attempt)> = records
            .attempts()
            .filter(|(_, attempt)| attempt.check_at.is_some_and(|at| at <= now))
            .filter(|(_, attempt)| attempt.provider_id.is_some() == (which == Checks::Unreported))
            .map(|(sms, attempt)| (sms.clone(), attempt.clone()))
            .collect();
        due.sort_by_key(|(_, attempt)| (attempt.check_at, attempt.sms, attempt.number));
        due.truncate(limit);
        Ok(due)
    }

    async fn checked(
        &self,
        attempt: &Attempt,
        absent: bool,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut records = lock(&self.records);
        let attempts = records.texts.get_mut(&attempt.sms).map(|message| &mut message.attempts).into_iter().flatten();
        let same = |known: &&mut Attempt| known.number == attempt.number && known.provider_id == attempt.provider_id;
        if let Some(known) = attempts.into_iter().find(same).filter(|known| known.check_at.is_some()) {
            known.checks += 1;
            known.check_at = next;
            known.absent_at = known.absent_at.or(absent.then_some(now));
        }
        Ok(())
    }

    async fn alike(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Attempt>, Failure> {
        let same = |other: &Sms| other.tenant == sms.tenant && other.to == sms.to && other.body == sms.body;
        let near = |other: &Attempt| {
            let apart = other.started_at.since(attempt.started_at).max(attempt.started_at.since(other.started_at));
            other.sender == attempt.sender && apart <= ALIKE_WITHIN
        };
        let open = |attempt: &Attempt| attempt.is_unknown() || attempt.is_in_flight();
        let records = lock(&self.records);
        let alike = records.attempts().filter(|(sms, other)| same(sms) && near(other) && open(other));
        Ok(alike.map(|(_, attempt)| attempt.clone()).collect())
    }

    async fn owned(&self, provider_ids: &[&str]) -> Result<Vec<Box<str>>, Failure> {
        let records = lock(&self.records);
        let known = records.attempts().filter_map(|(_, attempt)| attempt.provider_id.clone());
        Ok(known.filter(|id| provider_ids.contains(&id.as_ref())).collect())
    }

    async fn attempt_of(&self, token: &AttemptToken) -> Result<Option<Attempt>, Failure> {
        let records = lock(&self.records);
        Ok(records.attempts().find(|(_, attempt)| attempt.token == *token).map(|(_, attempt)| attempt.clone()))
    }

    async fn attempts(&self, id: SmsId) -> Result<Vec<Attempt>, Failure> {
        Ok(lock(&self.records).texts.get(&id).map(|message| message.attempts.clone()).unwrap_or_default())
    }

    async fn list(&self, filter: &SmsFilter) -> Result<Vec<Sms>, Failure> {
        let records = lock(&self.records);
        let mut shown: Vec<Sms> =
            records.texts.values().map(|message| &message.sms).filter(|sms| shows(filter, sms)).cloned().collect();
        shown.sort_by_key(|sms| (sms.created_at, sms.id));
        if !filter.oldest_first {
            shown.sort_by_key(|sms| Reverse((sms.created_at, sms.id)));
        }
        shown.truncate(filter.limit);
        Ok(shown)
    }

    async fn find(&self, tenant: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure> {
        let records = lock(&self.records);
        let sms = records.texts.get(&id).map(|message| &message.sms);
        Ok(sms.filter(|sms| tenant.is_none_or(|tenant| *tenant == sms.tenant)).cloned())
    }
}

/// Within a priority.
fn order(sms: &Sms) -> (Timestamp, Timestamp, Timestamp, SmsId) {
    (sms.expires_at, sms.due_at, sms.created_at, sms.id)
}

fn shows(filter: &SmsFilter, sms: &Sms) -> bool {
    let place = (sms.created_at, sms.id);
    let follows = |after| if filter.oldest_first { place > after } else { place < after };
    filter.tenant.as_ref().is_none_or(|tenant| *tenant == sms.tenant)
        && filter.state.is_none_or(|state| state == sms.state)
        && filter.call.as_ref().is_none_or(|call| Some(call) == sms.call.as_ref())
        && filter.to.as_ref().is_none_or(|to| *to == sms.to)
        && filter.after.is_none_or(follows)
}

impl Sms {
    fn is_due(&self, now: Timestamp) -> bool {
        self.state == SmsState::Queued && self.due_at <= now && self.expires_at >= now
    }
}

impl Records {
    fn queued(&self) -> impl Iterator<Item = &Sms> {
        self.texts.values().map(|message| &message.sms).filter(|sms| sms.state == SmsState::Queued)
    }

    pub(super) fn attempts(&self) -> impl Iterator<Item = (&Sms, &Attempt)> {
        self.texts.values().flat_map(|message| message.attempts.iter().map(|attempt| (&message.sms, attempt)))
    }

    fn expire(&mut self, now: Timestamp) -> Vec<Sms> {
        let texts = self.texts.values_mut().map(|message| &mut message.sms);
        let late = texts.filter(|sms| sms.state == SmsState::Queued && sms.expires_at < now);
        late.map(|sms| {
            sms.state = SmsState::Expired;
            sms.updated_at = now;
            sms.clone()
        })
        .collect()
    }

    /// One of the same call to the same person is being sent, or waits before this one and is not less urgent.
    fn is_behind(&self, sms: &Sms, now: Timestamp) -> bool {
        let Some(call) = &sms.call else { return false };
        let soon = now.plus(OVERTAKEN_AFTER);
        let before = |other: &Sms| {
            other.state == SmsState::Sending
                || (other.state == SmsState::Queued
                    && (other.created_at, other.id) < (sms.created_at, sms.id)
                    && other.priority <= sms.priority
                    && other.due_at <= soon)
        };
        let sibling = |other: &Sms| {
            other.id != sms.id && other.call.as_ref() == Some(call) && other.tenant == sms.tenant && other.to == sms.to
        };
        self.texts.values().any(|other| sibling(&other.sms) && before(&other.sms))
    }

    fn claim(&mut self, request: &ClaimRequest, now: Timestamp) -> Result<Claim, NotClaimed> {
        let message = self.texts.get(&request.id).filter(|message| message.sms.is_due(now)).ok_or(NotClaimed::Gone)?;
        if self.is_opted_out(Some(&message.sms.tenant), &message.sms.to) {
            return Err(NotClaimed::Gone);
        }
        if self.is_behind(&message.sms, now) {
            return Err(NotClaimed::Behind);
        }
        Ok(self.texts.get_mut(&request.id).expect("it was just there").claim(&request.sender, now))
    }
}

impl Message {
    fn candidate(&self) -> Candidate {
        Candidate::of(&self.sms, self.attempts.iter().map(|attempt| attempt.sender.clone()).collect())
    }

    fn claim(&mut self, sender: &str, now: Timestamp) -> Claim {
        let number = self.last_attempt() + 1;
        let attempt = Attempt::new(self.sms.id, number, sender.into(), token(self.sms.id, number), now);
        self.attempts.push(attempt.clone());
        self.sms.state = SmsState::Sending;
        self.sms.attempts += 1;
        self.sms.from = Some(sender.into());
        self.sms.updated_at = now;
        Claim { sms: self.sms.clone(), attempt }
    }

    fn cut(&mut self, now: Timestamp) -> Sms {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.answered_at = Some(now);
            attempt.outcome = Some(SmsState::Unknown);
            attempt.counts = Some(true);
            attempt.check_at = Some(now);
        }
        self.sms.state = SmsState::Unknown;
        self.sms.error = Some("cut by a restart".into());
        self.sms.updated_at = now;
        self.sms.clone()
    }
}

/// Different for every attempt, and the same in every run.
fn token(id: SmsId, number: u32) -> AttemptToken {
    let half = |part: &str| u128::from(digest64(&[&id.to_string(), &number.to_string(), part]));
    AttemptToken::from_bits((half("a") << 64 | half("b")).to_be_bytes())
}
