//! `cordboard restore FILE`: a backup becomes the store of a server that does not run. What was about to be sent when it
//! was made is held: the world has gone on since.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use engine::ports::{Clock, SystemClock};

use super::Overrides;
use super::exit::{Exit, Failed};
use super::output::{Format, print, print_json, table};
use crate::app::{database, is_embedded};
use crate::data_dir::{self, DataDir};
use crate::stores::sqlite::SqliteStore;
use crate::stores::sqlite::backup::{check, count, take_files};
use crate::stores::sqlite::restore::Held;
use crate::{backup, settings};

/// What SQLite keeps beside a file.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

#[derive(Debug, Args)]
pub struct Restore {
    /// Made by `cordboard backup`
    file: PathBuf,
    /// Also where the store holds something: it is put aside, as NAME.before-restore
    #[arg(long)]
    force: bool,
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub async fn run(restore: &Restore, overrides: &Overrides) -> Result<Exit, Failed> {
    let settings = settings::load(&overrides.layers())?.settings;
    if !is_embedded(&settings) {
        return Err(Failed::configuration("this store is restored by its own tools: pg_restore, or a base backup"));
    }
    check(&restore.file).await.map_err(|bad| {
        let exit = if restore.file.exists() { Exit::FailedCheck } else { Exit::NotFound };
        Failed::new(exit, format!("{} is not restored: {bad}", restore.file.display()))
    })?;
    // Whoever has it may not go on while its store is replaced.
    let dir = DataDir::open(&settings.data_dir).map_err(Failed::configuration)?;
    let store = database(&settings);
    let there = count(&store).await.map_err(Failed::configuration)?;
    if there > 0 && !restore.force {
        let why = format!(
            "{} holds {there} calls and texts: --force puts it aside and restores all the same",
            store.display()
        );
        return Err(Failed::new(Exit::FailedCheck, why));
    }
    let held = put_in_place(&restore.file, &store, dir.path()).await?;
    show(held, restore.output);
    Ok(Exit::Ok)
}

/// Everything that can fail is done beside the store; then it takes its name.
async fn put_in_place(from: &Path, store: &Path, dir: &Path) -> Result<Held, Failed> {
    let new = named(store, ".restoring");
    BESIDE.iter().for_each(|end| _ = fs::remove_file(named(&new, end)));
    let copied = backup::create(&new).and_then(|_| fs::copy(from, &new));
    copied.map_err(|why| Failed::configuration(format!("cannot write {}: {why}", new.display())))?;
    let files = take_files(&new).await.map_err(Failed::configuration)?;
    let opened = SqliteStore::open(&new, 1).await.map_err(Failed::configuration)?;
    let held = opened.hold(SystemClock.now()).await;
    opened.close().await;
    let held = held.map_err(Failed::configuration)?;
    let placed = backup::sync(&new).and_then(|()| put_aside(store)).and_then(|()| {
        data_dir::put_back(dir, files.iter().map(|kept| (kept.name.as_str(), kept.content.as_slice())))?;
        fs::rename(&new, store)?;
        backup::sync(store)
    });
    placed.map_err(|why| Failed::configuration(format!("cannot put {} in place: {why}", store.display())))?;
    Ok(held)
}

/// The newest one that was put aside is kept.
fn put_aside(store: &Path) -> std::io::Result<()> {
    let aside = named(store, ".before-restore");
    for end in BESIDE {
        let (from, to) = (named(store, end), named(&aside, end));
        let _ = fs::remove_file(&to);
        if from.exists() {
            fs::rename(from, to)?;
        }
    }
    Ok(())
}

fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn show(held: Held, output: Format) {
    if output == Format::Json {
        return print_json(&held);
    }
    let Held { queued, in_flight, alerts, calls } = held;
    let rows = [
        ["texts held, cancelled until they are retried".to_owned(), queued.to_string()],
        ["texts held that were being sent, unknown".to_owned(), in_flight.to_string()],
        ["alerts that were open, unanswered".to_owned(), alerts.to_string()],
        ["calls that were live, lost".to_owned(), calls.to_string()],
    ];
    print(&table(&rows));
}
