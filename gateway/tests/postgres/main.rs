//! The Postgres store: the ports' contracts as they are for every store, what a server far away can do to it, and which
//! indexes are used.

#[path = "../durability/carrier.rs"]
mod carrier;
#[path = "../support/checker/mod.rs"]
#[allow(unused_imports, reason = "these stories use a part of it")]
mod checker;
mod counting;
#[path = "../support/database.rs"]
mod database;
#[path = "../durability/load.rs"]
#[allow(dead_code, reason = "these stories use a part of it")]
mod load;
mod outage;
mod outage_alerts;
mod plans;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../durability/server.rs"]
#[allow(dead_code, reason = "these stories use a part of it")]
mod server;
mod spooled;
mod story;
mod trouble;

use database::Databases;
use engine::testing::contracts;
use gateway::stores::postgres::PostgresStore;

async fn store(databases: &Databases) -> PostgresStore {
    database::open(&databases.fresh().await).await
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_calls() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::call_store(async || store(&databases).await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_a_history() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::call_history(async || store(&databases).await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_analytics() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::analytics(async || store(&databases).await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_texts() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::sms_outbox(async || store(&databases).await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_what_was_sent() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::sms_ledger(async || store(&databases).await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_opt_outs() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::opt_outs(async || store(&databases).await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_alerts() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::alert_store(async || store(&databases).await).await;
    databases.dropped().await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_the_bus_cursor() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::bus_cursor(async || store(&databases).await).await;
}

#[tokio::test]
async fn postgres_keeps_the_contract_of_keeping_and_forgetting() {
    let Some(server) = database::server() else { return };
    let databases = Databases::on(server);
    contracts::keeping(async || store(&databases).await).await;
    databases.dropped().await;
}
