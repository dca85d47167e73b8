//! What Cordboard decides. Pure Rust: no runtime, no sockets, no clock, no vendor names.
//!
//! One event of one call goes in ([`call::Event`]), one decision comes out ([`call::Decision`]): facts to record,
//! text messages owed, and the answer. Everything that touches the world is a trait in [`ports`].

pub mod addresses;
pub mod alert;
pub mod call;
pub mod failure;
pub mod ids;
pub mod phone;
pub mod playbook;
pub mod ports;
pub mod priority;
pub mod recognition;
pub mod sms;
pub mod time;
pub mod tools;
pub mod traces;

#[cfg(feature = "testing")]
pub mod testing;
