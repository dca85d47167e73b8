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

impl std::error::Error for PlaybookError {}

impl fmt::Display for PlaybookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, "; {}", self.fix) }
    }
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
        let key = line.split(['=', '#']).next().unwrap_or_default().trim().trim_matches(['[', ']']);
        self.refuse(at, key, error.message(), "")
    }

    fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count() + 1
    }
}
