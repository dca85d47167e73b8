//! The playbook as it is written: TOML tables, every unknown key refused, places kept for what is checked afterwards.

mod people;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::Language;
use super::company::CompanyTable;
use super::hours::HoursTable;
use super::oncall::OnCallTable;
use super::own_tools::{LookupTable, OwnToolTable};
use super::push::PushTable;
use super::quotes::QuotesTable;
use super::required::RequiredTable;
use super::scheduling::SchedulingTable;
use super::services::{LimitTable, ServiceTable};
use super::shadow::ShadowValue;
use super::sms::SmsTable;
use super::territories::TerritoriesTable;
pub(super) use people::{
    CallbackTable, FallbackTable, ReferralTable, RetentionTable, RosterTable, StepTable, TransferTable,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaybookTable {
    pub tenant: Spanned<String>,
    pub name: Spanned<String>,
    pub language: Language,
    #[serde(default)]
    pub languages: Vec<Language>,
    pub time_zone: Option<Spanned<String>>,
    #[serde(default)]
    pub routing: RoutingTable,
    pub contacts: BTreeMap<Spanned<String>, ContactTable>,
    #[serde(default)]
    pub rosters: BTreeMap<Spanned<String>, RosterTable>,
    #[serde(default)]
    pub referrals: BTreeMap<Spanned<String>, ReferralTable>,
    pub callback: Option<Spanned<CallbackTable>>,
    pub priorities: Spanned<PriorityTables>,
    #[serde(default)]
    pub recognition: RecognitionTable,
    pub reception: Spanned<ReceptionTable>,
    pub fallback: Option<Spanned<FallbackTable>>,
    pub transfer: Option<Spanned<TransferTable>>,
    pub handoff: Option<Spanned<DestinationTable>>,
    #[serde(default)]
    pub sms: SmsTable,
    pub templates: Spanned<TemplateTables>,
    pub shadow: Option<Spanned<ShadowValue>>,
    pub oncall: Option<OnCallTable>,
    pub push: Option<PushTable>,
    pub hours: Option<Spanned<HoursTable>>,
    pub scheduling: Option<SchedulingTable>,
    pub territories: Option<TerritoriesTable>,
    pub company: Option<CompanyTable>,
    #[serde(default)]
    pub services: BTreeMap<Spanned<String>, ServiceTable>,
    #[serde(default)]
    pub limits: Vec<LimitTable>,
    pub quotes: Option<QuotesTable>,
    pub required: Option<RequiredTable>,
    #[serde(default)]
    pub lookup: LookupTable,
    #[serde(default)]
    pub tools: Vec<OwnToolTable>,
    pub retention: Option<RetentionTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoutingTable {
    #[serde(default)]
    pub assistants: Vec<Box<str>>,
    #[serde(default)]
    pub numbers: Vec<Box<str>>,
    #[serde(default)]
    pub secrets: Vec<Spanned<Box<str>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactTable {
    pub phone: Spanned<String>,
    /// The business's own when not said.
    pub language: Option<Language>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriorityTables {
    #[serde(rename = "P1")]
    pub p1: Option<Spanned<PriorityTable>>,
    #[serde(rename = "P2")]
    pub p2: Option<Spanned<PriorityTable>>,
    #[serde(rename = "P3")]
    pub p3: Option<Spanned<PriorityTable>>,
    #[serde(rename = "P4")]
    pub p4: Option<Spanned<PriorityTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriorityTable {
    pub reason: Spanned<String>,
    #[serde(default)]
    pub phrases: Vec<Spanned<String>>,
    #[serde(default)]
    pub hints: Vec<Spanned<String>>,
    pub value_from: Option<Spanned<f64>>,
    pub text: Option<Spanned<Vec<Spanned<String>>>>,
    pub roster: Option<Spanned<String>>,
    pub text_within_s: u64,
    pub acknowledge_within_s: Option<Spanned<u64>>,
    #[serde(default)]
    pub text_delay_s: Option<Spanned<u64>>,
    #[serde(default)]
    pub escalate_to: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecognitionTable {
    pub model: Option<Spanned<String>>,
    /// Lists of words that phrases name.
    #[serde(default)]
    pub words: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceptionTable {
    pub assistant: Option<Box<str>>,
    pub overrides: Option<serde_json::Map<String, serde_json::Value>>,
    pub transient: Option<serde_json::Map<String, serde_json::Value>>,
    pub destination: Option<Spanned<DestinationTable>>,
    pub error: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DestinationTable {
    pub number: Option<Spanned<String>>,
    pub sip: Option<Box<str>>,
    pub assistant: Option<Box<str>>,
    pub message: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateTables {
    pub alert: TemplateTable,
    pub callback: Option<TemplateTable>,
    pub confirmation: Option<TemplateTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateTable {
    pub fr: Option<Spanned<Box<str>>>,
    pub en: Option<Spanned<Box<str>>>,
}
