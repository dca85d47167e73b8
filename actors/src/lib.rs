//! What Cordboard runs: who is alive, who restarts whom, who waits, who is refused.
//! It sees the world only through the engine's ports.

mod alert;
pub mod alerts;
pub mod analytics;
mod bell;
pub mod bus;
pub mod cache;
mod call;
pub mod calls;
mod committer;
pub mod deadman;
mod errands;
pub mod inbound;
pub mod lead;
mod leavers;
pub mod limits;
pub mod live_feed;
pub mod metrics;
pub mod publisher;
mod reaper;
mod relay;
pub mod retention;
mod seats;
mod shard;
pub mod sms_desk;
pub mod sms_pool;
pub mod sms_reconciler;
pub mod sms_reports;
mod sms_sender;
pub mod supervise;
pub mod system;
pub mod tenants;
#[cfg(test)]
mod testing;

pub use limits::Limits;
