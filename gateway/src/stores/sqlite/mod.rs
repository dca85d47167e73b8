//! The store that needs nothing installed: one SQLite file, in WAL mode, synced to disk with every commit.
//!
//! One connection writes, several read; readers see the last commit and never wait for the writer. Closed by
//! [`SqliteStore::close`]; a process that is killed instead loses nothing that was committed.

mod alerts;
mod analytics;
mod append;
mod bus_cursor;
mod calls;
mod disk;
mod history;
mod inbox;
mod ledger;
mod opt_outs;
mod outbox;
mod rows;
mod together;

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use engine::failure::Failure;
use sqlx::SqlitePool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePoolOptions, SqliteSynchronous};

use self::disk::Disk;
use self::together::Together;
use super::Connections;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// How long a connection waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    together: Together,
    disk: Disk,
}

impl SqliteStore {
    /// Opens the file, creating it with mode 0600, and brings its tables up to date. Refuses a file that was written
    /// by a newer version.
    pub async fn open(file: &Path, readers: u32) -> Result<SqliteStore, Failure> {
        create_private(file).map_err(|why| Failure::fail(format!("cannot open {}: {why}", file.display())))?;
        let options = options(file);
        let writer = pool(1).connect_with(options.clone()).await.map_err(|error| cannot_open(file, error))?;
        MIGRATIONS.run(&writer).await.map_err(|error| cannot_migrate(file, error))?;
        let readers = pool(readers.max(1)).connect_with(options.read_only(true).create_if_missing(false));
        let readers = readers.await.map_err(|error| cannot_open(file, error))?;
        Ok(SqliteStore { writer, readers, together: Together::default(), disk: Disk::default() })
    }

    /// Whether the file can be read, locked for writing, and written to where that failed before.
    pub async fn ping(&self) -> Result<(), Failure> {
        sqlx::query("SELECT 1").execute(&self.readers).await.map_err(unavailable)?;
        let writing = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        writing.rollback().await.map_err(unavailable)?;
        self.disk.recovers(&self.writer).await
    }

    pub fn connections(&self) -> Connections {
        Connections::of(&[&self.writer, &self.readers])
    }

    /// Folds the write-ahead log into the file and closes every connection.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await {
            tracing::warn!(%error, "write-ahead log not folded in, the next start does it");
        }
        self.writer.close().await;
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous())
        .locking_mode(SqliteLockingMode::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("temp_store", "memory")
        // Folded in every 16 MiB: seldom enough not to double every write, often enough to keep readers quick.
        .pragma("wal_autocheckpoint", "4096")
}

/// An acknowledgement means synced: FULL syncs the log with every commit.
fn synchronous() -> SqliteSynchronous {
    #[cfg(feature = "sabotage")]
    if std::env::var("CORDBOARD_SABOTAGE").is_ok_and(|how| how == "sync_off") {
        tracing::error!("sabotage: nothing is synced to disk");
        return SqliteSynchronous::Off;
    }
    SqliteSynchronous::Full
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // Connections are to a file of ours: they do not go stale, so they are neither tested nor replaced, but for those in
    // which a transaction broke.
    SqlitePoolOptions::new()
        .after_release(|connection, _| Box::pin(disk::is_sound(connection)))
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// The database holds what callers said: only its owner may read it.
fn create_private(file: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file).map(drop)
}

fn cannot_open(file: &Path, error: sqlx::Error) -> Failure {
    Failure::fail(format!("cannot open {}: {error}", file.display()))
}

fn cannot_migrate(file: &Path, error: MigrateError) -> Failure {
    Failure::fail(match error {
        MigrateError::VersionMissing(version) => format!(
            "{} was written by a newer version of cordboard (its table version {version} is unknown here): \
             start that version, or use another data directory",
            file.display()
        ),
        error => format!("cannot bring the tables of {} up to date: {error}", file.display()),
    })
}

/// The store does not work now. Never quotes values: they may be what callers said.
fn unavailable(error: sqlx::Error) -> Failure {
    Failure::retry(format!("sqlite: {error}"))
}
