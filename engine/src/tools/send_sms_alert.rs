//! `sendSMSAlert`: tell the people who must know. Who that is, the playbook says; the model only says what happened.
//! Numbers it names are ignored, numbers it is told there are none.

use serde::Serialize;
use serde_json::{Map, Value};

use super::arguments::{ADDRESS, NAME, PHONE, PRIORITY, SERVICE};
use super::plain_text::plain;
use super::texting::{self, Letter};
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome, effect_of};
use crate::alert::{self, Notice, Plan, Reason};
use crate::call::Fact;
use crate::playbook::{AlertWords, Language, Playbook, PriorityRule, Route};
use crate::priority::Priority;
use crate::sms::NewSms;

/// Model text in one alert, all fields together, in characters; the message gets what the others leave.
const MAX_MODEL_CHARS: usize = 320;
const MAX_CLIENT_CHARS: usize = 48;
const MAX_SERVICE_CHARS: usize = 48;
const MAX_ADDRESS_CHARS: usize = 80;

const MESSAGE: [&str; 9] =
    ["message", "description", "probleme", "problem", "problemdescription", "details", "summary", "resume", "text"];
/// Free text of the oldest generation; beside the message, not instead of it.
const REMARKS: [&[&str]; 2] = [&["serviceinfo"], &["clientinfo", "customerinfo"]];

const MISSING_MESSAGE: Sentence = Sentence {
    fr: "Que dois-je dire à l'équipe: quel est le problème, et à quelle adresse?",
    en: "What should I tell the team: what is the problem, and at which address?",
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

    /// The same alert of a call that has become more urgent since is another one: others are told, and at once.
    fn effect(&self, arguments: &Map<String, Value>, priority: Option<Priority>) -> Option<u64> {
        let level = priority.map_or("", Priority::as_str);
        Some(effect_of(&format!("{} {level}", self.name()), arguments))
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
        let Some((words, said)) = read_words(args, context) else {
            return context.refuse(MISSING_MESSAGE);
        };
        let playbook = context.playbook;
        let rule = playbook.rule(words.priority);
        let route = playbook.route(rule.priority, &rule.roster, &words.service, &said);
        let recipients = playbook.texted_at([route.roster].into_iter().chain(route.beside), context.now);
        let left = texting::texts_left(rule.priority, context);
        if recipients.is_empty() || left == 0 {
            return texting::refused(recipients.is_empty(), texting::ALREADY_TOLD, context);
        }
        let due_at = context.now.plus(rule.text_delay);
        let alert = Reason::Call.alert_of(context.key);
        let letter =
            |contact| Letter::to(contact, alert::body(contact, &words, alert, playbook), rule.priority, due_at);
        let owed = |to| NewSms { alert: Some(alert), ..letter(to).owed(context) };
        let texts: Vec<NewSms> = recipients.into_iter().take(left).map(owed).collect();
        let raised = context.call.raised_to(rule.priority, rule.reason.clone(), self.name());
        let facts: Vec<Fact> = raised
            .into_iter()
            .chain(route.referral.map(texting::referred))
            .chain(texts.iter().map(texting::owed))
            .chain([alarm(&words, &route, context)])
            .collect();
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

/// The alert's words, cleaned and bounded, and beside them what decides who is told; `None` when the model said nothing
/// at all about what happened.
fn read_words(args: &Args, context: &ToolContext) -> Option<(AlertWords, String)> {
    let remarks = REMARKS.iter().filter_map(|names| args.text(names));
    let said = args.text(&MESSAGE).into_iter().chain(remarks).collect::<Vec<_>>().join(" · ");
    let client = args.text(&NAME).unwrap_or_default();
    let service = args.text(&SERVICE).unwrap_or_default();
    let address = args.text(&ADDRESS).or_else(|| args.text(&["location"])).unwrap_or_default();
    if [&said, &client, &service, &address].iter().all(|text| text.is_empty()) && args.text(&PHONE).is_none() {
        return None;
    }
    let priority = urgency(args, &said, context);
    let told = format!("{client}\n{said}");
    let callback = texting::callback(args, context.call);
    let own = callback.as_deref();
    let client = plain(&client, MAX_CLIENT_CHARS, own);
    let service = plain(&service, MAX_SERVICE_CHARS, own);
    let address = plain(&address, MAX_ADDRESS_CHARS, own);
    let used: usize = [&client, &service, &address].iter().map(|text| text.chars().count()).sum();
    let words = AlertWords {
        business: context.playbook.name.clone(),
        priority,
        message: plain(&said, MAX_MODEL_CHARS - used, own),
        callback: callback.unwrap_or_default(),
        client,
        service,
        address,
        link: String::new(),
    };
    Some((words, told))
}

/// The most urgent of what the model says, what is known of the call, and an emergency in the alert's own words: a level
/// chosen badly must not make a flood wait. Anything less in the words counts only when nobody said anything.
fn urgency(args: &Args, said: &str, context: &ToolContext) -> Priority {
    let given = args.says_emergency().then_some(Priority::P1).or_else(|| args.priority(&PRIORITY));
    let heard = context.playbook.classify(said, None).priority;
    let level = given.into_iter().chain(context.call.priority).min().unwrap_or(heard);
    if heard == Priority::P1 { heard } else { level }
}

/// The call's alert is opened or added to: what happens when nobody answers is its affair.
fn alarm(words: &AlertWords, route: &Route, context: &ToolContext) -> Fact {
    let playbook = context.playbook;
    let notice = Box::new(Notice {
        alert: Reason::Call.alert_of(context.key),
        reason: Reason::Call,
        priority: words.priority,
        by: SendSmsAlert.name().into(),
        words: words.clone(),
        plan: Plan::of(route, words.priority, playbook),
        first_at: context.now,
        held: false,
        watching: playbook.shadow.is_some(),
    });
    if context.call.alert.is_some() { Fact::AlertUpdated(notice) } else { Fact::AlertOpened(notice) }
}
