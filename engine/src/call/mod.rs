//! One call, from the first ring to its report.
//!
//! ```text
//! scheduled → queued → ringing → in_progress ⇄ forwarding → ended
//!                └───────────── any of them ─────────────→ lost → ended (a report arrives after all)
//! ```
//! An [`Event`] is what the platform said; a [`Fact`] is what we made of it and recorded; [`Call`] is the fold of its
//! facts. [`Call::decide`] is pure, [`Call::evolve`] cannot fail: state is always the replay of the facts.

mod decision;
mod event;
mod machine;
mod state;

pub use decision::{Answer, Decision, Fact, Frame, ToolAnswer};
pub use event::{Class, Direction, EndedReason, Event, EventKind, Fault, Note, Parties, Phase, Report, Role, ToolCall};
pub use state::{Call, CallView, Line, SmsCounts};
