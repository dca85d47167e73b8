//! Where calls and messages are kept. A new store is one folder here; it must pass `engine::testing::contracts`.
//!
//! Each speaks its own database's SQL. What a column means to the engine, and how the frames of a batch belong
//! together, is the same for all of them.

mod batch;
mod columns;
pub mod postgres;
pub mod sqlite;
