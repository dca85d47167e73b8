//! Elections on a real Postgres.

use std::sync::atomic::{AtomicUsize, Ordering};

use engine::ports::Election;
use engine::testing::contracts;
use gateway::stores::postgres::PostgresElection;
use sqlx::Executor;

use crate::database::{self, Databases, server};

fn node(url: &str, name: &str) -> PostgresElection {
    PostgresElection::new(&database::settings(url), name.to_owned()).expect("a URL of ours")
}

#[tokio::test]
async fn elections_on_postgres_keep_their_contract() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let number = AtomicUsize::new(0);
    contracts::election(async || {
        number.fetch_add(1, Ordering::Relaxed);
        let url = databases.fresh().await;
        (node(&url, "a"), node(&url, "b"))
    })
    .await;
    databases.dropped().await;
}

#[tokio::test]
async fn a_term_ends_with_its_session_and_the_next_node_may_lead() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let (first, second) = (node(&url, "a"), node(&url, "b"));
    let mut term = first.stand().await.unwrap().expect("nobody else stands");
    assert!(second.stand().await.unwrap().is_none());
    // What `idle_session_timeout` does to a node that is halted.
    let ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = 'cordboard leader' \
                   AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)";
    database::connect(&url).await.execute(ended).await.unwrap();
    assert!(second.stand().await.unwrap().is_some(), "the lock went with the session");
    assert!(term.renew().await.is_err());
    databases.dropped().await;
}

#[tokio::test]
async fn the_server_ends_a_session_that_says_nothing() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let _term = node(&url, "a").stand().await.unwrap().expect("nobody else stands");
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND application_name = 'cordboard leader' AND state = 'idle'";
    let mut watcher = database::connect(&url).await;
    let known: i64 = sqlx::query_scalar(sessions).fetch_one(&mut watcher).await.unwrap();
    assert_eq!(known, 1);
    // Waits inside the server, without end but for its own: ten seconds after the last word.
    let gone = "DO $$ BEGIN WHILE (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted) > 0 LOOP \
                PERFORM pg_sleep(0.1); END LOOP; END $$";
    watcher.execute(gone).await.unwrap();
    databases.dropped().await;
}
