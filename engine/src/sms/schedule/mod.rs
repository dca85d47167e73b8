//! Who leaves with the slot that is open now.
//!
//! The most urgent class goes first, except that a class which was owed its guaranteed share for long enough takes one
//! slot, and never two in a row while something more urgent waits ([`Shares`]). Inside a class tenants are served
//! fairly, then recipients ([`Fair`]), then whoever expires first. What one recipient is sent about one call keeps its
//! order, except that the more urgent does not wait for the less.
//!
//! It knows what it was shown and what left, and keeps no message. Whoever asks sees to it that a recipient and call
//! with a message under way is not shown ([`Candidate::line`]).

mod fair;
mod shares;

use std::cmp::Ordering;
use std::collections::HashMap;

use self::fair::Fair;
use crate::ids::{CallId, SmsId, TenantId};
use crate::phone::PhoneNumber;
use crate::ports::Candidate;
use crate::priority::Priority;
use crate::time::Timestamp;

use shares::Debts;
pub use shares::Shares;

impl Candidate {
    /// What keeps its order: one recipient and one call. Messages of no call are in no order.
    pub fn line(&self) -> Option<(&PhoneNumber, &CallId)> {
        self.call.as_ref().map(|call| (&self.to, call))
    }

    fn place(&self) -> (Priority, Timestamp, SmsId) {
        (self.priority, self.created_at, self.id)
    }
}

/// The memory of one account's queue.
#[derive(Clone, Debug)]
pub struct Schedule {
    debts: Debts,
    tenants: [Fair<TenantId>; 4],
    recipients: HashMap<(Priority, TenantId), Fair<PhoneNumber>>,
}

impl Schedule {
    pub fn new(shares: Shares) -> Schedule {
        Schedule { debts: Debts::new(shares), tenants: Default::default(), recipients: HashMap::new() }
    }

    /// All that waits now, whether it may leave or not: who is here for the first time begins where the others are, who
    /// is gone is forgotten.
    pub fn meet<'c>(&mut self, waiting: impl IntoIterator<Item = &'c Candidate>) {
        let mut tenants: [Vec<&TenantId>; 4] = Default::default();
        let mut recipients: HashMap<(Priority, TenantId), Vec<&PhoneNumber>> = HashMap::new();
        for candidate in heads(waiting) {
            tenants[candidate.priority as usize].push(&candidate.tenant);
            recipients.entry((candidate.priority, candidate.tenant.clone())).or_default().push(&candidate.to);
        }
        self.tenants.iter_mut().zip(tenants).for_each(|(fair, here)| fair.meet(here.into_iter()));
        self.recipients.retain(|key, _| recipients.contains_key(key));
        for (key, here) in recipients {
            self.recipients.entry(key).or_default().meet(here.into_iter());
        }
    }

    /// Who leaves next of those who may. Asked again, it answers the same.
    pub fn next<'c>(&self, may: impl IntoIterator<Item = &'c Candidate>) -> Option<&'c Candidate> {
        let mut first: [Option<&Candidate>; 4] = [None; 4];
        for candidate in heads(may) {
            let first = &mut first[candidate.priority as usize];
            *first = Some(first.map_or(candidate, |other| self.earlier(other, candidate)));
        }
        let class = self.debts.choose(first.map(|first| first.map(|candidate| candidate.segments)))?;
        first[class as usize]
    }

    /// The most urgent of all, whatever anybody is owed: who tries a door that was shut.
    pub fn most_urgent<'c>(&self, may: impl IntoIterator<Item = &'c Candidate>) -> Option<&'c Candidate> {
        heads(may).into_iter().min_by(|a, b| a.priority.cmp(&b.priority).then_with(|| self.order(a, b)))
    }

    /// It left; `waiting` are the classes in which something waited for the slot it took.
    pub fn left(&mut self, candidate: &Candidate, waiting: [bool; 4]) {
        let Candidate { priority, tenant, to, segments, .. } = candidate;
        self.debts.served(*priority, *segments, waiting);
        self.tenants[*priority as usize].charge(tenant, *segments);
        if let Some(fair) = self.recipients.get_mut(&(*priority, tenant.clone())) {
            fair.charge(to, *segments);
        }
    }

    fn earlier<'c>(&self, a: &'c Candidate, b: &'c Candidate) -> &'c Candidate {
        if self.order(a, b).is_le() { a } else { b }
    }

    /// Inside a class: the tenant that used least, of its recipients the one who was sent least, the first to expire.
    fn order(&self, a: &Candidate, b: &Candidate) -> Ordering {
        let tenant = |it: &Candidate| self.tenants[it.priority as usize].used(&it.tenant);
        let recipient = |it: &Candidate| {
            let of_tenant = self.recipients.get(&(it.priority, it.tenant.clone()));
            of_tenant.map_or(0.0, |fair| fair.used(&it.to))
        };
        let deadline = |it: &Candidate| (it.expires_at, it.created_at, it.id);
        tenant(a).total_cmp(&tenant(b)).then_with(|| {
            // Recipients of two tenants cannot be compared.
            let recipients = || recipient(a).total_cmp(&recipient(b));
            let recipients = if a.tenant == b.tenant { recipients() } else { Ordering::Equal };
            recipients.then_with(|| deadline(a).cmp(&deadline(b)))
        })
    }
}

/// The first of every line: the most urgent, then the oldest.
fn heads<'c>(waiting: impl IntoIterator<Item = &'c Candidate>) -> Vec<&'c Candidate> {
    let mut lines: HashMap<(&PhoneNumber, &CallId), usize> = HashMap::new();
    let mut heads: Vec<&'c Candidate> = Vec::new();
    for candidate in waiting {
        let place = candidate.line().map(|line| *lines.entry(line).or_insert(heads.len()));
        match place.and_then(|place| heads.get_mut(place)) {
            Some(head) if candidate.place() < head.place() => *head = candidate,
            Some(_) => {}
            None => heads.push(candidate),
        }
    }
    heads
}

#[cfg(test)]
pub(super) mod tests;
