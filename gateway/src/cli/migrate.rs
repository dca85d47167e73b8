//! `cordboard migrate status|up`: the tables of the store, as they stand and brought up to date.

use std::time::Duration;

use clap::{Args, Subcommand};
use engine::failure::Failure;
use tokio::time::{Instant, sleep};

use super::Overrides;
use super::exit::{Exit, Failed};
use super::output::{Format, print, print_json, table};
use crate::app::{database, is_embedded, postgres};
use crate::data_dir::{DataDir, DataDirError};
use crate::settings::{self, Settings};
use crate::stores::migrations::{Migration, Standing};
use crate::stores::postgres::{PostgresSettings, PostgresStore};
use crate::stores::sqlite::{SqliteStore, migrate};

/// How long another process that does the same is waited for, and how often it is looked whether it has ended.
const PATIENCE: Duration = Duration::from_secs(30);
const ASK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Which changes of the tables were applied, and which are still to be
    Status(Shown),
    /// Apply those that are pending
    Up(Shown),
}

#[derive(Debug, Args)]
pub struct Shown {
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub async fn run(command: &Command, overrides: &Overrides) -> Result<Exit, Failed> {
    let settings = settings::load(&overrides.layers())?.settings;
    let (Command::Status(Shown { output }) | Command::Up(Shown { output })) = command;
    if let Command::Up(_) = command {
        up(&settings).await?;
    }
    let all = status(&settings).await.map_err(failed)?;
    show(&all, *output);
    verdict(&all)
}

async fn status(settings: &Settings) -> Result<Vec<Migration>, Failure> {
    match is_embedded(settings) {
        true => migrate::status(&database(settings)).await,
        false => PostgresStore::migrations(&postgres(settings)).await,
    }
}

async fn up(settings: &Settings) -> Result<(), Failed> {
    if !is_embedded(settings) {
        let all = PostgresSettings { migrate: true, ..postgres(settings) };
        let store = PostgresStore::open(&all).await.map_err(failed)?;
        store.close().await;
        return Ok(());
    }
    // The file is a running server's alone.
    let _dir = our_own(settings).await?;
    let store = SqliteStore::open(&database(settings), 1).await.map_err(failed)?;
    store.close().await;
    Ok(())
}

async fn our_own(settings: &Settings) -> Result<DataDir, Failed> {
    let ends = Instant::now() + PATIENCE;
    loop {
        match DataDir::open(&settings.data_dir) {
            Err(DataDirError::InUse { .. }) if Instant::now() < ends => sleep(ASK_AGAIN).await,
            opened => return opened.map_err(Failed::configuration),
        }
    }
}

fn failed(failure: Failure) -> Failed {
    let exit = if matches!(failure, Failure::Retry { .. }) { Exit::Unreachable } else { Exit::Configuration };
    Failed::new(exit, failure)
}

fn show(all: &[Migration], output: Format) {
    if output == Format::Json {
        return print_json(&all);
    }
    let row = |migration: &Migration| {
        let at = migration.applied_at.clone().unwrap_or_default();
        [format!("{:04}", migration.version), migration.name.clone(), migration.standing.as_str().to_owned(), at]
    };
    print(&table(&all.iter().map(row).collect::<Vec<_>>()));
}

/// Pending is no fault: it is what was asked about.
fn verdict(all: &[Migration]) -> Result<Exit, Failed> {
    let wrong = |migration: &&Migration| !matches!(migration.standing, Standing::Applied | Standing::Pending);
    match all.iter().find(wrong) {
        None => Ok(Exit::Ok),
        Some(wrong) => {
            let why = format!(
                "migration {} is {}: this version cannot use the store",
                wrong.version,
                wrong.standing.as_str()
            );
            Err(Failed::new(Exit::FailedCheck, why))
        }
    }
}
