//! Where calls and messages are kept. A new store is one folder here; it must pass `engine::testing::contracts`.

pub mod sqlite;
