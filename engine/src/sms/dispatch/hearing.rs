//! What the carrier answers, tells later, or was told in an earlier life, and what is learned from it.

use std::time::Duration;

use super::Account;
use crate::ids::{SmsId, TenantId};
use crate::phone::PhoneNumber;
use crate::sms::breaker::Fuse;
use crate::sms::failover::is_senders_fault;
use crate::sms::pace::{Level, Moment};
use crate::sms::{ErrorClass, SendOutcome, Sms};

/// Messages of which it is remembered who was at fault.
const MOST_FAULTED: usize = 1_024;

/// An answer of the carrier, and what follows from it for the sender.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'o> {
    pub outcome: &'o SendOutcome,
    /// How long its sender is to be left alone.
    pub rest: Option<Duration>,
    /// Requests of the account under way, as the carrier counts them.
    pub concurrent: Option<u32>,
    /// From leaving to the answer. `None`: there was none.
    pub took: Option<Duration>,
}

/// An attempt of an earlier life.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    pub tenant: TenantId,
    pub to: PhoneNumber,
    pub sender: Box<str>,
    pub segments: u16,
}

impl Account {
    /// How the attempt of `id` ended. `rest`: how long its sender is to be left alone.
    pub fn hears(&mut self, id: SmsId, answer: &Answer, now: Moment) {
        let others = self.under_way.len();
        let Some(it) = self.under_way.remove(&id) else { return };
        let name = self.senders[it.sender].name.clone();
        self.senders[it.sender].door.hears(it.taken.refusals, answer.rest, now);
        self.breakers.hears(&it.fuses, answer.outcome, now);
        match answer.outcome {
            SendOutcome::Throttled { .. } => self.window.refused(it.left, now),
            SendOutcome::NotSent { .. } => {}
            SendOutcome::Rejected { class: ErrorClass::ThrottleSender | ErrorClass::ThrottleCampaign, .. } => {
                self.levels.was_too_fast(&Level::Sender(name.clone()), now);
            }
            _ => self.window.answered(answer.concurrent, others, now),
        }
        if let Some(took) = answer.took {
            self.levels.answered(&it.levels, it.left, took);
        }
        match answer.outcome {
            SendOutcome::Accepted { .. } => {
                self.habits.keep(&it.tenant, &it.to, &name);
                self.faulted.remove(&id);
            }
            outcome if !is_senders_fault(outcome) => {}
            _ if it.taken.another => self.was_at_fault(id, name),
            // It has failed. Whoever has it tried again has seen to its numbers.
            _ => drop(self.faulted.remove(&id)),
        }
    }

    fn was_at_fault(&mut self, id: SmsId, sender: Box<str>) {
        if self.faulted.len() >= MOST_FAULTED {
            self.faulted.clear();
        }
        self.faulted.entry(id).or_default().push(sender);
    }

    /// What the carrier told later about a message it had taken from `sender`.
    pub fn hears_later(&mut self, sms: &Sms, sender: &str, class: ErrorClass, now: Moment) {
        let fuses = Fuse::of(&sms.tenant, &sms.to, &sms.contact, sender);
        self.breakers.hears_later(&fuses, class, now);
        if matches!(class, ErrorClass::ThrottleSender | ErrorClass::ThrottleCampaign) {
            self.levels.was_too_fast(&Level::Sender(sender.into()), now);
        }
    }

    /// The carrier has a message from `sender` that it gave no answer about.
    pub fn was_taken(&mut self, sms: &Sms, sender: &str) {
        self.breakers.forgive(&Fuse::of(&sms.tenant, &sms.to, &sms.contact, sender));
    }

    /// An attempt of an earlier life that may have left at `at`, for limits that outlive us.
    pub fn remembers(&mut self, past: &Past, at: Moment) {
        let levels = [
            Level::Account,
            Level::Sender(past.sender.clone()),
            Level::Tenant(past.tenant.clone()),
            Level::Recipient(past.to.clone()),
        ];
        self.levels.remembers(&levels, past.segments.into(), at);
        self.pairs.takes(&past.sender, &past.to, at);
        self.habits.keep(&past.tenant, &past.to, &past.sender);
    }

    /// Continues with what an earlier life had learned of a sender's pace.
    pub fn resumes(&mut self, sender: &str, factor: f64, now: Moment) {
        self.levels.resume(sender, factor, now);
    }
}
