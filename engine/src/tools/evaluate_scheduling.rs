//! `evaluateScheduling`: how long does it usually take until somebody comes? A window of the playbook, never a moment.

use serde::Serialize;

use super::arguments::{DESCRIPTION, PRIORITY, SERVICE};
use super::validate_service_request;
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::playbook::scheduling::Window;
use crate::playbook::{Language, Playbook, Request, Scheduling, Status, fold};
use crate::priority::Priority;

/// A visit, and no work in particular; folded.
#[rustfmt::skip]
const NO_SERVICE: [&str; 58] = [
    "a", "an", "any", "for", "my", "of", "the", "to", "au", "d", "de", "du", "des", "la", "le", "les", "mon", "pour",
    "quelqu", "un", "une", "appel", "appointment", "attente", "autre", "availability", "call", "come", "delai",
    "disponibilite", "estimate", "estimation", "general", "inconnu", "job", "other", "passer", "quote", "rdv", "rendez",
    "schedule", "service", "services", "somebody", "someone", "soumission", "standard", "team", "technician",
    "technicien", "travaux", "unknown", "venir", "visit", "visite", "vous", "wait", "work",
];

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

const A_PERSON_CONFIRMS: Sentence = Sentence { fr: "Une personne vous le confirme.", en: "A person confirms it." };

#[derive(Debug)]
pub struct EvaluateScheduling;

#[derive(Serialize)]
struct Evaluation<'a> {
    /// Left out for what is not offered, and for what nobody knows: a wait would be a yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'a str>,
    /// False: only a person can say how long it takes, or nobody comes.
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
        let said = args.text(&DESCRIPTION);
        let offer = Offer::of(service.as_deref(), said.as_deref(), scheduling, context);
        let heard = emergency(service.as_deref(), said.as_deref(), context.playbook);
        // The call's own priority counts too: a question about the wait does not calm an emergency.
        let priority = asked.into_iter().chain(context.call.priority).chain(heard).min();
        let evaluation = match offer {
            Offer::Refused(message) => Evaluation::without_window(message),
            Offer::Unknown(message) if priority != Some(Priority::P1) => Evaluation::without_window(message),
            offer => {
                let window = scheduling.window(service.as_deref(), priority);
                let mut message = message(window, priority, context);
                if matches!(offer, Offer::Unnamed) && priority != Some(Priority::P1) {
                    message = format!("{message} {}", A_PERSON_CONFIRMS.in_language(context.language()));
                }
                Evaluation {
                    window: Some(window.window.in_language(context.language())),
                    can_schedule: window.can_schedule,
                    message,
                    requirements: scheduling.requirements(service.as_deref(), context.language()),
                }
            }
        };
        ToolOutcome::result(&evaluation)
    }
}

impl Evaluation<'_> {
    fn without_window(message: String) -> Evaluation<'static> {
        Evaluation { window: None, can_schedule: false, message, requirements: Vec::new() }
    }
}

/// What the business makes of the service that is asked about.
enum Offer {
    /// It has a wait.
    Known,
    /// A visit, for nothing that is named.
    Unnamed,
    /// Not done here, and the sentence that says so.
    Refused(String),
    /// Named, and in no list: a person answers.
    Unknown(String),
}

impl Offer {
    fn of(service: Option<&str>, said: Option<&str>, scheduling: &Scheduling, context: &ToolContext) -> Offer {
        let (Some(services), Some(service)) = (&context.playbook.services, service) else { return Offer::Known };
        let found = services.asked_for(&Request::new(service, said.unwrap_or_default()));
        let message = || validate_service_request::message(found.as_ref(), context.language());
        match &found {
            Some(found) if found.service.status == Status::Refused => Offer::Refused(message()),
            Some(_) => Offer::Known,
            None if scheduling.service(service).is_some() => Offer::Known,
            None if names_nothing(service) => Offer::Unnamed,
            None => Offer::Unknown(message()),
        }
    }
}

fn names_nothing(text: &str) -> bool {
    let folded = fold(text);
    let mut words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| NO_SERVICE.contains(&word))
}

/// An emergency in words is one, whatever the arguments call it.
fn emergency(service: Option<&str>, said: Option<&str>, playbook: &Playbook) -> Option<Priority> {
    let is_one = |text: &str| playbook.recognise(text, None).rule.priority == Priority::P1;
    service.into_iter().chain(said).any(is_one).then_some(Priority::P1)
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
