//! `requestCallback`: somebody of the team is to call back. The team gets who, where, when it suits and why; the caller
//! is promised nothing but that it was passed on, and gets a text that says so where the business wants it.

use serde::Serialize;

use super::arguments::{NAME, SERVICE};
use super::contact_details::phone_number;
use super::plain_text::plain;
use super::texting::{self, Letter};
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::call::Fact;
use crate::playbook::{CallbackWords, ConfirmationWords, Contact, Language, Playbook, Route};
use crate::priority::Priority;
use crate::sms::NewSms;

const MAX_CLIENT_CHARS: usize = 48;
const MAX_WHEN_CHARS: usize = 60;
const MAX_REASON_CHARS: usize = 200;

const WHEN: [&str; 9] =
    ["when", "quand", "moment", "time", "preferredtime", "besttime", "callbacktime", "availability", "disponibilite"];
const REASON: [&str; 9] =
    ["reason", "raison", "message", "motif", "subject", "sujet", "description", "details", "summary"];

const PASSED_ON: Sentence = Sentence {
    fr: "C'est noté: l'équipe a votre demande de rappel.",
    en: "It is noted: the team has your request to be called back.",
};
/// Promises nothing: nobody was told of this one.
const NOT_PASSED_ON: Sentence = Sentence {
    fr: "Je ne peux plus rien transmettre à l'équipe pendant cet appel; elle a déjà ce que j'ai transmis avant.",
    en: "I cannot pass anything more on to the team during this call; they have what I passed on before.",
};
const MISSING_NUMBER: Sentence =
    Sentence { fr: "À quel numéro peut-on vous rappeler?", en: "Which number can they call you back on?" };

#[derive(Debug)]
pub struct RequestCallback;

/// `requested`: the team's text is durable with this answer. No time is in it: nobody has promised one.
#[derive(Serialize)]
struct Requested {
    requested: bool,
    message: &'static str,
    /// Whether the caller gets a text about it.
    confirmation: bool,
}

impl Tool for RequestCallback {
    fn name(&self) -> &str {
        "requestCallback"
    }

    fn has_effects(&self) -> bool {
        true
    }

    fn definition(&self, _playbook: &Playbook, language: Language) -> Option<Definition> {
        let say = |fr, en| Sentence { fr, en }.in_language(language);
        let definition = Definition::new(say(
            "Demande à l'équipe de rappeler l'appelant. Ne promet ni heure ni délai.",
            "Asks the team to call the caller back. Promises no hour and no delay.",
        ));
        let definition = definition
            .text("name", say("Nom de l'appelant.", "The caller's name."))
            .text("phone", say("Seulement si son numéro est masqué.", "Only if their number is hidden."))
            .text("when", say("Le moment qui lui convient, en ses mots.", "When it suits, in their own words."))
            .text("reason", say("À quel sujet, en une phrase.", "What it is about, in one sentence."))
            .required(["reason"]);
        Some(definition)
    }

    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let Some(request) = Request::read(args, context) else {
            return context.refuse(MISSING_NUMBER);
        };
        let playbook = context.playbook;
        let route = request.route(context);
        let emergency = (request.priority == Priority::P1).then(|| &playbook.rule(Priority::P1).roster);
        let recipients =
            playbook.texted_at(emergency.into_iter().chain([route.roster]).chain(route.beside), context.now);
        let left = texting::texts_left(request.priority, context);
        if recipients.is_empty() || left == 0 {
            return texting::refused(recipients.is_empty(), NOT_PASSED_ON, context);
        }
        let letter = |contact: &Contact| {
            let body = body(contact.language, &request.words, playbook);
            Letter::to(contact, body, request.priority, context.now).owed(context)
        };
        let routine = texting::texts_left(Priority::P4, context);
        let mut texts: Vec<NewSms> = recipients.into_iter().take(left).map(letter).collect();
        let confirmation = confirmation(context).filter(|sms| texts.len() < routine && is_new(sms, &texts));
        let confirmed = confirmation.as_ref().is_some_and(|sms| sms.suppressed.is_none());
        texts.extend(confirmation);
        let referred = route.referral.map(texting::referred);
        let facts: Vec<Fact> = referred.into_iter().chain(texts.iter().map(texting::owed)).collect();
        let message = PASSED_ON.in_language(context.language());
        let answer = Requested { requested: true, message, confirmation: confirmed };
        ToolOutcome { texts, ..ToolOutcome::result(&answer).with_facts(facts) }
    }
}

struct Request {
    words: CallbackWords,
    priority: Priority,
    /// What decides who is told.
    service: String,
    said: String,
}

impl Request {
    /// `None` when nobody could be called back.
    fn read(args: &Args, context: &ToolContext) -> Option<Request> {
        let callback = texting::callback(args, context.call)?;
        let own = Some(callback.as_str());
        let text = |names: &[&str]| args.text(names).unwrap_or_default();
        let (client, reason, service) = (text(&NAME), text(&REASON), text(&SERVICE));
        let words = CallbackWords {
            business: context.playbook.name.clone(),
            client: plain(&client, MAX_CLIENT_CHARS, own),
            when: plain(&text(&WHEN), MAX_WHEN_CHARS, own),
            reason: plain(&reason, MAX_REASON_CHARS, own),
            within: context.playbook.callback.within_s.map(short).unwrap_or_default(),
            callback,
        };
        let priority = context.call.priority.unwrap_or(Priority::P4);
        Some(Request { words, priority, service, said: format!("{client}\n{reason}") })
    }

    fn route<'a>(&self, context: &ToolContext<'a>) -> Route<'a> {
        let playbook = context.playbook;
        playbook.route(self.priority, &playbook.callback.roster, &self.service, &self.said)
    }
}

fn body(language: Language, words: &CallbackWords, playbook: &Playbook) -> String {
    let body = playbook.templates.render_callback(language, words);
    texting::checked(body, &words.callback, || {
        let nothing = CallbackWords {
            client: String::new(),
            callback: String::new(),
            when: String::new(),
            reason: String::new(),
            ..words.clone()
        };
        playbook.templates.render_callback(language, &nothing)
    })
}

/// To the number the platform saw and no other: a dictated one may be anybody's.
fn confirmation(context: &ToolContext) -> Option<NewSms> {
    let playbook = context.playbook;
    let to = context.call.seen_number().filter(|_| playbook.callback.confirm).and_then(phone_number)?;
    let words = ConfirmationWords { business: playbook.name.clone() };
    let body = playbook.templates.render_confirmation(context.language(), &words)?;
    let letter = Letter { to: &to, contact: Contact::CALLER, body, priority: Priority::P4, due_at: context.now };
    Some(letter.owed(context))
}

/// One of the team who calls in is not texted twice.
fn is_new(sms: &NewSms, texts: &[NewSms]) -> bool {
    texts.iter().all(|other| other.to != sms.to)
}

/// `45 s`, `30 min`, `2 h`, in the words of both languages.
fn short(seconds: u64) -> String {
    match seconds {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_short() {
        for (seconds, words) in [(45, "45 s"), (90, "90 s"), (1800, "30 min"), (5400, "90 min"), (7200, "2 h")] {
            assert_eq!(short(seconds), words);
        }
    }
}
