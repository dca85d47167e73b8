//! `lookupCaller`: has this number called before, and what about? Only the number the platform saw is looked up, never
//! one the model names; and a number can be forged, so what the agent gets holds no number and a warning to let the
//! caller say their name and address.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::plain_text::plain;
use super::{Args, Definition, Inquiry, Sentence, Tool, ToolContext, ToolOutcome};
use crate::call::{CallView, SmsCounts, ToolAnswer};
use crate::playbook::{Language, Playbook};
use crate::priority::Priority;
use crate::time::Timestamp;

/// Of one earlier call's summary, in characters.
const MAX_SUMMARY_CHARS: usize = 240;
/// Of what the platform says of its end: open text.
const MAX_REASON_CHARS: usize = 80;
const HIDDEN: Sentence = Sentence {
    fr: "Le numéro de l'appelant est masqué; demandez-lui son nom et s'il a déjà appelé.",
    en: "The caller's number is hidden; ask for their name and whether they have called before.",
};
const FIRST_CALL: Sentence =
    Sentence { fr: "Ce numéro appelle pour la première fois.", en: "This number is calling for the first time." };
const KNOWN: Sentence = Sentence {
    fr: "Ce numéro a déjà appelé, mais peut-être une autre personne. Laissez l'appelant dire lui-même son nom et son \
         adresse; ne les dites pas à sa place.",
    en: "This number has called before, but perhaps another person. Let the caller say their name and address \
         themselves; do not say them first.",
};
const CANNOT_LOOK: Sentence = Sentence {
    fr: "Je ne retrouve pas les appels précédents en ce moment; demandez à l'appelant de quoi il s'agit.",
    en: "I cannot look up earlier calls right now; ask the caller what it is about.",
};

#[derive(Debug)]
pub struct LookupCaller;

#[derive(Serialize)]
struct Caller {
    known: bool,
    /// Newest first.
    calls: Vec<PastCall>,
    message: &'static str,
}

#[derive(Serialize)]
struct PastCall {
    /// Where the business is.
    date: String,
    days_ago: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Priority>,
    #[serde(skip_serializing_if = "String::is_empty")]
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_reason: Option<String>,
    /// Whether the people of the business were told by text.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<&'static str>,
}

impl Tool for LookupCaller {
    fn name(&self) -> &str {
        "lookupCaller"
    }

    fn definition(&self, playbook: &Playbook, language: Language) -> Option<Definition> {
        let description = Sentence {
            fr: "Dit si ce numéro a déjà appelé, et ses derniers appels. Sans argument: le numéro est déjà connu.",
            en: "Tells whether this number has called before, and its last calls. No argument: the number is known.",
        };
        (playbook.lookup_calls > 0).then(|| Definition::new(description.in_language(language)))
    }

    fn run(&self, _: &Args, context: &ToolContext) -> ToolOutcome {
        let limit = context.playbook.lookup_calls;
        if limit == 0 {
            return context.refuse(Sentence::UNKNOWN_TOOL);
        }
        let Some(number) = context.call.seen_number() else {
            let message = HIDDEN.in_language(context.language());
            return ToolOutcome::result(&Caller { known: false, calls: Vec::new(), message });
        };
        let inquiry = Inquiry::PastCalls { number: number.into(), before: context.call.started_at, limit };
        ToolOutcome::after(inquiry, CANNOT_LOOK.in_language(context.language()))
    }
}

/// The earlier calls, as the agent may know them.
pub(super) fn describe(calls: &[Arc<CallView>], context: &ToolContext) -> ToolAnswer {
    let zone = &context.playbook.time_zone;
    let today = local_date(context.now, zone);
    let calls: Vec<PastCall> = calls.iter().map(|call| past_call(call, today, zone)).collect();
    let message = if calls.is_empty() { FIRST_CALL } else { KNOWN };
    let known = !calls.is_empty();
    ToolOutcome::result(&Caller { known, calls, message: message.in_language(context.language()) }).answer
}

fn past_call(call: &CallView, today: Date, zone: &TimeZone) -> PastCall {
    let date = local_date(call.started_at, zone);
    let about = call.summary.as_deref().or(call.last_line.as_ref().map(|line| &*line.text));
    PastCall {
        days_ago: i64::from((today - date).get_days()),
        date: date.to_string(),
        priority: call.priority,
        summary: about.map(|text| plain(text, MAX_SUMMARY_CHARS, None)).unwrap_or_default(),
        ended_reason: call.ended_reason.as_deref().map(|reason| plain(reason, MAX_REASON_CHARS, None)),
        team: told(call.sms),
    }
}

fn told(sms: SmsCounts) -> Option<&'static str> {
    match sms {
        SmsCounts { delivered: 1.., .. } => Some("told"),
        SmsCounts { queued: 1.., .. } | SmsCounts { sent: 1.., .. } => Some("text_on_its_way"),
        SmsCounts { failed: 1.., .. } => Some("not_reached"),
        _ => None,
    }
}

fn local_date(moment: Timestamp, zone: &TimeZone) -> Date {
    let moment = jiff::Timestamp::from_millisecond(moment.as_millis()).expect("a moment of the years 1970 to 9999");
    zone.to_datetime(moment).date()
}
