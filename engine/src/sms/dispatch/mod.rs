//! One account with a carrier: which message leaves next, by which of its senders, and when to look again.
//!
//! Puts the parts together in one order. *When* is decided first: senders whose slot is open, in an account that has
//! room. *Who* is decided then, among the messages that may leave by that sender. A message that is larger than what is
//! left of the second keeps its place and waits, so that small ones do not pass it for ever. Nothing is booked until it
//! leaves.

mod hearing;
mod holding;
mod leaving;
mod standing;
mod terms;

use std::collections::{HashMap, HashSet};

use super::breaker::{Admission, Breakers, Fuse};
use super::door::Door;
use super::failover::Habits;
use super::pace::{Level, Levels, Moment, Pairs};
use super::room::Room;
use super::schedule::Schedule;
use super::window::Window;
use crate::ids::{SmsId, TenantId};
use crate::ports::Candidate;
use crate::priority::Priority;

pub use hearing::{Answer, Past};
pub use leaving::Taken;
pub use terms::Terms;

use leaving::UnderWay;

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
