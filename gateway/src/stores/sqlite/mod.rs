//! The store that needs nothing installed: one SQLite file, in WAL mode, synced to disk with every commit.
//!
//! One connection writes, several read; readers see the last commit and never wait for the writer. Closed by
//! [`SqliteStore::close`]; a process that is killed instead loses nothing that was committed.

mod alerts;
mod analytics;
mod append;
pub mod backup;
mod bus_cursor;
mod calls;
mod disk;
mod erase;
mod history;
mod inbox;
mod ledger;
pub mod migrate;
mod opt_outs;
mod outbox;
pub mod restore;
mod retention;
pub(super) mod rows;
mod together;

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use engine::failure::Failure;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePoolOptions, SqliteSynchronous};

use self::disk::Disk;
use self::rows::Columns;
use self::together::Together;
use super::Connections;
use super::migrations::none_pending;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// How long a connection waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often it is tried to empty the write-ahead log, and the pause between.
const FOLDS: u32 = 100;
const BETWEEN_FOLDS: Duration = Duration::from_millis(50);

pub struct SqliteStore {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
    together: Together,
    disk: Disk,
    holds: Holds,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// All there is.
    Everything,
    /// What another store does not have yet: a call may begin anywhere, and what belongs to it may be elsewhere.
    TheRest,
}

impl SqliteStore {
    /// Opens the file, creating it with mode 0600, and brings its tables up to date. Refuses a file that was written
    /// by a newer version.
    pub async fn open(file: &Path, readers: u32) -> Result<SqliteStore, Failure> {
        SqliteStore::open_for(Holds::Everything, file, readers).await
    }

    /// The same for a file that holds only what another store does not have yet: a call it knows nothing of is taken up
    /// where its first frame says.
    pub async fn open_rest(file: &Path, readers: u32) -> Result<SqliteStore, Failure> {
        SqliteStore::open_for(Holds::TheRest, file, readers).await
    }

    async fn open_for(holds: Holds, file: &Path, readers: u32) -> Result<SqliteStore, Failure> {
        create_private(file).map_err(|why| Failure::fail(format!("cannot open {}: {why}", file.display())))?;
        let options = options(file).foreign_keys(holds == Holds::Everything);
        let writer = pool(1).connect_with(options.clone()).await.map_err(|error| cannot_open(file, error))?;
        migrate::up(file, &writer).await?;
        let readers = pool(readers.max(1)).connect_with(options.read_only(true).create_if_missing(false));
        let readers = readers.await.map_err(|error| cannot_open(file, error))?;
        Ok(SqliteStore { writer, readers, together: Together::default(), disk: Disk::default(), holds })
    }

    /// As [`SqliteStore::open`], but refuses a file whose tables are behind.
    pub async fn open_as_it_is(file: &Path, readers: u32) -> Result<SqliteStore, Failure> {
        none_pending(&file.display().to_string(), &migrate::status(file).await?)?;
        SqliteStore::open(file, readers).await
    }

    /// Whether the file can be read, locked for writing, and written to where that failed before.
    pub async fn ping(&self) -> Result<(), Failure> {
        sqlx::query("SELECT 1").execute(&self.readers).await.map_err(unavailable)?;
        let writing = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        writing.rollback().await.map_err(unavailable)?;
        self.disk.recovers(&self.writer).await
    }

    /// What kept the last frames from being recorded, in words for anybody.
    pub fn trouble(&self) -> Option<&'static str> {
        self.disk.trouble()
    }

    pub fn connections(&self) -> Connections {
        Connections::of(&[&self.writer, &self.readers])
    }

    /// Empties the write-ahead log: what it held is in the file, or gone. Readers may keep it from that for a moment;
    /// commits wait for as long as one try takes, and not for the readers.
    async fn fold_in_log(&self) -> Result<(), Failure> {
        for _ in 0..FOLDS {
            let mut connection = self.writer.acquire().await.map_err(unavailable)?;
            let patience = sqlx::query("PRAGMA busy_timeout = 20").execute(&mut *connection).await;
            let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
            let again = sqlx::query("PRAGMA busy_timeout = 5000").execute(&mut *connection).await;
            patience.and(again).map_err(unavailable)?;
            // Busy is told in the answer, or as an error.
            if row.is_ok_and(|row| row.number::<i64>("busy") == Ok(0)) {
                return Ok(());
            }
            drop(connection);
            tokio::time::sleep(BETWEEN_FOLDS).await;
        }
        Err(Failure::retry("sqlite: the write-ahead log is being read, and could not be emptied"))
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
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("temp_store", "memory")
        // What is taken out is overwritten.
        .pragma("secure_delete", "on")
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

/// The store does not work now. Never quotes values: they may be what callers said.
fn unavailable(error: sqlx::Error) -> Failure {
    Failure::retry(format!("sqlite: {error}"))
}
