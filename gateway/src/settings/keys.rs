//! What may be set: every leaf of the built-in `config/default.toml`, in its order. There is no second list.

use std::sync::LazyLock;

use toml::{Table, Value};

/// The built-in defaults, as written.
pub const DEFAULT_TOML: &str = include_str!("../../../config/default.toml");

/// One setting that exists.
#[derive(Debug)]
pub struct Key {
    /// Dotted: `sms.twilio.from`.
    pub path: String,
    pub default: Value,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Named {
    Setting(&'static Key),
    Section,
    Nothing,
}

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let table: Table = DEFAULT_TOML.parse().expect("the built-in default.toml is TOML; a test reads it");
    let mut keys = Vec::new();
    collect("", &table, &mut keys);
    keys
});

fn collect(prefix: &str, table: &Table, keys: &mut Vec<Key>) {
    for (name, value) in table {
        let path = join(prefix, name);
        match value {
            Value::Table(inner) => collect(&path, inner, keys),
            leaf => keys.push(Key { path, default: leaf.clone() }),
        }
    }
}

pub fn all() -> &'static [Key] {
    &KEYS
}

pub fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

pub fn named(path: &str) -> Named {
    if let Some(key) = KEYS.iter().find(|key| key.path == path) {
        return Named::Setting(key);
    }
    let section = KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
    if section { Named::Section } else { Named::Nothing }
}

/// The environment variable of a setting.
pub fn variable(path: &str) -> String {
    format!("CORDBOARD_{}", path.to_uppercase().replace('.', "__"))
}

/// Values that are never shown.
pub fn is_secret(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    ["store.url", "bus.url", "cache.url", "deadman.url"].contains(&path)
        || matches!(
            name,
            "secret"
                | "previous_secrets"
                | "api_key"
                | "auth_token"
                | "previous_auth_tokens"
                | "api_key_secret"
                | "webhook_keys"
                | "token"
        )
}

/// The name nearest to one that does not exist: a sibling if one is close, else whatever is closest anywhere.
pub fn nearest(path: &str) -> String {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let best = candidates().into_iter().max_by(|a, b| {
        let (a, b) = (likeness(section, name, a), likeness(section, name, b));
        a.total_cmp(&b)
    });
    best.expect("default.toml has settings")
}

/// Settings and the sections above them.
fn candidates() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for key in all() {
        let dots = key.path.match_indices('.').map(|(at, _)| key.path[..at].to_owned());
        for name in dots.chain([key.path.clone()]) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// The last word counts most, the section it stands in second: `sms.twilio.form` is `sms.twilio.from`, and a bare
/// `provider` is `sms.provider`.
fn likeness(section: &str, name: &str, candidate: &str) -> f64 {
    let (its_section, its_name) = candidate.rsplit_once('.').unwrap_or(("", candidate));
    let of_names = strsim::normalized_damerau_levenshtein(name, its_name);
    let of_sections = if section == its_section { 1.0 } else { strsim::normalized_levenshtein(section, its_section) };
    of_names * 2.0 + of_sections
}

/// What a value of this setting looks like, for a message.
pub fn kind(default: &Value) -> &'static str {
    match default {
        Value::String(_) => "a text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts, like [\"a\", \"b\"]",
        Value::Table(_) => "a section",
        Value::Datetime(_) => "a date and time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        for (wrong, right) in [
            ("lisen", "listen"),
            ("sms.provdier", "sms.provider"),
            ("provider", "sms.provider"),
            ("sms.twilio.form", "sms.twilio.from"),
            ("smss", "sms"),
            ("platform.vapi.secret", "platforms.vapi.secret"),
            ("http.worker", "http.workers"),
            ("data-dir", "data_dir"),
            ("limits.call", "limits.calls"),
        ] {
            assert_eq!(nearest(wrong), right, "{wrong}");
        }
    }

    #[test]
    fn every_secret_of_the_schema_is_known_to_be_one() {
        let secrets: Vec<&str> = all().iter().map(|key| key.path.as_str()).filter(|path| is_secret(path)).collect();
        assert_eq!(
            secrets,
            [
                "store.url",
                "bus.url",
                "cache.url",
                "platforms.vapi.secret",
                "platforms.vapi.previous_secrets",
                "platforms.vapi.api_key",
                "sms.twilio.auth_token",
                "sms.twilio.previous_auth_tokens",
                "sms.twilio.api_key_secret",
                "sms.twilio.webhook_keys",
                "metrics.token",
                "deadman.url"
            ]
        );
    }
}
