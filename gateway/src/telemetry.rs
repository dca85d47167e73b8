//! Logs to standard error, as text for people or JSON for machines; and a panic hook that counts and never quotes.

use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use metrics::counter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::LogFormat;

#[derive(Debug, thiserror::Error)]
pub enum BadLog {
    #[error("log filter {filter:?} is not understood: {why}")]
    Filter { filter: String, why: String },
    #[error("a log is already set up")]
    Twice,
}

/// Sets up the log of this process. Once.
pub fn init(filter: &str, format: LogFormat) -> Result<(), BadLog> {
    let filter =
        EnvFilter::try_new(filter).map_err(|why| BadLog::Filter { filter: filter.to_owned(), why: why.to_string() })?;
    let log = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(io::stderr);
    let set_up = match format {
        LogFormat::Text => log.with(lines.with_ansi(io::stderr().is_terminal())).try_init(),
        LogFormat::Json => log.with(lines.json().flatten_event(true)).try_init(),
    };
    set_up.map_err(|_| BadLog::Twice)?;
    panic::set_hook(Box::new(on_panic));
    Ok(())
}

/// Where it happened, not what it said: a panic's text can quote what a caller said.
fn on_panic(panic: &PanicHookInfo<'_>) {
    counter!("cordboard_panics_total").increment(1);
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
    tracing::error!(panic.at = at, panic.thread = thread, "panicked");
}
