//! What holds one message, by whichever number: its recipient's and its tenant's limits, its route, its words, and which
//! numbers suit it.

use std::collections::HashMap;
use std::time::Duration;

use super::{Account, Sender};
use crate::phone::PhoneNumber;
use crate::ports::Candidate;
use crate::priority::Priority;
use crate::sms::breaker::{Admission, Audience, Fuse};
use crate::sms::failover::may_try;
use crate::sms::pace::{Level, Moment};

/// Who is held for longer than this steps aside where it hides others.
const SOON: Duration = Duration::from_secs(2);

impl Account {
    /// Those of `waiting` that may not leave soon though they are due, and until when: something is wrong with the
    /// account, its numbers, their routes or its words, or their recipient was or is to be sent too much. Others need not
    /// wait behind them.
    pub fn held_back<'c>(&self, waiting: &'c [Candidate], now: Moment) -> Vec<(&'c Candidate, Moment)> {
        let mut before: HashMap<&PhoneNumber, u32> = HashMap::new();
        let held = |candidate: &'c Candidate| {
            let until = self.held_until(candidate, now)? + self.takes_turns(candidate, &mut before, now);
            Some((candidate, until)).filter(|(_, until)| *until > now + SOON)
        };
        waiting.iter().filter_map(held).collect()
    }

    /// How long those before it take that go to the same recipient.
    fn takes_turns<'c>(
        &self,
        candidate: &'c Candidate,
        before: &mut HashMap<&'c PhoneNumber, u32>,
        now: Moment,
    ) -> Duration {
        let rate = self.levels.rate(&Level::Recipient(candidate.to.clone()), now);
        let Some(rate) = rate.filter(|_| !is_alarm(candidate)) else { return Duration::ZERO };
        let before = before.entry(&candidate.to).or_default();
        let takes = Duration::from_secs_f64(f64::from(*before) / rate);
        *before += u32::from(candidate.segments);
        takes
    }

    /// When it may leave at all. `None`: by no number that is left.
    fn held_until(&self, candidate: &Candidate, now: Moment) -> Option<Moment> {
        let opens_at = |sender: &Sender| {
            let shared = self.breakers.admits(&[Fuse::Account, Fuse::Sender(sender.name.clone())], now);
            let closed = match shared.max(self.own_admission(candidate, &sender.name, now)) {
                Admission::No(until) => until,
                Admission::Yes | Admission::Probe => now,
            };
            closed.max(sender.door.opens_at(now)).max(self.own_opens_at(candidate, &sender.name, now))
        };
        let suiting = self.senders.iter().filter(|sender| self.suits(candidate, &sender.name, now));
        suiting.map(opens_at).min()
    }

    /// By its route and its words. An alarm is not held for what other words were filtered.
    pub(super) fn own_admission(&self, candidate: &Candidate, sender: &str, now: Moment) -> Admission {
        let [_, _, route, words] = Fuse::of(&candidate.tenant, &candidate.to, &candidate.contact, sender);
        let route = self.breakers.admits(&[route], now);
        if is_alarm(candidate) { route } else { route.max(self.breakers.admits(&[words], now)) }
    }

    /// By the limits of its tenant and its recipient, and the guard against loops.
    pub(super) fn own_opens_at(&self, candidate: &Candidate, sender: &str, now: Moment) -> Moment {
        let own = own_levels(candidate);
        let paced = self.levels.opens_at(&own, candidate.segments.into(), now);
        // An emergency is not held for looking like a loop; the carrier says so if it is one.
        let urgent = candidate.priority == Priority::P1;
        if urgent { paced } else { paced.max(self.pairs.opens_at(sender, &candidate.to)) }
    }

    /// Whether this number is the right one for this message: not one that was at fault for it, nor a third, the one its
    /// recipient knows while that works, and for an emergency whichever is free.
    pub(super) fn suits(&self, candidate: &Candidate, name: &str, now: Moment) -> bool {
        let at_fault = self.faulted.get(&candidate.id).map(Vec::as_slice).unwrap_or_default();
        let may_try = |sender: &str| {
            !at_fault.iter().any(|it| &**it == sender) && may_try(&candidate.tried, sender, &self.terms.senders)
        };
        if !may_try(name) {
            return false;
        }
        if candidate.priority == Priority::P1 {
            return true;
        }
        let Some(usual) = self.habits.sender(&candidate.tenant, &candidate.to) else { return true };
        let works = self.terms.senders.iter().any(|sender| &**sender == usual) && may_try(usual);
        let fuses = [Fuse::Sender(usual.into()), Fuse::Route(usual.into(), candidate.to.calling_code().into())];
        usual == name || !works || matches!(self.breakers.admits(&fuses, now), Admission::No(_))
    }
}

/// An emergency told to the team: a late one is worse than one more that does not arrive.
fn is_alarm(candidate: &Candidate) -> bool {
    candidate.priority == Priority::P1 && Audience::of(&candidate.contact) == Audience::Staff
}

/// What has a pace of its own, of this message alone. Alarms are not counted against whom they alarm.
pub(super) fn own_levels(candidate: &Candidate) -> Vec<Level> {
    let recipient = (!is_alarm(candidate)).then(|| Level::Recipient(candidate.to.clone()));
    recipient.into_iter().chain([Level::Tenant(candidate.tenant.clone())]).collect()
}
