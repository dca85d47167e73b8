//! Why the settings cannot be used: one message that says where, what and how to mend it.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from, the weakest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Default,
    File { file: PathBuf, line: usize },
    Environment { variable: String },
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(f, "default"),
            Origin::File { file, line } => write!(f, "{}:{line}", file.display()),
            Origin::Environment { variable } => write!(f, "{variable}"),
            Origin::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{}: cannot read the configuration file: {why}", file.display())]
    Unreadable { file: PathBuf, why: String },
    #[error("{at}: not TOML: {why}")]
    NotToml { at: Origin, why: String },
    #[error("{at}: unknown setting `{name}`; the nearest is `{nearest}`")]
    Unknown { at: Origin, name: String, nearest: String },
    #[error("{at}: the environment variable is not a setting; the nearest is `{nearest}`", at = at)]
    UnknownVariable { at: Origin, nearest: String },
    /// `shown` is empty for secrets.
    #[error("{at}: `{key}`{shown} is not usable: expected {expected}")]
    BadValue { at: Origin, key: String, shown: String, expected: String },
    #[error("{at}: `{key}` is refused: {why}; {fix}")]
    Refused { at: Origin, key: String, why: String, fix: String },
}
