//! Files of past calls: found, read one value at a time, and what cannot be read named with its place.
//!
//! A file is one JSON value or JSON Lines. A value is a call, a webhook's body, a list of them, or a page
//! `{"results": […]}` of the platform's API.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::history::PastCall;
use crate::platforms::vapi::history::{Histories, too_deep};

/// Largest file, in bytes. It is held in memory whole; the calls made of it are a tenth of that.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Most calls of one audit.
const MAX_CALLS: usize = 100_000;
/// Directories within directories.
const MAX_DEPTH: usize = 16;
/// Places named; a file that is no export has one on every line.
const MAX_UNREADABLE: usize = 100;
const EXTENSIONS: [&str; 3] = ["json", "jsonl", "ndjson"];

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Exports {
    histories: Histories,
    unreadable: Vec<Unreadable>,
    /// Places not named any more.
    and_more: usize,
}

/// A page of the platform's API.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, alias = "calls", alias = "data")]
    results: Option<&'a RawValue>,
}

/// `file:line:column`, and why nothing could be made of what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    pub place: String,
    pub why: String,
}

impl Exports {
    /// A file, a directory with everything in it, or `-` for standard input.
    pub fn read(&mut self, path: &Path) {
        if path == Path::new("-") {
            return self.read_from(io::stdin().lock(), "standard input");
        }
        match files(path, MAX_DEPTH) {
            Ok(files) => files.iter().for_each(|file| self.read_file(file)),
            Err(why) => self.unreadable(path.display().to_string(), why),
        }
    }

    /// A value that came from elsewhere, such as one call of the platform's API.
    pub fn add(&mut self, json: &RawValue, place: &str) {
        if self.histories.len() >= MAX_CALLS {
            return self.unreadable(place.to_owned(), format!("more than {MAX_CALLS} calls: audit fewer at once"));
        }
        if !self.histories.add(json) {
            self.unreadable(place.to_owned(), "neither a call nor a webhook's body");
        }
    }

    /// Every call, by its start, and what could not be read.
    pub fn finish(mut self) -> (Vec<PastCall>, Vec<Unreadable>) {
        if self.and_more > 0 {
            let why = format!("and {} more places", self.and_more);
            self.unreadable.push(Unreadable { place: "…".to_owned(), why });
        }
        (self.histories.finish(), self.unreadable)
    }

    fn read_file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => self.read_from(file, &name),
            Err(why) => self.unreadable(name, why),
        }
    }

    fn read_from(&mut self, source: impl Read, name: &str) {
        let mut bytes = Vec::new();
        let read = source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
        let text = match (read, std::str::from_utf8(&bytes)) {
            (Err(why), _) => return self.unreadable(name.to_owned(), why),
            (Ok(_), _) if bytes.len() as u64 > MAX_FILE_BYTES => {
                let mib = MAX_FILE_BYTES / 1024 / 1024;
                return self.unreadable(name.to_owned(), format!("larger than {mib} MiB: split it"));
            }
            (_, Err(_)) => return self.unreadable(name.to_owned(), "not UTF-8"),
            (_, Ok(text)) => text.trim_start_matches('\u{feff}'),
        };
        if too_deep(text) {
            return self.unreadable(name.to_owned(), "nested deeper than any export");
        }
        self.read_text(text, name);
    }

    fn read_text(&mut self, text: &str, name: &str) {
        if text.trim().is_empty() {
            return self.unreadable(name.to_owned(), "empty");
        }
        match serde_json::from_str::<&RawValue>(text) {
            Ok(value) => self.take(value, name),
            Err(_) if starts_with_a_line_of_json(text) => self.read_lines(text, name),
            Err(error) => self.unreadable(format!("{name}:{}:{}", error.line(), error.column()), "not JSON"),
        }
    }

    fn read_lines(&mut self, text: &str, name: &str) {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match serde_json::from_str::<&RawValue>(line) {
                Ok(value) => self.take(value, &format!("{name}:{}", number + 1)),
                Err(error) => self.unreadable(format!("{name}:{}:{}", number + 1, error.column()), "not JSON"),
            }
        }
    }

    /// A value, or each of the list it holds.
    fn take(&mut self, value: &RawValue, place: &str) {
        match list_in(value) {
            Some(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.add(item, &format!("{place}[{number}]"));
                }
            }
            None => self.add(value, place),
        }
    }

    fn unreadable(&mut self, place: String, why: impl ToString) {
        match self.unreadable.len() {
            0..MAX_UNREADABLE => self.unreadable.push(Unreadable { place, why: why.to_string() }),
            _ => self.and_more += 1,
        }
    }
}

fn list_in(value: &RawValue) -> Option<Vec<&RawValue>> {
    if value.get().starts_with('[') {
        return serde_json::from_str(value.get()).ok();
    }
    let Page { results } = serde_json::from_str(value.get()).ok()?;
    serde_json::from_str(results?.get()).ok()
}

/// Only then is a text that is no JSON as a whole taken for JSON Lines.
fn starts_with_a_line_of_json(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| serde_json::from_str::<&RawValue>(line).is_ok())
}

/// The file itself; of a directory every export in it, by name. Links are not followed.
fn files(path: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(path)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() && depth > 0 {
            found.extend(files(&path, depth - 1)?);
        } else if kind.is_file() && path.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end == *known)) {
            found.push(path);
        }
    }
    Ok(found)
}
