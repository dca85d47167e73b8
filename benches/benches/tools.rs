//! CPU of each tool, asked as an agent asks, in both languages; and with the longest arguments a tool reads.
//! The bound is 1 ms each.

use criterion::{Criterion, criterion_group, criterion_main};
use engine::call::{Call, Event, EventKind, Parties, ToolCall};
use engine::ids::{CallId, CallKey, EventKey};
use engine::playbook::Language;
use engine::time::Timestamp;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_millis(1_787_000_000_000);

/// A tool, what it is usually asked in French and in English, and the argument that can be longest.
fn questions() -> Vec<(&'static str, Value, Value, &'static str)> {
    vec![
        (
            "classifyPriority",
            json!({"description": "j'ai six pouces d'eau au sous-sol et ça monte"}),
            json!({"description": "the toilet comes up through the shower"}),
            "description",
        ),
        (
            "validateServiceRequest",
            json!({"service": "déboucher l'évier", "nom": "Ana", "adresse": "12 rue des Pins, Laval", "probleme": "bouché"}),
            json!({"service": "unclog the sink", "name": "Ana", "address": "12 Pine Street, Laval H7A 1A1"}),
            "service",
        ),
        (
            "calculateQuote",
            json!({"serviceType": "racines_alesage", "location": "rive_sud"}),
            json!({"serviceType": "pipe lining", "description": "40 feet", "address": "Brossard J4W 1A1"}),
            "description",
        ),
        (
            "evaluateScheduling",
            json!({"serviceType": "gainage", "priority": "P3"}),
            json!({"serviceType": "camera inspection"}),
            "serviceType",
        ),
        (
            "checkServiceArea",
            json!({"city": "Dollard-des-Ormeaux"}),
            json!({"address": "100 Main Street, Pointe-Claire, H9R 1A1"}),
            "address",
        ),
        ("getCompanyInfo", json!({"infoType": "hours"}), json!({"query": "do you take credit cards"}), "query"),
        ("lookupCaller", json!({}), json!({}), "query"),
        (
            "sendSMSAlert",
            json!({"priority": "P1", "message": "refoulement", "customerInfo": {"name": "Ana", "address": "12 rue des Pins"}}),
            json!({"priority": "P2", "message": "a repair for the city", "customerInfo": {"name": "Bo"}}),
            "message",
        ),
        (
            "requestCallback",
            json!({"nom": "Ana", "raison": "soumission", "moment": "demain matin"}),
            json!({"name": "Bo", "reason": "a quote"}),
            "reason",
        ),
    ]
}

fn event(name: &str, arguments: &Value) -> Event {
    let arguments = arguments.as_object().expect("arguments are an object").clone();
    let kind = EventKind::ToolCalled(ToolCall { id: "call_1".into(), name: name.into(), arguments });
    let parties = Parties { from: Some("+15145550142".into()), ..Parties::default() };
    Event { key: EventKey::new("bench"), at: NOW, parties, kind }
}

fn tools(criterion: &mut Criterion) {
    let playbook = gateway::playbooks::shipped().expect("the shipped playbooks are valid").remove(0);
    let key = CallKey { tenant: playbook.tenant.clone(), call: CallId::parse("bench").expect("a short id") };
    let spoken = |language| Call { language: Some(language), ..Call::new("bench", NOW) };
    let (french, english) = (spoken(Language::Fr), spoken(Language::En));
    let mut group = criterion.benchmark_group("tools");
    for (name, fr, en, longest) in questions() {
        let mut long = fr.clone();
        long[longest] = "l'eau de la ville de Laval sort par 12 rue des Pins, H7A 1A1 and the pool ".repeat(110).into();
        for (kind, call, arguments) in [("fr", &french, &fr), ("en", &english, &en), ("longest", &french, &long)] {
            let event = event(name, arguments);
            group.bench_function(format!("{name}/{kind}"), |bencher| {
                bencher.iter(|| call.decide(&key, &event, &playbook, NOW));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, tools);
criterion_main!(benches);
