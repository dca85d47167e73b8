//! Voice platforms: each proves who sent a webhook, says in our words what it tells, and renders our answers in its own.
//! A new platform is one file here and one line in the URL table.

mod tenancy;
pub mod vapi;

use engine::call::{Answer, Event};
use engine::ids::{CallId, TenantId};
use engine::playbook::{Language, Playbook};

pub use tenancy::{number_key, tenant_of};

/// Whose secret proved a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A secret of this tenant alone.
    Tenant(TenantId),
    /// A secret of the whole deployment: good for every tenant that has none of its own.
    Deployment,
}

/// The webhook is not proven, or reaches for a tenant its secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unauthenticated")]
pub struct Unauthenticated;

/// The body is not what a platform sends. Always the sender's fault: 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    #[error("the body is not UTF-8")]
    NotUtf8,
    #[error("the body is nested more than 128 deep")]
    TooDeep,
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("the body has no `message` object")]
    NoMessage,
}

/// What a webhook says about whose call it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    pub assistants: Vec<Box<str>>,
    /// Numbers and the platform's ids of numbers.
    pub numbers: Vec<Box<str>>,
}

/// One webhook, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The message's type, from a closed list (`unknown` for others): a metric label.
    pub kind: &'static str,
    pub call: Option<CallId>,
    pub route: Route,
    pub asks: Asks,
    /// Every tool call it makes, each to be answered in its place. Those that [`Asks::Record`] holds come first.
    pub tool_calls: Vec<ToolCallName>,
}

/// What the answer to a tool call is addressed to.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCallName {
    pub name: Box<str>,
    /// The JSON it came as, given back untouched. None when it came without.
    pub id: Option<Box<str>>,
}

/// What a webhook wants from us.
#[derive(Clone, Debug, PartialEq)]
pub enum Asks {
    /// Nothing: it is acknowledged with `{}`.
    Nothing,
    /// Volatile news of a call.
    Mention(Event),
    /// Facts or tool calls: durable first, then answered. One answer per event.
    Record(Vec<Event>),
    /// A pure question: answered from the playbook at once. The event, if any, is recorded afterwards.
    Answer(Question, Option<Event>),
}

/// Questions a platform asks that need no state.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Who answers this call?
    Reception,
    /// Documents for the agent.
    Knowledge,
    /// Has the caller finished speaking?
    Endpointing,
    /// May this campaign call be made?
    Predial,
    /// Speak this text: raw PCM wanted.
    Voice,
}

/// A rendered answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub content_type: &'static str,
    pub body: bytes::Bytes,
}

impl Delivery {
    /// The answers of `Asks::Record`, in the platform's form.
    pub fn render(&self, answers: &[Answer], language: Language) -> Rendered {
        vapi::render(self, answers, language)
    }

    /// What a live call is told when nothing could be done: a tool's result that the agent can speak. `{}` for facts.
    pub fn apology(&self, language: Language) -> Rendered {
        vapi::apology(self, language)
    }

    /// What a live call is told when something may have been done, and nobody can say.
    pub fn unconfirmed(&self, language: Language) -> Rendered {
        vapi::unconfirmed(self, language)
    }

    /// What our answer and another server's do not agree on.
    pub fn compare(&self, ours: &[u8], theirs: &[u8]) -> Vec<vapi::Difference> {
        vapi::compare(ours, theirs)
    }

    /// What a tool is told where nothing is ever done: we only watch.
    pub fn watching(&self, language: Language) -> Rendered {
        vapi::watching(self, language)
    }

    /// The answer to a question, from configuration alone.
    pub fn answer(&self, question: &Question, playbook: &Playbook) -> Rendered {
        vapi::answer(self, question, playbook)
    }
}
