//! The Postgres store: the ports' contracts, as they are for every store.

mod database;

use database::{Databases, server};
use engine::testing::contracts;

#[tokio::test]
async fn postgres_keeps_the_contract_of_calls() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    contracts::call_store(async || databases.store().await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_texts() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    contracts::sms_outbox(async || databases.store().await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_what_was_sent() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    contracts::sms_ledger(async || databases.store().await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_opt_outs() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    contracts::opt_outs(async || databases.store().await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_alerts() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    contracts::alert_store(async || databases.store().await).await;
    databases.dropped().await;
}
