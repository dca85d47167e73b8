//! The environment as settings: `CORDBOARD_` and the path in upper case, levels joined by two underscores.
//! A value is read by the type of the default.

use toml::Value;

use super::error::{Origin, SettingsError};
use super::keys::{self, Key};
use super::load::Given;

const PREFIX: &str = "CORDBOARD_";
/// Ours, but not settings: a client's token, and two switches of the tests.
const NOT_SETTINGS: [&str; 3] = ["CORDBOARD_TOKEN", "CORDBOARD_CONTRACTS", "CORDBOARD_SABOTAGE"];

/// Variables of other programs are passed over.
pub fn read(variables: &[(String, String)]) -> Result<Vec<Given>, SettingsError> {
    variables
        .iter()
        .filter(|(variable, _)| variable.starts_with(PREFIX) && !NOT_SETTINGS.contains(&variable.as_str()))
        .filter_map(|(variable, text)| one(variable, text).transpose())
        .collect()
}

/// `None` for a variable that is set to nothing although its setting is no text: compose files pass such ones on.
fn one(variable: &str, text: &str) -> Result<Option<Given>, SettingsError> {
    let at = Origin::Environment { variable: variable.to_owned() };
    let Some(key) = keys::all().iter().find(|key| keys::variable(&key.path) == variable) else {
        let meant = variable[PREFIX.len()..].to_lowercase().replace("__", ".");
        return Err(SettingsError::UnknownVariable { at, nearest: keys::variable(&setting_near(&meant)) });
    };
    if text.is_empty() && !key.default.is_str() {
        return Ok(None);
    }
    let value = value(key, text).ok_or_else(|| super::load::bad_value(at.clone(), key, &Value::String(text.into())))?;
    Ok(Some(Given { key, value, at }))
}

/// Only settings have variables, sections do not.
fn setting_near(path: &str) -> String {
    let nearest = keys::nearest(path);
    let inside = |key: &&Key| key.path == nearest || key.path.starts_with(&format!("{nearest}."));
    keys::all().iter().find(inside).map_or(nearest.clone(), |key| key.path.clone())
}

fn value(key: &Key, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    match &key.default {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) => trimmed.parse().ok().map(Value::Integer),
        Value::Float(_) => trimmed.parse().ok().map(Value::Float),
        Value::Boolean(_) => boolean(trimmed).map(Value::Boolean),
        Value::Array(_) => Some(Value::Array(list(text))),
        Value::Table(_) | Value::Datetime(_) => None,
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn list(text: &str) -> Vec<Value> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Value::String(part.to_owned())).collect()
}
