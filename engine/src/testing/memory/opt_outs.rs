//! The memory store as [`OptOuts`] and [`Inbox`].

use async_trait::async_trait;

use super::store::{Message, Records};
use super::{MemoryStore, lock};
use crate::failure::Failure;
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::ports::{InboundSms, Inbox, OptIn, OptOut, OptOutSource, OptOuts, OptedOut};
use crate::sms::{Sms, SmsState};
use crate::time::Timestamp;

pub(super) const OPTED_OUT: &str = "recipient has opted out";

/// One line of the list.
pub(super) struct Line {
    out: bool,
    said: OptOut,
}

#[async_trait]
impl OptOuts for MemoryStore {
    async fn add(&self, opt_out: &OptOut) -> Result<OptedOut, Failure> {
        let mut records = lock(&self.records);
        let known = match opt_out.source {
            OptOutSource::Carrier => records.is_opted_out(opt_out.tenant.as_ref(), &opt_out.number),
            _ => records.in_force().any(|other| is_same(other, opt_out)),
        };
        let written = (!known || opt_out.message.is_some()) && records.say(true, opt_out.clone());
        let mut suppressed = Vec::new();
        for message in records.texts.values_mut().filter(|message| message.sms.to == opt_out.number) {
            if opt_out.tenant.as_ref().is_none_or(|tenant| *tenant == message.sms.tenant) {
                suppressed.extend(message.suppress(opt_out.at));
            }
        }
        Ok(OptedOut { is_new: written && !known, suppressed })
    }

    async fn clear(&self, opt_in: &OptIn) -> Result<bool, Failure> {
        let mut records = lock(&self.records);
        let mut undone = false;
        for source in &opt_in.sources {
            let said = OptOut {
                tenant: opt_in.tenant.clone(),
                number: opt_in.number.clone(),
                source: *source,
                at: opt_in.at,
                message: opt_in.message.clone(),
            };
            let was_out = records.in_force().any(|other| is_same(other, &said));
            if was_out || opt_in.message.is_some() {
                undone |= records.say(false, said) && was_out;
            }
        }
        Ok(undone)
    }

    async fn is_opted_out(&self, tenant: Option<&TenantId>, number: &PhoneNumber) -> Result<bool, Failure> {
        Ok(lock(&self.records).is_opted_out(tenant, number))
    }

    async fn in_force(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<OptOut>, Failure> {
        let records = lock(&self.records);
        let mut list: Vec<OptOut> = records.in_force().cloned().collect();
        list.retain(|out| tenant.is_none() || out.tenant.is_none() || out.tenant.as_ref() == tenant);
        list.reverse();
        list.truncate(limit);
        Ok(list)
    }
}

#[async_trait]
impl Inbox for MemoryStore {
    async fn knows(&self, id: &str) -> Result<bool, Failure> {
        Ok(lock(&self.records).inbox.iter().any(|kept| &*kept.id == id))
    }

    async fn keep(&self, sms: &InboundSms) -> Result<bool, Failure> {
        let mut records = lock(&self.records);
        let is_new = records.inbox.iter().all(|kept| kept.id != sms.id);
        if is_new {
            records.inbox.push(sms.clone());
        }
        Ok(is_new)
    }

    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<InboundSms>, Failure> {
        let mut inbox = lock(&self.records).inbox.clone();
        inbox.retain(|sms| tenant.is_none() || sms.tenant.as_ref() == tenant);
        inbox.sort_by_key(|sms| std::cmp::Reverse(sms.at));
        inbox.truncate(limit);
        Ok(inbox)
    }

    async fn last_to_text(&self, number: &PhoneNumber) -> Result<Option<TenantId>, Failure> {
        let records = lock(&self.records);
        let to_them = records.texts.values().map(|message| &message.sms).filter(|sms| sms.to == *number);
        Ok(to_them.max_by_key(|sms| sms.created_at).map(|sms| sms.tenant.clone()))
    }
}

fn is_same(a: &OptOut, b: &OptOut) -> bool {
    (&a.tenant, &a.number, a.source) == (&b.tenant, &b.number, b.source)
}

impl Records {
    /// The last that was heard of each number from each source, where that was "out".
    fn in_force(&self) -> impl Iterator<Item = &OptOut> {
        self.opt_outs
            .iter()
            .enumerate()
            .filter(|(place, line)| {
                line.out && self.opt_outs[place + 1..].iter().all(|later| !is_same(&later.said, &line.said))
            })
            .map(|(_, line)| &line.said)
    }

    pub(super) fn is_opted_out(&self, tenant: Option<&TenantId>, number: &PhoneNumber) -> bool {
        self.in_force().any(|out| out.number == *number && (out.tenant.is_none() || out.tenant.as_ref() == tenant))
    }

    /// `false` when this message has said so before.
    fn say(&mut self, out: bool, said: OptOut) -> bool {
        let again = said.message.is_some()
            && self.opt_outs.iter().any(|line| line.said.message == said.message && is_same(&line.said, &said));
        if !again {
            self.opt_outs.push(Line { out, said });
        }
        !again
    }
}

impl Message {
    pub(super) fn suppress(&mut self, now: Timestamp) -> Option<Sms> {
        if self.sms.state != SmsState::Queued {
            return None;
        }
        self.sms.state = SmsState::Suppressed;
        self.sms.error = Some(OPTED_OUT.into());
        self.sms.updated_at = self.sms.updated_at.max(now);
        Some(self.sms.clone())
    }
}
