//! `cordboard backup FILE`: the embedded store as one file, from the running server, or, when none runs, from its
//! directory. The file is there whole and synced, for its owner alone, or not at all.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use engine::ports::{Clock, SystemClock};
use futures_util::StreamExt;
use secrecy::SecretString;

use super::Overrides;
use super::api::Api;
use super::exit::{Exit, Failed};
use crate::app::{database, is_embedded};
use crate::backup;
use crate::data_dir::{DataDir, DataDirError};
use crate::settings::{self, Settings};
use crate::stores::sqlite::backup::{check, copy_file};

const TAKES_AT_MOST: Duration = Duration::from_secs(3600);

#[derive(Debug, Args)]
pub struct Backup {
    /// Where it is written
    file: PathBuf,
    /// The server [default: the one on this machine]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// [default: CORDBOARD_TOKEN, else the one in the data directory]
    #[arg(long)]
    token: Option<SecretString>,
}

pub async fn run(backup: &Backup, overrides: &Overrides) -> Result<Exit, Failed> {
    let beside = beside(&backup.file)?;
    let made = make(backup, overrides, &beside).await;
    let kept = match made {
        Ok(()) => keep(&beside, &backup.file).await,
        Err(failed) => Err(failed),
    };
    if kept.is_err() {
        let _ = fs::remove_file(&beside);
    }
    let bytes = kept?;
    eprintln!("{}: {bytes} bytes", backup.file.display());
    Ok(Exit::Ok)
}

async fn make(backup: &Backup, overrides: &Overrides, to: &Path) -> Result<(), Failed> {
    if backup.to.is_none() {
        let settings = settings::load(&overrides.layers())?.settings;
        if !is_embedded(&settings) {
            return Err(Failed::configuration(backup::BY_OTHER_TOOLS));
        }
        match DataDir::open(&settings.data_dir) {
            Ok(_ours) => return from_directory(&settings, to).await,
            Err(DataDirError::InUse { .. }) => {}
            Err(unusable) => return Err(Failed::configuration(unusable)),
        }
    }
    from_server(backup, overrides, to).await
}

/// Nobody else has it open.
async fn from_directory(settings: &Settings, to: &Path) -> Result<(), Failed> {
    let file = database(settings);
    if !file.is_file() {
        return Err(Failed::new(Exit::NotFound, format!("there is no store: {}", file.display())));
    }
    backup::create(to).map_err(|why| unwritable(to, why))?;
    copy_file(&file, to).await.map_err(Failed::configuration)?;
    backup::finish(&settings.data_dir, to, SystemClock.now()).await.map_err(Failed::configuration)
}

async fn from_server(backup: &Backup, overrides: &Overrides, to: &Path) -> Result<(), Failed> {
    let api = Api::find(backup.to.as_deref(), backup.token.clone(), overrides)?.patient(TAKES_AT_MOST)?;
    let mut body = api.body("/api/backup").await?;
    let mut file = backup::create(to).map_err(|why| unwritable(to, why))?;
    while let Some(chunk) = body.next().await {
        file.write_all(&chunk?).map_err(|why| unwritable(to, why))?;
    }
    Ok(())
}

/// Looked through before it gets its name: a copy that was cut on its way is none.
async fn keep(beside: &Path, file: &Path) -> Result<u64, Failed> {
    check(beside).await.map_err(|bad| Failed::new(Exit::FailedCheck, format!("the copy is not good: {bad}")))?;
    backup::sync(beside).map_err(|why| unwritable(beside, why))?;
    fs::rename(beside, file).map_err(|why| unwritable(file, why))?;
    backup::sync(file).map_err(|why| unwritable(file, why))?;
    fs::metadata(file).map(|found| found.len()).map_err(|why| unwritable(file, why))
}

fn beside(file: &Path) -> Result<PathBuf, Failed> {
    let name = file.file_name().ok_or_else(|| Failed::new(Exit::Usage, "the backup wants the name of a file"))?;
    let mut beside = name.to_owned();
    beside.push(".part");
    Ok(file.with_file_name(beside))
}

fn unwritable(path: &Path, why: std::io::Error) -> Failed {
    Failed::configuration(format!("cannot write {}: {why}", path.display()))
}
