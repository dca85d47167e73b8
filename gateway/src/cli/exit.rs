//! How a command ends, for shells: the exit codes are part of the contract.

use std::fmt;
use std::process::ExitCode;

use crate::data_dir::DataDirError;
use crate::playbooks::PlaybooksError;
use crate::settings::SettingsError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    FailedCheck = 1,
    Usage = 2,
    Configuration = 3,
    NotFound = 4,
    Authentication = 5,
    /// Unreachable, or too slow.
    Unreachable = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do its work: one message, one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Failure {
        Failure::new(Exit::Configuration, error.to_string())
    }
}

impl From<DataDirError> for Failure {
    fn from(error: DataDirError) -> Failure {
        Failure::new(Exit::Configuration, error.to_string())
    }
}

impl From<PlaybooksError> for Failure {
    fn from(error: PlaybooksError) -> Failure {
        Failure::new(Exit::Configuration, error.to_string())
    }
}
