//! What the checker found, for people.

use std::collections::BTreeMap;
use std::fmt;

use super::History;

/// As docs/reliability.md numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
}

impl Invariant {
    pub const ALL: [Invariant; 10] = {
        use Invariant::*;
        [I1, I2, I3, I4, I5, I6, I7, I8, I9, I10]
    };

    /// In one line.
    const fn promise(self) -> &'static str {
        match self {
            Invariant::I1 => "what was acknowledged is recorded",
            Invariant::I2 => "a call's frames are 1 to n",
            Invariant::I3 => "a call is the fold of its frames",
            Invariant::I4 => "a text is there if and only if what owes it is",
            Invariant::I5 => "a text is asked for once, or is marked",
            Invariant::I6 => "the same tool call gets the same answer",
            Invariant::I7 => "a call never goes back",
            Invariant::I8 => "a subscriber misses nothing",
            Invariant::I9 => "no tenant has another's",
            Invariant::I10 => "nothing is sent after an opt-out",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Verdict {
    history: String,
    looked_at: BTreeMap<Invariant, u64>,
    pub violations: Vec<(Invariant, String)>,
}

impl Verdict {
    pub(super) fn new(history: &History) -> Verdict {
        let book = &history.book;
        let history = format!(
            "{} webhooks acknowledged, {} texts asked for, {} frames heard; {} calls, {} frames, {} texts recorded",
            history.told.len(),
            history.asked.len(),
            history.heard.len(),
            book.calls.len(),
            book.frames.len(),
            book.texts.len()
        );
        Verdict { history, looked_at: BTreeMap::new(), violations: Vec::new() }
    }

    /// One thing was looked at: a violation unless it holds.
    pub(super) fn holds(&mut self, invariant: Invariant, holds: bool, otherwise: impl FnOnce() -> String) {
        *self.looked_at.entry(invariant).or_default() += 1;
        if !holds {
            self.violations.push((invariant, otherwise()));
        }
    }

    pub fn looked_at(&self, invariant: Invariant) -> u64 {
        self.looked_at.get(&invariant).copied().unwrap_or(0)
    }

    pub fn violated(&self) -> Vec<Invariant> {
        let mut violated: Vec<_> = self.violations.iter().map(|(invariant, _)| *invariant).collect();
        violated.sort();
        violated.dedup();
        violated
    }

    /// Panics with the whole report; also where there was nothing to look at.
    pub fn assert_holds(&self, about: &[Invariant]) {
        assert!(self.violations.is_empty(), "{self}");
        for invariant in about {
            assert!(self.looked_at(*invariant) > 0, "there was nothing to try {invariant:?} on\n{self}");
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.history)?;
        for invariant in Invariant::ALL {
            let found: Vec<_> = self.violations.iter().filter(|(of, _)| *of == invariant).collect();
            let (name, promise) = (format!("{invariant:?}"), invariant.promise());
            writeln!(f, "{name:4} {promise:46} {:6} looked at, {:4} broken", self.looked_at(invariant), found.len())?;
            for (_, what) in found {
                writeln!(f, "       {what}")?;
            }
        }
        Ok(())
    }
}
