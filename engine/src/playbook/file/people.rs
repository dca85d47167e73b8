//! Tables of people: who is told, in which order, and in which words.

use serde::Deserialize;
use toml::Spanned;

use crate::playbook::rosters::Channel;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct RosterTable {
    pub steps: Spanned<Vec<Spanned<StepTable>>>,
    pub repeat: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct StepTable {
    pub contacts: Spanned<Vec<Spanned<String>>>,
    pub by: Option<Spanned<Vec<Channel>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct ReferralTable {
    #[serde(default)]
    pub services: Vec<Spanned<String>>,
    #[serde(default)]
    pub phrases: Vec<Spanned<String>>,
    pub text: Option<Spanned<Vec<Spanned<String>>>>,
    pub roster: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct CallbackTable {
    pub text: Option<Spanned<Vec<Spanned<String>>>>,
    pub roster: Option<Spanned<String>>,
    pub within_s: Option<Spanned<u64>>,
    #[serde(default)]
    pub confirm: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct TransferTable {
    pub number: Option<Spanned<String>>,
    pub sip: Option<Box<str>>,
    pub assistant: Option<Box<str>>,
    pub message: Option<Box<str>>,
    pub in_hours: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct FallbackTable {
    pub assistant: Option<Box<str>>,
    pub number: Option<Spanned<String>>,
    pub sip: Option<Box<str>>,
    pub error: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::playbook) struct RetentionTable {
    pub calls_days: Spanned<u32>,
    pub transcripts_days: Spanned<u32>,
}

impl Default for RetentionTable {
    fn default() -> Self {
        RetentionTable { calls_days: Spanned::new(0..0, 365), transcripts_days: Spanned::new(0..0, 30) }
    }
}
