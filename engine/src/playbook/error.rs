//! Why a playbook is refused: where, what, and what to do about it.

use std::fmt;
use std::ops::Range;

/// Reads `boreal.toml:12: priorities.P2.text: no contact is called "ownr"; name one of: owner, plumber`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaybookError {
    pub file: Box<str>,
    /// From 1.
    pub line: usize,
    /// Path of the key, as far as it is known.
    pub key: Box<str>,
    pub problem: String,
    /// Empty when the problem already says it.
    pub fix: String,
}

/// What is accepted and should be looked at, told like what is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaybookWarning {
    pub file: Box<str>,
    /// From 1.
    pub line: usize,
    pub key: Box<str>,
    pub problem: String,
    pub fix: String,
}

impl std::error::Error for PlaybookError {}

impl fmt::Display for PlaybookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tell(f, (&self.file, self.line, &self.key), &self.problem, &self.fix)
    }
}

impl fmt::Display for PlaybookWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tell(f, (&self.file, self.line, &self.key), &self.problem, &self.fix)
    }
}

fn tell(f: &mut fmt::Formatter<'_>, at: (&str, usize, &str), problem: &str, fix: &str) -> fmt::Result {
    let (file, line, key) = at;
    write!(f, "{file}:{line}: ")?;
    if !key.is_empty() {
        write!(f, "{key}: ")?;
    }
    f.write_str(problem)?;
    if fix.is_empty() { Ok(()) } else { write!(f, "; {fix}") }
}

/// The file being read, to say where a problem is.
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    pub fn refuse(&self, at: Range<usize>, key: &str, problem: impl Into<String>, fix: &str) -> PlaybookError {
        PlaybookError {
            file: self.file.into(),
            line: self.line(at.start),
            key: key.into(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }

    /// What the TOML reader refused: syntax, an unknown key, a value of the wrong type.
    pub fn refuse_toml(&self, error: &toml::de::Error) -> PlaybookError {
        let at = error.span().unwrap_or(0..0);
        let line = self.text.lines().nth(self.line(at.start) - 1).unwrap_or_default();
        self.refuse(at, key_of(line), without_value(error.message()), "")
    }

    pub fn warn(&self, at: usize, key: &str, problem: String, fix: String) -> PlaybookWarning {
        PlaybookWarning { file: self.file.into(), line: self.line(at), key: key.into(), problem, fix }
    }

    /// In characters, from 1.
    pub fn column(&self, offset: usize) -> usize {
        let before = &self.text[..offset.min(self.text.len())];
        before.rsplit('\n').next().unwrap_or_default().chars().count() + 1
    }

    fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

/// What stands before the equals sign, or the table's name. A line in the middle of a list has no key: only values,
/// which may be secrets.
fn key_of(line: &str) -> &str {
    let written = line.split('#').next().unwrap_or_default().trim();
    match written.split_once('=') {
        Some((key, _)) => key.trim(),
        None if written.starts_with('[') => written.trim_matches(['[', ']']),
        None => "",
    }
}

/// `invalid type: string "…", expected a sequence` without the value: it may be a secret or somebody's number.
fn without_value(message: &str) -> String {
    let quoted = message.strip_prefix("invalid ").and_then(|rest| rest.split_once(['"', '`']));
    match (quoted, message.rsplit_once(", expected ")) {
        (Some((what, _)), Some((_, expected))) => format!("invalid {}, expected {expected}", what.trim_end()),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::playbook::Playbook;

    #[test]
    fn a_value_of_the_wrong_kind_is_not_quoted() {
        for (text, told) in [
            ("[routing]\nsecrets = \"hush-hush\"", "f:2: secrets: invalid type: string, expected a sequence"),
            ("[routing]\nsecrets = [\n  12345678,\n]", "f:3: invalid type: integer, expected a string"),
            ("language = \"de\"", "f:1: language: unknown variant `de`, expected `fr` or `en`"),
        ] {
            assert_eq!(Playbook::parse(text, "f").unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn a_line_of_a_list_is_not_taken_for_a_key() {
        let error = Playbook::parse("[routing]\nsecrets = [\n  \"hush\" \"again\",\n]", "f").unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
