//! The bus outside this process, which anybody may listen to. Messages are JSON, one per change:
//!
//! ```text
//! PREFIX.calls.TENANT.CALL     {"type":"call.updated","seq":3,"call":{…},"events":[…]}   one per committed frame
//! PREFIX.sms.TENANT.SMS        {"type":"sms.updated","sms":{…}}                          as it stands
//! PREFIX.alerts.TENANT.ALERT   {"type":"alert.updated","alert":{…}}                      as it stands
//! ```
//! Objects are those of the API. A message may come again, with the same `Nats-Msg-Id`; those of one call come in order.

mod address;
mod health;
mod message;
mod nats;
mod session;
mod subject;

pub use address::{Address, BadAddress};
pub use health::describe as describe_metrics;
pub use nats::{NatsBus, NatsSettings};
pub use subject::{escape, unescape};
