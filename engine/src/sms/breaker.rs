//! Circuit breakers: what keeps failing is left alone for a while, and nothing is lost by it.
//!
//! ```text
//! closed ── enough failures in a row ─→ open ── its time is over ─→ half open ── the probe succeeds ─→ closed
//!                                        ↑                             │
//!                                        └── it fails: twice as long ──┘
//! ```
//! Open means hold: messages stay queued and keep their deadline. Half open, one message tries, the most urgent. Each
//! thing that can fail on its own has its own breaker; all of a message's must let it through. What an account's fault
//! opens opens at once: nothing of that account can be sent, and every try is one more stain.

use std::collections::HashMap;
use std::time::Duration;

use super::outcome::{ErrorClass, SendOutcome};
use super::pace::Moment;
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::playbook::Contact;

/// What can fail on its own, within one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fuse {
    Account,
    Sender(Box<str>),
    /// A sender into a country, by its calling code.
    Route(Box<str>, Box<str>),
    /// What a tenant says to one kind of people: the same words, filtered for all of them or for none.
    Words(TenantId, Audience),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    Staff,
    Callers,
}

/// Of which kind a fuse is: a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FuseKind {
    Account,
    Sender,
    Route,
    Words,
}

/// When a kind of fuse blows, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Failures in a row.
    pub failures: u32,
    /// The first pause; each one in a row is twice as long.
    pub rest: Duration,
    pub longest: Duration,
}

/// One rule per kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub account: Rule,
    pub sender: Rule,
    pub route: Rule,
    pub words: Rule,
}

impl Default for Rules {
    fn default() -> Rules {
        let minute = Duration::from_secs(60);
        Rules {
            account: Rule { failures: 5, rest: minute, longest: 10 * minute },
            sender: Rule { failures: 1, rest: 5 * minute, longest: 60 * minute },
            route: Rule { failures: 3, rest: 5 * minute, longest: 60 * minute },
            words: Rule { failures: 1, rest: 15 * minute, longest: 240 * minute },
        }
    }
}

/// What a fuse says of one more message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Admission {
    Yes,
    /// One may try.
    Probe,
    /// Not before then: the pause is over, or the probe has been silent for so long that another may try.
    No(Moment),
}

#[derive(Clone, Debug)]
struct State {
    failures: u32,
    /// Pauses in a row, and when this one ends.
    open: Option<(u32, Moment)>,
    /// A probe is under way, since when.
    probing: Option<Moment>,
}

/// The breakers of one account. Holds only those that failed of late.
#[derive(Clone, Debug)]
pub struct Breakers {
    rules: Rules,
    states: HashMap<Fuse, State>,
}

/// How long a probe's answer is awaited, and what is told later about words a carrier took. Of other things that were
/// never answered the next may try; words nobody complained of are well.
const PROBE_WITHIN: Duration = Duration::from_secs(120);

/// Fuses that are remembered; those that never blew are forgotten first.
const MOST: usize = 4_096;

impl Breakers {
    pub fn new(rules: Rules) -> Breakers {
        Breakers { rules, states: HashMap::new() }
    }

    /// Whether all of `fuses` let one more message through.
    pub fn admits(&self, fuses: &[Fuse], now: Moment) -> Admission {
        fuses.iter().map(|fuse| self.admission(fuse, now)).max().unwrap_or(Admission::Yes)
    }

    fn admission(&self, fuse: &Fuse, now: Moment) -> Admission {
        let Some(State { open: Some((_, until)), probing, .. }) = self.states.get(fuse) else { return Admission::Yes };
        match probing {
            Some(since) if now < *since + PROBE_WITHIN => Admission::No(*since + PROBE_WITHIN),
            _ if now < *until => Admission::No(*until),
            Some(_) if fuse.kind() == FuseKind::Words => Admission::Yes,
            _ => Admission::Probe,
        }
    }

    /// A message leaves: where a fuse is half open, it is the probe.
    pub fn takes(&mut self, fuses: &[Fuse], now: Moment) {
        for fuse in fuses {
            match (self.admission(fuse, now), self.states.get_mut(fuse)) {
                (Admission::Probe, Some(state)) => state.probing = Some(now),
                (Admission::Yes, Some(state)) if state.open.is_some() => drop(self.states.remove(fuse)),
                _ => {}
            }
        }
    }

    /// How an attempt that passed `fuses` ended. Each fuse hears what concerns it; what says nothing about it leaves it
    /// as it was, and lets the next one probe.
    pub fn hears(&mut self, fuses: &[Fuse], outcome: &SendOutcome, now: Moment) {
        for fuse in fuses {
            match verdict(fuse.kind(), outcome) {
                Verdict::Fails { at_once } => self.fails(fuse, at_once, now),
                Verdict::Works => drop(self.states.remove(fuse)),
                Verdict::Silent => drop(self.states.get_mut(fuse).and_then(|state| state.probing.take())),
                Verdict::Later => {}
            }
        }
    }

    /// What a carrier told later about a message it had accepted. Good news of later say nothing about now.
    pub fn hears_later(&mut self, fuses: &[Fuse], class: ErrorClass, now: Moment) {
        for fuse in fuses {
            if let Verdict::Fails { at_once } = verdict_of(fuse.kind(), class) {
                self.fails(fuse, at_once, now);
            }
        }
    }

    /// The carrier turned out to have a message it gave no answer about: what counts against `fuses` until now is
    /// forgotten. One that is open stays so until its probe: what opened it may have happened since.
    pub fn forgive(&mut self, fuses: &[Fuse]) {
        self.states.retain(|fuse, state| state.open.is_some() || !fuses.contains(fuse));
    }

    /// Those not closed, by kind.
    pub fn open(&self) -> [(FuseKind, usize); 4] {
        FuseKind::ALL.map(|kind| {
            let open = self.states.iter().filter(|(fuse, state)| fuse.kind() == kind && state.open.is_some());
            (kind, open.count())
        })
    }

    fn fails(&mut self, fuse: &Fuse, at_once: bool, now: Moment) {
        self.make_room(fuse);
        let rule = self.rules.of(fuse.kind());
        let fresh = State { failures: 0, open: None, probing: None };
        let state = self.states.entry(fuse.clone()).or_insert(fresh);
        let was_probe = state.probing.take().is_some();
        state.failures = state.failures.saturating_add(1);
        state.open = match state.open {
            // Those that left before it opened fail too, and prove nothing new.
            Some((times, until)) if !was_probe && now < until => Some((times, until)),
            Some((times, _)) => Some((times.saturating_add(1), now + rule.pause(times))),
            None if at_once || state.failures >= rule.failures => Some((1, now + rule.rest)),
            None => None,
        };
    }

    fn make_room(&mut self, fuse: &Fuse) {
        if self.states.len() >= MOST && !self.states.contains_key(fuse) {
            self.states.retain(|_, state| state.open.is_some());
        }
    }
}

enum Verdict {
    Works,
    Fails {
        at_once: bool,
    },
    /// Nothing is known of it by this.
    Silent,
    /// It may still be told.
    Later,
}

fn verdict(kind: FuseKind, outcome: &SendOutcome) -> Verdict {
    match outcome {
        // It took the message: account, sender and route are well. Of the words it will tell later, if they are not.
        SendOutcome::Accepted { .. } if kind == FuseKind::Words => Verdict::Later,
        SendOutcome::Accepted { .. } => Verdict::Works,
        // Too many of these, and every further attempt leaves one more message of which nobody knows.
        SendOutcome::Unknown { .. } if kind == FuseKind::Account => Verdict::Fails { at_once: false },
        SendOutcome::Rejected { class, .. } => verdict_of(kind, *class),
        _ => Verdict::Silent,
    }
}

/// What a refusal says of a fuse. A refusal for any other reason came from a carrier that is well.
fn verdict_of(kind: FuseKind, class: ErrorClass) -> Verdict {
    use ErrorClass::*;
    match (kind, class) {
        (FuseKind::Account, AccountFault) => Verdict::Fails { at_once: true },
        (FuseKind::Account, TransientProvider) => Verdict::Fails { at_once: false },
        (FuseKind::Account, PermanentRecipient | PermanentMessage | OptedOut | Route | SenderFault) => Verdict::Works,
        (FuseKind::Sender, SenderFault | CampaignFault) => Verdict::Fails { at_once: false },
        (FuseKind::Route, Route | TransientCarrier) => Verdict::Fails { at_once: false },
        (FuseKind::Words, Filtered) => Verdict::Fails { at_once: false },
        _ => Verdict::Silent,
    }
}

impl Fuse {
    /// All that a message passes: its account's, its sender's, its route's, its words'.
    pub fn of(tenant: &TenantId, to: &PhoneNumber, contact: &str, sender: &str) -> [Fuse; 4] {
        let country = to.calling_code();
        let words = Fuse::Words(tenant.clone(), Audience::of(contact));
        [Fuse::Account, Fuse::Sender(sender.into()), Fuse::Route(sender.into(), country.into()), words]
    }

    pub fn kind(&self) -> FuseKind {
        match self {
            Fuse::Account => FuseKind::Account,
            Fuse::Sender(_) => FuseKind::Sender,
            Fuse::Route(..) => FuseKind::Route,
            Fuse::Words(..) => FuseKind::Words,
        }
    }
}

impl Audience {
    pub fn of(contact: &str) -> Audience {
        if contact == Contact::CALLER { Audience::Callers } else { Audience::Staff }
    }
}

impl FuseKind {
    pub const ALL: [FuseKind; 4] = [FuseKind::Account, FuseKind::Sender, FuseKind::Route, FuseKind::Words];

    pub const fn as_str(self) -> &'static str {
        match self {
            FuseKind::Account => "account",
            FuseKind::Sender => "sender",
            FuseKind::Route => "route",
            FuseKind::Words => "words",
        }
    }
}

impl Rules {
    fn of(&self, kind: FuseKind) -> Rule {
        match kind {
            FuseKind::Account => self.account,
            FuseKind::Sender => self.sender,
            FuseKind::Route => self.route,
            FuseKind::Words => self.words,
        }
    }
}

impl Rule {
    /// After so many pauses in a row.
    fn pause(&self, times: u32) -> Duration {
        self.rest.saturating_mul(1 << times.min(16)).min(self.longest.max(self.rest))
    }
}

#[cfg(test)]
mod tests;
