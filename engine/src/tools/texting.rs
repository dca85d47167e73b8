//! What the tools that text people have in common: whom to call back, what may stand in a text, and what is owed.

use super::arguments::PHONE;
use super::numbers::{numbers_in, without_numbers};
use super::{Args, Sentence, ToolContext, ToolOutcome};
use crate::call::{Call, Fact, Note};
use crate::ids::SmsId;
use crate::phone::{PhoneNumber, dialable};
use crate::playbook::sms::NOT_ALLOWED;
use crate::playbook::{Contact, Referral};
use crate::priority::Priority;
use crate::sms::breaker::Audience;
use crate::sms::{NewSms, segments};
use crate::time::Timestamp;

pub const ALREADY_TOLD: Sentence = Sentence {
    fr: "L'équipe est déjà alertée; on vous rappelle.",
    en: "The team has already been alerted; they will call you back.",
};
const NOBODY_TO_TELL: Sentence = Sentence {
    fr: "Je n'arrive pas à joindre l'équipe; je garde votre message.",
    en: "I cannot reach the team; I am keeping your message.",
};

/// The number the platform saw. Only where it saw none (a hidden number, a browser) is it the one the caller dictated:
/// there is no other way back to them.
pub fn callback(args: &Args, call: &Call) -> Option<String> {
    let seen = call.seen_number().and_then(dialable);
    seen.or_else(|| args.text(&PHONE).as_deref().and_then(dialable))
}

/// A body looked at as a whole: fields that are harmless apart may make a number together. Numbers of the business's
/// own words, given by rendering them `bare`, may stay, and so may the caller's.
pub fn checked(body: String, callback: &str, bare: impl FnOnce() -> String) -> String {
    let strip = |known: &[&str]| match callback {
        "" => without_numbers(&body, known),
        callback => {
            let pieces: Vec<String> = body.split(callback).map(|piece| without_numbers(piece, known)).collect();
            pieces.join(callback)
        }
    };
    if strip(&[callback]) == body {
        return body;
    }
    let own_words = numbers_in(&bare());
    let known: Vec<&str> = own_words.iter().map(String::as_str).chain([callback]).collect();
    strip(&known)
}

/// Who gets a text, and what it says.
pub struct Letter<'a> {
    pub to: &'a PhoneNumber,
    /// Their name in the playbook.
    pub contact: &'a str,
    pub body: String,
    pub priority: Priority,
    /// Not sent before.
    pub due_at: Timestamp,
}

impl<'a> Letter<'a> {
    pub fn to(contact: &'a Contact, body: String, priority: Priority, due_at: Timestamp) -> Letter<'a> {
        Letter { to: &contact.phone, contact: &contact.name, body, priority, due_at }
    }

    /// One message per number and event: asked for again after a while by another tool call, it is another message.
    /// To a caller it waits for the hours they are texted in, and to a number of nobody's choice it is not sent.
    pub fn owed(self, context: &ToolContext) -> NewSms {
        let policy = &context.playbook.sms;
        let audience = Audience::of(self.contact);
        let refused = audience == Audience::Callers && !policy.destinations.allow(self.to);
        let due_at = policy.leaves_at(audience, self.due_at, &context.playbook.time_zone);
        NewSms {
            id: SmsId::derive(context.key, context.event.key.as_str(), self.to.as_str()),
            tenant: context.key.tenant.clone(),
            call: Some(context.key.call.clone()),
            alert: None,
            to: self.to.clone(),
            contact: self.contact.into(),
            segments: segments(&self.body).count,
            body: self.body.into(),
            priority: self.priority,
            due_at,
            expires_at: due_at.plus(policy.expires_after),
            created_at: context.now,
            suppressed: refused.then(|| NOT_ALLOWED.into()),
        }
    }
}

/// Texts the call may still cause. An emergency is told once to everybody it concerns, however many went before: what
/// was routine until then must not have used up what it needs.
pub fn texts_left(priority: Priority, context: &ToolContext) -> usize {
    match priority {
        Priority::P1 if !context.call.emergency_told => usize::MAX,
        _ => context.playbook.sms.per_call.saturating_sub(context.call.texts_owed) as usize,
    }
}

pub fn owed(sms: &NewSms) -> Fact {
    Fact::SmsOwed { sms: sms.id, contact: sms.contact.clone(), priority: sms.priority }
}

/// Shows on the timeline why others were told than usual.
pub fn referred(referral: &Referral) -> Fact {
    Fact::Noted(Note { what: "referred".into(), detail: Some(referral.name.clone()) })
}

/// Nobody is texted, and the timeline shows why. `capped` is said where others of the call were.
pub fn refused(unrouted: bool, capped: Sentence, context: &ToolContext) -> ToolOutcome {
    let (sentence, what) = match unrouted {
        true => (NOBODY_TO_TELL, "sms_unrouted"),
        false => (capped, "sms_cap_reached"),
    };
    let note = Fact::Noted(Note { what: what.into(), detail: None });
    context.refuse(sentence).with_facts([note])
}
