//! `evaluateScheduling`: how long does it usually take until somebody comes? A window of the playbook, never a moment.

use serde::Serialize;

use super::arguments::{DESCRIPTION, PRIORITY, SERVICE};
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::playbook::scheduling::Window;
use crate::playbook::{Language, Playbook};
use crate::priority::Priority;

const MISSING_SERVICE: Sentence = Sentence {
    fr: "Pour quel service voulez-vous connaître le délai?",
    en: "Which service would you like to know the wait for?",
};
const NO_SCHEDULING: Sentence = Sentence {
    fr: "Je n'ai pas les délais sous la main; on vous rappelle pour en convenir.",
    en: "I do not have the waiting times at hand; somebody calls you back to arrange it.",
};
const ONLY_A_PERSON: Sentence = Sentence { fr: "Le délai dépend des travaux.", en: "The wait depends on the work." };
const CALL_BACK: Sentence =
    Sentence { fr: "On vous rappelle pour convenir du moment.", en: "Somebody calls you back to arrange it." };
const CALL_BACK_WHEN_OPEN: Sentence = Sentence {
    fr: "Nous sommes fermés en ce moment; on vous rappelle à l'ouverture pour convenir du moment.",
    en: "We are closed at the moment; somebody calls you back when we are open to arrange it.",
};
const CALL_BACK_AT_ONCE: Sentence =
    Sentence { fr: "Quelqu'un vous rappelle tout de suite.", en: "Somebody calls you back right away." };

#[derive(Debug)]
pub struct EvaluateScheduling;

#[derive(Serialize)]
struct Evaluation<'a> {
    window: &'a str,
    /// False: only a person can say how long it takes.
    #[serde(rename = "canSchedule")]
    can_schedule: bool,
    message: String,
    requirements: Vec<&'a str>,
}

impl Tool for EvaluateScheduling {
    fn name(&self) -> &str {
        "evaluateScheduling"
    }

    fn older_names(&self) -> &[&str] {
        &["checkAvailability"]
    }

    fn definition(&self, playbook: &Playbook, language: Language) -> Option<Definition> {
        let scheduling = playbook.scheduling.as_ref()?;
        let say = |fr, en| Sentence { fr, en }.in_language(language);
        let known = scheduling.services().collect::<Vec<_>>().join(", ");
        let service = format!("{} {known}.", say("Le service, par exemple:", "The service, for example:"));
        let definition = Definition::new(say(
            "Dit le délai habituel d'un service. Ne jamais en faire une date, une heure ou une promesse.",
            "Tells the usual wait for a service. Never turn it into a date, an hour or a promise.",
        ));
        let definition = definition
            .text("serviceType", service.trim())
            .choice(
                "priority",
                say("L'urgence, si elle est connue.", "How urgent, if known."),
                Priority::ALL.map(Priority::as_str),
            )
            .required(["serviceType"]);
        Some(definition)
    }

    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let Some(scheduling) = &context.playbook.scheduling else { return context.refuse(NO_SCHEDULING) };
        let (service, asked) = (args.text(&SERVICE).or_else(|| args.text(&DESCRIPTION)), priority(args));
        if service.is_none() && asked.is_none() {
            return context.refuse(MISSING_SERVICE);
        }
        // The call's own priority counts too: a question about the wait does not calm an emergency.
        let priority = asked.into_iter().chain(context.call.priority).min();
        let window = scheduling.window(service.as_deref(), priority);
        let language = context.language();
        ToolOutcome::result(&Evaluation {
            window: window.window.in_language(language),
            can_schedule: window.can_schedule,
            message: message(window, priority, context),
            requirements: scheduling.requirements(service.as_deref(), language),
        })
    }
}

fn priority(args: &Args) -> Option<Priority> {
    args.priority(&PRIORITY).or_else(|| args.says_emergency().then_some(Priority::P1))
}

fn message(window: &Window, priority: Option<Priority>, context: &ToolContext) -> String {
    let language = context.language();
    let call_back = match (priority, context.playbook.is_open(context.now)) {
        (Some(Priority::P1), _) => CALL_BACK_AT_ONCE,
        (_, Some(false)) => CALL_BACK_WHEN_OPEN,
        _ => CALL_BACK,
    };
    let usual = match (language, window.window.in_language(language)) {
        (Language::Fr, window) => format!("Délai habituel: {window}."),
        (Language::En, window) => format!("The usual wait: {window}."),
    };
    match &window.message {
        // An emergency's own words say all there is to say.
        Some(own) if priority == Some(Priority::P1) => own.in_language(language).to_owned(),
        Some(own) => format!("{} {}", own.in_language(language), call_back.in_language(language)),
        None if !window.can_schedule => {
            format!("{} {}", ONLY_A_PERSON.in_language(language), call_back.in_language(language))
        }
        None => format!("{usual} {}", call_back.in_language(language)),
    }
}
