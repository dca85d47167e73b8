//! Phones one person about one alert. Claimed like a text: that it is being dialled is committed before it is, so
//! nobody is phoned twice, and a call that a crash cut is known to be unknown.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use engine::alert::{AlertEvent, Answer, CallName, Fate, How, Place, Telling, spoken};
use engine::failure::Failure;
use engine::ids::AlertId;
use engine::ports::{CallOutcome, NewCall};
use futures_util::FutureExt;
use tokio::time::timeout;
use tracing::{error, warn};

use super::ledger::Applied;
use crate::alert::Context;
use crate::metrics::alerts as metrics;

/// A call that rings, is picked up and listened to is over by then.
const LONGEST_CALL: Duration = Duration::from_secs(180);
/// Waits before an outcome that could not be recorded is recorded again.
const RECORD_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Who is phoned, and by which step.
pub(crate) struct Line {
    pub alert: AlertId,
    pub contact: Box<str>,
    pub place: Place,
}

/// Waits for a free line, claims the call, places it and records how it ended.
pub(crate) async fn dial(context: &Context, line: Line, changed: impl Fn()) {
    let Ok(_line_taken) = context.lines.acquire().await else { return };
    let place = line.place;
    let (contact, call) = match claim(context, &line).await {
        Ok(Some(claimed)) => claimed,
        // Taken meanwhile, or dialled by an earlier life of the alert.
        Ok(None) => return,
        Err(failure) => return warn!(alert.id = %line.alert, %failure, "call not placed"),
    };
    let outcome = match call {
        Ok(call) => place_call(context, &call).await,
        Err(why) => CallOutcome::Failed { why },
    };
    metrics::called(label(&outcome));
    let (fate, why, answer) = read(outcome);
    let called = AlertEvent::Called { contact: contact.clone(), place, fate, why };
    context.desk.record(line.alert, &called, RECORD_AGAIN).await;
    if let Some(answer) = answer {
        let replied = AlertEvent::Replied { contact, place: Some(place), answer, how: How::Keypress };
        context.desk.record(line.alert, &replied, RECORD_AGAIN).await;
    }
    changed();
}

/// A call that is ours to place, or why it cannot be placed.
type Claimed = Result<NewCall, Box<str>>;

/// Whom to phone. `None`: nobody any more.
async fn claim(context: &Context, line: &Line) -> Result<Option<(Box<str>, Claimed)>, Failure> {
    let ledger = &context.desk.ledger;
    let Some(alert) = ledger.store.alert(None, line.alert).await? else { return Ok(None) };
    let playbook = ledger.tenants.get(&alert.tenant);
    let contact = playbook.as_ref().and_then(|it| it.contact_at(&line.contact, ledger.clock.now()));
    let whom = contact.map_or_else(|| line.contact.clone(), |contact| contact.name.clone());
    let event = AlertEvent::Dialling { contact: line.contact.clone(), place: line.place, whom: whom.clone() };
    let Applied::Changed(alert) = context.desk.apply(line.alert, &event).await? else { return Ok(None) };
    let claimed = |told: &Telling| told.contact == whom && told.place == line.place && told.fate == Fate::Dialling;
    if !alert.told.iter().any(claimed) {
        return Ok(None);
    }
    let Some(contact) = contact else {
        return Ok(Some((whom, Err("the playbook knows nobody by this name any more".into()))));
    };
    let call = NewCall {
        id: CallName::new(alert.id, line.place, &whom).to_string().into(),
        alert: alert.id,
        tenant: alert.tenant.clone(),
        contact: whom.clone(),
        to: contact.phone.clone(),
        language: contact.language,
        say: spoken(contact.language, &alert.words).into(),
    };
    Ok(Some((whom, Ok(call))))
}

async fn place_call(context: &Context, call: &NewCall) -> CallOutcome {
    let calling = AssertUnwindSafe(context.desk.ledger.telephony.call(call)).catch_unwind();
    match timeout(LONGEST_CALL, calling).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => {
            error!(alert.id = %call.alert, "placing a call panicked");
            CallOutcome::Unknown { why: "placing it went wrong".into() }
        }
        Err(_) => CallOutcome::Unknown { why: "it never ended".into() },
    }
}

pub(super) fn read(outcome: CallOutcome) -> (Fate, Option<Box<str>>, Option<Answer>) {
    match outcome {
        CallOutcome::Answered { answer } => (Fate::Answered, None, answer),
        CallOutcome::Machine => (Fate::Machine, None, None),
        CallOutcome::NoAnswer => (Fate::NoAnswer, None, None),
        CallOutcome::Failed { why } => (Fate::Failed, Some(why), None),
        CallOutcome::Unknown { why } => (Fate::Unknown, Some(why), None),
    }
}

const fn label(outcome: &CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Answered { .. } => "answered",
        CallOutcome::Machine => "machine",
        CallOutcome::NoAnswer => "no_answer",
        CallOutcome::Failed { .. } => "failed",
        CallOutcome::Unknown { .. } => "unknown",
    }
}
