//! Which store the settings name.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actors::supervise::{Supervised, supervise};
use engine::failure::Failure;
use engine::playbook::Shifts;
use engine::ports::{Bell, Election};
use secrecy::ExposeSecret;

use crate::settings::{Settings, StoreKind};
use crate::stores::Store;
use crate::stores::postgres::{PostgresBell, PostgresSettings, PostgresStore};
use crate::stores::spooled::{SpoolSettings, Spooled};
use crate::stores::sqlite::SqliteStore;

/// An open store, and what it is called.
pub(super) struct Opened {
    pub store: Arc<dyn Store>,
    /// `sqlite`, `postgres`.
    pub kind: &'static str,
    /// For people: never with a password.
    pub place: String,
    /// The nodes that share it, if others can.
    pub nodes: Option<Nodes>,
}

/// How nodes that share a store agree on who leads, and wake that one.
pub(super) struct Nodes {
    pub election: Arc<dyn Election>,
    pub bell: Arc<dyn Bell>,
}

pub(super) async fn open(settings: &Settings) -> Result<Opened, Failure> {
    match settings.store.kind() {
        Some(StoreKind::Postgres) => {
            let postgres = postgres(settings);
            let place = PostgresStore::describe(&postgres.url);
            let spooled = Spooled::open(&postgres, spool(settings)).await?;
            let node = hex::encode(rand::random::<[u8; 16]>());
            let election = spooled.election(&postgres, node)?;
            let nodes = Some(Nodes { election, bell: Arc::new(PostgresBell::new(&postgres)?) });
            Ok(Opened { store: Arc::new(spooled), kind: "postgres", place, nodes })
        }
        Some(StoreKind::Sqlite) | None => {
            let (file, readers) = (database(settings), settings.store.readers);
            let opened = match settings.store.migrate {
                true => SqliteStore::open(&file, readers).await?,
                false => SqliteStore::open_as_it_is(&file, readers).await?,
            };
            Ok(Opened {
                store: Arc::new(opened),
                kind: "sqlite",
                place: format!("sqlite {}", file.display()),
                nodes: None,
            })
        }
    }
}

/// What a store far away is helped out by.
fn spool(settings: &Settings) -> SpoolSettings {
    let spool = &settings.store.spool;
    SpoolSettings {
        file: settings.data_dir.join("spool.db"),
        patience: Duration::from_millis(spool.patience_ms),
        probe_every: Duration::from_millis(spool.probe_ms),
        outage_sms: spool.outage_sms,
        max_frames: spool.max_frames,
    }
}

/// How the server of these settings reaches its database.
pub fn postgres(settings: &Settings) -> PostgresSettings {
    let store = &settings.store;
    PostgresSettings {
        url: store.url.expose_secret().to_owned(),
        connections: store.connections,
        acquire_within: Duration::from_millis(store.acquire_timeout_ms),
        statement_within: Duration::from_millis(store.statement_timeout_ms),
        migrate: store.migrate,
    }
}

/// The file of the embedded store: `sqlite:` is one of the data directory.
pub fn database(settings: &Settings) -> PathBuf {
    match settings.store.url.expose_secret().strip_prefix("sqlite:").unwrap_or_default() {
        "" => settings.data_dir.join("cordboard.db"),
        path => path.into(),
    }
}

/// Whether the store is a file of ours.
pub fn is_embedded(settings: &Settings) -> bool {
    settings.store.kind() != Some(StoreKind::Postgres)
}

/// How often it is looked who took a shift over at another node.
const SHIFTS_EVERY: Duration = Duration::from_secs(5);

/// Keeps what other nodes recorded of shifts, until the handle is dropped. A store that is away is asked again.
pub(super) fn follow_shifts(store: Arc<dyn Store>, shifts: Shifts) -> Supervised {
    supervise("shifts", move || {
        let (store, shifts) = (store.clone(), shifts.clone());
        async move {
            loop {
                tokio::time::sleep(SHIFTS_EVERY).await;
                match store.shifts().await {
                    Ok(taken) => taken.into_iter().for_each(|(tenant, shift)| shifts.put(tenant, shift)),
                    Err(failure) => tracing::warn!(%failure, "shifts could not be read, will retry"),
                }
            }
        }
    })
}
