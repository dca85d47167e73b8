//! Memory ports, contracts and fixtures for tests of every crate.

pub mod contracts;
pub mod fixtures;
pub mod memory;
