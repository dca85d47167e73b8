//! One account with a carrier: which message leaves next, by which of its senders, and when to look again.
//!
//! Puts the parts together in one order. *When* is decided first: senders whose slot is open, in an account that has
//! room. *Who* is decided then, among the messages that may leave by that sender. A message that is larger than what is
//! left of the second keeps its place and waits, so that small ones do not pass it for ever. Nothing is booked until it
//! leaves.

mod hearing;
mod standing;
mod terms;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::breaker::{Admission, Audience, Breakers, Fuse};
use super::door::Door;
use super::failover::{Habits, has_another, may_try};
use super::outcome::SendOutcome;
use super::pace::{Level, Levels, Moment, Pairs};
use super::room::Room;
use super::schedule::Schedule;
use super::window::Window;
use crate::ids::{CallId, SmsId, TenantId};
use crate::phone::PhoneNumber;
use crate::ports::Candidate;
use crate::priority::Priority;

pub use hearing::{Answer, Past};
pub use terms::Terms;

/// How long a sender may be ahead of its own pace: what is under way, in seconds of its rate.
const AHEAD: Duration = Duration::from_secs(2);

/// Who is held for longer than this steps aside where it hides others.
const SOON: Duration = Duration::from_secs(2);

/// What happens next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<'c> {
    Send(Departure<'c>),
    /// Nothing before then. `None`: only an answer or a new message changes anything.
    Wait(Option<Moment>),
}

/// A message that may leave now.
#[derive(Clone, Debug, PartialEq)]
pub struct Departure<'c> {
    pub candidate: &'c Candidate,
    pub sender: Box<str>,
    /// The classes in which something waited for the same slot.
    waiting: [bool; 4],
}

/// What is to be known of a message whose slot is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many in a row its sender has had refused unprocessed.
    pub refusals: u32,
    /// Should its sender be at fault, there is another to try.
    pub another: bool,
}

#[derive(Clone, Debug)]
struct UnderWay {
    sender: usize,
    segments: u32,
    priority: Priority,
    left: Moment,
    taken: Taken,
    levels: Vec<Level>,
    fuses: [Fuse; 4],
    tenant: TenantId,
    to: PhoneNumber,
    call: Option<CallId>,
}

#[derive(Clone, Debug)]
struct Sender {
    name: Box<str>,
    door: Door,
}

#[derive(Clone, Debug)]
pub struct Account {
    terms: Terms,
    senders: Vec<Sender>,
    schedule: Schedule,
    levels: Levels,
    pairs: Pairs,
    window: Window,
    breakers: Breakers,
    habits: Habits,
    under_way: HashMap<SmsId, UnderWay>,
    /// Senders that were at fault for a message that is to leave by another.
    faulted: HashMap<SmsId, Vec<Box<str>>>,
}

impl Account {
    pub fn new(terms: Terms) -> Account {
        Account {
            senders: terms.senders.iter().cloned().map(|name| Sender { name, door: Door::default() }).collect(),
            schedule: Schedule::new(terms.shares),
            levels: Levels::new(terms.rates),
            pairs: Pairs::new(terms.pairs.0, terms.pairs.1),
            window: Window::new(terms.window, terms.kept),
            breakers: Breakers::new(terms.breakers),
            habits: Habits::new(terms.habits),
            under_way: HashMap::new(),
            faulted: HashMap::new(),
            terms,
        }
    }

    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Tenants that have a pace of their own, in segments per second; the others have none.
    pub fn limit_tenants(&mut self, rates: HashMap<TenantId, f64>) {
        self.levels.limit_tenants(rates);
    }

    /// The one that leaves now, or when to ask again. `waiting`: everything that is due.
    pub fn next<'c>(&mut self, waiting: &'c [Candidate], now: Moment) -> Next<'c> {
        self.next_with(Room::Any, waiting, now)
    }

    /// The same, with `hands` only for some of them.
    pub fn next_with<'c>(&mut self, hands: Room, waiting: &'c [Candidate], now: Moment) -> Next<'c> {
        let room = hands.min(self.window.room(self.under_way.len(), now));
        if room == Room::Nobody || waiting.is_empty() {
            self.idle_if(waiting.is_empty(), now);
            return Next::Wait(None);
        }
        self.schedule.meet(waiting);
        let lines: HashSet<_> = self.under_way.values().filter_map(|it| Some((&it.to, it.call.as_ref()?))).collect();
        let is_free = |candidate: &&Candidate| {
            !self.under_way.contains_key(&candidate.id) && candidate.line().is_none_or(|line| !lines.contains(&line))
        };
        let free: Vec<&Candidate> = waiting.iter().filter(is_free).collect();
        let mut wait = Wait::default();
        let mut idle = Vec::new();
        for sender in self.by_turn(now) {
            match self.by_sender(sender, room, &free, now, &mut wait) {
                Found::Departure(departure) => return Next::Send(departure),
                Found::Nobody => idle.push(Level::Sender(self.senders[sender].name.clone())),
                Found::NotYet => {}
            }
        }
        idle.iter().for_each(|level| self.levels.idles(level));
        Next::Wait(wait.0)
    }

    /// Slots that are open while nothing waits are lost.
    fn idle_if(&mut self, nothing_waits: bool, now: Moment) {
        if nothing_waits {
            let open = |level: &Level| self.levels.opens_at(std::slice::from_ref(level), 1, now) <= now;
            let senders = self.senders.iter().map(|sender| Level::Sender(sender.name.clone()));
            let idle: Vec<Level> = senders.chain([Level::Account]).filter(open).collect();
            idle.iter().for_each(|level| self.levels.idles(level));
        }
    }

    /// The sender whose slot has been open longest first.
    fn by_turn(&self, now: Moment) -> Vec<usize> {
        let mut turns: Vec<usize> = (0..self.senders.len()).collect();
        turns.sort_by_key(|index| self.opens_at(*index, 1, now));
        turns
    }

    /// By everything that is the same for all messages of one size.
    fn opens_at(&self, sender: usize, segments: u32, now: Moment) -> Moment {
        let Sender { name, door } = &self.senders[sender];
        let levels = [Level::Account, Level::Sender(name.clone())];
        self.levels.opens_at(&levels, segments, now).max(door.opens_at(now))
    }

    fn by_sender<'c>(
        &self,
        sender: usize,
        room: Room,
        free: &[&'c Candidate],
        now: Moment,
        wait: &mut Wait,
    ) -> Found<'c> {
        let room = room.min(self.room_of(sender, now));
        if room == Room::Nobody {
            return Found::NotYet;
        }
        let opens_at = self.opens_at(sender, 1, now);
        if opens_at > now {
            wait.until(opens_at);
            return Found::NotYet;
        }
        let name = &self.senders[sender].name;
        let shared = [Fuse::Account, Fuse::Sender(name.clone())];
        let admission = self.breakers.admits(&shared, now);
        if let Admission::No(until) = admission {
            wait.until(until);
            return Found::NotYet;
        }
        let fits = free.iter().copied().filter(|candidate| room.has(candidate.priority));
        let may: Vec<&Candidate> = fits.filter(|candidate| self.may_leave_by(candidate, sender, now, wait)).collect();
        let pick = match admission {
            Admission::Probe => self.schedule.most_urgent(may.iter().copied()),
            _ => self.schedule.next(may.iter().copied()),
        };
        let Some(candidate) = pick else {
            // Those for whom there was no room may well want the slot.
            return if room == Room::Any { Found::Nobody } else { Found::NotYet };
        };
        let opens_at = self.opens_at(sender, candidate.segments.into(), now);
        if opens_at > now {
            wait.until(opens_at);
            return Found::NotYet;
        }
        let waits = |class: Priority| may.iter().any(|candidate| candidate.priority == class);
        Found::Departure(Departure { candidate, sender: name.clone(), waiting: Priority::ALL.map(waits) })
    }

    /// What is under way is at most a few seconds of its pace: what the carrier holds, nobody can overtake any more.
    /// Emergencies wait for one another alone.
    fn room_of(&self, sender: usize, now: Moment) -> Room {
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

    /// By everything that is about this one message.
    fn may_leave_by(&self, candidate: &Candidate, sender: usize, now: Moment, wait: &mut Wait) -> bool {
        let name = &self.senders[sender].name;
        if !self.suits(candidate, name, now) {
            return false;
        }
        let opens_at = self.own_opens_at(candidate, name, now);
        if opens_at > now {
            wait.until(opens_at);
            return false;
        }
        match self.own_admission(candidate, name, now) {
            Admission::No(until) => {
                wait.until(until);
                false
            }
            Admission::Yes | Admission::Probe => true,
        }
    }

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
    fn own_admission(&self, candidate: &Candidate, sender: &str, now: Moment) -> Admission {
        let [_, _, route, words] = Fuse::of(&candidate.tenant, &candidate.to, &candidate.contact, sender);
        let route = self.breakers.admits(&[route], now);
        if is_alarm(candidate) { route } else { route.max(self.breakers.admits(&[words], now)) }
    }

    /// By the limits of its tenant and its recipient, and the guard against loops.
    fn own_opens_at(&self, candidate: &Candidate, sender: &str, now: Moment) -> Moment {
        let own = own_levels(candidate);
        let paced = self.levels.opens_at(&own, candidate.segments.into(), now);
        // An emergency is not held for looking like a loop; the carrier says so if it is one.
        let urgent = candidate.priority == Priority::P1;
        if urgent { paced } else { paced.max(self.pairs.opens_at(sender, &candidate.to)) }
    }

    /// Whether this number is the right one for this message: not one that was at fault for it, nor a third, the one its
    /// recipient knows while that works, and for an emergency whichever is free.
    fn suits(&self, candidate: &Candidate, name: &str, now: Moment) -> bool {
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

/// An emergency told to the team: a late one is worse than one more that does not arrive.
fn is_alarm(candidate: &Candidate) -> bool {
    candidate.priority == Priority::P1 && Audience::of(&candidate.contact) == Audience::Staff
}

/// What has a pace of its own, of this message alone. Alarms are not counted against whom they alarm.
fn own_levels(candidate: &Candidate) -> Vec<Level> {
    let recipient = (!is_alarm(candidate)).then(|| Level::Recipient(candidate.to.clone()));
    recipient.into_iter().chain([Level::Tenant(candidate.tenant.clone())]).collect()
}

enum Found<'c> {
    Departure(Departure<'c>),
    /// The sender is open and nothing may leave by it.
    Nobody,
    NotYet,
}

/// The first moment at which something changes by itself.
#[derive(Default)]
struct Wait(Option<Moment>);

impl Wait {
    fn until(&mut self, at: Moment) {
        self.0 = Some(self.0.map_or(at, |earlier| earlier.min(at)));
    }
}

#[cfg(test)]
mod tests;
