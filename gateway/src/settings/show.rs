//! The settings in force, for people and for programs. Secrets are never shown, only whether they are set.

use serde::Serialize;
use toml::Value;

use super::keys;
use super::load::{Loaded, Placed};

/// One setting as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    pub key: &'static str,
    pub value: serde_json::Value,
    /// `default`, a flag, a variable, or a file with its line.
    pub from: String,
}

impl Loaded {
    /// Every setting, in the order of `config/default.toml`.
    pub fn shown(&self) -> Vec<Shown> {
        self.values.iter().map(shown).collect()
    }
}

fn shown(placed: &Placed) -> Shown {
    let value = if keys::is_secret(&placed.key.path) { redacted(&placed.value) } else { placed.value.clone() };
    let value = serde_json::to_value(value).expect("a TOML value of texts and numbers is JSON");
    Shown { key: &placed.key.path, value, from: placed.at.to_string() }
}

/// Set or not set is worth knowing; its length is not.
fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::String(String::new()),
        // A file has no password.
        Value::String(text) if text.starts_with("sqlite:") => value.clone(),
        Value::Array(items) => Value::Array(items.iter().map(redacted).collect()),
        _ => Value::String("•••".to_owned()),
    }
}
