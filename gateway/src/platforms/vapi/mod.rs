//! Vapi: proves its webhooks, reads them into our words, and answers in its own.
//!
//! ```text
//! body → nesting → envelope (one pass, borrowed) → subject: whose call, which tenant
//!                                                └→ message: what it asks of us
//! ```
//! A body is never refused for what it contains, only for not being JSON with a `message` object. Types that are wrong,
//! keys that repeat, nulls and unknown messages are all read as far as they make sense.
//! Facts about Vapi's webhooks: docs.vapi.ai/server-url/events and its OpenAPI document, read 2026-08.

mod answers;
mod api;
mod auth;
mod compare;
mod control;
mod conversation;
pub mod ended_reasons;
mod envelope;
pub mod history;
mod json;
mod message;
mod nesting;
mod notes;
mod report;
pub mod setup;
mod signature;
mod subject;
mod tool_calls;

use engine::time::Timestamp;

pub use answers::{answer, apology, render, unconfirmed, watching};
pub use api::{Api, ApiError};
pub use auth::{Doorkeeper, Request, Standing};
pub use compare::{Difference, compare};
pub use control::VapiControl;

use super::{BadBody, Delivery};
use envelope::Envelope;
use message::Told;
use subject::Subject;

/// Most arrays and objects a body may have open at once.
const MAX_NESTING: usize = 128;

/// Understands one webhook. `received` stands in for a time the message does not give.
pub fn parse(body: &[u8], received: Timestamp) -> Result<Delivery, BadBody> {
    let text = std::str::from_utf8(body).map_err(|_| BadBody::NotUtf8)?;
    if nesting::deeper_than(text, MAX_NESTING) {
        return Err(BadBody::TooDeep);
    }
    let message = Envelope::read(text)?;
    let kind = message::kind_of(&message);
    let Subject { call, route, parties } = Subject::read(&message);
    let asks = match &call {
        Some(_) => message::asks(kind, &Told::new(&message, parties, received)),
        None => message::asks_without_call(kind),
    };
    let tool_calls = match kind {
        "tool-calls" | "function-call" => tool_calls::names(&message),
        _ => Vec::new(),
    };
    Ok(Delivery { kind, call, route, asks, tool_calls })
}
