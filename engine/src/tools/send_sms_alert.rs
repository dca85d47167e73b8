//! `sendSMSAlert`: tell the people who must know. Who that is, the playbook says; the model only says what happened.
//! Numbers it names are ignored, numbers it is told there are none.

use serde::Serialize;

use super::classify_priority::raised;
use super::plain_text::{dialable, plain};
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::call::{Call, Direction, Fact, Note};
use crate::ids::SmsId;
use crate::playbook::{AlertWords, Contact, Language, Playbook, PriorityRule};
use crate::priority::Priority;
use crate::sms::{NewSms, segments};

/// Model text in one alert, all fields together, in characters; the message gets what the others leave.
const MAX_MODEL_CHARS: usize = 320;
const MAX_CLIENT_CHARS: usize = 48;
const MAX_SERVICE_CHARS: usize = 48;
const MAX_ADDRESS_CHARS: usize = 80;

const PRIORITY: [&str; 5] = ["priority", "priorite", "urgence", "urgency", "level"];
const IS_URGENT: [&str; 3] = ["urgence", "urgent", "urgency"];
const MESSAGE: [&str; 9] =
    ["message", "description", "probleme", "problem", "problemdescription", "details", "summary", "resume", "text"];
/// Free text of the oldest generation; beside the message, not instead of it.
const REMARKS: [&[&str]; 2] = [&["serviceinfo"], &["clientinfo", "customerinfo"]];
const CLIENT: [&str; 6] = ["name", "nom", "clientname", "customername", "callername", "client"];
const PHONE: [&str; 6] = ["phone", "telephone", "clientphone", "customerphone", "callback", "callbacknumber"];
const SERVICE: [&str; 3] = ["servicetype", "service", "typeservice"];
const ADDRESS: [&str; 5] = ["address", "adresse", "clientaddress", "customeraddress", "location"];

const MISSING_MESSAGE: Sentence = Sentence {
    fr: "Que dois-je dire à l'équipe: quel est le problème, et à quelle adresse?",
    en: "What should I tell the team: what is the problem, and at which address?",
};
const ALREADY_ALERTED: Sentence = Sentence {
    fr: "L'équipe est déjà alertée; on vous rappelle.",
    en: "The team has already been alerted; they will call you back.",
};
const NOBODY_TO_ALERT: Sentence = Sentence {
    fr: "Je n'arrive pas à joindre l'équipe; je garde votre message.",
    en: "I cannot reach the team; I am keeping your message.",
};

#[derive(Debug)]
pub struct SendSmsAlert;

/// `sent`: accepted for sending, durable with this answer. Whether it arrived is seen later, not said here.
#[derive(Serialize)]
struct Sent<'a> {
    sent: bool,
    priority: Priority,
    #[serde(rename = "messagesSent")]
    messages_sent: usize,
    queued: bool,
    /// Seconds until the messages leave.
    estimated_delivery_s: u64,
    details: Vec<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    contact: &'a str,
    state: &'static str,
}

impl Tool for SendSmsAlert {
    fn name(&self) -> &str {
        "sendSMSAlert"
    }

    fn has_effects(&self) -> bool {
        true
    }

    fn definition(&self, _playbook: &Playbook, language: Language) -> Option<Definition> {
        let say = |fr, en| Sentence { fr, en }.in_language(language);
        let client = Definition::new("")
            .text("name", say("Nom du client.", "The customer's name."))
            .text("address", say("Adresse des travaux.", "Where the work is."))
            .text("serviceType", say("Service demandé.", "The service asked for."));
        let definition = Definition::new(say(
            "Avertit par texto les gens de l'entreprise qui doivent savoir. L'entreprise choisit qui.",
            "Texts the people of the company who must know. The company chooses who they are.",
        ));
        let definition = definition
            .choice("priority", say("L'urgence.", "How urgent it is."), Priority::ALL.map(Priority::as_str))
            .text("message", say("Le problème en une ou deux phrases.", "The problem in one or two sentences."))
            .property("customerInfo", client.parameters())
            .required(["priority", "message"]);
        Some(definition)
    }

    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let Some(words) = read_words(args, context) else {
            return context.refuse(MISSING_MESSAGE);
        };
        let rule = context.playbook.rule(words.priority);
        let recipients = context.playbook.recipients(rule.priority);
        let left = context.playbook.sms.per_call.saturating_sub(context.call.texts_owed) as usize;
        if recipients.is_empty() || left == 0 {
            return refused(recipients.is_empty(), context);
        }
        let texts: Vec<NewSms> =
            recipients.iter().take(left).map(|contact| text_to(contact, &words, rule, context)).collect();
        let facts: Vec<Fact> = raised(rule, self.name(), context).into_iter().chain(texts.iter().map(owed)).collect();
        let outcome = ToolOutcome::result(&Sent::of(&texts, rule)).with_facts(facts);
        ToolOutcome { texts, ..outcome }
    }
}

impl Sent<'_> {
    fn of<'a>(texts: &'a [NewSms], rule: &PriorityRule) -> Sent<'a> {
        Sent {
            sent: true,
            priority: rule.priority,
            messages_sent: texts.len(),
            queued: true,
            estimated_delivery_s: rule.text_delay.as_secs(),
            details: texts.iter().map(|sms| Detail { contact: &sms.contact, state: "queued" }).collect(),
        }
    }
}

/// The alert's words, cleaned and bounded; `None` when the model said nothing at all about what happened.
fn read_words(args: &Args, context: &ToolContext) -> Option<AlertWords> {
    let remarks = REMARKS.iter().filter_map(|names| args.text(names));
    let said = args.text(&MESSAGE).into_iter().chain(remarks).collect::<Vec<_>>().join(" · ");
    let client = args.text(&CLIENT).unwrap_or_default();
    let service = args.text(&SERVICE).unwrap_or_default();
    let address = args.text(&ADDRESS).unwrap_or_default();
    if [&said, &client, &service, &address].iter().all(|text| text.is_empty()) && args.text(&PHONE).is_none() {
        return None;
    }
    let callback = callback(args, context.call);
    let own = callback.as_deref();
    let client = plain(&client, MAX_CLIENT_CHARS, own);
    let service = plain(&service, MAX_SERVICE_CHARS, own);
    let address = plain(&address, MAX_ADDRESS_CHARS, own);
    let used: usize = [&client, &service, &address].iter().map(|text| text.chars().count()).sum();
    Some(AlertWords {
        business: context.playbook.name.clone(),
        priority: urgency(args, &said, context),
        message: plain(&said, MAX_MODEL_CHARS - used, own),
        callback: callback.unwrap_or_default(),
        client,
        service,
        address,
    })
}

/// The more urgent of what the model says and what is known of the call; if neither says anything, of the words.
fn urgency(args: &Args, said: &str, context: &ToolContext) -> Priority {
    let given = args.priority(&PRIORITY).or_else(|| args.is_true(&IS_URGENT).then_some(Priority::P1));
    let known = context.call.priority;
    given.into_iter().chain(known).min().unwrap_or_else(|| context.playbook.classify(said, None).priority)
}

/// The number the platform saw. Only where it saw none (a hidden number, a browser) is it the one the caller dictated:
/// there is no other way back to them.
fn callback(args: &Args, call: &Call) -> Option<String> {
    let seen = if call.direction == Some(Direction::Outbound) { &call.to } else { &call.from };
    seen.as_deref().and_then(dialable).or_else(|| args.text(&PHONE).as_deref().and_then(dialable))
}

/// One message per contact and event: asked for again after a while by another tool call, it is another message.
fn text_to(contact: &Contact, words: &AlertWords, rule: &PriorityRule, context: &ToolContext) -> NewSms {
    let body = context.playbook.templates.render_alert(contact.language, words);
    let due_at = context.now.plus(rule.text_delay);
    NewSms {
        id: SmsId::derive(context.key, context.event.key.as_str(), contact.phone.as_str()),
        tenant: context.key.tenant.clone(),
        call: Some(context.key.call.clone()),
        to: contact.phone.clone(),
        contact: contact.name.clone(),
        segments: segments(&body).count,
        body: body.into(),
        priority: rule.priority,
        due_at,
        expires_at: due_at.plus(context.playbook.sms.expires_after),
        created_at: context.now,
        suppressed: None,
    }
}

fn owed(sms: &NewSms) -> Fact {
    Fact::SmsOwed { sms: sms.id, contact: sms.contact.clone(), priority: sms.priority }
}

/// Nobody is texted, and the timeline shows why.
fn refused(unrouted: bool, context: &ToolContext) -> ToolOutcome {
    let (sentence, what) = match unrouted {
        true => (NOBODY_TO_ALERT, "sms_unrouted"),
        false => (ALREADY_ALERTED, "sms_cap_reached"),
    };
    let note = Fact::Noted(Note { what: what.into(), detail: None });
    context.refuse(sentence).with_facts([note])
}
