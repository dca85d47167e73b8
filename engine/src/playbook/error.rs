//! Why a playbook is refused: where, what, and what to do about it.

use std::fmt;
use std::ops::Range;

use super::{key_path, plain_errors};

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

    /// What the TOML reader refused: syntax, an unknown key, a value of the wrong kind.
    pub fn refuse_toml(&self, error: &toml::de::Error) -> PlaybookError {
        let at = error.span().unwrap_or(0..0);
        let message = error.message();
        let is_of_the_file = message.starts_with("missing field") && at.is_empty();
        let path = if is_of_the_file { String::new() } else { key_path::at(self.text, &at) };
        let (problem, fix) = plain_errors::tell(message, &path, self.text.get(at.clone()).unwrap_or_default());
        // A table is added behind all others.
        let at = if is_of_the_file && problem.starts_with("the table") { self.end() } else { at };
        self.refuse(at, &path, problem, &fix)
    }

    /// The last line with anything on it.
    fn end(&self) -> Range<usize> {
        let end = self.text.trim_end().len();
        end..end
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

#[cfg(test)]
mod tests {
    use crate::playbook::Playbook;

    #[test]
    fn what_the_reader_refuses_is_told_with_its_key_and_the_fix_and_never_with_its_value() {
        let after = |tables: &str| format!("{HEAD}{tables}");
        for (text, told) in [
            (
                "[routing]\nsecrets = \"hush-hush\"",
                "f:2: routing.secrets: a list in brackets is wanted here, not a text; put it in brackets: […]",
            ),
            (
                "[routing]\nsecrets = [\n  12345678,\n]",
                "f:3: routing.secrets: a text in quotes is wanted here, not a whole number; put it in quotes",
            ),
            ("language = \"de\"", "f:1: language: unknown variant `de`; write one of: fr, en"),
            (
                &after("text_within_s = \"120\""),
                "f:8: priorities.P2.text_within_s: a whole number of 0 or more is wanted here, not a text; write it without quotes",
            ),
            (
                &after("text_within_s = -1"),
                "f:8: priorities.P2.text_within_s: a whole number of 0 or more is wanted here, not a number below or above all that fit",
            ),
            (
                &after("text_withn_s = 1"),
                "f:8: priorities.P2.text_withn_s: unknown field `text_withn_s`; did you mean `text_within_s`? The others are: ",
            ),
            (&after(""), "f:6: priorities.P2: `text_within_s` is missing; add text_within_s = … in priorities.P2"),
            (
                &after("text_within_s = 1\nreason = \"b\""),
                "f:9: priorities.P2.reason: it is written twice; take one out",
            ),
            (
                &after("text_within_s = 1\n[hours]\nmondya = []"),
                "f:10: hours.mondya: unknown field `mondya`; did you mean `monday`?",
            ),
            (&after("text_within_s = 1\n[reception"), "f:9: reception: the table has no end; close it with ]"),
            (
                &after("text_within_s = 1\n"),
                "f:8: the table [reception] is missing; add [reception] at the end of the file",
            ),
            ("name = \"A\"\nlanguage = \"en\"", "f:1: `tenant` is missing; add tenant = … above the first table"),
            ("tenant = \"a\nname = \"b\"", "f:1: tenant: the text has no end on this line; close its quotes"),
            ("tenant = a", "f:1: tenant: a text stands without straight quotes; write it like \"this\""),
            ("tenant =\n", "f:1: tenant: nothing stands behind the equals sign"),
        ] {
            let error = Playbook::parse(text, "f").unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}\n{told}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    const HEAD: &str = "tenant = \"a\"\nname = \"A\"\nlanguage = \"en\"\n[contacts.boss]\nphone = \"+15145550100\"\n[priorities.P2]\nreason = \"a\"\n";

    #[test]
    fn a_line_of_a_list_is_not_taken_for_a_key() {
        let error = Playbook::parse("[routing]\nsecrets = [\n  \"hush\" \"again\",\n]", "f").unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
