//! Who leaves with the slot that is open now.
//!
//! The most urgent class goes first, except that a class which was owed its guaranteed share for long enough takes one
//! slot, and never two in a row while something more urgent waits ([`Shares`]). Inside a class tenants are served
//! fairly, then recipients ([`Fair`]), then whoever expires first. What one recipient is sent about one call keeps its
//! order: the older goes first, and as urgently as what waits behind it.
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
use crate::priority::Priority;
use crate::time::Timestamp;

use shares::Debts;
pub use shares::Shares;

/// A message that is due, as far as the choice needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub id: SmsId,
    pub tenant: TenantId,
    pub to: PhoneNumber,
    pub call: Option<CallId>,
    /// Who that is in the playbook.
    pub contact: Box<str>,
    pub priority: Priority,
    pub due_at: Timestamp,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub segments: u16,
    pub attempts: u32,
    /// Senders that were already tried.
    pub tried: Vec<Box<str>>,
}

impl Candidate {
    /// What keeps its order: one recipient and one call. Messages of no call are in no order.
    pub fn line(&self) -> Option<(&PhoneNumber, &CallId)> {
        self.call.as_ref().map(|call| (&self.to, call))
    }

    fn age(&self) -> (Timestamp, SmsId) {
        (self.created_at, self.id)
    }
}

/// The one that leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick<'c> {
    pub candidate: &'c Candidate,
    /// The class it leaves in: its own, or that of a more urgent one behind it.
    pub class: Priority,
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

    /// Who leaves next of those who may. Asked again, it answers the same.
    pub fn next<'c>(&mut self, waiting: impl IntoIterator<Item = &'c Candidate>) -> Option<Pick<'c>> {
        let heads = heads(waiting);
        self.meet(&heads);
        let first =
            Priority::ALL.map(|class| heads.iter().filter(|pick| pick.class == class).min_by(|a, b| self.order(a, b)));
        let class = self.debts.choose(first.map(|head| head.map(|pick| pick.candidate.segments)))?;
        first[class as usize].copied()
    }

    /// The most urgent of all, whatever anybody is owed: who tries a door that was shut.
    pub fn most_urgent<'c>(&mut self, waiting: impl IntoIterator<Item = &'c Candidate>) -> Option<Pick<'c>> {
        let heads = heads(waiting);
        self.meet(&heads);
        heads.into_iter().min_by(|a, b| a.class.cmp(&b.class).then_with(|| self.order(a, b)))
    }

    /// It left; `waiting` are the classes in which something waited for the slot it took.
    pub fn left(&mut self, pick: &Pick, waiting: [bool; 4]) {
        let (candidate, class) = (pick.candidate, pick.class);
        self.debts.served(class, candidate.segments, waiting);
        self.tenants[class as usize].charge(&candidate.tenant, candidate.segments);
        if let Some(fair) = self.recipients.get_mut(&(class, candidate.tenant.clone())) {
            fair.charge(&candidate.to, candidate.segments);
        }
    }

    /// Those who are here for the first time begin where the others are; those who are gone are forgotten.
    fn meet(&mut self, heads: &[Pick]) {
        for class in Priority::ALL {
            let here = heads.iter().filter(|pick| pick.class == class);
            self.tenants[class as usize].meet(here.map(|pick| &pick.candidate.tenant));
        }
        let mut here: HashMap<(Priority, TenantId), Vec<&PhoneNumber>> = HashMap::new();
        for Pick { candidate, class } in heads {
            here.entry((*class, candidate.tenant.clone())).or_default().push(&candidate.to);
        }
        self.recipients.retain(|key, _| here.contains_key(key));
        for (key, recipients) in here {
            self.recipients.entry(key).or_default().meet(recipients.into_iter());
        }
    }

    /// Inside a class.
    fn order(&self, a: &Pick, b: &Pick) -> Ordering {
        let used = |pick: &Pick| {
            let tenant = self.tenants[pick.class as usize].used(&pick.candidate.tenant);
            let of_tenant = self.recipients.get(&(pick.class, pick.candidate.tenant.clone()));
            (tenant, of_tenant.map_or(0.0, |fair| fair.used(&pick.candidate.to)))
        };
        let (a_used, b_used) = (used(a), used(b));
        let deadline = |pick: &Pick| (pick.candidate.expires_at, pick.candidate.created_at, pick.candidate.id);
        // Two tenants that used the same are told apart before their recipients are compared.
        a_used.0.total_cmp(&b_used.0).then_with(|| match a.candidate.tenant == b.candidate.tenant {
            true => a_used.1.total_cmp(&b_used.1).then_with(|| deadline(a).cmp(&deadline(b))),
            false => deadline(a).cmp(&deadline(b)).then_with(|| a.candidate.tenant.cmp(&b.candidate.tenant)),
        })
    }
}

/// The oldest of every line, as urgent as the most urgent behind it.
fn heads<'c>(waiting: impl IntoIterator<Item = &'c Candidate>) -> Vec<Pick<'c>> {
    let mut lines: HashMap<(&PhoneNumber, &CallId), usize> = HashMap::new();
    let mut heads: Vec<Pick<'c>> = Vec::new();
    for candidate in waiting {
        let place = candidate.line().map(|line| *lines.entry(line).or_insert(heads.len()));
        match place.and_then(|place| heads.get_mut(place)) {
            Some(head) => {
                head.class = head.class.min(candidate.priority);
                if candidate.age() < head.candidate.age() {
                    head.candidate = candidate;
                }
            }
            None => heads.push(Pick { candidate, class: candidate.priority }),
        }
    }
    heads
}

#[cfg(test)]
mod tests;
