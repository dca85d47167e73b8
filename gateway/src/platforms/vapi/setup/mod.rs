//! How a business is set up at Vapi: what its assistants and numbers should say of us, and what has to change for it.
//!
//! ```text
//! playbook + where we are ─ wanted ─→ ┐
//!                                     ├─ plan ─→ changes, each shown first ─→ one PATCH per assistant and number
//! assistants, numbers, tools ───────→ ┘
//! ```
//! Only what is listed here is ever touched; everything else of an assistant stays as it is.
//! Fields and their meaning: Vapi's OpenAPI document, read 2026-08.

mod plan;
mod wanted;

pub use plan::{Change, Plan, Resource};
pub use wanted::{Wiring, tools};
