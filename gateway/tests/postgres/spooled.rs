//! The store with a spool: the ports' contracts with home there, and what becomes of it when home is late or gone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::testing::contracts;
use gateway::stores::spooled::{OutageSms, SpoolSettings, Spooled};
use tempfile::TempDir;

use super::database::{Databases, server, settings};

pub fn spool(directory: &TempDir, name: &str) -> SpoolSettings {
    SpoolSettings {
        file: directory.path().join(name),
        // A machine that is busy with other tests is not a database that is gone.
        patience: Duration::from_secs(20),
        probe_every: Duration::from_millis(20),
        outage_sms: OutageSms::P1,
        max_frames: 100_000,
    }
}

/// A database and a spool for every check.
struct Fresh {
    databases: Databases,
    directory: TempDir,
    opened: AtomicUsize,
}

impl Fresh {
    fn on(server: String) -> Fresh {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Fresh { databases: Databases::on(server), directory, opened: AtomicUsize::new(0) }
    }

    async fn store(&self) -> Spooled {
        let name = format!("{}.db", self.opened.fetch_add(1, Ordering::Relaxed));
        let url = self.databases.fresh().await;
        let quiet = SpoolSettings { probe_every: Duration::from_secs(1), ..spool(&self.directory, &name) };
        Spooled::open(&settings(&url), quiet).await.expect("a store opens")
    }
}

#[tokio::test]
async fn with_a_spool_postgres_keeps_the_contract_of_calls() {
    let Some(fresh) = server().map(Fresh::on) else { return };
    contracts::call_store(async || fresh.store().await).await;
    fresh.databases.dropped().await;
}

#[tokio::test]
async fn with_a_spool_postgres_keeps_the_contract_of_texts() {
    let Some(fresh) = server().map(Fresh::on) else { return };
    contracts::sms_outbox(async || fresh.store().await).await;
    fresh.databases.dropped().await;
}

#[tokio::test]
async fn with_a_spool_postgres_keeps_the_contract_of_what_was_sent() {
    let Some(fresh) = server().map(Fresh::on) else { return };
    contracts::sms_ledger(async || fresh.store().await).await;
    fresh.databases.dropped().await;
}

#[tokio::test]
async fn with_a_spool_postgres_keeps_the_contract_of_opt_outs() {
    let Some(fresh) = server().map(Fresh::on) else { return };
    contracts::opt_outs(async || fresh.store().await).await;
    fresh.databases.dropped().await;
}

#[tokio::test]
async fn with_a_spool_postgres_keeps_the_contract_of_alerts() {
    let Some(fresh) = server().map(Fresh::on) else { return };
    contracts::alert_store(async || fresh.store().await).await;
    fresh.databases.dropped().await;
}
