//! What Cordboard runs: who is alive, who restarts whom, who waits, who is refused.
//! It sees the world only through the engine's ports.

pub mod bus;
pub mod calls;
pub mod limits;
pub mod live_feed;
pub mod metrics;
pub mod system;
pub mod tenants;

pub use limits::Limits;
