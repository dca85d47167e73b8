//! A business, calls and events to test with. Every number is a 555-01xx.

use serde_json::{Map, Value};

use crate::call::{Call, Direction, EndedReason, Event, EventKind, Fault, Parties, Report, Role, ToolCall};
use crate::ids::{CallId, CallKey, EventKey, TenantId};
use crate::playbook::Playbook;
use crate::time::Timestamp;

/// Who calls in these fixtures.
pub const CALLER: &str = "+15145550142";

const PLAYBOOK: &str = r#"
tenant = "acme"
name = "Acme Drains"
language = "en"
[routing]
assistants = ["assistant-acme"]
numbers = ["+15145550100"]
secrets = ["acme-webhook-secret"]
[contacts]
owner = { phone = "+15145550110" }
on_call = { phone = "+15145550111", language = "fr" }
[priorities.P1]
reason = "urgence_immediate"
phrases = ["inondation", "urgence", "flood", "emergency"]
text = ["owner", "on_call"]
text_within_s = 0
escalate_to = ["owner"]
[priorities.P2]
reason = "municipal"
phrases = ["ville de", "city of"]
text = ["owner"]
text_within_s = 120
[priorities.P3]
reason = "high_value"
phrases = ["racines", "roots"]
value_from = 3000
text = ["owner"]
text_within_s = 3600
[priorities.P4]
reason = "standard"
text = ["owner"]
text_within_s = 1800
text_delay_s = 1800
[reception]
assistant = "assistant-acme"
[transfer]
number = "+15145550120"
[handoff]
assistant = "estimates"
[sms]
per_call = 5
expires_after_s = 14400
[templates.alert]
en = "{{ business }} {{ priority }}: {{ message }} {{ client }} {{ address }} {{ callback }}"
fr = "{{ business }} {{ priority }} : {{ message }} {{ client }} {{ address }} {{ callback }} (rappeler)"
"#;

/// Tenant `acme`: English, texts `owner` (and for P1 `on_call`), at most 5 texts per call, transfer and handoff set.
pub fn playbook() -> Playbook {
    playbook_with("")
}

/// The same with more tables: TOML that can follow it.
pub fn playbook_with(tables: &str) -> Playbook {
    Playbook::parse(&format!("{PLAYBOOK}{tables}"), "fixture.toml").expect("the fixture is a playbook")
}

/// A call of tenant `acme`.
pub fn key(call: &str) -> CallKey {
    let tenant = TenantId::parse("acme").expect("acme is a tenant id");
    CallKey { tenant, call: CallId::parse(call).expect("a fixture's call id is valid") }
}

/// `n` seconds after a fixed moment in 2027.
pub fn at(n: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus(std::time::Duration::from_secs(n))
}

/// The `n`th event of a call, at second `n`, from [`CALLER`].
pub fn event(kind: EventKind, n: u64) -> Event {
    Event { key: EventKey::new(format!("fixture:{n}")), at: at(n), parties: parties(), kind }
}

pub fn parties() -> Parties {
    Parties {
        direction: Some(Direction::Inbound),
        from: Some(CALLER.into()),
        to: Some("+15145550100".into()),
        caller_name: None,
    }
}

/// `arguments` must be a JSON object.
pub fn tool_call(id: &str, name: &str, arguments: Value) -> EventKind {
    let arguments: Map<String, Value> = match arguments {
        Value::Object(arguments) => arguments,
        other => panic!("arguments are an object, not {other}"),
    };
    EventKind::ToolCalled(ToolCall { id: id.into(), name: name.into(), arguments })
}

pub fn spoke(text: &str) -> EventKind {
    EventKind::Spoke { role: Role::Caller, text: text.into() }
}

pub fn hung_up() -> EndedReason {
    EndedReason { reason: "customer-ended-call".into(), group: "completed.customer".into(), fault: Fault::None }
}

pub fn report() -> EventKind {
    let report = Report { ended: Some(hung_up()), summary: Some("Water in the basement.".into()), ..Report::default() };
    EventKind::Reported(Box::new(report))
}

/// A call after these events, each decided and folded at its own second.
pub fn call_after(kinds: impl IntoIterator<Item = EventKind>) -> Call {
    let (playbook, key) = (playbook(), key("c1"));
    let mut call = Call::new("fixture", at(0));
    for (n, kind) in kinds.into_iter().enumerate() {
        let event = event(kind, n as u64);
        let decision = call.decide(&key, &event, &playbook, event.at);
        call.advance(&decision.facts, event.at, event.at);
    }
    call
}
