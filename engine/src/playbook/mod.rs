//! A business's rules, read from one TOML file. `config/playbooks/boreal.toml` shows every key.
//!
//! [`Playbook::parse`] refuses what would fail during a call; what it returns is trusted everywhere.

mod check;
pub mod company;
mod error;
mod file;
pub mod hours;
mod key_path;
mod mentions;
mod names;
pub mod oncall;
mod own_tools;
mod plain_errors;
pub mod promises;
mod push;
mod quotes;
mod required;
mod rosters;
pub mod scheduling;
mod services;
mod shadow;
pub mod sms;
mod templates;
pub mod territories;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::alert::Links;
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::priority::Priority;
use crate::recognition::{Recogniser, Verdict};
pub(crate) use crate::recognition::{fold, turns};
use crate::time::Timestamp;
use crate::tools::Tool;

pub use company::Company;
pub use error::{PlaybookError, PlaybookWarning};
pub use hours::Hours;
pub use oncall::{OnCall, Shift, Shifts, Turn};
pub use push::{PushChannel, PushFormat};
pub use quotes::{Amounts, Basis, Duration as QuoteDuration, MAX_FEET, Price, Quotes, Work};
pub use required::{Field, Required};
pub use rosters::{Callback, Channels, Referral, Roster, RosterStep, Route};
pub use scheduling::Scheduling;
pub use services::{Found, Limit, Request, Service, Services, Status};
pub use shadow::{SUPPRESSED, Shadow};
pub use sms::SmsPolicy;
pub use templates::{AlertWords, CallbackWords, ConfirmationWords, TemplateCost, Templates};
pub use territories::Territories;
pub use words::Words;

/// Everything the engine knows of one business. Immutable; a reload makes a new one.
#[derive(Clone, Debug)]
pub struct Playbook {
    pub tenant: TenantId,
    /// As spoken and written: `Drains Boréal`.
    pub name: Box<str>,
    /// What the agent says when nothing else is known of the caller.
    pub language: Language,
    /// Every language the agent speaks, `language` first.
    pub languages: Vec<Language>,
    /// Where the business's days begin and end.
    pub time_zone: TimeZone,
    pub routing: Routing,
    pub contacts: Vec<Contact>,
    /// Those that have a name of their own.
    pub rosters: Vec<Arc<Roster>>,
    /// The first that fits counts.
    pub referrals: Vec<Referral>,
    pub callback: Callback,
    /// One rule per priority, P1 first.
    pub priorities: [PriorityRule; 4],
    /// What makes a call urgent, as callers say it.
    pub recogniser: Arc<Recogniser>,
    /// Who answers a call whose number has no assistant of its own.
    pub reception: Reception,
    /// Who answers when the reception cannot be used.
    pub fallback: Option<Fallback>,
    /// Where the agent may transfer a caller.
    pub transfer: Option<Transfer>,
    /// Which assistant may take over.
    pub handoff: Option<Destination>,
    pub sms: SmsPolicy,
    pub templates: Arc<Templates>,
    /// Makes the links of alerts; `None` where the world cannot reach us. Set by whoever serves the playbook.
    pub links: Option<Links>,
    /// A way to the team that is not the carrier.
    pub push: Option<Arc<PushChannel>>,
    /// Set while this business only watches.
    pub shadow: Option<Shadow>,
    /// Who takes turns. `None`: nobody does.
    pub oncall: Option<OnCall>,
    /// Shifts that were taken over. Set by whoever serves the playbook.
    pub shifts: Shifts,
    /// When somebody is there.
    pub hours: Option<Hours>,
    /// How long people wait.
    pub scheduling: Option<Scheduling>,
    /// Where the business goes.
    pub territories: Option<Territories>,
    /// What people ask about the business.
    pub company: Option<Company>,
    /// What it does and does not do. `None`: the playbook does not say.
    pub services: Option<Services>,
    /// `None`: no price is spoken.
    pub quotes: Option<Quotes>,
    /// What is asked of every caller.
    pub required: Required,
    /// Earlier calls of a caller that the agent is told of; 0: none, and `lookupCaller` is not offered.
    pub lookup_calls: usize,
    /// `None`: as long as the deployment says.
    pub retention: Option<Retention>,
    /// What works, and costs more than it must.
    pub warnings: Vec<PlaybookWarning>,
    /// Tools of this business alone, found before those that everybody has.
    pub extra_tools: Vec<Arc<dyn Tool>>,
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

#[derive(Clone, Debug, PartialEq)]
pub struct PriorityRule {
    pub priority: Priority,
    /// An estimated value from which a call is at least this urgent, in the business's currency.
    pub value_from: Option<f64>,
    /// Who is told.
    pub roster: Arc<Roster>,
    /// Promised: longest time from the alert until its message leaves. What the agent is told as `sla_seconds`.
    pub text_within: Duration,
    /// Longest wait for somebody's answer, from the alert on; then the next step is told. More than `text_within`;
    /// always there when the roster has more than one step.
    pub acknowledge_within: Option<Duration>,
    /// Deferred on purpose: the message waits this long, at most `text_within`. Zero for nearly all.
    pub text_delay: Duration,
    /// Names of contacts, told to the agent as those who are called in. Empty: no escalation.
    pub escalate_to: Vec<Box<str>>,
    /// Why a call is this urgent, as a word the agent and the API show: `municipal`.
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub to: Destination,
    /// Only while somebody is there.
    pub in_hours: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    Destination(Destination),
    /// Spoken to the caller.
    Error(Box<str>),
}

/// How long what was recorded of a call is kept, in days from its end: 1 to 3650, transcripts at most as long as calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub calls_days: u32,
    pub transcripts_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { calls_days: 365, transcripts_days: 30 }
    }
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

impl Playbook {
    pub fn rule(&self, priority: Priority) -> &PriorityRule {
        &self.priorities[priority as usize]
    }

    /// The most urgent rule that fits what the caller said, or the estimated value; the last one fits always.
    /// Turns of the agent in `description` are not read.
    pub fn classify(&self, description: &str, value: Option<f64>) -> &PriorityRule {
        self.recognise(description, value).rule
    }

    /// As [`Playbook::classify`], with the reason.
    pub fn recognise(&self, description: &str, value: Option<f64>) -> Recognition<'_> {
        let Verdict { priority, because } = self.recogniser.hear(description);
        let by_value = self.priorities.iter().find(|rule| rule.is_reached_by(value));
        match by_value.filter(|rule| rule.priority < priority) {
            Some(rule) => Recognition { rule, because: rule.because_of_value() },
            None => Recognition { rule: self.rule(priority), because },
        }
    }

    /// Who is texted about a call of this priority, unless it is referred to others.
    pub fn recipients(&self, priority: Priority) -> Vec<&Contact> {
        self.texted([&self.rule(priority).roster])
    }

    /// Whether somebody is there. `None`: the business did not say when.
    pub fn is_open(&self, at: Timestamp) -> Option<bool> {
        self.hours.as_ref().map(|hours| hours.is_open(at, &self.time_zone))
    }

    /// Where a caller may be transferred now.
    pub fn transfer_at(&self, at: Timestamp) -> Option<&Destination> {
        let transfer = self.transfer.as_ref()?;
        (!transfer.in_hours || self.is_open(at) == Some(true)).then_some(&transfer.to)
    }

    pub fn contact(&self, name: &str) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.name.as_ref() == name)
    }
}

impl Contact {
    /// How a text to the caller is named beside those to the team. No contact is called that.
    pub const CALLER: &str = "caller";
    /// Whoever has the turn, in a roster. No contact is called that.
    pub const ON_CALL: &str = "@oncall";
}

impl PriorityRule {
    fn is_reached_by(&self, value: Option<f64>) -> bool {
        self.value_from.zip(value).is_some_and(|(from, value)| value >= from)
    }

    fn because_of_value(&self) -> Box<str> {
        format!("worth {} or more", self.value_from.unwrap_or_default()).into()
    }
}

/// How urgent a call is, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognition<'a> {
    pub rule: &'a PriorityRule,
    /// For people: `heard « refoulement »`.
    pub because: Box<str>,
}

impl Recognition<'_> {
    /// The rule's word and the evidence: `urgence_immediate: heard « refoulement »`.
    pub fn reason(&self) -> Box<str> {
        format!("{}: {}", self.rule.reason, self.because).into()
    }
}

impl Language {
    /// Of a BCP 47 tag or a name: `fr-CA`, `en`, `French`. `None` for a language nobody here speaks.
    pub fn from_tag(tag: &str) -> Option<Language> {
        match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
            "fr" => Some(Language::Fr),
            "en" => Some(Language::En),
            _ => None,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Language::Fr => "fr",
            Language::En => "en",
        }
    }
}

impl fmt::Debug for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routing")
            .field("assistants", &self.assistants)
            .field("numbers", &self.numbers)
            .field("secrets", &self.secrets.len())
            .finish()
    }
}
