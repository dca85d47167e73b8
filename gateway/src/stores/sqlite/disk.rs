//! A disk that is full or failing. SQLite then ends a transaction by itself, of which the driver knows nothing: its
//! connection would refuse every later one, so it is thrown away. And what kept the last frames from being recorded is
//! remembered until something is recorded again: a database that can be locked may still take nothing.

use std::sync::Arc;

use engine::failure::Failure;
use parking_lot::Mutex;
use sqlx::{Connection, SqliteConnection, SqlitePool};

/// Of the primary result codes of SQLite those that blame the disk, and what somebody can do.
const TROUBLES: [(u32, &str); 5] = [
    (8, "the file may not be written to: look at its permissions and how its disk is mounted"),
    (10, "the disk does not read or write: look at the system's log"),
    (11, "the file is damaged: restore a backup"),
    (13, "the disk is full: free some space, recording then goes on by itself"),
    (26, "the file is damaged: restore a backup"),
];

#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<Option<&'static str>>>);

impl Disk {
    /// Takes note of how a write ended.
    pub fn note<T>(&self, written: &Result<T, sqlx::Error>) {
        let now = match written {
            Ok(_) => None,
            Err(error) => match trouble(error) {
                Some(trouble) => Some(trouble),
                // Says nothing about the disk.
                None => return,
            },
        };
        let before = std::mem::replace(&mut *self.0.lock(), now);
        match (before, now) {
            (None, Some(trouble)) => tracing::error!(trouble, "nothing can be recorded"),
            (Some(_), None) => tracing::warn!("recorded again"),
            _ => {}
        }
    }

    /// For people: names no path and no value.
    pub fn trouble(&self) -> Option<&'static str> {
        *self.0.lock()
    }

    /// Where there was trouble, finds out by writing whether it is over.
    pub async fn recovers(&self, writer: &SqlitePool) -> Result<(), Failure> {
        if self.trouble().is_none() {
            return Ok(());
        }
        // Nothing reads it. It is written, and synced, whatever it was before.
        let written = sqlx::query("PRAGMA user_version = 1").execute(writer).await;
        self.note(&written);
        match self.trouble() {
            Some(trouble) => Err(Failure::retry(format!("sqlite: {trouble}"))),
            None => written.map(drop).map_err(super::unavailable),
        }
    }
}

fn trouble(error: &sqlx::Error) -> Option<&'static str> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()? & 0xff;
    TROUBLES.iter().find(|(known, _)| *known == code).map(|(_, trouble)| *trouble)
}

/// Whether a connection may be used again: in no transaction, once one that was dropped has been rolled back.
pub(super) async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
