//! One step of a roster: which comes next, who is told by it, and what of that was in vain.

use super::draft::Draft;
use super::machine::Desk;
use super::receipt::What;
use super::state::{Alert, AlertState, Fate, Place, Telling, Way, Word};
use super::words;
use crate::ids::SmsId;
use crate::playbook::Contact;
use crate::sms::{NewSms, segments};
use crate::time::Timestamp;

pub(super) fn telling(contact: &str, by: Way, place: Place, at: Timestamp, sms: Option<SmsId>) -> Telling {
    let (fate, why, fate_at, answer) = (Fate::Owed, None, None, None);
    let word = Word::Open;
    Telling { contact: contact.into(), by, place, word, at, sms, fate, why, fate_at, answer }
}

/// `None`: all steps were told as often as the roster says.
pub(super) fn next(alert: &Alert) -> Option<Place> {
    let Place { walk, round, step } = alert.place;
    if !alert.has_begun() {
        return Some(alert.place);
    }
    if (step as usize) + 1 < alert.plan.steps.len() {
        return Some(Place { walk, round, step: step + 1 });
    }
    (round < alert.plan.repeat).then_some(Place { walk, round: round + 1, step: 0 })
}

/// Tells everybody of this step, and sets the clock.
pub(super) fn tell(draft: &mut Draft, place: Place, desk: &Desk) {
    if place.round > 0 || place.step > 0 {
        draft.alert.state = AlertState::Escalated;
    }
    draft.alert.place = place;
    // By our own clock from now on, not from when it was due: a clock that was set must not skip a step.
    draft.alert.next_at = Some(draft.now.plus(draft.alert.plan.wait()));
    text(draft, desk);
    owe_calls(draft);
    owe_push(draft);
    if was_in_vain(&draft.alert) {
        fall_back(draft, "nobody of this step can be told");
    }
    if !draft.alert.has_begun() || was_in_vain(&draft.alert) {
        draft.alert.next_at = Some(draft.now);
    }
}

/// Every number once, whoever shares it.
fn text(draft: &mut Draft, desk: &Desk) {
    let (place, alert) = (draft.alert.place, &draft.alert);
    let Some(step) = alert.plan.steps.get(place.step as usize).filter(|step| !step.contacts.is_empty()) else {
        return unknown(draft, "nobody", Way::Sms);
    };
    let first = place.round == 0 && place.step == 0;
    let beside = if first { alert.plan.beside.clone() } else { Vec::new() };
    let names: Vec<Box<str>> = if step.by.sms { step.contacts.clone() } else { Vec::new() };
    let mut numbers = Vec::new();
    for name in names.into_iter().chain(beside) {
        let Some((contact, playbook)) = found(desk, &name) else {
            unknown(draft, &name, Way::Sms);
            continue;
        };
        if numbers.contains(&contact.phone) {
            continue;
        }
        numbers.push(contact.phone.clone());
        let body = words::body(contact, &draft.alert.words, draft.alert.id, playbook);
        let sms = owed(draft, contact, &told_id(&place), body, playbook.sms.expires_after);
        draft.tell(telling(&contact.name, Way::Sms, place, draft.now, Some(sms.id)));
        draft.texts.push(sms);
    }
}

/// Those of the step who are phoned. Whether they can be is seen when they are dialled.
pub(super) fn owe_calls(draft: &mut Draft) {
    let place = draft.alert.place;
    let Some(step) = draft.alert.plan.steps.get(place.step as usize).filter(|step| step.by.call) else { return };
    for name in step.contacts.clone() {
        draft.tell(telling(&name, Way::Call, place, draft.now, None));
    }
}

/// Those of the step who are told by the business's channel, whoever they are.
pub(super) fn owe_push(draft: &mut Draft) {
    let place = draft.alert.place;
    if draft.alert.plan.steps.get(place.step as usize).is_some_and(|step| step.by.push) {
        draft.tell(telling(Contact::TEAM, Way::Push, place, draft.now, None));
    }
}

/// By the channel instead of the carrier; once per step.
pub(super) fn fall_back(draft: &mut Draft, why: &str) {
    let alert = &draft.alert;
    if !alert.state.is_running() || !alert.plan.push || alert.current().any(|told| told.by == Way::Push) {
        return;
    }
    let place = alert.place;
    draft.note(What::FellBack { why: why.into() });
    draft.tell(telling(Contact::TEAM, Way::Push, place, draft.now, None));
}

/// How it ended, to whoever reads the channel.
pub(super) fn push_last(draft: &mut Draft, word: Word) {
    let alert = &draft.alert;
    let pushed = alert.told.iter().any(|told| told.by == Way::Push && told.place.walk == alert.place.walk);
    // That nobody came is told where it is loud, whether or not it was told there before.
    if alert.plan.push && (pushed || word == Word::Unanswered) {
        draft.tell(Telling { word, ..telling(Contact::TEAM, Way::Push, alert.place, draft.now, None) });
    }
}

fn unknown(draft: &mut Draft, name: &str, by: Way) {
    let why: Box<str> = "the playbook knows nobody by this name any more".into();
    let told = telling(name, by, draft.alert.place, draft.now, None);
    draft.tell(Telling { fate: Fate::Failed, why: Some(why), fate_at: Some(draft.now), ..told });
}

/// Whether nobody of the step told last was reached, for certain.
pub(super) fn was_in_vain(alert: &Alert) -> bool {
    let mut current = alert.current().peekable();
    current.peek().is_some() && current.all(|telling| telling.fate.is_in_vain())
}

/// One short text to everybody who was texted or rung up and has not heard yet that it is taken, but for the one who
/// took it: a missed call is called back.
pub(super) fn reassure(draft: &mut Draft, by: &str, desk: &Desk) {
    let (walk, heard) = (draft.alert.place.walk, draft.alert.reassured);
    let rung = |told: &Telling| told.by == Way::Call && !matches!(told.fate, Fate::Owed | Fate::Failed);
    let told = |told: &&Telling| told.place.walk >= heard && (told.by == Way::Sms || rung(told));
    let names: Vec<Box<str>> = draft.alert.told.iter().filter(told).map(|told| told.contact.clone()).collect();
    draft.alert.reassured = walk + 1;
    let taker = desk.playbook.and_then(|playbook| playbook.contact(by)).map(|contact| contact.phone.clone());
    let mut numbers: Vec<_> = taker.into_iter().collect();
    for name in names {
        let Some((contact, playbook)) = found(desk, &name) else { continue };
        if numbers.contains(&contact.phone) || &*contact.name == by {
            continue;
        }
        numbers.push(contact.phone.clone());
        let body = words::taken(contact.language, by, &draft.alert.words);
        let sms = owed(draft, contact, &format!("taken/{walk}"), body, playbook.sms.expires_after);
        draft.note(What::Reassured { contact: name, sms: sms.id });
        draft.texts.push(sms);
    }
}

fn found<'a>(desk: &Desk<'a>, name: &str) -> Option<(&'a Contact, &'a crate::playbook::Playbook)> {
    let playbook = desk.playbook?;
    Some((playbook.contact_at(name, desk.now)?, playbook))
}

/// One message per place and number: however often a step is begun, it is the same message.
fn owed(draft: &Draft, to: &Contact, place: &str, body: String, expires_after: std::time::Duration) -> NewSms {
    let alert = &draft.alert;
    NewSms {
        id: SmsId::of_alert(alert.id, place, to.phone.as_str()),
        tenant: alert.tenant.clone(),
        call: alert.call.clone(),
        alert: Some(alert.id),
        to: to.phone.clone(),
        contact: to.name.clone(),
        segments: segments(&body).count,
        body: body.into(),
        priority: alert.priority,
        due_at: draft.now,
        expires_at: draft.now.plus(expires_after),
        created_at: draft.now,
        suppressed: None,
    }
}

fn told_id(Place { walk, round, step }: &Place) -> String {
    format!("told/{walk}/{round}/{step}")
}
