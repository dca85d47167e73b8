//! Messages that move nothing but are worth a line in the timeline.

use engine::call::{Event, EventKind, Note};
use engine::phone::mask;

use super::json::{clip, objects, pick, short, text};
use super::message::{Told, digest, name_in};
use crate::platforms::Asks;

/// Longest detail of a note, in bytes.
pub const MAX_DETAIL_BYTES: usize = 128;

/// Most artifacts of one upload that are named.
const MAX_ARTIFACTS: usize = 8;

pub fn asks(kind: &str, told: &Told) -> Asks {
    let (key, what, detail) = match kind {
        "hang" => (format!("hang:{}", told.stamp), "hang", None),
        "user-interrupted" => user_interrupted(told),
        "language-change-detected" => language_changed(told),
        "assistant.started" => assistant_started(told),
        "transfer-update" => transferred(told),
        "phone-call-control" => phone_call_control(told),
        "call.artifact.upload" => artifact_uploaded(told),
        "call.deleted" => ("cd".to_owned(), "call_deleted", None),
        "call.delete.failed" => (format!("cdf:{}", told.stamp), "call_delete_failed", None),
        _ => unknown(told),
    };
    told.record(key, note(what, detail))
}

/// A status that is no phase of a call: `not-found`, `deletion-failed`, or one we do not know.
pub fn status(status: &str, told: &Told) -> Asks {
    let detail = clip(status, MAX_DETAIL_BYTES);
    told.record(format!("st:{status}:{}", told.stamp), note(Note::STATUS, (!detail.is_empty()).then(|| detail.into())))
}

/// A call that ended because our answer to its assistant-request was refused says why. Operators must see it.
pub fn refused_reception(told: &Told) -> Option<Event> {
    let [error, other] =
        pick(told.message.get("inboundPhoneCallDebuggingArtifacts"), ["assistantRequestError", "error"]);
    let detail = short(error, MAX_DETAIL_BYTES).or_else(|| short(other, MAX_DETAIL_BYTES))?;
    Some(told.event("st:ended:refused", note("assistant_request_refused", Some(detail))))
}

type Noted = (String, &'static str, Option<Box<str>>);

fn note(what: &str, detail: Option<Box<str>>) -> EventKind {
    EventKind::Noted(Note { what: what.into(), detail })
}

fn user_interrupted(told: &Told) -> Noted {
    let turn = short(told.message.get("turnId"), MAX_DETAIL_BYTES);
    let key = format!("ui:{}", turn.as_deref().unwrap_or(&told.stamp));
    (key, "user_interrupted", None)
}

fn language_changed(told: &Told) -> Noted {
    let language = short(told.message.get("language"), MAX_DETAIL_BYTES);
    let key = format!("lc:{}:{}", language.as_deref().unwrap_or_default(), told.stamp);
    (key, "language_changed", language)
}

fn assistant_started(told: &Told) -> Noted {
    let place = if told.message.get("newAssistant").is_some() { "newAssistant" } else { "assistant" };
    let id = name_in(told, place, ["id", "name"]).unwrap_or_default();
    (format!("as:{id}:{}", told.stamp), "assistant_started", name_in(told, place, ["name", "id"]))
}

fn transferred(told: &Told) -> Noted {
    let number = name_in(told, "destination", ["number", "sipUri"]);
    let assistant = name_in(told, "destination", ["assistantName", "assistantId"]);
    let to = name_in(told, "toAssistant", ["name", "id"]);
    let from = name_in(told, "fromAssistant", ["name", "id"]);
    let parts = [&number, &assistant, &to, &from].map(|part| part.as_deref().unwrap_or_default());
    let key = format!("tu:{}:{}", digest(&parts), told.stamp);
    (key, "transferred", number.map(|number| mask(&number).into()).or(assistant).or(to))
}

fn phone_call_control(told: &Told) -> Noted {
    let request = short(told.message.get("request"), MAX_DETAIL_BYTES);
    let destination = name_in(told, "destination", ["number", "sipUri"]).unwrap_or_default();
    let key = format!("pcc:{}:{}", request.as_deref().unwrap_or_default(), digest(&[&destination]));
    (key, "phone_call_control", request)
}

fn artifact_uploaded(told: &Told) -> Noted {
    let artifacts = objects(told.message.get("artifacts"), MAX_ARTIFACTS);
    let named: Vec<String> = artifacts
        .into_iter()
        .filter_map(|artifact| {
            let [kind, success] = pick(Some(artifact), ["type", "success"]);
            let failed = success.is_some_and(|raw| raw.get() == "false");
            Some(format!("{}{}", clip(&text(kind)?, 32), if failed { " failed" } else { "" }))
        })
        .collect();
    let detail = named.join(", ");
    let detail = clip(&detail, MAX_DETAIL_BYTES);
    (format!("cau:{}", digest(&[detail])), "artifact_uploaded", (!detail.is_empty()).then(|| detail.into()))
}

fn unknown(told: &Told) -> Noted {
    let kind = short(told.message.get("type"), MAX_DETAIL_BYTES);
    (format!("raw:{}:{}", kind.as_deref().unwrap_or_default(), told.stamp), Note::UNKNOWN, kind)
}
