//! Which store the settings name.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use secrecy::ExposeSecret;

use crate::settings::{Settings, StoreKind};
use crate::stores::Store;
use crate::stores::postgres::{PostgresSettings, PostgresStore};
use crate::stores::sqlite::SqliteStore;

/// An open store, and what it is called.
pub(super) struct Opened {
    pub store: Arc<dyn Store>,
    /// `sqlite`, `postgres`.
    pub kind: &'static str,
    /// For people: never with a password.
    pub place: String,
}

pub(super) async fn open(settings: &Settings) -> Result<Opened, Failure> {
    match settings.store.kind() {
        Some(StoreKind::Postgres) => {
            let store = &settings.store;
            let postgres = PostgresSettings {
                url: store.url.expose_secret().to_owned(),
                connections: store.connections,
                acquire_within: Duration::from_millis(store.acquire_timeout_ms),
                statement_within: Duration::from_millis(store.statement_timeout_ms),
            };
            let place = PostgresStore::describe(&postgres.url);
            Ok(Opened { store: Arc::new(PostgresStore::open(&postgres).await?), kind: "postgres", place })
        }
        Some(StoreKind::Sqlite) | None => {
            let file = database(settings);
            let store = SqliteStore::open(&file, settings.store.readers).await?;
            Ok(Opened { store: Arc::new(store), kind: "sqlite", place: format!("sqlite {}", file.display()) })
        }
    }
}

/// `sqlite:` is a file of the data directory.
fn database(settings: &Settings) -> PathBuf {
    match settings.store.url.expose_secret().strip_prefix("sqlite:").unwrap_or_default() {
        "" => settings.data_dir.join("cordboard.db"),
        path => path.into(),
    }
}
