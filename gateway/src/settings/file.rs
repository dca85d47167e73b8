//! One TOML file as settings, each with the line it stands on.

use std::ops::Range;
use std::path::Path;

use toml::Value;
use toml_edit::{Document, Item, TableLike};

use super::error::{Origin, SettingsError};
use super::keys::{self, Named};
use super::load::Given;

pub fn read(file: &Path) -> Result<Vec<Given>, SettingsError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| SettingsError::Unreadable { file: file.to_owned(), why: error.to_string() })?;
    parse(file, &text)
}

pub fn parse(file: &Path, text: &str) -> Result<Vec<Given>, SettingsError> {
    let source = Source { file, text };
    let document = Document::parse(text)
        .map_err(|error| SettingsError::NotToml { at: source.at(error.span()), why: error.message().to_owned() })?;
    let mut given = Vec::new();
    source.collect("", document.as_table(), &mut given)?;
    Ok(given)
}

struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn collect(&self, prefix: &str, table: &dyn TableLike, given: &mut Vec<Given>) -> Result<(), SettingsError> {
        for (name, item) in table.iter() {
            let path = keys::join(prefix, name);
            let at = self.at(table.key(name).and_then(|key| key.span()).or(item.span()));
            match (keys::named(&path), item.as_table_like()) {
                (Named::Nothing, _) => {
                    let nearest = keys::nearest(&path);
                    return Err(SettingsError::Unknown { at, name: path, nearest });
                }
                (Named::Section, Some(inner)) => self.collect(&path, inner, given)?,
                (Named::Section, None) => {
                    let expected = format!("a section [{path}]");
                    return Err(SettingsError::BadValue { at, key: path, shown: String::new(), expected });
                }
                (Named::Setting(key), _) => given.push(Given { key, value: self.value(item), at }),
            }
        }
        Ok(())
    }

    /// The item as a plain value. Read again from its own text: two crates' values are not each other's.
    fn value(&self, item: &Item) -> Value {
        let Some(text) = item.span().and_then(|span| self.text.get(span)) else {
            return Value::Table(toml::Table::new());
        };
        let table = format!("value = {text}").parse::<toml::Table>();
        table.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::Table(toml::Table::new()))
    }

    fn at(&self, span: Option<Range<usize>>) -> Origin {
        let start = span.map_or(0, |span| span.start).min(self.text.len());
        let line = 1 + self.text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
        Origin::File { file: self.file.to_owned(), line }
    }
}
