//! What has to change at Vapi, one line each, and the requests that change it.

use std::fmt;

use engine::playbook::Playbook;
use serde_json::{Map, Value, json};

use super::wanted::{self, Wiring};

/// Something of Vapi's that is set up.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Resource {
    Assistant(String),
    Number(String),
}

/// One setting that is not as it should be.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Change {
    pub resource: Resource,
    /// `server.url`, `model.tools.classifyPriority`.
    pub field: String,
    /// `null` when there is none yet.
    pub from: Value,
    /// `null` when it goes.
    pub to: Value,
}

/// Everything that has to change, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// In the order they are sent.
    pub patches: Vec<(Resource, Value)>,
}

impl Plan {
    /// Compares an assistant, as Vapi has it, with what the playbook wants. `kept_tools`: id and name of the tools kept
    /// at Vapi, of which an assistant holds ids only.
    pub fn assistant(&mut self, actual: &Value, kept_tools: &[(String, String)], playbook: &Playbook, wiring: &Wiring) {
        let resource = Resource::Assistant(text(&actual["id"]));
        let mut changes = Changes::of(resource);
        let mut patch = Map::new();
        if changes.server(&actual["server"], wiring) {
            patch.insert("server".to_owned(), kept_and_set(&actual["server"], wiring));
        }
        let messages = wanted::server_messages();
        if !same_members(&actual["serverMessages"], &messages) {
            changes.add("serverMessages", &actual["serverMessages"], &messages);
            patch.insert("serverMessages".to_owned(), messages);
        }
        if let Some(model) = changes.model(&actual["model"], kept_tools, playbook, wiring) {
            patch.insert("model".to_owned(), model);
        }
        self.take(changes, patch);
    }

    /// Compares a telephone number: it asks us who answers, and has somewhere to go when we do not.
    pub fn number(&mut self, actual: &Value, playbook: &Playbook, wiring: &Wiring) {
        let resource = Resource::Number(text(&actual["id"]));
        let mut changes = Changes::of(resource);
        let mut patch = Map::new();
        if changes.server(&actual["server"], wiring) {
            patch.insert("server".to_owned(), kept_and_set(&actual["server"], wiring));
        }
        if let Some(fallback) = wanted::fallback(playbook)
            && !covers(&actual["fallbackDestination"], &fallback)
        {
            changes.add("fallbackDestination", &actual["fallbackDestination"], &fallback);
            patch.insert("fallbackDestination".to_owned(), fallback);
        }
        self.take(changes, patch);
    }

    fn take(&mut self, changes: Changes, patch: Map<String, Value>) {
        if !patch.is_empty() {
            self.patches.push((changes.resource, Value::Object(patch)));
        }
        self.changes.extend(changes.list);
    }
}

struct Changes {
    resource: Resource,
    list: Vec<Change>,
}

impl Changes {
    fn of(resource: Resource) -> Changes {
        Changes { resource, list: Vec::new() }
    }

    fn add(&mut self, field: &str, from: &Value, to: &Value) {
        let resource = self.resource.clone();
        self.list.push(Change { resource, field: field.to_owned(), from: from.clone(), to: to.clone() });
    }

    /// Whether anything of the server has to change. That a secret is there is compared, its value never.
    fn server(&mut self, actual: &Value, wiring: &Wiring) -> bool {
        let before = self.list.len();
        let wanted = wiring.server();
        for (field, value) in wanted.as_object().into_iter().flatten() {
            if !covers(&actual[field], value) {
                self.add(&format!("server.{field}"), &actual[field], value);
            }
        }
        let proven = ["credentialId", "secret"].iter().any(|field| actual[field].is_string());
        if sends_secret(wiring) && (!proven || wiring.resend_secret) {
            let from = if proven { json!("(a secret)") } else { Value::Null };
            self.add("server.secret", &from, &json!("(the webhook secret)"));
        }
        self.list.len() > before
    }

    /// The model with our tools in it, if they are not there as they should be. Vapi replaces a model whole, so the
    /// rest of it is sent back as it came.
    fn model(
        &mut self,
        actual: &Value,
        kept: &[(String, String)],
        playbook: &Playbook,
        wiring: &Wiring,
    ) -> Option<Value> {
        let before = self.list.len();
        let wanted = wanted::tools(playbook, playbook.language, Some(wiring));
        let existing = actual["tools"].as_array().cloned().unwrap_or_default();
        for tool in &wanted {
            let now = existing.iter().find(|other| name(other) == name(tool)).unwrap_or(&Value::Null);
            if !covers(now, tool) {
                self.add(&format!("model.tools.{}", name(tool)), now, tool);
            } else if sends_secret(wiring) && wiring.resend_secret {
                let field = format!("model.tools.{}.server.secret", name(tool));
                self.add(&field, &json!("(a secret)"), &json!("(the webhook secret)"));
            }
        }
        let (dropped, existing): (Vec<Value>, Vec<Value>) =
            existing.into_iter().partition(|tool| is_left_behind(tool, &wanted, wiring));
        for tool in &dropped {
            self.add(&format!("model.tools.{}", name(tool)), &without_secret(tool), &Value::Null);
        }
        let ids = actual["toolIds"].as_array().cloned().unwrap_or_default();
        let (doubled, ids): (Vec<Value>, Vec<Value>) = ids.into_iter().partition(|id| is_ours(id, kept, &wanted));
        for id in &doubled {
            self.add("model.toolIds", id, &Value::Null);
        }
        if self.list.len() == before {
            return None;
        }
        let others = existing.into_iter().filter(|tool| wanted.iter().all(|ours| name(ours) != name(tool)));
        let mut model = actual.as_object().cloned().unwrap_or_default();
        model.insert("tools".to_owned(), others.chain(wanted.iter().map(|tool| with_secret(tool, wiring))).collect());
        if !doubled.is_empty() {
            model.insert("toolIds".to_owned(), Value::Array(ids));
        }
        Some(Value::Object(model))
    }
}

const fn sends_secret(wiring: &Wiring) -> bool {
    wiring.credential.is_none() && wiring.secret.is_some()
}

/// A function we were to answer and no longer know: the playbook gave it up. What is no function has its server for
/// other reasons.
fn is_left_behind(tool: &Value, wanted: &[Value], wiring: &Wiring) -> bool {
    let asks_us = tool["type"] == "function" && tool["server"]["url"] == wiring.url.as_str();
    asks_us && wanted.iter().all(|ours| name(ours) != name(tool))
}

fn without_secret(tool: &Value) -> Value {
    let mut tool = tool.clone();
    if let Some(server) = tool["server"].as_object_mut() {
        server.remove("secret");
    }
    tool
}

/// Vapi replaces a server whole, so what we do not set (headers, an address it calls from) is sent back as it came.
fn kept_and_set(actual: &Value, wiring: &Wiring) -> Value {
    let mut server = actual.as_object().cloned().unwrap_or_default();
    server.extend(wiring.server_with_secret().as_object().cloned().unwrap_or_default());
    Value::Object(server)
}

fn with_secret(tool: &Value, wiring: &Wiring) -> Value {
    let mut tool = tool.clone();
    tool["server"] = wiring.server_with_secret();
    tool
}

/// A tool kept at Vapi under the name of one of ours: the model would see two of them.
fn is_ours(id: &Value, kept: &[(String, String)], wanted: &[Value]) -> bool {
    let kept = kept.iter().find(|(kept_id, _)| id.as_str() == Some(kept_id));
    kept.is_some_and(|(_, kept_name)| wanted.iter().any(|tool| name(tool) == kept_name))
}

fn name(tool: &Value) -> &str {
    tool["function"]["name"].as_str().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Whether everything wanted is there. What else is there is not ours to judge.
fn covers(actual: &Value, wanted: &Value) -> bool {
    match (actual, wanted) {
        (Value::Object(actual), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| actual.get(key).is_some_and(|actual| covers(actual, value)))
        }
        (Value::Array(actual), Value::Array(wanted)) => {
            actual.len() == wanted.len() && actual.iter().zip(wanted).all(|(actual, wanted)| covers(actual, wanted))
        }
        (Value::Number(actual), Value::Number(wanted)) => actual.as_f64() == wanted.as_f64(),
        _ => actual == wanted,
    }
}

fn same_members(actual: &Value, wanted: &Value) -> bool {
    let sorted = |value: &Value| {
        let mut members: Vec<String> = value.as_array().into_iter().flatten().map(Value::to_string).collect();
        members.sort();
        members
    };
    sorted(actual) == sorted(wanted)
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Assistant(id) => write!(f, "assistant {id}"),
            Resource::Number(id) => write!(f, "number {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::fixtures::playbook;

    use super::*;

    fn wiring() -> Wiring {
        let secret = Some("a-secret-of-sixteen".into());
        Wiring {
            url: "https://calls.example.com/webhooks/vapi".to_owned(),
            credential: None,
            secret,
            resend_secret: false,
        }
    }

    fn plan_for(assistant: &Value, kept: &[(String, String)]) -> Plan {
        let mut plan = Plan::default();
        plan.assistant(assistant, kept, &playbook(), &wiring());
        plan
    }

    /// The assistant as it is after a patch: Vapi replaces the fields it is given.
    fn patched(assistant: &Value, plan: &Plan) -> Value {
        let mut assistant = assistant.clone();
        for (field, value) in plan.patches.iter().flat_map(|(_, patch)| patch.as_object().unwrap()) {
            assistant[field] = value.clone();
        }
        assistant
    }

    fn bare() -> Value {
        json!({ "id": "a1", "name": "Reception", "model": {
            "provider": "openai", "model": "a-model", "messages": [{ "role": "system", "content": "Be kind." }],
            "tools": [{ "type": "endCall" }, { "type": "function", "function": { "name": "sendSMSAlert" } }],
        } })
    }

    #[test]
    fn what_is_set_up_needs_no_second_change() {
        let first = plan_for(&bare(), &[]);
        let fields: Vec<&str> = first.changes.iter().map(|change| change.field.as_str()).collect();
        for field in ["server.url", "server.backoffPlan", "server.secret", "serverMessages", "model.tools.sendSMSAlert"]
        {
            assert!(fields.contains(&field), "{field} is not in {fields:?}");
        }
        let second = plan_for(&patched(&bare(), &first), &[]);
        assert_eq!(second, Plan::default());
    }

    #[test]
    fn only_what_is_ours_is_touched() {
        let mut before = bare();
        before["server"] = json!({ "url": "https://old.example.com", "headers": { "x-mine": "1" } });
        let after = patched(&before, &plan_for(&before, &[]));
        assert_eq!(after["server"]["headers"], json!({ "x-mine": "1" }));
        assert_eq!(after["name"], "Reception");
        assert_eq!(after["model"]["messages"], bare()["model"]["messages"]);
        let tools = after["model"]["tools"].as_array().unwrap();
        assert_eq!(tools[0], json!({ "type": "endCall" }));
        assert_eq!(tools.iter().filter(|tool| name(tool) == "sendSMSAlert").count(), 1);
    }

    #[test]
    fn a_tool_that_left_the_playbook_leaves_the_assistant() {
        let mut assistant = patched(&bare(), &plan_for(&bare(), &[]));
        let server = json!({ "url": wiring().url, "secret": "a-secret-of-sixteen" });
        let function =
            |tool: &str, server: &Value| json!({ "type": "function", "function": { "name": tool }, "server": server });
        let handoff = json!({ "type": "handoff", "server": server });
        let theirs = function("weather", &json!({ "url": "https://weather.example.com" }));
        for tool in [function("bookVisit", &server), handoff.clone(), theirs.clone()] {
            assistant["model"]["tools"].as_array_mut().unwrap().push(tool);
        }
        let plan = plan_for(&assistant, &[]);
        let changes: Vec<(&str, bool)> = plan.changes.iter().map(|it| (it.field.as_str(), it.to.is_null())).collect();
        assert_eq!(changes, [("model.tools.bookVisit", true)]);
        assert!(!serde_json::to_string(&plan.changes).unwrap().contains("a-secret-of-sixteen"));
        let after = patched(&assistant, &plan);
        let tools = after["model"]["tools"].as_array().unwrap();
        assert!(tools.iter().all(|tool| name(tool) != "bookVisit"));
        assert!(tools.contains(&handoff) && tools.contains(&theirs));
        assert_eq!(plan_for(&after, &[]), Plan::default());
    }

    #[test]
    fn a_tool_kept_elsewhere_under_our_name_is_taken_out() {
        let mut assistant = patched(&bare(), &plan_for(&bare(), &[]));
        assistant["model"]["toolIds"] = json!(["t-old", "t-weather"]);
        let kept =
            [("t-old", "classifyPriority"), ("t-weather", "weather")].map(|(id, n)| (id.to_owned(), n.to_owned()));
        let plan = plan_for(&assistant, &kept);
        assert_eq!(plan.changes.len(), 1);
        assert_eq!(patched(&assistant, &plan)["model"]["toolIds"], json!(["t-weather"]));
    }

    #[test]
    fn a_secret_is_sent_and_never_shown() {
        let plan = plan_for(&bare(), &[]);
        let shown = serde_json::to_string(&plan.changes).unwrap();
        assert!(!shown.contains("a-secret-of-sixteen"), "{shown}");
        assert_eq!(plan.patches[0].1["server"]["secret"], "a-secret-of-sixteen");
        let mut with_credential = Plan::default();
        let wiring = Wiring { credential: Some("cred-1".to_owned()), ..wiring() };
        with_credential.assistant(&bare(), &[], &playbook(), &wiring);
        let server = &with_credential.patches[0].1["server"];
        assert_eq!((&server["credentialId"], &server["secret"]), (&json!("cred-1"), &Value::Null));
    }

    #[test]
    fn a_number_gets_somewhere_to_go_when_nobody_answers() {
        let number = json!({ "id": "n1", "number": "+15145550100", "fallbackDestination": null });
        let mut plan = Plan::default();
        plan.number(&number, &playbook(), &wiring());
        assert_eq!(plan.patches[0].1["fallbackDestination"], json!({ "type": "number", "number": "+15145550120" }));
        let mut again = Plan::default();
        again.number(&patched(&number, &plan), &playbook(), &wiring());
        assert_eq!(again, Plan::default());
    }
}
