//! `classifyPriority`: how urgent is what the caller describes? Answered from the playbook's phrases and values.

use serde::Serialize;

use super::{Args, Sentence, Tool, ToolContext, ToolOutcome};
use crate::call::Fact;
use crate::playbook::PriorityRule;
use crate::priority::Priority;

const DESCRIPTION: [&str; 9] = [
    "description",
    "probleme",
    "problem",
    "problemdescription",
    "situation",
    "details",
    "message",
    "text",
    "transcript",
];
const ESTIMATED_VALUE: [&str; 5] = ["estimatedvalue", "value", "valeur", "valeurestimee", "amount"];

#[derive(Debug)]
pub struct ClassifyPriority;

/// `businessHours` of older answers is not here until a playbook has hours: a guess would be spoken as a promise.
#[derive(Serialize)]
struct Classification<'a> {
    priority: Priority,
    reason: &'a str,
    /// Longest time until somebody is told, in seconds.
    sla_seconds: u64,
    escalation: Escalation<'a>,
}

/// Who is called in, by the names the playbook gives them.
#[derive(Serialize)]
struct Escalation<'a> {
    required: bool,
    to: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl Tool for ClassifyPriority {
    fn name(&self) -> &str {
        "classifyPriority"
    }

    /// The answer is about this description alone. The call keeps the most urgent priority it ever had: a calmer
    /// sentence later in the conversation does not dry the basement. Only a person can lower it.
    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let Some(description) = args.text(&DESCRIPTION) else {
            return ToolOutcome::error(Sentence::MissingDescription, context.playbook.language);
        };
        let rule = context.playbook.classify(&description, args.amount(&ESTIMATED_VALUE));
        ToolOutcome::result(&Classification::of(rule)).with_facts(raised(rule, self.name(), context))
    }
}

impl Classification<'_> {
    fn of(rule: &PriorityRule) -> Classification<'_> {
        let required = !rule.escalate_to.is_empty();
        Classification {
            priority: rule.priority,
            reason: &rule.reason,
            sla_seconds: rule.text_within.as_secs(),
            escalation: Escalation { required, to: &rule.escalate_to, reason: required.then_some(&*rule.reason) },
        }
    }
}

/// The fact that a tool made the call more urgent than it was, if it did.
pub(super) fn raised(rule: &PriorityRule, by: &str, context: &ToolContext) -> Option<Fact> {
    let more_urgent = context.call.priority.is_none_or(|known| rule.priority < known);
    more_urgent.then(|| Fact::PrioritySet { priority: rule.priority, reason: rule.reason.clone(), by: by.into() })
}
