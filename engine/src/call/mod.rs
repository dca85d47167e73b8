//! One call, from the first ring to its report.
//!
//! ```text
//! scheduled → queued → ringing → in_progress ⇄ forwarding → ended
//!                └───────────── any of them ─────────────→ lost → ended (a report arrives after all)
//! ```
//! Only the event's own status moves a call. `Ended` is final: what arrives later is recorded, and a tool call still gets
//! its answer and its effects. `Lost` is our guess: a status that arrives after all takes the call back to where it is.
//!
//! An [`Event`] is what the platform said; a [`Fact`] is what we made of it and recorded; [`Call`] is the fold of its
//! facts. [`Call::decide`] is pure, [`Call::evolve`] cannot fail: state is always the replay of the facts
//! ([`Call::advance`], once per frame).

mod decision;
mod event;
mod fold;
mod forget;
mod machine;
mod search;
mod state;

pub use decision::{Answer, Decision, Fact, Frame, ToolAnswer};
pub use event::{
    Class, Direction, EndedReason, ErrandReturn, Event, EventKind, Fault, Note, Parties, Phase, Report, Role, ToolCall,
};
pub use forget::Forget;
pub use search::Search;
pub use state::{Call, CallView, Effect, Line, Raised, SmsCounts, Unsettled};
