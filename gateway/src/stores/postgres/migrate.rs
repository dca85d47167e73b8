//! The tables of the database: how they stand, and brought up to date by one process at a time.
//!
//! Whoever waits for the lock asks for it again and again instead of waiting in the database: a statement that waits
//! there keeps its snapshot, and an index that is made CONCURRENTLY waits for all snapshots to end. A file that begins
//! with `-- no-transaction` may make one; it holds one statement, and is done again from the start if it fails:
//! `DROP INDEX CONCURRENTLY IF EXISTS` in the file before it.

use std::time::Duration;

use engine::failure::Failure;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use tokio::time::{Instant, sleep};

use super::errors::may_come_back;
use super::{locks, unavailable};
use crate::stores::migrations::{self, Begun, Migration, compare};

/// Between two looks at the lock.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// The longest another process may take.
const PATIENCE: Duration = Duration::from_secs(3600);

pub async fn status(connection: &mut PgConnection, known: &Migrator) -> Result<Vec<Migration>, Failure> {
    let any: Option<String> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text")
        .fetch_one(&mut *connection)
        .await
        .map_err(unavailable)?;
    if any.is_none() {
        return Ok(compare(known, Vec::new()));
    }
    let query = sqlx::query(
        "SELECT version, description, to_char(installed_on AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at, \
         success, checksum FROM _sqlx_migrations ORDER BY version",
    );
    let begun = query.fetch_all(connection).await.map_err(unavailable)?.iter().map(begun).collect::<Result<_, _>>()?;
    Ok(compare(known, begun))
}

pub async fn up(connection: &mut PgConnection, known: &Migrator, place: &str) -> Result<(), Failure> {
    lock(connection).await?;
    let mut ours = Migrator { migrations: known.migrations.clone(), ..Migrator::DEFAULT };
    ours.set_locking(false);
    let done = ours.run_direct(None, connection, false).await;
    let unlocked = sqlx::query("SELECT pg_advisory_unlock($1, $2)").bind(locks::MIGRATING).bind(0_i32);
    let _ = unlocked.execute(connection).await;
    done.map_err(|error| match &error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) if may_come_back(cause) => {
            Failure::retry(format!("cannot bring the tables of {place} up to date: {cause}"))
        }
        _ => migrations::failed(place, "database", error),
    })
}

/// Held by this connection, and ends with it.
async fn lock(connection: &mut PgConnection) -> Result<(), Failure> {
    let ends = Instant::now() + PATIENCE;
    loop {
        let query = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)").bind(locks::MIGRATING).bind(0_i32);
        if query.fetch_one(&mut *connection).await.map_err(unavailable)? {
            return Ok(());
        }
        if Instant::now() >= ends {
            return Err(Failure::fail("another process has been bringing the tables up to date for an hour"));
        }
        sleep(ASK_AGAIN).await;
    }
}

fn begun(row: &PgRow) -> Result<Begun, Failure> {
    let read = |error: sqlx::Error| unavailable(error);
    Ok(Begun {
        version: row.try_get("version").map_err(read)?,
        name: row.try_get("description").map_err(read)?,
        at: row.try_get("at").map_err(read)?,
        success: row.try_get("success").map_err(read)?,
        checksum: row.try_get("checksum").map_err(read)?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::{AssertSqlSafe, Connection, Executor};

    use super::*;
    use crate::stores::migrations::Standing;

    const TABLE: &str = "CREATE TABLE large AS SELECT n FROM generate_series(1, 50000) AS n;\n";
    /// A line of its own, and one statement.
    const INDEX: &str = "-- no-transaction\nCREATE INDEX CONCURRENTLY large_by_n ON large (n);\n";

    async fn migrator(dir: &Path) -> Migrator {
        std::fs::write(dir.join("0001_table.sql"), TABLE).unwrap();
        std::fs::write(dir.join("0002_index.sql"), INDEX).unwrap();
        Migrator::new(dir).await.unwrap()
    }

    #[tokio::test]
    async fn an_index_is_made_concurrently_while_another_process_waits_to_do_the_same() {
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            return eprintln!("SKIPPED: TEST_POSTGRES_URL is not set, nothing was asked of Postgres");
        };
        let (dir, name) = (tempfile::tempdir().unwrap(), format!("cordboard_migrate_{}", std::process::id()));
        let mut admin = PgConnection::connect(&server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        let known = migrator(dir.path()).await;
        let one = async || {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            up(&mut connection, &known, "here").await.unwrap();
            let all = status(&mut connection, &known).await.unwrap();
            assert!(all.iter().all(|migration| migration.standing == Standing::Applied), "{all:?}");
            connection.close().await.unwrap();
        };
        tokio::join!(one(), one(), one());
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let valid = sqlx::query_scalar("SELECT indisvalid FROM pg_index WHERE indexrelid = 'large_by_n'::regclass");
        let valid: bool = valid.fetch_one(&mut connection).await.unwrap();
        assert!(valid, "it is whole");
        connection.close().await.unwrap();
        admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    }
}
