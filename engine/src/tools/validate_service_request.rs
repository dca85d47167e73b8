//! `validateServiceRequest`: does this business do what the caller asks for, and what is left to ask? An unknown
//! service is neither accepted nor refused: a person calls back.

use serde::Serialize;

use super::arguments::{DESCRIPTION, SERVICE};
use super::request_fields::{self, Missing};
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::call::{Fact, Note};
use crate::playbook::{Field, Found, Language, Playbook, Request, Service, Services, Status};

const WANTS_WARRANTY: [&str; 4] = ["includeguarantee", "warranty", "garantie", "guarantee"];
/// Folded.
const WARRANTY_WORDS: [&str; 6] = ["garantie", "garanties", "garanti", "warranty", "guarantee", "guaranteed"];

const WHICH_SERVICE: Sentence = Sentence {
    fr: "De quel service avez-vous besoin, ou quel est le problème?",
    en: "Which service do you need, or what is the problem?",
};
const NO_SERVICES: Sentence = Sentence {
    fr: "Je ne peux pas le confirmer moi-même; je prends votre demande et une personne vous rappelle.",
    en: "I cannot confirm that myself; I will take your request and somebody will call you back.",
};

#[derive(Debug)]
pub struct ValidateServiceRequest;

/// The first four are those of older agents, in their order.
#[derive(Serialize)]
struct Validation<'a> {
    accepted: bool,
    reason: Reason,
    message: String,
    /// What is not offered, by name, where the caller asked for such a thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    restrictions: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    /// A role, never a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    refer_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    must_say: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warranty: Option<&'a str>,
    /// Still to ask, and given but not right.
    missing: Vec<Field>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invalid: Vec<Field>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_question: Option<&'a str>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    ServiceAvailable,
    ServiceNotOffered,
    Referred,
    ServiceUnknown,
}

impl Tool for ValidateServiceRequest {
    fn name(&self) -> &str {
        "validateServiceRequest"
    }

    fn older_names(&self) -> &[&str] {
        &["getServiceDetails"]
    }

    fn definition(&self, playbook: &Playbook, language: Language) -> Option<Definition> {
        playbook.services.as_ref()?;
        let say = |fr, en| Sentence { fr, en }.in_language(language);
        let definition = Definition::new(say(
            "Dit si l'entreprise offre le service demandé, ce qu'il faut dire, et la prochaine question à poser.",
            "Tells whether the company offers what is asked for, what must be said, and the next question to ask.",
        ));
        let definition = definition
            .text("service", say("Le service, dans les mots de l'appelant.", "The service, in the caller's words."))
            .text(
                "description",
                say("Le problème, dans les mots de l'appelant.", "The problem, in the caller's words."),
            );
        let fields = playbook.required.ask.iter().filter(|field| **field != Field::Problem);
        let definition = fields.fold(definition, |definition, field| {
            let (name, fr, en) = argument(*field);
            definition.text(name, say(fr, en))
        });
        Some(definition.required(["service"]))
    }

    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let Some(services) = &context.playbook.services else {
            return context.refuse(NO_SERVICES);
        };
        let (service, description) = (args.text(&SERVICE), args.text(&DESCRIPTION));
        if service.is_none() && description.is_none() {
            return context.refuse(WHICH_SERVICE);
        }
        let service = service.unwrap_or_default();
        let request = Request::new(&service, &description.unwrap_or_default());
        let found = services.asked_for(&request);
        let refused = found.as_ref().is_some_and(|found| found.service.status == Status::Refused);
        let missing = match refused {
            true => Vec::new(),
            false => request_fields::missing(args, context, !service.is_empty() && !services.is_name(&service)),
        };
        let wants_warranty = args.is_true(&WANTS_WARRANTY) || request.says(&WARRANTY_WORDS);
        let validation = Validation::new(services, found.as_ref(), &request, context)
            .with_warranty(found.as_ref().filter(|_| wants_warranty), context)
            .with_missing(&missing, context);
        ToolOutcome::result(&validation).with_facts(found.filter(|_| refused).map(|found| noted(found.service)))
    }
}

impl<'a> Validation<'a> {
    fn new(
        services: &'a Services,
        found: Option<&Found<'a>>,
        request: &'a Request,
        context: &ToolContext,
    ) -> Validation<'a> {
        let language = context.language();
        let not_offered = |service: &&'a Service| service.name.in_language(language);
        let refused = found.filter(|found| found.service.status == Status::Refused).map(|found| found.service);
        let mentioned = found.into_iter().flat_map(|found| found.not_offered.iter().copied());
        let limits = found.filter(|_| refused.is_none()).into_iter();
        let limits = limits.flat_map(|found| services.limits(found.service, request));
        Validation {
            accepted: found.is_some() && refused.is_none(),
            reason: found.map_or(Reason::ServiceUnknown, |found| Reason::of(found.service.status)),
            message: message(found, language),
            restrictions: refused.into_iter().chain(mentioned).map(|service| not_offered(&service)).collect(),
            service: found.map(|found| found.service.id.as_ref()),
            refer_to: found.and_then(|found| found.service.refer_to.as_deref()),
            must_say: limits.map(|limit| limit.say.in_language(language)).collect(),
            warranty: None,
            missing: Vec::new(),
            invalid: Vec::new(),
            next_question: None,
        }
    }

    fn with_warranty(mut self, found: Option<&Found<'a>>, context: &ToolContext) -> Validation<'a> {
        let warranty = found.and_then(|found| found.service.warranty.as_ref());
        self.warranty = warranty.map(|words| words.in_language(context.language()));
        self
    }

    fn with_missing(mut self, missing: &[Missing], context: &'a ToolContext) -> Validation<'a> {
        self.missing = missing.iter().map(|missing| missing.field).collect();
        self.invalid = missing.iter().filter(|missing| missing.is_invalid).map(|missing| missing.field).collect();
        self.next_question = missing.first().map(|missing| request_fields::question(missing, context));
        self
    }
}

impl Reason {
    fn of(status: Status) -> Reason {
        match status {
            Status::Accepted => Reason::ServiceAvailable,
            Status::Referred => Reason::Referred,
            Status::Refused => Reason::ServiceNotOffered,
        }
    }
}

/// Whether what was found is offered; `None` is not known.
pub(super) fn message(found: Option<&Found>, language: Language) -> String {
    let Some(found) = found else {
        let unknown = Sentence {
            fr: "Je ne suis pas certain que nous offrons ce service; une personne va vous rappeler pour vous le dire.",
            en: "I am not certain that we offer this; somebody will call you back to tell you.",
        };
        return unknown.in_language(language).to_owned();
    };
    let name = found.service.name.in_language(language);
    let answer = match (found.service.status, language) {
        (Status::Accepted, Language::Fr) => format!("Oui, nous offrons ce service: {name}."),
        (Status::Accepted, Language::En) => format!("Yes, we offer this service: {name}."),
        (Status::Referred, Language::Fr) => {
            format!("Notre spécialiste s'occupe de ce service ({name}); il va vous rappeler.")
        }
        (Status::Referred, Language::En) => {
            format!("Our specialist takes care of this ({name}) and will call you back.")
        }
        (Status::Refused, Language::Fr) => format!("Désolé, nous n'offrons pas ce service: {name}."),
        (Status::Refused, Language::En) => format!("I am sorry, we do not offer this service: {name}."),
    };
    let beside: Vec<&str> = found.not_offered.iter().map(|service| service.name.in_language(language)).collect();
    match (beside.is_empty(), language) {
        (true, _) => answer,
        (false, Language::Fr) => format!("{answer} Par contre, nous n'offrons pas ceci: {}.", beside.join(", ")),
        (false, Language::En) => format!("{answer} However, we do not offer this: {}.", beside.join(", ")),
    }
}

fn noted(service: &Service) -> Fact {
    Fact::Noted(Note { what: "service_refused".into(), detail: Some(service.id.clone()) })
}

/// The argument of a field, and what it is.
const fn argument(field: Field) -> (&'static str, &'static str, &'static str) {
    match field {
        Field::Problem => ("description", "Le problème.", "The problem."),
        Field::Name => ("name", "Nom complet.", "Full name."),
        Field::Phone => ("phone", "Téléphone, ou « même numéro ».", "Phone number, or \"same number\"."),
        Field::Address => ("address", "Adresse des travaux.", "Address of the work."),
        Field::PostalCode => ("postalCode", "Code postal.", "Postal code."),
        Field::Email => ("email", "Adresse courriel.", "E-mail address."),
        Field::Source => ("source", "Comment l'appelant nous a connus.", "How the caller heard of us."),
    }
}
