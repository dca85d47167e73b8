//! What each tenant used today, and whether one more message is too much.
//!
//! Read from the ledger when a tenant's day begins or the pool does, counted from then on. One day per tenant.

use std::collections::HashMap;

use engine::failure::Failure;
use engine::ids::TenantId;
use engine::phone::PhoneNumber;
use engine::playbook::Playbook;
use engine::ports::{Candidate, PutOff, SmsLedger};
use engine::sms::breaker::Audience;
use engine::sms::caps::{Used, day_of};
use engine::time::Timestamp;

#[derive(Default)]
pub(super) struct Days(HashMap<TenantId, Day>);

struct Day {
    begins: Timestamp,
    ends: Timestamp,
    segments: u64,
    callers: HashMap<PhoneNumber, u32>,
}

const QUIET: &str = "held: callers are not texted at this hour";

impl Days {
    /// Sees to it that today of `playbook`'s tenant is known.
    pub async fn know(&mut self, playbook: &Playbook, ledger: &dyn SmsLedger, now: Timestamp) -> Result<(), Failure> {
        if self.0.get(&playbook.tenant).is_some_and(|day| day.begins <= now && now < day.ends) {
            return Ok(());
        }
        let (begins, ends) = day_of(now, &playbook.time_zone);
        let used = ledger.used_since(&playbook.tenant, begins).await?;
        let day = Day { begins, ends, segments: used.segments, callers: used.callers.into_iter().collect() };
        self.0.insert(playbook.tenant.clone(), day);
        Ok(())
    }

    /// Whether this message may leave today, at this hour.
    pub fn puts_off(&self, candidate: &Candidate, playbook: &Playbook, now: Timestamp) -> Option<PutOff> {
        let audience = Audience::of(&candidate.contact);
        let opens_at = playbook.sms.leaves_at(audience, now, &playbook.time_zone);
        if opens_at > now {
            return Some(PutOff { id: candidate.id, until: opens_at, why: QUIET });
        }
        let day = self.0.get(&candidate.tenant)?;
        let to_recipient = day.callers.get(&candidate.to).copied().unwrap_or(0);
        let used = Used { segments: day.segments, to_recipient };
        let capped = playbook.sms.caps.refuse(candidate.priority, audience, candidate.segments, used)?;
        Some(PutOff { id: candidate.id, until: day.ends, why: capped.as_str() })
    }

    pub fn count(&mut self, tenant: &TenantId, to: &PhoneNumber, contact: &str, segments: u16) {
        let Some(day) = self.0.get_mut(tenant) else { return };
        day.segments += u64::from(segments);
        if Audience::of(contact) == Audience::Callers {
            *day.callers.entry(to.clone()).or_default() += 1;
        }
    }

    /// It was refused unprocessed, or never left.
    pub fn uncount(&mut self, tenant: &TenantId, to: &PhoneNumber, contact: &str, segments: u16) {
        let Some(day) = self.0.get_mut(tenant) else { return };
        day.segments = day.segments.saturating_sub(segments.into());
        if let Some(texts) = day.callers.get_mut(to).filter(|_| Audience::of(contact) == Audience::Callers) {
            *texts = texts.saturating_sub(1);
        }
    }
}
