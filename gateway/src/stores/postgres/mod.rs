//! The store several nodes may share: a Postgres, reached through a bounded pool.
//!
//! Whoever appends frames has connections of their own, so that no crowd of readers keeps a call from being recorded.
//! Nothing waits without end: a connection, a statement and a whole operation each have their time. Closed by
//! [`PostgresStore::close`]; a process that is killed instead loses nothing that was committed.

mod adopting;
mod alerts;
mod analytics;
mod append;
mod bell;
mod bus_cursor;
mod calls;
mod connecting;
mod election;
mod encryption;
mod erase;
mod errors;
mod history;
mod inbox;
mod ledger;
mod migrate;
mod opt_outs;
mod outbox;
mod retention;
mod rows;
mod values;

use std::future::Future;
use std::time::Duration;

use engine::failure::Failure;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

pub use adopting::Adopted;
pub use bell::PostgresBell;
pub use connecting::PostgresSettings;
pub use election::PostgresElection;
use errors::unavailable;

use super::Connections;

/// Locks that last as long as their transaction, by what they are for. `WHAT, 0` is one lock, `WHAT, n` one of many.
mod locks {
    /// Held by whoever appends, from before the first position is drawn until it is committed.
    pub const APPENDING: i32 = 0x636f_7264;
    /// One per recipient: held by whoever claims a text to them, and by whoever writes that they want none.
    pub const RECIPIENT: i32 = APPENDING + 1;
    /// One per request that carries an idempotency key.
    pub const REQUEST: i32 = APPENDING + 2;
    /// One per view: held by whoever counts.
    pub const COUNTING: i32 = APPENDING + 16;
    /// Held by whoever brings the tables up to date.
    pub const MIGRATING: i32 = APPENDING + 64;
}

pub struct PostgresStore {
    /// For frames alone.
    committer: PgPool,
    /// For everything else.
    pool: PgPool,
    /// The longest an operation may take, waiting for its connection included.
    patience: Duration,
    /// How a connection is made before there are limits on it.
    first: PgConnectOptions,
    migrates: bool,
}

impl PostgresStore {
    /// Whether the database can be read, and takes writes: a standby does not.
    pub async fn ping(&self) -> Result<(), Failure> {
        self.within(async {
            let query =
                sqlx::query_scalar("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool");
            let read_only: bool = query.fetch_one(&self.pool).await.map_err(unavailable)?;
            if read_only { Err(Failure::retry("postgres: the database takes no writes")) } else { Ok(()) }
        })
        .await
    }

    pub fn connections(&self) -> Connections {
        Connections::of(&[&self.committer, &self.pool])
    }

    /// Waits for what is under way, and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
        self.committer.close().await;
    }

    /// A server that is gone without a word must not keep anybody waiting.
    async fn within<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let ended = tokio::time::timeout(self.patience, work).await;
        ended.unwrap_or_else(|_| Err(Failure::retry("postgres: no answer in time")))
    }
}
