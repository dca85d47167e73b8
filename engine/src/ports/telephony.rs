//! Phoning somebody of the team, who may press a key.

use async_trait::async_trait;

use crate::alert::Answer;
use crate::ids::{AlertId, TenantId};
use crate::phone::PhoneNumber;
use crate::playbook::Language;

/// One call to one person about one alert.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCall {
    /// The same for every try at the same telling; visible ASCII, at most 64 characters.
    pub id: Box<str>,
    pub alert: AlertId,
    pub tenant: TenantId,
    pub contact: Box<str>,
    pub to: PhoneNumber,
    pub language: Language,
    /// Plain text to be read aloud, the keys included.
    pub say: Box<str>,
}

/// How a call ended. An answering machine acknowledges nothing, whatever it plays back.
#[derive(Clone, Debug, PartialEq)]
pub enum CallOutcome {
    /// A person picked up, and pressed one of the keys or none.
    Answered {
        answer: Option<Answer>,
    },
    Machine,
    /// It rang, was busy, or was declined.
    NoAnswer,
    /// It was never placed.
    Failed {
        why: Box<str>,
    },
    /// It may have rung.
    Unknown {
        why: Box<str>,
    },
}

#[async_trait]
pub trait Telephony: Send + Sync + 'static {
    /// Places the call, once, and returns when it has ended. Bounded in time by the implementation; never repeats by
    /// itself. Keys may also arrive by another way, before this returns.
    async fn call(&self, call: &NewCall) -> CallOutcome;
}
