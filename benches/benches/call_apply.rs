//! CPU of deciding one event: a status, a line of transcript, each tool.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use engine::call::{Call, Event, EventKind, Parties, Phase, Role, ToolCall};
use engine::ids::{CallId, CallKey, EventKey};
use engine::time::Timestamp;

fn event(kind: EventKind) -> Event {
    let at = Timestamp::from_millis(1_787_000_000_000);
    Event { key: EventKey::new("bench"), at, parties: Parties::default(), kind }
}

fn tool(name: &str, arguments: serde_json::Value) -> Event {
    let serde_json::Value::Object(arguments) = arguments else { unreachable!("arguments are an object") };
    event(EventKind::ToolCalled(ToolCall { id: "call_1".into(), name: name.into(), arguments }))
}

fn call_apply(criterion: &mut Criterion) {
    let playbook = gateway::playbooks::shipped().expect("the shipped playbooks are valid").remove(0);
    let key = CallKey { tenant: playbook.tenant.clone(), call: CallId::parse("bench").expect("a short id") };
    let now = Timestamp::from_millis(1_787_000_000_500);
    let events = [
        ("status", event(EventKind::Status(Phase::InProgress))),
        ("spoke", event(EventKind::Spoke { role: Role::Caller, text: "il y a de l'eau partout".into() })),
        ("classify_priority", tool("classifyPriority", serde_json::json!({"description": "refoulement au sous-sol"}))),
        ("send_sms_alert", tool("sendSMSAlert", serde_json::json!({"priority": "P1", "message": "refoulement"}))),
    ];
    let mut group = criterion.benchmark_group("call_apply");
    for (name, event) in &events {
        group.bench_function(*name, |bencher| {
            bencher.iter_batched(
                || Call::new("bench", now),
                |mut call| {
                    let decision = call.decide(&key, event, &playbook, now);
                    call.advance(&decision.facts, event.at, now);
                    (call, decision)
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, call_apply);
criterion_main!(benches);
