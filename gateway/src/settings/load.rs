//! Lays the layers over each other: built-in defaults < file < environment < flags.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::error::{Origin, SettingsError};
use super::keys::{self, Key};
use super::{Settings, check, environment, file};

/// What is laid over the defaults.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    pub file: Option<PathBuf>,
    /// The process's environment, or a test's.
    pub variables: Vec<(String, String)>,
    pub listen: Option<String>,
    pub data_dir: Option<PathBuf>,
}

/// The settings in force, and where each came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub settings: Settings,
    pub(super) values: Vec<Placed>,
}

/// A value somebody gave to a setting.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub key: &'static Key,
    pub value: Value,
    pub at: Origin,
}

/// One setting in force.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub key: &'static Key,
    pub value: Value,
    pub at: Origin,
}

impl Layers {
    /// This process's environment; values that are not UTF-8 are not ours to read.
    pub fn with_environment(self) -> Layers {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Layers { variables: std::env::vars_os().filter_map(utf8).collect(), ..self }
    }

    fn flags(&self) -> Vec<Given> {
        let data_dir = self.data_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned());
        let flag = |path: &str, flag: &'static str, text: String| {
            let key = keys::all().iter().find(|key| key.path == path).expect("a flag stands for a setting");
            Given { key, value: Value::String(text), at: Origin::Flag(flag) }
        };
        let listen = self.listen.clone().map(|text| flag("listen", "--listen", text));
        listen.into_iter().chain(data_dir.map(|text| flag("data_dir", "--data-dir", text))).collect()
    }
}

/// Reads every layer, refuses what is unknown, ill-typed or dangerous.
pub fn load(layers: &Layers) -> Result<Loaded, SettingsError> {
    let loaded = overlay(layers)?;
    check::check(&loaded)?;
    Ok(loaded)
}

/// The layers without the question whether their meaning is safe.
pub(super) fn overlay(layers: &Layers) -> Result<Loaded, SettingsError> {
    let mut values: Vec<Placed> =
        keys::all().iter().map(|key| Placed { key, value: key.default.clone(), at: Origin::Default }).collect();
    let from_file = layers.file.as_deref().map(file::read).transpose()?.unwrap_or_default();
    let from_environment = environment::read(&layers.variables)?;
    for given in from_file.into_iter().chain(from_environment).chain(layers.flags()) {
        place(&mut values, given)?;
    }
    let settings = deserialize(&values)?;
    Ok(Loaded { settings, values })
}

fn place(values: &mut [Placed], given: Given) -> Result<(), SettingsError> {
    let value = fitted(&given)?;
    let placed = values.iter_mut().find(|placed| std::ptr::eq(placed.key, given.key));
    let placed = placed.expect("every key has its place");
    (placed.value, placed.at) = (value, given.at);
    Ok(())
}

/// The value as the default's type; a whole number is a number too.
fn fitted(given: &Given) -> Result<Value, SettingsError> {
    let fits = match (&given.key.default, &given.value) {
        (Value::Float(_), Value::Integer(whole)) => return Ok(Value::Float(*whole as f64)),
        (Value::Array(_), Value::Array(items)) => items.iter().all(Value::is_str),
        (default, value) => default.same_type(value),
    };
    if fits { Ok(given.value.clone()) } else { Err(bad_value(given.at.clone(), given.key, &given.value)) }
}

pub(super) fn bad_value(at: Origin, key: &Key, value: &Value) -> SettingsError {
    let shown = shown(key, value);
    SettingsError::BadValue { at, key: key.path.clone(), shown, expected: keys::kind(&key.default).to_owned() }
}

fn shown(key: &Key, value: &Value) -> String {
    if keys::is_secret(&key.path) || value.is_table() { String::new() } else { format!(" = {value}") }
}

/// What is left to go wrong here are names out of a closed list and numbers out of range.
fn deserialize<T: DeserializeOwned>(values: &[Placed]) -> Result<T, SettingsError> {
    let tree = Value::Table(tree(values));
    serde_path_to_error::deserialize(tree).map_err(|error| {
        let path = error.path().to_string();
        let placed = values.iter().find(|placed| placed.key.path == path);
        let placed = placed.expect("every field of Settings is in default.toml; a test reads it");
        SettingsError::BadValue {
            at: placed.at.clone(),
            key: path,
            shown: shown(placed.key, &placed.value),
            expected: expected(placed, error.inner().message()),
        }
    })
}

/// serde's own words for a closed list; ours for a number out of range.
fn expected(placed: &Placed, message: &str) -> String {
    if placed.value.is_integer() {
        return "a whole number that is zero or more".to_owned();
    }
    match message.trim().rsplit_once("expected ") {
        Some((_, rest)) => rest.replace("one of ", "").replace("``", "\"\""),
        None => message.trim().to_owned(),
    }
}

fn tree(values: &[Placed]) -> Table {
    let mut root = Table::new();
    for placed in values {
        let mut table = &mut root;
        let mut parts = placed.key.path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_owned(), placed.value.clone());
                break;
            }
            let inner = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            table = inner.as_table_mut().expect("a section is a table");
        }
    }
    root
}

impl Loaded {
    /// Where the value of a setting came from.
    pub fn origin(&self, path: &str) -> &Origin {
        let placed = self.values.iter().find(|placed| placed.key.path == path);
        &placed.expect("asked only for settings that exist").at
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
