//! When a call opens an alert by itself, whether or not the agent says a word about it.

use std::time::Duration;

use super::notice::{Notice, Plan, Reason};
use crate::call::{Call, Decision, Event, EventKind, Fact, Fault, Phase, Role};
use crate::ids::{AlertId, CallKey, TenantId};
use crate::phone::dialable;
use crate::playbook::{AlertWords, Playbook, Roster};
use crate::priority::Priority;
use crate::time::Timestamp;
use crate::tools::plain;

/// How long an alert nobody asked for waits while the call goes on: the agent may still say it itself, with a name and
/// an address, and nobody is to be told the same thing twice. The end of the call ends the wait.
pub const HOLD: Duration = Duration::from_secs(20);

/// A call that is at least so urgent has somebody told.
const URGENT: Priority = Priority::P2;
const MAX_MESSAGE_CHARS: usize = 240;
const MAX_CLIENT_CHARS: usize = 48;

/// What a decision means for the call's alert beyond what a tool already said of it: `call` is the call before it.
pub(crate) fn by_rule(
    call: &Call,
    key: &CallKey,
    event: &Event,
    playbook: &Playbook,
    (decision, now): (&Decision, Timestamp),
) -> Option<Fact> {
    let told = |fact: &Fact| matches!(fact, Fact::AlertOpened(_) | Fact::AlertUpdated(_));
    if decision.facts.is_empty() || decision.facts.iter().any(told) {
        return None;
    }
    // Nearly every event: nothing of it is about urgency or an end.
    let held = call.alert.is_some_and(|raised| raised.held);
    let matters = |fact: &Fact| {
        let ends = matches!(
            fact,
            Fact::Ended(_) | Fact::Reported(_) | Fact::WentSilent { .. } | Fact::Status { phase: Phase::Ended }
        );
        ends || held || matches!(fact, Fact::PrioritySet { .. })
    };
    if !decision.facts.iter().any(matters) {
        return None;
    }
    let mut after = call.clone();
    decision.facts.iter().for_each(|fact| after.evolve(fact, event.at));
    let over = !after.phase.is_live();
    let priority = after.priority?;
    let raised = decision.facts.iter().find_map(|fact| match fact {
        Fact::PrioritySet { by, .. } => Some(by.clone()),
        _ => None,
    });
    let known = after.alert;
    let more_urgent = known.is_none_or(|known| priority < known.priority);
    let (reason, by): (Reason, Box<str>) = match (raised, known) {
        (Some(by), _) if priority <= URGENT && more_urgent => (Reason::Call, by),
        // The call is over: nobody will say it better any more.
        (_, Some(known)) if known.held && over => (Reason::Call, "machine".into()),
        (None, None) if priority == Priority::P1 && call.phase.is_live() && broke_off(&after) => {
            (Reason::CallFailed, "machine".into())
        }
        _ => return None,
    };
    let held = !over;
    let words = words(&after, event, playbook, priority);
    let rule = playbook.rule(priority);
    let route = playbook.route(priority, &rule.roster, "", &words.message);
    let notice = Box::new(Notice {
        alert: reason.alert_of(key),
        reason,
        priority,
        by,
        plan: Plan::of(&route, priority, playbook),
        words,
        first_at: if held { now.plus(HOLD) } else { now },
        held,
        watching: playbook.shadow.is_some(),
    });
    Some(if known.is_some() { Fact::AlertUpdated(notice) } else { Fact::AlertOpened(notice) })
}

fn broke_off(call: &Call) -> bool {
    let faulty = call.ended_fault.is_some_and(|fault| fault != Fault::None);
    call.phase == Phase::Lost || (call.phase == Phase::Ended && faulty)
}

/// What is known of the call: the caller's own words where they are at hand.
fn words(call: &Call, event: &Event, playbook: &Playbook, priority: Priority) -> AlertWords {
    let callback = call.seen_number().and_then(dialable);
    let own = callback.as_deref();
    let said = match &event.kind {
        EventKind::Spoke { role: Role::Caller, text } => Some(&**text),
        EventKind::Reported(report) => report.summary.as_deref(),
        _ => None,
    };
    let said = said.or_else(|| call.last_line.as_ref().map(|line| &*line.text)).or(call.priority_reason.as_deref());
    AlertWords {
        business: playbook.name.clone(),
        priority,
        client: plain(call.caller_name.as_deref().unwrap_or_default(), MAX_CLIENT_CHARS, own),
        service: String::new(),
        address: String::new(),
        message: plain(said.unwrap_or_default(), MAX_MESSAGE_CHARS, own),
        callback: callback.unwrap_or_default(),
        link: String::new(),
    }
}

/// A test of a priority's roster, told at once.
pub fn drill(playbook: &Playbook, tenant: &TenantId, priority: Priority, (nonce, now): (&str, Timestamp)) -> Notice {
    let rule = playbook.rule(priority);
    let roster: &Roster = &rule.roster;
    Notice {
        alert: AlertId::without_call(tenant, nonce),
        reason: Reason::Drill,
        priority,
        by: "drill".into(),
        words: AlertWords {
            business: playbook.name.clone(),
            priority,
            client: String::new(),
            callback: String::new(),
            service: String::new(),
            address: String::new(),
            message: "TEST".to_owned(),
            link: String::new(),
        },
        plan: Plan::through(roster, rule.acknowledge_within, playbook.sms.expires_after).pushing(priority, playbook),
        first_at: now,
        held: false,
        watching: playbook.shadow.is_some(),
    }
}
