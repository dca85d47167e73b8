//! Where calls and messages are kept. A new store is one folder here; it must pass `engine::testing::contracts`.
//!
//! Each speaks its own database's SQL. What a column means to the engine, and how the frames of a batch belong
//! together, is the same for all of them.

mod batch;
mod columns;
pub mod postgres;
pub mod sqlite;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{AlertStore, CallStore, Inbox, OptOuts, SmsLedger, SmsOutbox};

/// Everything that is kept, in one place: a frame, its texts and its alerts are one transaction.
#[async_trait]
pub trait Store: CallStore + SmsOutbox + SmsLedger + AlertStore + OptOuts + Inbox {
    /// Whether it can be read and written now.
    async fn ping(&self) -> Result<(), Failure>;

    /// After what is under way.
    async fn close(&self);
}

#[async_trait]
impl Store for sqlite::SqliteStore {
    async fn ping(&self) -> Result<(), Failure> {
        self.ping().await
    }

    async fn close(&self) {
        self.close().await;
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
}
