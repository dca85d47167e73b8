//! `[[tools]]`: tools of a business's own, each answered by a server of its own; and `[lookup]`.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use super::Language;
use super::check::{Check, Checked};
use super::words::Words;
use crate::addresses;
use crate::tools::{self, Endpoint, Forward, Parameters, Tool};

const MAX_TOOLS: usize = 32;
const MAX_NAME_CHARS: usize = 64;
const MAX_DESCRIPTION_CHARS: usize = 1_000;
const MAX_SENTENCE_CHARS: usize = 280;
const MAX_URL_CHARS: usize = 2_048;
const MIN_SECRET_CHARS: usize = 16;
/// In milliseconds: longer is silence nobody stays on the line for.
const TIMEOUTS: std::ops::RangeInclusive<u64> = 100..=10_000;
/// Of all properties of one tool, in bytes of JSON: the model reads it with every turn.
const MAX_SCHEMA_BYTES: usize = 8 * 1024;
const MAX_PAST_CALLS: usize = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnToolTable {
    name: Spanned<String>,
    description: Spanned<Words>,
    url: Spanned<String>,
    secret: Spanned<String>,
    #[serde(default = "four_seconds")]
    timeout_ms: Spanned<u64>,
    #[serde(default)]
    effects: bool,
    #[serde(default)]
    allow_private: bool,
    on_error: Option<Spanned<Words>>,
    #[serde(default)]
    parameters: ParametersTable,
}

/// A JSON Schema of an object.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParametersTable {
    r#type: Option<Spanned<String>>,
    #[serde(default)]
    properties: Option<Spanned<Map<String, Value>>>,
    #[serde(default)]
    required: Vec<Spanned<Box<str>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupTable {
    calls: Spanned<usize>,
}

impl Default for LookupTable {
    fn default() -> LookupTable {
        LookupTable { calls: Spanned::new(0..0, 3) }
    }
}

fn four_seconds() -> Spanned<u64> {
    Spanned::new(0..0, 4_000)
}

impl Check<'_> {
    /// How many earlier calls `lookupCaller` tells; 0 is none, and the tool is not offered.
    pub(super) fn lookup_calls(&self, table: &LookupTable) -> Checked<usize> {
        let calls = *table.calls.get_ref();
        if calls > MAX_PAST_CALLS {
            return Err(self.refuse(&table.calls, "lookup.calls", "not between 0 and 10", "0 switches it off"));
        }
        Ok(calls)
    }

    pub(super) fn own_tools(&self, tables: Vec<OwnToolTable>, languages: &[Language]) -> Checked<Vec<Arc<dyn Tool>>> {
        let mut own: Vec<Arc<dyn Tool>> = Vec::with_capacity(tables.len());
        for table in tables {
            let name = table.name.clone();
            let tool = self.own_tool(table, languages)?;
            if own.len() == MAX_TOOLS {
                return Err(self.refuse(&name, "tools", format!("more than {MAX_TOOLS} tools"), ""));
            }
            if own.iter().any(|other| tools::is_same_name(other.name(), &tool.name)) {
                let problem = format!("two tools are called {:?}", tool.name);
                return Err(self.refuse(&name, "tools.name", problem, "case and underscores make no difference"));
            }
            own.push(Arc::new(tool));
        }
        Ok(own)
    }

    fn own_tool(&self, table: OwnToolTable, languages: &[Language]) -> Checked<Forward> {
        let name = self.tool_name(&table.name)?;
        let description = self.words(table.description, "tools.description", languages, MAX_DESCRIPTION_CHARS)?;
        let on_error = table.on_error.map(|words| self.words(words, "tools.on_error", languages, MAX_SENTENCE_CHARS));
        let parameters = self.tool_parameters(table.parameters)?;
        let endpoint = Endpoint {
            url: self.outside_url(&table.url, "tools.url", table.allow_private)?,
            secret: self.tool_secret(&table.secret)?,
            timeout: self.tool_timeout(&table.timeout_ms)?,
            allow_private: table.allow_private,
        };
        Ok(Forward { name, description, parameters, effects: table.effects, on_error: on_error.transpose()?, endpoint })
    }

    fn tool_name(&self, name: &Spanned<String>) -> Checked<Box<str>> {
        let text = name.get_ref().as_str();
        if !is_name(text) {
            let problem = format!("{text:?} is not 1 to {MAX_NAME_CHARS} of a-z, A-Z, 0-9, - and _");
            return Err(self.refuse(name, "tools.name", problem, ""));
        }
        if tools::is_built_in(text) {
            let problem = format!("{text} is a tool that every business has");
            return Err(self.refuse(name, "tools.name", problem, "give it another name"));
        }
        Ok(text.into())
    }

    /// Of a server that is not ours.
    pub(super) fn outside_url(&self, url: &Spanned<String>, key: &str, allow_private: bool) -> Checked<Box<str>> {
        let text = url.get_ref().as_str();
        let Some((secure, host)) = scheme_and_host(text) else {
            return Err(self.refuse(url, key, "not a URL of a server", "write it like https://api.example.com/tools"));
        };
        if allow_private {
            return Ok(text.into());
        }
        if !secure {
            let fix = "use https; plain http is for `allow_private = true`";
            return Err(self.refuse(url, key, "what callers said would travel in the clear", fix));
        }
        let is_local = host.trim_end_matches('.').eq_ignore_ascii_case("localhost");
        if is_local || host.parse().is_ok_and(|address| !addresses::is_public(address)) {
            let problem = "this machine or a private network, which a playbook may not reach by default";
            return Err(self.refuse(url, key, problem, "set `allow_private = true` if that is meant"));
        }
        Ok(text.into())
    }

    fn tool_secret(&self, secret: &Spanned<String>) -> Checked<Box<str>> {
        if secret.get_ref().chars().count() < MIN_SECRET_CHARS {
            let problem = format!("a secret has less than {MIN_SECRET_CHARS} characters");
            return Err(self.refuse(secret, "tools.secret", problem, "take one from `openssl rand -hex 16`"));
        }
        Ok(secret.get_ref().as_str().into())
    }

    fn tool_timeout(&self, timeout_ms: &Spanned<u64>) -> Checked<Duration> {
        let ms = *timeout_ms.get_ref();
        if !TIMEOUTS.contains(&ms) {
            let problem = format!("not between {} and {} milliseconds", TIMEOUTS.start(), TIMEOUTS.end());
            return Err(self.refuse(timeout_ms, "tools.timeout_ms", problem, "the caller waits in silence meanwhile"));
        }
        Ok(Duration::from_millis(ms))
    }

    fn tool_parameters(&self, table: ParametersTable) -> Checked<Parameters> {
        const KEY: &str = "tools.parameters";
        if let Some(kind) = table.r#type.filter(|kind| kind.get_ref() != "object") {
            return Err(self.refuse(&kind, KEY, "arguments are an object", "leave `type` out, or write \"object\""));
        }
        let properties = table.properties.unwrap_or_else(|| Spanned::new(0..0, Map::new()));
        if let Some((name, _)) =
            properties.get_ref().iter().find(|(name, schema)| !is_name(name) || !schema.is_object())
        {
            let fix = "write it like city = { type = \"string\", description = \"…\" }";
            return Err(self.refuse(
                &properties,
                KEY,
                format!("property {name:?}: not a plain name with a schema"),
                fix,
            ));
        }
        let size = serde_json::to_vec(properties.get_ref()).map_or(usize::MAX, |json| json.len());
        if size > MAX_SCHEMA_BYTES {
            let problem = format!("{size} bytes as JSON, and the model reads all of it at every turn");
            return Err(self.refuse(&properties, KEY, problem, "at most 8192"));
        }
        let unknown = table.required.iter().find(|name| !properties.get_ref().contains_key(&**name.get_ref()));
        if let Some(name) = unknown {
            let problem = format!("{:?} is required and no property", name.get_ref());
            return Err(self.refuse(name, "tools.parameters.required", problem, "describe it under properties"));
        }
        let required = table.required.into_iter().map(Spanned::into_inner).collect();
        Ok(Parameters { properties: properties.into_inner(), required })
    }
}

/// What models may call a function.
fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    letters && (1..=MAX_NAME_CHARS).contains(&text.len())
}

/// Whether it is https, and its host. Only what is certain to be refused later is refused here: who connects reads the
/// URL again, and asks where its name leads.
fn scheme_and_host(url: &str) -> Option<(bool, &str)> {
    let visible = url.len() <= MAX_URL_CHARS && url.chars().all(|c| c.is_ascii_graphic());
    let (scheme, rest) = url.split_once("://").filter(|_| visible)?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    let secure = match scheme {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    (!host.is_empty() && !authority.contains('@')).then_some((secure, host))
}
