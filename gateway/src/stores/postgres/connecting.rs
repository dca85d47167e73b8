//! How the database is reached: two pools, their limits, and the tables brought up to date.

use std::str::FromStr;
use std::time::Duration;

use engine::failure::Failure;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::encryption::{self, encrypted};
use super::errors::may_come_back;
use super::{PostgresStore, migrate};
use crate::stores::migrations::{Migration, none_pending};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// Connections kept for whoever appends frames: one that commits, one for when that one has to be replaced.
const COMMITTERS: u32 = 2;
/// A connection given back must answer within this, or it is thrown away: whoever had it may have given up half-way.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// Unused for so long, a connection is asked again.
const IDLE: Duration = Duration::from_secs(1);
/// The first connection may take longer than later ones: a server may still be starting.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// Where the database is and how long anything may take.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`. A secret.
    pub url: String,
    /// In all, at least 4.
    pub connections: u32,
    /// The longest wait for a free connection.
    pub acquire_within: Duration,
    /// The longest the server may work on one statement.
    pub statement_within: Duration,
    /// Whether tables that are behind are brought up to date, or the database refused.
    pub migrate: bool,
}

impl PostgresStore {
    /// Connects, and brings the tables up to date. Refuses a database that was written by a newer version, and one
    /// that does not sync what it acknowledges.
    pub async fn open(settings: &PostgresSettings) -> Result<PostgresStore, Failure> {
        let store = PostgresStore::unconnected(settings)?;
        store.prepare(FIRST_WITHIN).await?;
        Ok(store)
    }

    /// A store nobody has been asked for yet: not to be used before [`PostgresStore::prepare`] has succeeded once.
    pub fn unconnected(settings: &PostgresSettings) -> Result<PostgresStore, Failure> {
        let first = options(settings)?;
        let options = limited(first.clone(), settings);
        Ok(PostgresStore {
            committer: pool(COMMITTERS, settings).connect_lazy_with(options.clone()),
            pool: pool(settings.connections.saturating_sub(COMMITTERS).max(2), settings).connect_lazy_with(options),
            patience: settings.acquire_within + 2 * settings.statement_within,
            first,
            migrates: settings.migrate,
        })
    }

    /// Connects within this time, and brings the tables up to date: an index on a large table is given the time it
    /// takes. Whether trying again may help is told by the failure: a server that is not there may come, a password that
    /// is wrong stays wrong.
    pub async fn prepare(&self, within: Duration) -> Result<(), Failure> {
        let place = place(&self.first);
        let mut first = reach(&self.first, within).await?;
        check(&mut first).await?;
        if self.migrates {
            migrate::up(&mut first, &MIGRATIONS, &place).await?;
        } else {
            // Nothing more: this role may not be allowed to change tables.
            none_pending(&place, &migrate::status(&mut first, &MIGRATIONS).await?)?;
        }
        let _ = first.close().await;
        self.warm_up();
        Ok(())
    }

    /// How the tables stand.
    pub async fn migrations(settings: &PostgresSettings) -> Result<Vec<Migration>, Failure> {
        let mut connection = reach(&options(settings)?, FIRST_WITHIN).await?;
        let all = migrate::status(&mut connection, &MIGRATIONS).await;
        let _ = connection.close().await;
        all
    }

    /// `postgres host:port/database`, for people: never the password.
    pub fn describe(url: &str) -> String {
        PgConnectOptions::from_str(url).map_or_else(|_| "postgres".to_owned(), |options| place(&options))
    }

    pub(super) fn statement_within(&self) -> Duration {
        self.patience / 2
    }
}

pub(super) fn options(settings: &PostgresSettings) -> Result<PgConnectOptions, Failure> {
    // The driver's own error may quote the URL, and with it the password.
    let options = PgConnectOptions::from_str(&settings.url)
        .map_err(|_| Failure::fail("store.url is no postgres://user:password@host:port/database"))?;
    let options = encrypted(options, &settings.url)?;
    Ok(options.application_name("cordboard").disable_statement_logging())
}

/// Said when the connection begins, so that it holds for every statement on it.
pub(super) fn limited(options: PgConnectOptions, settings: &PostgresSettings) -> PgConnectOptions {
    let millis = settings.statement_within.as_millis();
    options.options([
        ("statement_timeout", millis),
        // A node that stops between two statements must not keep the others from appending.
        ("idle_in_transaction_session_timeout", millis),
        // Nor one whose machine is gone: its locks end when the server notices.
        ("tcp_user_timeout", 2 * millis),
    ])
}

fn pool(connections: u32, settings: &PostgresSettings) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(settings.acquire_within)
        .test_before_acquire(false)
        // One that has lain idle may have ended with its server: it is asked before somebody relies on it.
        .before_acquire(|connection, known| {
            Box::pin(async move {
                let fresh = known.idle_for < IDLE;
                if fresh { Ok(true) } else { answers(connection).await }
            })
        })
        .after_release(|connection, _| Box::pin(answers(connection)))
}

async fn answers(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let asked = tokio::time::timeout(ANSWERS_WITHIN, connection.ping()).await;
    asked.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
}

async fn reach(options: &PgConnectOptions, within: Duration) -> Result<PgConnection, Failure> {
    let connected = tokio::time::timeout(within, options.connect()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    connected.map_err(|error| cannot_reach(&place(options), &error))
}

async fn check(connection: &mut PgConnection) -> Result<(), Failure> {
    let cannot = |error: sqlx::Error| cannot_reach("postgres", &error);
    let query = sqlx::query_as(
        "SELECT current_setting('server_encoding'), current_setting('synchronous_commit'), current_setting('fsync')",
    );
    let (encoding, synchronous, fsync): (String, String, String) = query.fetch_one(connection).await.map_err(cannot)?;
    if encoding != "UTF8" {
        return Err(Failure::fail(format!("the database is encoded in {encoding}: create one in UTF8")));
    }
    if synchronous == "off" {
        return Err(Failure::fail(
            "synchronous_commit is off in the database: what is acknowledged could be lost; \
             ALTER DATABASE … SET synchronous_commit = on",
        ));
    }
    if fsync == "off" {
        tracing::warn!("fsync is off in the database: a power cut loses what was acknowledged");
    }
    Ok(())
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    format!("postgres {}:{}/{database}", options.get_host(), options.get_port())
}

fn cannot_reach(place: &str, error: &sqlx::Error) -> Failure {
    let Some(distrust) = encryption::distrust(error) else {
        let what = format!("cannot reach {place}: {error}");
        return if may_come_back(error) { Failure::retry(what) } else { Failure::fail(what) };
    };
    let what = format!("cannot reach {place}: {} ({error})", encryption::told(distrust));
    if distrust.may_pass() { Failure::retry(what) } else { Failure::fail(what) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_its_password() {
        let shown = PostgresStore::describe("postgres://jo:hunter2@db.example.com:5433/cordboard");
        assert_eq!(shown, "postgres db.example.com:5433/cordboard");
        let broken = PostgresSettings {
            url: "postgres://jo:hunter2@[/cordboard".to_owned(),
            connections: 4,
            acquire_within: ANSWERS_WITHIN,
            statement_within: ANSWERS_WITHIN,
            migrate: true,
        };
        assert!(!options(&broken).unwrap_err().to_string().contains("hunter2"));
    }
}
