//! A tool of a business's own: described in its playbook, answered by its own server, asked in our name.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Args, Definition, Inquiry, Sentence, Tool, ToolContext, ToolOutcome};
use crate::call::{Direction, EventKind, Fact, Note, ToolAnswer, ToolCall};
use crate::playbook::{Language, Playbook, SUPPRESSED, Words};
use crate::priority::Priority;
use crate::time::Timestamp;

/// Longest body sent, in bytes. A model writes arguments of a few hundred.
const MAX_BODY_BYTES: usize = 16 * 1024;

const TOO_MUCH: Sentence = Sentence {
    fr: "C'est trop long pour moi; redites-le-moi en quelques mots.",
    en: "That is too long for me; please say it again in a few words.",
};
const NO_ANSWER: Sentence = Sentence {
    fr: "Je n'ai pas pu obtenir la réponse; je prends le message et on vous rappelle.",
    en: "I could not get the answer; I will take a message and somebody will call you back.",
};

#[derive(Debug)]
pub struct Forward {
    pub name: Box<str>,
    pub description: Words,
    pub parameters: Parameters,
    /// Whether doing it twice does more than doing it once.
    pub effects: bool,
    pub on_error: Option<Words>,
    pub endpoint: Endpoint,
}

/// What a model is told of the arguments.
#[derive(Debug, Default)]
pub struct Parameters {
    /// Each a JSON Schema.
    pub properties: Map<String, Value>,
    pub required: Vec<Box<str>>,
}

/// Where a tool of a business's own is answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `https://…`; `http://…` only with `allow_private`.
    pub url: Box<str>,
    /// Both sides know it; what is sent is signed with it.
    pub secret: Box<str>,
    /// From the first look-up of its name to the last byte of its answer.
    pub timeout: Duration,
    /// Whether it may be on this machine or in its private networks.
    pub allow_private: bool,
}

/// What is sent. A promise to whoever receives it: fields are added, never renamed.
#[derive(Serialize)]
struct Body<'a> {
    tool: &'a str,
    tool_call_id: &'a str,
    arguments: &'a Map<String, Value>,
    tenant: &'a str,
    call: About<'a>,
}

#[derive(Serialize)]
struct About<'a> {
    id: &'a str,
    platform: &'a str,
    direction: Option<Direction>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    caller_name: Option<&'a str>,
    priority: Option<Priority>,
    language: Language,
    started_at: Timestamp,
}

impl Tool for Forward {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_effects(&self) -> bool {
        self.effects
    }

    fn definition(&self, _: &Playbook, language: Language) -> Option<Definition> {
        let definition = Definition::new(self.description.in_language(language));
        let Parameters { properties, required } = &self.parameters;
        let definition = properties.iter().fold(definition, |it, (name, schema)| it.property(name, schema.clone()));
        Some(definition.required(required.iter().map(|name| &**name)))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.endpoint)
    }

    /// The arguments go as the model wrote them: who receives them knows what they mean. A business that only watches
    /// sends nothing, and its own server is asked by the webhook it has.
    fn run(&self, _: &Args, context: &ToolContext) -> ToolOutcome {
        let EventKind::ToolCalled(tool_call) = &context.event.kind else {
            return context.refuse(Sentence::UNKNOWN_TOOL);
        };
        if let Some(missing) = self.parameters.missing(&tool_call.arguments) {
            return ToolOutcome::error(&ask_for(missing, context.language()));
        }
        let body = self.body(tool_call, context);
        if body.len() > MAX_BODY_BYTES {
            return context.refuse(TOO_MUCH);
        }
        let otherwise = self.otherwise(context.language());
        if context.playbook.shadow.is_some() {
            let note = Note { what: "not_asked".into(), detail: Some(SUPPRESSED.into()) };
            return ToolOutcome::error(otherwise).with_facts([Fact::Noted(note)]);
        }
        ToolOutcome::after(Inquiry::Endpoint { body: body.into() }, otherwise)
    }
}

impl Forward {
    fn otherwise(&self, language: Language) -> &str {
        self.on_error.as_ref().map_or(NO_ANSWER.in_language(language), |words| words.in_language(language))
    }

    fn body(&self, tool_call: &ToolCall, context: &ToolContext) -> String {
        let call = context.call;
        let body = Body {
            tool: &self.name,
            tool_call_id: &tool_call.id,
            arguments: &tool_call.arguments,
            tenant: context.key.tenant.as_str(),
            call: About {
                id: context.key.call.as_str(),
                platform: &call.platform,
                direction: call.direction,
                from: call.from.as_deref(),
                to: call.to.as_deref(),
                caller_name: call.caller_name.as_deref(),
                priority: call.priority,
                language: context.language(),
                started_at: call.started_at,
            },
        };
        serde_json::to_string(&body).expect("text, numbers and what was JSON before")
    }
}

impl Parameters {
    /// What the first required argument without a value is, in the business's own words; its name where there are none.
    fn missing(&self, arguments: &Map<String, Value>) -> Option<&str> {
        let is_given = |value: &Value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty());
        let name = self.required.iter().find(|name| !arguments.get(&***name).is_some_and(is_given))?;
        let description = self.properties.get(&**name).and_then(|schema| schema.get("description")?.as_str());
        let described = description.map(|text| text.trim().trim_end_matches('.')).filter(|text| !text.is_empty());
        Some(described.unwrap_or(name))
    }
}

fn ask_for(missing: &str, language: Language) -> String {
    match language {
        Language::Fr => format!("Il me manque encore ceci: {missing}."),
        Language::En => format!("I still need this: {missing}."),
    }
}

/// What the endpoint answered, as the model gets it: `{"result": …}`, `{"error": "…"}`, or anything else as it is.
/// Always one line, never empty.
pub(super) fn read_reply(text: &str) -> ToolAnswer {
    let Ok(reply) = serde_json::from_str::<Value>(text) else { return ToolAnswer::Result(line(text.into())) };
    let says = |value: &&Value| !value.is_null() && value.as_str() != Some("");
    let field = |name| reply.get(name).filter(says);
    match (field("error"), field("result")) {
        (Some(error), _) => ToolAnswer::Error(line(words(error))),
        (None, Some(result)) => ToolAnswer::Result(line(words(result))),
        (None, None) => ToolAnswer::Result(line(words(&reply))),
    }
}

fn words(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Cow::from)
}

fn line(text: Cow<'_, str>) -> std::sync::Arc<str> {
    let breaks = |c: char| c.is_whitespace() || c.is_control();
    let line = text.split(breaks).filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ");
    if line.is_empty() { r#"{"done":true}"#.into() } else { line.into() }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("timeout", &self.timeout)
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_becomes_one_line_for_the_model() {
        let result = |text: &str| ToolAnswer::Result(text.into());
        let error = |text: &str| ToolAnswer::Error(text.into());
        for (reply, answer) in [
            (r#"{"result": "Tuesday\nmorning"}"#, result("Tuesday morning")),
            (r#"{"result": {"slots": [1, 2]}}"#, result(r#"{"slots":[1,2]}"#)),
            (r#"{"result": false}"#, result("false")),
            (r#"{"result": null, "error": "full"}"#, error("full")),
            (r#"{"result": 1, "error": null}"#, result("1")),
            (r#"{"error": {"code": 7}}"#, error(r#"{"code":7}"#)),
            (r#"{"slots": []}"#, result(r#"{"slots":[]}"#)),
            ("[1,\n 2]", result("[1,2]")),
            (r#""plain""#, result("plain")),
            ("not json\u{2028}at all\t!", result("not json at all !")),
            ("", result(r#"{"done":true}"#)),
            (r#"{"result": " "}"#, result(r#"{"done":true}"#)),
        ] {
            assert_eq!(read_reply(reply), answer, "{reply}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let endpoint = Endpoint {
            url: "https://api.example.com".into(),
            secret: "a-secret-of-two".into(),
            timeout: Duration::from_secs(4),
            allow_private: false,
        };
        assert!(!format!("{endpoint:?}").contains("a-secret"));
    }
}
