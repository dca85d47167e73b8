//! What the agent can ask us to do. One file per tool; this page is the list.
//!
//! A tool is a pure function: it reads the call, the playbook and what the model wrote, and says what to answer, what
//! to record and whom to text. It never waits, never fails, and never names a number: recipients are the playbook's.
//! One that must ask somebody first names the errand, and what to say if nothing comes back.

mod args;
mod arguments;
mod calculate_quote;
mod check_service_area;
mod classify_priority;
mod contact_details;
mod definition;
mod effect;
mod errand;
mod evaluate_scheduling;
mod forward;
mod get_company_info;
mod lookup_caller;
mod number_words;
mod numbers;
mod plain_text;
mod quote_words;
mod request_callback;
mod request_fields;
mod send_sms_alert;
mod sentences;
mod texting;
mod validate_service_request;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::call::{Call, Event, Fact, ToolAnswer};
use crate::ids::CallKey;
use crate::playbook::{Language, Playbook};
use crate::priority::Priority;
use crate::sms::NewSms;
use crate::time::Timestamp;

pub use args::Args;
pub use definition::Definition;
pub use effect::effect_of;
pub use errand::{Errand, ErrandOutcome, Inquiry, Loss, Lost, Reply};
pub use forward::{Endpoint, Forward, Parameters};
pub(crate) use numbers::numbers_in;
pub(crate) use plain_text::plain;
pub use sentences::Sentence;
pub(crate) use texting::checked;

/// Every tool there is. A new one is a file and a line.
const TOOLS: [&dyn Tool; 9] = [
    &classify_priority::ClassifyPriority,
    &validate_service_request::ValidateServiceRequest,
    &calculate_quote::CalculateQuote,
    &evaluate_scheduling::EvaluateScheduling,
    &check_service_area::CheckServiceArea,
    &get_company_info::GetCompanyInfo,
    &lookup_caller::LookupCaller,
    &send_sms_alert::SendSmsAlert,
    &request_callback::RequestCallback,
];

pub trait Tool: fmt::Debug + Send + Sync {
    /// As the model calls it. Case and underscores do not matter: `send_sms_alert` is `sendSMSAlert`.
    fn name(&self) -> &str;

    /// Names that agents set up long ago call it by.
    fn older_names(&self) -> &[&str] {
        &[]
    }

    /// Whether doing it twice does more than doing it once. If so, the same call within
    /// [`Call::EFFECT_WINDOW`] gets the first answer again.
    fn has_effects(&self) -> bool {
        false
    }

    /// When two calls of it are one effect; `None` without effects. `priority` is the call's.
    fn effect(&self, arguments: &Map<String, Value>, _priority: Option<Priority>) -> Option<u64> {
        self.has_effects().then(|| effect_of(self.name(), arguments))
    }

    /// How it is offered to a model, described in this language. `None`: this business does not offer it.
    fn definition(&self, _playbook: &Playbook, _language: Language) -> Option<Definition> {
        None
    }

    /// Where its errands go, for a tool of a business's own.
    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome;
}

/// What a tool may know.
#[derive(Clone, Copy, Debug)]
pub struct ToolContext<'a> {
    /// Before this tool call, but already introduced by it.
    pub call: &'a Call,
    pub key: &'a CallKey,
    pub event: &'a Event,
    pub playbook: &'a Playbook,
    pub now: Timestamp,
}

impl ToolContext<'_> {
    /// What to answer in: the language the call is held in, else the business's own.
    pub fn language(&self) -> Language {
        self.call.language.unwrap_or(self.playbook.language)
    }

    pub fn refuse(&self, sentence: Sentence) -> ToolOutcome {
        ToolOutcome::error(sentence.in_language(self.language()))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ToolOutcome {
    pub answer: ToolAnswer,
    /// Recorded between the call of the tool and its answer.
    pub facts: Vec<Fact>,
    pub texts: Vec<NewSms>,
    /// Asked first. `answer` is then what is said if nothing usable comes back.
    pub errand: Option<Inquiry>,
}

impl ToolOutcome {
    /// Compact JSON on one line, fields in the order of the struct.
    pub fn result(result: &impl Serialize) -> ToolOutcome {
        let json = serde_json::to_string(result).expect("results are structs of text and numbers");
        ToolOutcome::of(ToolAnswer::Result(Arc::from(json)))
    }

    /// A sentence the agent can speak.
    pub fn error(sentence: &str) -> ToolOutcome {
        ToolOutcome::of(ToolAnswer::Error(Arc::from(sentence)))
    }

    /// The answer depends on somebody else's. `otherwise` is spoken if nothing usable comes back.
    pub fn after(inquiry: Inquiry, otherwise: &str) -> ToolOutcome {
        ToolOutcome { errand: Some(inquiry), ..ToolOutcome::error(otherwise) }
    }

    fn of(answer: ToolAnswer) -> ToolOutcome {
        ToolOutcome { answer, facts: Vec::new(), texts: Vec::new(), errand: None }
    }

    pub fn with_facts(mut self, facts: impl IntoIterator<Item = Fact>) -> ToolOutcome {
        self.facts.extend(facts);
        self
    }
}

/// The tool the model means, if there is one.
pub fn find<'a>(name: &str, playbook: &'a Playbook) -> Option<&'a dyn Tool> {
    let wanted = args::folded_key(name);
    let is_wanted = |name: &str| args::folded_key(name) == wanted;
    let by_name = all(playbook).find(|tool| is_wanted(tool.name()));
    by_name.or_else(|| all(playbook).find(|tool| tool.older_names().iter().any(|name| is_wanted(name))))
}

/// A tool's name as a metric's label: of the list above, since a business names its own tools as it likes.
pub fn label<'a>(name: &str, playbook: &'a Playbook) -> &'a str {
    match find(name, playbook) {
        Some(tool) if tool.endpoint().is_some() => "forward",
        Some(tool) => tool.name(),
        None => "unknown",
    }
}

/// A tool that every business has.
pub(crate) fn is_built_in(name: &str) -> bool {
    TOOLS.iter().any(|tool| is_same_name(tool.name(), name))
}

/// Whether a model that writes one may mean the other.
pub(crate) fn is_same_name(one: &str, other: &str) -> bool {
    args::folded_key(one) == args::folded_key(other)
}

/// What this business offers its agent, each described in this language.
pub fn offered(playbook: &Playbook, language: Language) -> Vec<(&dyn Tool, Definition)> {
    all(playbook).filter_map(|tool| Some((tool, tool.definition(playbook, language)?))).collect()
}

/// The business's own first.
fn all(playbook: &Playbook) -> impl Iterator<Item = &dyn Tool> {
    playbook.extra_tools.iter().map(|tool| tool.as_ref()).chain(TOOLS)
}
