//! A business's rules, read from one TOML file.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::priority::Priority;

/// Everything the engine knows of one business. Immutable; a reload makes a new one.
#[derive(Clone, Debug)]
pub struct Playbook {
    pub tenant: TenantId,
    /// As spoken and written: `Drains Boréal`.
    pub name: Box<str>,
    pub language: Language,
    pub routing: Routing,
    pub contacts: Vec<Contact>,
    /// One rule per priority, P1 first.
    pub priorities: [PriorityRule; 4],
    /// Who answers a call whose number has no assistant of its own.
    pub reception: Reception,
    /// Where the agent may transfer a caller.
    pub transfer: Option<Destination>,
    /// Which assistant may take over.
    pub handoff: Option<Destination>,
    pub sms: SmsPolicy,
    pub templates: Arc<Templates>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Fr,
    En,
}

/// How a webhook finds its tenant, and proves it may.
#[derive(Clone, Default)]
pub struct Routing {
    pub assistants: Vec<Box<str>>,
    pub numbers: Vec<Box<str>>,
    /// Live webhook secrets of this tenant alone; several while one is being rotated.
    pub secrets: Vec<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub name: Box<str>,
    pub phone: PhoneNumber,
    pub language: Language,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityRule {
    pub priority: Priority,
    /// Plain phrases that make a call this urgent; matched by whole words, accents and case folded.
    pub phrases: Vec<Box<str>>,
    /// Names of contacts who are texted.
    pub text: Vec<Box<str>>,
    /// Longest time from the alert until its message leaves.
    pub text_within: std::time::Duration,
    /// Spoken and shown: why a call is this urgent.
    pub reason: Box<str>,
}

/// Who answers a call the platform asks us about.
#[derive(Clone, Debug, PartialEq)]
pub enum Reception {
    /// An assistant kept at the platform.
    Assistant {
        id: Box<str>,
        overrides: Option<serde_json::Value>,
    },
    /// An assistant described here, passed on as it is.
    Transient(serde_json::Value),
    Destination(Destination),
    /// Spoken to the caller.
    Error(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Destination {
    Number {
        number: PhoneNumber,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Box<str>>,
    },
    Sip {
        uri: Box<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Box<str>>,
    },
    Assistant {
        assistant: Box<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<Box<str>>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsPolicy {
    /// Most messages one call may cause.
    pub per_call: u32,
    /// Not worth sending after this long.
    pub expires_after: std::time::Duration,
}

/// SMS texts per language.
#[derive(Debug)]
pub struct Templates {}

impl fmt::Debug for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routing")
            .field("assistants", &self.assistants)
            .field("numbers", &self.numbers)
            .field("secrets", &self.secrets.len())
            .finish()
    }
}
