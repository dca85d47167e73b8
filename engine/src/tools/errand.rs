//! What a tool must ask somebody before it can answer, and what comes of it. The engine decides what is asked and what
//! a reply means; whoever goes there does it under a deadline, while the call goes on.
//!
//! ```text
//! tool called ─► frame 1: errand begun ─► somebody asks ─► errand returned ─► frame 2: errand ended, tool answered
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ToolContext, forward, lookup_caller};
use crate::call::{CallView, ToolAnswer};
use crate::time::Timestamp;

/// Recorded as the answer of the frame that began it, so that it can be run again after a crash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    /// Unique within its call, and the same whenever the same effect is asked for again before it is settled: who is
    /// asked can tell a second attempt from a second wish.
    pub id: Box<str>,
    /// The tool's own name.
    pub tool: Box<str>,
    /// Digest of tool and canonical arguments, when the tool has effects.
    pub effect: Option<u64>,
    pub inquiry: Inquiry,
    /// What the agent is told when nothing usable comes back, in the language of the call.
    pub otherwise: ToolAnswer,
}

/// Who is asked, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Inquiry {
    /// The endpoint of a tool of the business's own. The body is JSON, kept so that every attempt sends the same.
    Endpoint { body: Box<str> },
    /// The store, for calls with this number that started before.
    PastCalls { number: Box<str>, before: Timestamp, limit: usize },
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// What the endpoint answered, bounded by whoever read it.
    Text(Box<str>),
    /// Newest first.
    PastCalls(Vec<Arc<CallView>>),
}

/// Nothing usable came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{why}")]
pub struct Lost {
    pub how: Loss,
    /// For people: constant words and figures, nothing of what was sent or received.
    pub why: Box<str>,
}

/// What is known when nothing usable came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nobody was asked: no connection, an address that is not allowed, no seat left.
    NotAsked,
    /// It was refused; nothing was done.
    Refused,
    /// It was asked and may have been done: too late, broken off, an answer that cannot be read.
    Unknown,
}

/// How an errand ended, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrandOutcome {
    Answered,
    NotAsked,
    Refused,
    Unknown,
}

impl Lost {
    pub fn not_asked(why: impl Into<Box<str>>) -> Lost {
        Lost { how: Loss::NotAsked, why: why.into() }
    }

    pub fn refused(why: impl Into<Box<str>>) -> Lost {
        Lost { how: Loss::Refused, why: why.into() }
    }

    pub fn unknown(why: impl Into<Box<str>>) -> Lost {
        Lost { how: Loss::Unknown, why: why.into() }
    }
}

impl From<Loss> for ErrandOutcome {
    fn from(loss: Loss) -> ErrandOutcome {
        match loss {
            Loss::NotAsked => ErrandOutcome::NotAsked,
            Loss::Refused => ErrandOutcome::Refused,
            Loss::Unknown => ErrandOutcome::Unknown,
        }
    }
}

impl ErrandOutcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrandOutcome::Answered => "answered",
            ErrandOutcome::NotAsked => "not_asked",
            ErrandOutcome::Refused => "refused",
            ErrandOutcome::Unknown => "unknown",
        }
    }
}

impl Errand {
    /// What the model is told now that the errand is over.
    pub fn conclude(&self, returned: &Result<Reply, Lost>, context: &ToolContext) -> ToolAnswer {
        match returned {
            Ok(Reply::Text(text)) => forward::read_reply(text),
            Ok(Reply::PastCalls(calls)) => lookup_caller::describe(calls, context),
            Err(_) => self.otherwise.clone(),
        }
    }
}
