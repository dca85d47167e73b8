//! The tables of the file: how they stand, and brought up to date. Two processes may do it at once: the second finds
//! nothing left to do.

use std::path::Path;

use engine::failure::Failure;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row, SqlitePool};

use super::{MIGRATIONS, unavailable};
use crate::stores::migrations::{self, Begun, Migration, compare};

/// How often it is tried while another process does the same.
const TRIES: usize = 5;

/// Of a file that is not there, all are pending.
pub async fn status(file: &Path) -> Result<Vec<Migration>, Failure> {
    if !file.exists() {
        return Ok(compare(&MIGRATIONS, Vec::new()));
    }
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(false);
    let mut connection = options.connect().await.map_err(unavailable)?;
    let any = sqlx::query("SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations'");
    let begun = if any.fetch_optional(&mut connection).await.map_err(unavailable)?.is_none() {
        Vec::new()
    } else {
        let query = sqlx::query(
            "SELECT version, description, strftime('%Y-%m-%dT%H:%M:%SZ', installed_on) AS at, success, checksum \
             FROM _sqlx_migrations ORDER BY version",
        );
        query.fetch_all(&mut connection).await.map_err(unavailable)?.iter().map(begun).collect::<Result<_, _>>()?
    };
    connection.close().await.map_err(unavailable)?;
    Ok(compare(&MIGRATIONS, begun))
}

/// Each change is a transaction of its own. Whoever is second is refused by what the first has made, and looks again.
pub(super) async fn up(file: &Path, pool: &SqlitePool) -> Result<(), Failure> {
    let mut last = Ok(());
    for _ in 0..TRIES {
        last = MIGRATIONS.run(pool).await;
        match &last {
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) => {}
            _ => break,
        }
    }
    last.map_err(|error| migrations::failed(&file.display().to_string(), "data directory", error))
}

fn begun(row: &SqliteRow) -> Result<Begun, Failure> {
    let read = |error: sqlx::Error| unavailable(error);
    Ok(Begun {
        version: row.try_get("version").map_err(read)?,
        name: row.try_get("description").map_err(read)?,
        at: row.try_get::<Option<String>, _>("at").map_err(read)?.unwrap_or_default(),
        success: row.try_get("success").map_err(read)?,
        checksum: row.try_get("checksum").map_err(read)?,
    })
}
