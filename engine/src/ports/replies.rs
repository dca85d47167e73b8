//! Where answers go that somebody of the team gives by text or by pressing a key.

use async_trait::async_trait;

use crate::failure::Failure;
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::time::Timestamp;

/// What somebody answered. The same message may come twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Whose alerts it may be about: those who text from the account it came in by.
    pub tenants: Vec<TenantId>,
    pub from: PhoneNumber,
    /// Whatever they said: "1", "j'y vais", "2", "je prends la garde jusqu'à 8 h".
    pub body: Box<str>,
    /// The carrier's id of the message or the call.
    pub message: Box<str>,
    pub at: Timestamp,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was about something, and that has been committed.
    Answered {
        /// What came of it, to be texted back.
        say: String,
    },
    /// Nothing open waits for an answer from this number.
    NothingOpen,
}

#[async_trait]
pub trait Replies: Send + Sync + 'static {
    async fn hear(&self, reply: &Reply) -> Result<Heard, Failure>;
}
