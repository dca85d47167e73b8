//! How a command ends: a code a script can act on, and on failure one message.

use std::fmt::Display;
use std::process::ExitCode;

use crate::app::StartError;
use crate::playbooks::PlaybooksError;
use crate::settings::SettingsError;
use crate::simulator::Unsendable;
use crate::telemetry::BadLog;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    FailedCheck = 1,
    Usage = 2,
    /// Settings, playbooks, carrier, data directory or port: what whoever starts the server can change.
    Configuration = 3,
    NotFound = 4,
    Authentication = 5,
    /// No connection, or no answer in time.
    Unreachable = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A command that could not do what it was asked.
#[derive(Debug)]
pub struct Failed {
    exit: Exit,
    message: String,
}

impl Failed {
    pub fn new(exit: Exit, message: impl Display) -> Failed {
        Failed { exit, message: message.to_string() }
    }

    pub fn configuration(message: impl Display) -> Failed {
        Failed::new(Exit::Configuration, message)
    }

    /// Says why on standard error.
    pub fn report(&self) -> ExitCode {
        eprintln!("cordboard: {}", self.message);
        self.exit.into()
    }
}

impl From<SettingsError> for Failed {
    fn from(error: SettingsError) -> Failed {
        Failed::configuration(error)
    }
}

impl From<PlaybooksError> for Failed {
    fn from(error: PlaybooksError) -> Failed {
        Failed::configuration(error)
    }
}

impl From<StartError> for Failed {
    fn from(error: StartError) -> Failed {
        Failed::configuration(error)
    }
}

impl From<BadLog> for Failed {
    fn from(error: BadLog) -> Failed {
        Failed::configuration(error)
    }
}

impl From<Unsendable> for Failed {
    fn from(error: Unsendable) -> Failed {
        Failed::configuration(error)
    }
}

impl From<reqwest::Error> for Failed {
    /// The outermost message says what was tried, the innermost why it failed.
    fn from(error: reqwest::Error) -> Failed {
        Failed::new(Exit::Unreachable, innermost(&error))
    }
}

/// `http://…: connection refused`: the request, and the last cause.
pub fn innermost(error: &reqwest::Error) -> String {
    let url = error.url().map(|url| format!("{url}: ")).unwrap_or_default();
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let why = if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() };
    format!("{url}{why}")
}
