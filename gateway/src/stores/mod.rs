//! Where calls and messages are kept. A new store is one folder here; it must pass `engine::testing::contracts`.
//!
//! Each speaks its own database's SQL. What a column means to the engine, and how the frames of a batch belong
//! together, is the same for all of them.

mod batch;
mod columns;
mod keeping;
pub mod migrations;
mod noted;
pub mod postgres;
pub mod spooled;
pub mod sqlite;

use std::path::Path;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{
    AlertStore, Analytics, AuditLog, BusCursor, CallHistory, CallStore, Forgets, Inbox, OptOuts, Retention, SmsLedger,
    SmsOutbox,
};

/// Everything that is kept, in one place: a frame, its texts and its alerts are one transaction.
#[async_trait]
pub trait Store:
    CallStore
    + CallHistory
    + Analytics
    + SmsOutbox
    + SmsLedger
    + AlertStore
    + OptOuts
    + Inbox
    + BusCursor
    + Retention
    + Forgets
    + AuditLog
{
    /// Whether it can be read and written now.
    async fn ping(&self) -> Result<(), Failure>;

    /// After what is under way.
    async fn close(&self);

    /// How its connections are used now.
    fn connections(&self) -> Connections;

    /// Writes all of it, as it stands at one moment, into an empty file. `None`: it has tools of its own for that.
    async fn copy_into(&self, _: &Path) -> Option<Result<(), Failure>> {
        None
    }

    /// Where somebody should look, though everything is recorded. Anybody may read it.
    fn troubles(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Connections of a store, all its pools together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub in_use: u32,
    /// Open, and waiting for somebody.
    pub idle: u32,
    /// Not open, and may be opened.
    pub unopened: u32,
}

impl Connections {
    fn of<DB: sqlx::Database>(pools: &[&sqlx::Pool<DB>]) -> Connections {
        pools.iter().fold(Connections::default(), |sum, pool| {
            let (size, idle) = (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX));
            Connections {
                // The two are read one after the other: they need not fit together.
                in_use: sum.in_use + size.saturating_sub(idle),
                idle: sum.idle + idle.min(size),
                unopened: sum.unopened + pool.options().get_max_connections().saturating_sub(size),
            }
        })
    }
}

#[async_trait]
impl Store for sqlite::SqliteStore {
    async fn ping(&self) -> Result<(), Failure> {
        self.ping().await
    }

    async fn close(&self) {
        self.close().await;
    }

    fn connections(&self) -> Connections {
        self.connections()
    }

    async fn copy_into(&self, file: &Path) -> Option<Result<(), Failure>> {
        Some(self.copy(file).await)
    }

    fn troubles(&self) -> Vec<String> {
        self.trouble().map(str::to_owned).into_iter().collect()
    }
}

#[async_trait]
impl Store for postgres::PostgresStore {
    async fn ping(&self) -> Result<(), Failure> {
        self.ping().await
    }

    async fn close(&self) {
        self.close().await;
    }

    fn connections(&self) -> Connections {
        self.connections()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_add_up_to_those_that_may_be_open() {
        let dir = tempfile::tempdir().unwrap();
        let store = sqlite::SqliteStore::open(&dir.path().join("test.db"), 3).await.unwrap();
        let Connections { in_use, idle, unopened } = store.connections();
        assert_eq!(in_use + idle + unopened, 1 + 3, "one that writes, three that read");
        assert!(unopened < 4, "it has been opened");
    }
}
