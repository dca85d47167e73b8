//! Who wants no texts, and who asked for them again: a list that is only ever added to.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::sms::Sms;
use crate::time::Timestamp;

/// How we know that somebody wants no texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOutSource {
    /// STOP, ARRET and the like.
    Keyword,
    /// Asked in their own words: somebody should look whether it was meant.
    InWords,
    /// The carrier refused a text because of it.
    Carrier,
    /// Somebody of the business, or a list taken over.
    Operator,
}

impl OptOutSource {
    pub const ALL: [OptOutSource; 4] =
        [OptOutSource::Keyword, OptOutSource::InWords, OptOutSource::Carrier, OptOutSource::Operator];

    /// What START undoes: only what somebody has texted, to us or to the carrier. Not what others have decided.
    pub const UNDONE_BY_START: [OptOutSource; 3] =
        [OptOutSource::Keyword, OptOutSource::InWords, OptOutSource::Carrier];

    pub const fn as_str(self) -> &'static str {
        match self {
            OptOutSource::Keyword => "keyword",
            OptOutSource::InWords => "in_words",
            OptOutSource::Carrier => "carrier",
            OptOutSource::Operator => "operator",
        }
    }

    pub fn parse(text: &str) -> Option<OptOutSource> {
        OptOutSource::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

/// One number that is not to be texted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptOut {
    /// Whose texts are unwanted; `None`: of everybody who texts from the number that was answered.
    pub tenant: Option<TenantId>,
    pub number: PhoneNumber,
    pub source: OptOutSource,
    pub at: Timestamp,
    /// The carrier's id of the message that said so. The same message says it once.
    pub message: Option<Box<str>>,
}

/// A number that may be texted again, as far as these sources are concerned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptIn {
    pub tenant: Option<TenantId>,
    pub number: PhoneNumber,
    pub sources: Vec<OptOutSource>,
    pub at: Timestamp,
    pub message: Option<Box<str>>,
}

/// What recording an opt-out came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptedOut {
    /// `false`: known already, or this very message was heard before.
    pub is_new: bool,
    /// Messages that waited to be sent there, now suppressed.
    pub suppressed: Vec<Sms>,
}

#[async_trait]
pub trait OptOuts: Send + Sync + 'static {
    /// Committed when it returns, and with it what was queued to this number is suppressed. From then on whatever is
    /// owed to it is suppressed as it is written, and nothing to it is claimed.
    async fn add(&self, opt_out: &OptOut) -> Result<OptedOut, Failure>;

    /// Whether anything was undone. A message heard before undoes nothing. What was suppressed stays so.
    async fn clear(&self, opt_in: &OptIn) -> Result<bool, Failure>;

    /// For texts of this tenant; `None`: for those of every tenant.
    async fn is_opted_out(&self, tenant: Option<&TenantId>, number: &PhoneNumber) -> Result<bool, Failure>;

    /// Those in force, newest first: the tenant's, and those that count for every tenant. `tenant` `None`: all.
    async fn in_force(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<OptOut>, Failure>;
}
