//! Where what was read lately is kept: in this process, and in a Redis behind it when there is one. Both keep
//! `engine::testing::contracts::cache`; `actors::cache` reads through them.

pub mod local;
pub mod redis;
