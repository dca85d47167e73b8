//! `classifyPriority`: how urgent is what the caller describes? Answered from the playbook's phrases and values.

use serde::Serialize;

use super::arguments::DESCRIPTION;
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::playbook::{Language, Playbook, Recognition};
use crate::priority::Priority;

/// Where nothing is called a description.
const SAID: [&str; 3] = ["message", "text", "transcript"];
/// Words of the knowledge-base generation, beside or instead of a description.
const KEYWORDS: [&str; 4] = ["keywords", "motscles", "servicetype", "serviceinfo"];
const ESTIMATED_VALUE: [&str; 5] = ["estimatedvalue", "value", "valeur", "valeurestimee", "amount"];

const MISSING_DESCRIPTION: Sentence = Sentence {
    fr: "Pouvez-vous me décrire le problème en quelques mots?",
    en: "Could you describe the problem in a few words?",
};

#[derive(Debug)]
pub struct ClassifyPriority;

#[derive(Serialize)]
struct Classification<'a> {
    priority: Priority,
    reason: &'a str,
    /// Longest time until somebody is told, in seconds.
    sla_seconds: u64,
    escalation: Escalation<'a>,
    /// Whether somebody is there. Left out where a playbook has no hours: a guess would be spoken as a promise.
    #[serde(rename = "businessHours", skip_serializing_if = "Option::is_none")]
    business_hours: Option<bool>,
    /// The evidence, for people: `heard « refoulement »`.
    because: &'a str,
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

    fn definition(&self, _playbook: &Playbook, language: Language) -> Option<Definition> {
        let say = |fr, en| Sentence { fr, en }.in_language(language);
        let definition = Definition::new(say(
            "Dit à quel point l'appel est urgent, d'après les mots de l'appelant.",
            "Tells how urgent the call is, from what the caller says.",
        ));
        let definition = definition
            .text("description", say("Les mots de l'appelant, tels quels.", "The caller's own words."))
            .number("estimatedValue", say("Valeur estimée des travaux.", "Estimated value of the work."))
            .required(["description"]);
        Some(definition)
    }

    /// The answer is about this description alone. The call keeps the most urgent priority it ever had: a calmer
    /// sentence later in the conversation does not dry the basement. Only a person can lower it.
    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let Some(heard) = heard(args, context.playbook) else { return context.refuse(MISSING_DESCRIPTION) };
        let raised = context.call.raised_to(heard.rule.priority, heard.reason(), self.name());
        ToolOutcome::result(&Classification::of(&heard, context)).with_facts(raised)
    }
}

/// `None` when the model said nothing at all.
fn heard<'a>(args: &Args, playbook: &'a Playbook) -> Option<Recognition<'a>> {
    let said = [args.list(&DESCRIPTION), args.list(&SAID), args.list(&KEYWORDS)].join("\n");
    let value = args.amount(&ESTIMATED_VALUE);
    let heard = playbook.recognise(&said, value);
    if args.says_emergency() && heard.rule.priority != Priority::P1 {
        let because = "the agent says that it is an emergency".into();
        return Some(Recognition { rule: playbook.rule(Priority::P1), because });
    }
    (!said.trim().is_empty() || value.is_some()).then_some(heard)
}

impl Classification<'_> {
    fn of<'a>(heard: &'a Recognition, context: &ToolContext) -> Classification<'a> {
        let rule = heard.rule;
        let required = !rule.escalate_to.is_empty();
        Classification {
            priority: rule.priority,
            reason: &rule.reason,
            sla_seconds: rule.text_within.as_secs(),
            escalation: Escalation { required, to: &rule.escalate_to, reason: required.then_some(&*rule.reason) },
            business_hours: context.playbook.is_open(context.now),
            because: &heard.because,
        }
    }
}
