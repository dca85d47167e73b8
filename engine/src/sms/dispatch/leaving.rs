//! What is under way: a message takes its slot, leaves or stays, and is bounded by what the carrier holds already.

use std::time::Duration;

use super::holding::own_levels;
use super::{Account, Departure};
use crate::ids::{CallId, SmsId, TenantId};
use crate::phone::PhoneNumber;
use crate::ports::Candidate;
use crate::priority::Priority;
use crate::sms::SendOutcome;
use crate::sms::breaker::Fuse;
use crate::sms::failover::has_another;
use crate::sms::pace::{Level, Moment};
use crate::sms::room::Room;

/// How long a sender may be ahead of its own pace: what is under way, in seconds of its rate.
const AHEAD: Duration = Duration::from_secs(2);

/// What is to be known of a message whose slot is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many in a row its sender has had refused unprocessed.
    pub refusals: u32,
    /// Should its sender be at fault, there is another to try.
    pub another: bool,
}

#[derive(Clone, Debug)]
pub(super) struct UnderWay {
    pub sender: usize,
    pub segments: u32,
    pub priority: Priority,
    pub left: Moment,
    pub taken: Taken,
    pub levels: Vec<Level>,
    pub fuses: [Fuse; 4],
    pub tenant: TenantId,
    pub to: PhoneNumber,
    pub call: Option<CallId>,
}

impl Account {
    /// What is under way is at most a few seconds of its pace: what the carrier holds, nobody can overtake any more.
    /// Emergencies wait for one another alone.
    pub(super) fn room_of(&self, sender: usize, now: Moment) -> Room {
        let under_way = || self.under_way.values().filter(|it| it.sender == sender);
        if !self.senders[sender].door.is_wide() && under_way().next().is_some() {
            return Room::Nobody;
        }
        let rate = self.levels.rate(&Level::Sender(self.senders[sender].name.clone()), now);
        let Some(rate) = rate else { return Room::Any };
        let ahead = (rate * AHEAD.as_secs_f64()).max(1.0);
        let fits = |segments: u32| f64::from(segments) < ahead;
        let emergencies = under_way().filter(|it| it.priority == Priority::P1).map(|it| it.segments).sum();
        match fits(under_way().map(|it| it.segments).sum()) {
            true => Room::Any,
            false if fits(emergencies) => Room::Emergencies,
            false => Room::Nobody,
        }
    }

    /// It is to leave now: its slot is taken.
    pub fn takes(&mut self, departure: &Departure, now: Moment) -> Taken {
        let Departure { candidate, sender, waiting } = departure;
        let another = self.has_another(candidate, sender);
        let Some(index) = self.senders.iter().position(|it| it.name == *sender) else {
            return Taken { refusals: 0, another };
        };
        let levels = [&[Level::Account, Level::Sender(sender.clone())][..], &own_levels(candidate)].concat();
        let fuses = Fuse::of(&candidate.tenant, &candidate.to, &candidate.contact, sender);
        self.schedule.left(candidate, *waiting);
        self.levels.takes(&levels, candidate.segments.into(), now);
        self.pairs.takes(sender, &candidate.to, now);
        self.breakers.takes(&fuses, now);
        let taken = Taken { refusals: self.senders[index].door.takes(now), another };
        let under_way = UnderWay {
            sender: index,
            segments: candidate.segments.into(),
            priority: candidate.priority,
            left: now,
            taken,
            levels,
            fuses,
            tenant: candidate.tenant.clone(),
            to: candidate.to.clone(),
            call: candidate.call.clone(),
        };
        self.under_way.insert(candidate.id, under_way);
        taken
    }

    /// Whether there is another number to try when this one turns out to be at fault.
    fn has_another(&self, candidate: &Candidate, sender: &str) -> bool {
        let with = |others: &[Box<str>]| [others, &[sender.into()]].concat();
        let at_fault = self.faulted.get(&candidate.id).map(Vec::as_slice).unwrap_or_default();
        has_another(&with(&candidate.tried), &with(at_fault), &self.terms.senders)
    }

    /// It was claimed, and connected for, which took a moment: it really leaves now.
    pub fn leaves(&mut self, id: SmsId, now: Moment) {
        if let Some(it) = self.under_way.get_mut(&id) {
            self.levels.delay(&it.levels, it.left, now.saturating_sub(it.left));
            it.left = it.left.max(now);
        }
    }

    /// It could not be claimed. Its slot is lost.
    pub fn stays(&mut self, id: SmsId, now: Moment) {
        if let Some(it) = self.under_way.remove(&id) {
            let nothing = SendOutcome::NotSent { reason: "not claimed".into() };
            self.senders[it.sender].door.untried();
            self.breakers.hears(&it.fuses, &nothing, now);
        }
    }
}
