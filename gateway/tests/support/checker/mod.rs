//! The history checker: reads what a client was told, what a carrier was asked, what a subscriber heard and what the
//! database holds, and says which invariants of docs/reliability.md do not hold. It knows nothing of how the server
//! works, except the fold, which it repeats.

// Each test file that includes this uses another part of it.
#![allow(dead_code)]

mod book;
mod history;
mod rules;
mod verdict;

pub use book::{Alert, Attempt, Book, Call, Frame, OptOut, Text};
pub use history::{Asked, Heard, History, Said, Told};
pub use verdict::{Invariant, Verdict};

impl History {
    /// Looks at everything.
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::new(self);
        for rule in rules::ALL {
            rule(self, &mut verdict);
        }
        verdict
    }
}
