//! Everything about one person, taken away wherever it is kept.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{CallId, CallKey, TenantId};
use crate::phone::PhoneNumber;
use crate::time::Timestamp;

/// Who is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Whoever calls from this number or is texted at it.
    Number(PhoneNumber),
    /// Whoever was on the line in this call.
    Call(CallId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// `None`: whatever the business.
    pub tenant: Option<TenantId>,
    pub whom: Whom,
    pub at: Timestamp,
}

/// What there is about them, or what was taken away. Field names are a promise to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Their calls: they stay, without numbers, names and words.
    pub calls: u64,
    /// Calls of others that name the number.
    pub mentions: u64,
    /// Texts to them: they go.
    pub texts: u64,
    /// Texts about them to others, and of others that name the number: the words go.
    pub texts_about: u64,
    /// Texts from them: they go.
    pub texts_from: u64,
    /// Alerts about them: the words go.
    pub alerts: u64,
    /// Events put aside.
    pub quarantined: u64,
    /// Entries of caches and of queues.
    pub other: u64,
    /// Opt-outs that stay in force, with the number.
    pub opt_outs_kept: u64,
}

/// Why it cannot be done now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// Calls that are not over.
    pub calls: u64,
    /// Texts to them or about them that are still to be sent, or of which nobody knows the end.
    pub texts: u64,
    /// Alerts about them whose clock runs.
    pub alerts: u64,
}

/// What an erasure found or did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    pub counts: Counts,
    pub under_way: UnderWay,
    /// Those that changed.
    pub calls: Vec<CallKey>,
}

impl UnderWay {
    pub fn is_nothing(&self) -> bool {
        *self == UnderWay::default()
    }

    pub fn add(&mut self, more: UnderWay) {
        self.calls += more.calls;
        self.texts += more.texts;
        self.alerts += more.alerts;
    }
}

impl Counts {
    pub fn add(&mut self, more: Counts) {
        self.calls += more.calls;
        self.mentions += more.mentions;
        self.texts += more.texts;
        self.texts_about += more.texts_about;
        self.texts_from += more.texts_from;
        self.alerts += more.alerts;
        self.quarantined += more.quarantined;
        self.other += more.other;
        self.opt_outs_kept += more.opt_outs_kept;
    }
}

/// A place where something about a person may be kept.
#[async_trait]
pub trait Forgets: Send + Sync + 'static {
    /// `store`, `spool`, `cache`: what it is called.
    fn place(&self) -> &'static str;

    /// What there is, and what stands in the way. Changes nothing.
    async fn look(&self, erasure: &Erasure) -> Result<Erased, Failure>;

    /// Takes it away. What is under way is left, and told. Doing it again after a failure goes on where it ended.
    async fn forget(&self, erasure: &Erasure) -> Result<Erased, Failure>;
}
