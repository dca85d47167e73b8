//! Keeping for a time, and forgetting: what is taken out of a store is decided here once, in statements that every
//! database reads the same way. A store says how they are run: [`Ground`].

mod erasure;
mod ground;
mod mentions;
mod retention;
mod rewriting;
mod sealing;

pub(super) use erasure::{forget, look};
pub(super) use ground::{Arg, Ground, Line, Statement, Turn};
pub(super) use retention::{quieten, remove, remove_loose, tenants};
