//! Ports in memory.
