//! An alert: somebody must know, and says so. It owns who is told, one roster step after the other, until somebody
//! takes it.
//!
//! ```text
//! open ──→ escalated ──→ unanswered      every step told, as often as the roster repeats, and nobody took it
//!   └──────────┴──────────────┴────→ acknowledged → resolved
//! ```
//! One alert per call and reason ([`Reason`]); whatever else becomes known is appended. [`Notice`] is what a call says
//! of it, recorded as a fact of the call, in the transaction that owes the texts of the first step. Everything after
//! that is an [`AlertEvent`]: [`Alert::decide`] makes a [`Change`] of it, which is written only where nothing else was
//! written in between. The clock that says when a step is due, and the dialling, are whoever's runs this.

mod acknowledgement;
mod answers;
mod call_name;
mod change;
mod draft;
mod event;
mod link;
mod machine;
mod notice;
mod push;
mod reached;
mod receipt;
mod reply;
mod rules;
mod state;
mod step;
mod undelivered;
mod words;

pub use acknowledgement::{Acknowledgement, How};
pub use call_name::CallName;
pub use change::Change;
pub use event::AlertEvent;
pub use link::Links;
pub use machine::{Desk, Owner};
pub use notice::{Notice, Plan, PlanStep, Reason};
pub use receipt::{Entry, What};
pub use reply::Answer;
pub(crate) use rules::by_rule;
pub use rules::{HOLD, drill};
pub use state::{Alert, AlertBrief, AlertState, Fate, Place, Telling, Way, Word};
pub use undelivered::undelivered;
pub(crate) use words::body;
pub use words::{came_of, came_of_in_a_text, named, spoken, which_key};
