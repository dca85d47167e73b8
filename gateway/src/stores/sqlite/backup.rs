//! The file copied while it is used, and copies looked at before they are trusted.

use std::path::Path;

use engine::failure::Failure;
use engine::time::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use super::{MIGRATIONS, SqliteStore, unavailable};

/// A file of the data directory that travels with the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its path in there.
    pub name: String,
    pub content: Vec<u8>,
}

/// Why a file is not restored.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadCopy {
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("it is no backup of cordboard")]
    Foreign,
    #[error(
        "it was made by a newer version of cordboard (its table version {0} is unknown here): restore it with that"
    )]
    Newer(i64),
}

impl SqliteStore {
    /// Everything that was committed before it began, in one file that was empty; writers go on meanwhile.
    pub(in crate::stores) async fn copy(&self, to: &Path) -> Result<(), Failure> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        copy(&mut connection, to).await
    }
}

/// As [`SqliteStore::copy`], of a file nobody has open.
pub async fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let options = SqliteConnectOptions::new().filename(from).create_if_missing(false);
    let mut connection = options.connect().await.map_err(unavailable)?;
    copy(&mut connection, to).await?;
    connection.close().await.map_err(unavailable)
}

async fn copy(connection: &mut SqliteConnection, to: &Path) -> Result<(), Failure> {
    let to = to.to_str().ok_or_else(|| Failure::fail("the path of the copy is not text"))?;
    sqlx::query("VACUUM INTO ?").bind(to.to_owned()).execute(connection).await.map(drop).map_err(unavailable)
}

/// Puts these beside the tables of a copy.
pub async fn add_files(copy: &Path, files: &[Kept], now: Timestamp) -> Result<(), Failure> {
    // One file: no journal is left beside it.
    let options = SqliteConnectOptions::new().filename(copy).journal_mode(SqliteJournalMode::Memory);
    let mut connection = options.connect().await.map_err(unavailable)?;
    let mut transaction = connection.begin().await.map_err(unavailable)?;
    let tables = "CREATE TABLE backup (made_at TEXT NOT NULL, version TEXT NOT NULL) STRICT; \
        CREATE TABLE backup_files (name TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL) STRICT";
    sqlx::raw_sql(tables).execute(&mut *transaction).await.map_err(unavailable)?;
    let about = sqlx::query("INSERT INTO backup VALUES (?, ?)").bind(now.to_string()).bind(env!("CARGO_PKG_VERSION"));
    about.execute(&mut *transaction).await.map_err(unavailable)?;
    for Kept { name, content } in files {
        let put = sqlx::query("INSERT INTO backup_files VALUES (?, ?)").bind(name).bind(content);
        put.execute(&mut *transaction).await.map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)?;
    connection.close().await.map_err(unavailable)
}

/// Takes them out again, so that the copy is a store and nothing else.
pub async fn take_files(copy: &Path) -> Result<Vec<Kept>, Failure> {
    let options = SqliteConnectOptions::new().filename(copy).create_if_missing(false);
    let mut connection = options.connect().await.map_err(unavailable)?;
    let rows = sqlx::query("SELECT name, content FROM backup_files").fetch_all(&mut connection).await;
    let kept = |row: &sqlx::sqlite::SqliteRow| Kept { name: row.get("name"), content: row.get("content") };
    let files = rows.map_err(unavailable)?.iter().map(kept).collect();
    let tables = sqlx::raw_sql("DROP TABLE backup_files; DROP TABLE backup");
    tables.execute(&mut connection).await.map_err(unavailable)?;
    connection.close().await.map_err(unavailable)?;
    Ok(files)
}

/// Whether this file can be restored by this version.
pub async fn check(file: &Path) -> Result<(), BadCopy> {
    let unreadable = |error: sqlx::Error| BadCopy::Unreadable(error.to_string());
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(false).read_only(true).immutable(true);
    let mut connection = options.connect().await.map_err(unreadable)?;
    let said = sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut connection).await;
    let said: String = said.map_err(|error| BadCopy::Damaged(error.to_string()))?.get(0);
    if said != "ok" {
        return Err(BadCopy::Damaged(said));
    }
    let newest = sqlx::query_scalar("SELECT max(_sqlx_migrations.version) FROM _sqlx_migrations, backup")
        .fetch_one(&mut connection);
    let newest: Option<i64> = newest.await.map_err(|_| BadCopy::Foreign)?;
    connection.close().await.map_err(unreadable)?;
    match newest {
        None => Err(BadCopy::Foreign),
        Some(version) if !MIGRATIONS.version_exists(version) => Err(BadCopy::Newer(version)),
        Some(_) => Ok(()),
    }
}

/// Calls and texts in a store's file; none where there is no such file, or no table in it.
pub async fn count(file: &Path) -> Result<u64, Failure> {
    if !file.exists() {
        return Ok(0);
    }
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(false);
    let mut connection = options.connect().await.map_err(unavailable)?;
    let query = "SELECT (SELECT count(*) FROM calls) + (SELECT count(*) FROM sms_messages)";
    let rows: Result<i64, _> = sqlx::query_scalar(query).fetch_one(&mut connection).await;
    connection.close().await.map_err(unavailable)?;
    Ok(rows.ok().and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default())
}
