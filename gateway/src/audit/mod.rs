//! An audit: a business's past calls through its playbook, and what would have been different. Sends nothing, stores
//! nothing, reads no clock: the same calls and the same playbook give the same bytes.
//!
//! ```text
//! files, the platform's API ─ export ─→ history: past calls as turns ┬─ replay: what the playbook decides
//!                                                                     └─ before: what the old webhook did
//!                                                                              ↓
//!                                     table │ JSON │ one page   ←─────── findings, each with its evidence
//! ```

pub mod before;
pub mod export;
mod findings;
pub mod history;
mod mark;
mod page;
mod replay;
mod shown;
mod table;
mod waits;
mod wording;

pub use findings::{Audit, Options};
pub use page::render as page;
pub use table::render as table;
