//! The SQLite store: the ports' contracts, what survives, and which indexes are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::ids::SmsId;
use engine::ports::{CallStore, ClaimRequest, Settled, SmsOutbox};
use engine::priority::Priority::P2;
use engine::sms::{NewSms, SendOutcome, Sms, SmsState, settle};
use engine::testing::{contracts, frames};
use gateway::stores::sqlite::SqliteStore;
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;

async fn open(directory: &TempDir, name: &str) -> SqliteStore {
    SqliteStore::open(&directory.path().join(name), 2).await.expect("a store opens")
}

/// A fresh file for every check.
struct Fresh {
    directory: TempDir,
    opened: AtomicUsize,
}

impl Fresh {
    fn new() -> Fresh {
        Fresh { directory: tempfile::tempdir().expect("a temporary directory"), opened: AtomicUsize::new(0) }
    }

    async fn store(&self) -> SqliteStore {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        open(&self.directory, &format!("{number}.db")).await
    }
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_calls() {
    let fresh = Fresh::new();
    contracts::call_store(async || fresh.store().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_a_history() {
    let fresh = Fresh::new();
    contracts::call_history(async || fresh.store().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_analytics() {
    let fresh = Fresh::new();
    contracts::analytics(async || fresh.store().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_texts() {
    let fresh = Fresh::new();
    contracts::sms_outbox(async || fresh.store().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_what_was_sent() {
    let fresh = Fresh::new();
    contracts::sms_ledger(async || fresh.store().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_opt_outs() {
    let fresh = Fresh::new();
    contracts::opt_outs(async || fresh.store().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_alerts() {
    let fresh = Fresh::new();
    contracts::alert_store(async || fresh.store().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_the_bus_cursor() {
    let fresh = Fresh::new();
    contracts::bus_cursor(async || fresh.store().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_of_keeping_and_forgetting() {
    let fresh = Fresh::new();
    contracts::keeping(async || fresh.store().await).await;
}

#[tokio::test]
async fn what_was_appended_is_there_when_the_file_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let call = frames::call("acme", "c1");
    let first = open(&directory, "cordboard.db").await;
    assert_eq!(first.append(&frames::frames(&call, 1, 3)).await, [Ok(()), Ok(()), Ok(())]);
    // Not closed: as after a kill, the write-ahead log is all there is.
    std::mem::forget(first);
    let again = open(&directory, "cordboard.db").await;
    let timeline = again.timeline(&call, 0, 10).await.unwrap();
    assert_eq!(timeline.iter().map(|frame| frame.seq).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn answers_that_come_together_are_settled_each_and_one_that_fails_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&directory, "cordboard.db").await);
    let text = |n: u8| NewSms { call: None, ..frames::text(&frames::call("acme", &format!("c{n}")), "a", P2) };
    let texts: Vec<_> = (0..40).map(text).collect();
    for text in &texts {
        store.submit(text, None).await.unwrap();
    }
    let sender = || "+15145550199".into();
    let requests: Vec<_> = texts.iter().map(|text| ClaimRequest { id: text.id, sender: sender() }).collect();
    let claims = store.claim(&requests, frames::moment(5)).await.unwrap();
    assert!(claims.iter().all(Result::is_ok));
    let sent = SendOutcome::Accepted { provider_id: "X1".into() };
    let accepted = settle(&Sms::owed(&texts[0]), &sent, 0, frames::moment(6));
    let mut settling = JoinSet::new();
    for id in texts.iter().map(|text| text.id).chain([SmsId::from_bits([7; 16])]) {
        let (store, accepted) = (store.clone(), accepted.clone());
        settling.spawn(async move { (id, store.settle(id, 1, &accepted, frames::moment(6)).await) });
    }
    let settled = settling.join_all().await;
    let failed: Vec<_> = settled.iter().filter(|(_, settled)| settled.is_err()).map(|(id, _)| *id).collect();
    assert_eq!(failed, [SmsId::from_bits([7; 16])]);
    let is_its_own = |(id, settled): &(SmsId, Result<Settled, _>)| {
        settled.as_ref().is_ok_and(|settled| settled.sms.id == *id && settled.moved)
    };
    assert_eq!(settled.iter().filter(|settled| is_its_own(settled)).count(), 40);
    // Not closed: what was answered is on disk.
    std::mem::forget(store);
    assert_eq!(open(&directory, "cordboard.db").await.count(SmsState::Accepted).await, Ok(40));
}

#[tokio::test]
async fn the_file_is_for_its_owner_only_and_synced_with_every_commit() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory, "cordboard.db").await;
    let mode = std::fs::metadata(directory.path().join("cordboard.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    store.close().await;
}

#[tokio::test]
async fn a_file_from_a_newer_version_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory, "cordboard.db").await.close().await;
    let file = directory.path().join("cordboard.db");
    let mut connection = SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 2").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let refused = SqliteStore::open(&file, 1).await.err().expect("refused").to_string();
    assert!(refused.contains("newer version of cordboard") && refused.contains("9999"), "{refused}");
}

/// Every query of the hot paths, and the index it must use.
#[tokio::test]
async fn queries_use_their_indexes() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory, "cordboard.db").await.close().await;
    let file = directory.path().join("cordboard.db");
    let mut connection = SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    for (query, index) in [
        (
            "SELECT * FROM call_frames WHERE tenant = 'a' AND call_id = 'b' AND seq > 1 ORDER BY seq",
            "sqlite_autoindex_call_frames_1",
        ),
        (
            "SELECT answer FROM call_frames WHERE tenant = 'a' AND call_id = 'b' AND key = 'c'",
            "sqlite_autoindex_call_frames_2",
        ),
        ("SELECT * FROM call_frames WHERE position > 1 ORDER BY position LIMIT 9", "INTEGER PRIMARY KEY"),
        ("SELECT * FROM calls WHERE status = 'active' AND priority = 'P1' ORDER BY started_at DESC", "calls_by_status"),
        ("SELECT * FROM calls WHERE phone_number = '1' AND status = 'active'", "calls_by_number"),
        (
            "SELECT * FROM calls WHERE tenant = 'a' AND phone_number = '1' AND started_at < 'x' ORDER BY started_at DESC",
            "calls_of_number",
        ),
        (
            "SELECT * FROM calls WHERE status = 'active' AND phase = 'ringing' AND updated_at < 'x' ORDER BY updated_at",
            "calls_by_silence",
        ),
        ("SELECT * FROM calls WHERE id = 'x'", "calls_by_id"),
        (
            "SELECT id FROM calls WHERE tenant = 'a' AND NOT words_gone AND calls.phase = 'ended' \
             AND calls.started_at < 'x' ORDER BY started_at LIMIT 9",
            "calls_with_words",
        ),
        // The history, and what is counted.
        ("SELECT * FROM calls WHERE 1 ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 9", "calls_newest"),
        (
            "SELECT * FROM calls WHERE 1 AND (started_at, id, tenant) < ('x', 'y', 'z') \
             ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 9",
            "calls_newest",
        ),
        (
            "SELECT * FROM calls WHERE 1 AND status <> 'active' AND started_at >= 'x' AND started_at < 'y' \
             ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 9",
            "calls_newest",
        ),
        (
            "SELECT * FROM calls WHERE 1 AND tenant = 'a' AND (started_at, id, tenant) < ('x', 'y', 'z') \
             ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 9",
            "calls_newest_of_tenant",
        ),
        (
            "SELECT * FROM calls WHERE 1 AND phone_number = '1' ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 9",
            "calls_newest_of_number",
        ),
        (
            "WITH days (date, since, until) AS (VALUES ('a', 'b', 'c'), ('d', 'e', 'f')) SELECT date, count(*) \
             FROM days CROSS JOIN calls ON started_at >= since AND started_at < until WHERE calls.tenant = 'a' \
             GROUP BY date",
            "calls_newest_of_tenant",
        ),
        (
            "SELECT count(*) FROM calls WHERE status = 'active' AND priority = 'P1' AND ('a' = '' OR tenant = 'a')",
            "calls_by_status",
        ),
        ("SELECT min(due_at) FROM sms_messages WHERE state = 'queued' AND priority = 'P1'", "sms_queue"),
        ("SELECT * FROM sms_messages WHERE state = 'queued' AND expires_at <= 'x'", "sms_expiry"),
        (
            "SELECT id FROM sms_messages AS sms WHERE state = 'queued' AND priority = 'P1' AND due_at <= 'x' \
             AND expires_at >= 'x' ORDER BY expires_at, due_at, created_at, id LIMIT 9",
            "sms_deadlines",
        ),
        (
            "SELECT 1 FROM sms_messages AS other WHERE other.tenant = 'a' AND other.call_id = 'b' \
             AND other.to_number = 'c' AND other.state IN ('queued', 'sending') AND other.id <> 'd' \
             AND (other.state = 'sending' OR other.due_at <= 'x')",
            "sms_siblings",
        ),
        (
            "SELECT count(*) FROM sms_messages WHERE state = 'unknown' AND state NOT IN ('queued', 'sending')",
            "sms_by_state",
        ),
        ("SELECT * FROM sms_messages WHERE 1 AND to_number = 'x' ORDER BY created_at DESC LIMIT 9", "sms_by_number"),
        ("SELECT * FROM sms_attempts WHERE token = 'x'", "sms_attempts_by_token"),
        ("SELECT * FROM sms_attempts WHERE provider_id = 'x'", "sms_attempts_by_provider_id"),
        ("SELECT * FROM sms_attempts WHERE check_at <= 'x' ORDER BY check_at LIMIT 9", "sms_attempts_to_check"),
        (
            "SELECT sms_attempts.* FROM sms_attempts CROSS JOIN sms_messages ON id = sms_id \
             WHERE sms_attempts.provider_id IS NULL AND coalesce(outcome, 'unknown') = 'unknown' \
             AND sender = 'a' AND started_at BETWEEN 'x' AND 'y' AND to_number = 'b' ORDER BY started_at",
            "sms_attempts_open",
        ),
        ("SELECT * FROM sms_messages WHERE provider_id = 'x'", "sms_by_provider_id"),
        ("SELECT * FROM sms_messages WHERE to_number = '1' AND state = 'queued'", "sms_by_number"),
        ("SELECT 1 FROM opted_out WHERE number = '1' AND tenant IN ('a', '')", "opt_outs_by_number"),
        // With one row wanted any form uses the index; with two, only the join does.
        (
            "WITH wanted (tenant, call_id) AS (VALUES ('a', 'b'), ('c', 'd')) SELECT last_seq FROM wanted \
             CROSS JOIN calls ON calls.tenant = wanted.tenant AND id = wanted.call_id",
            "sqlite_autoindex_calls_1",
        ),
        (
            "WITH wanted (tenant, call_id) AS (VALUES ('a', 'b'), ('c', 'd')) SELECT count(*) FROM wanted \
             CROSS JOIN sms_messages AS text ON text.call_id = wanted.call_id AND text.tenant = wanted.tenant \
             GROUP BY text.tenant, text.call_id, state",
            "sms_by_call",
        ),
        ("SELECT * FROM sms_messages WHERE tenant = 'a' ORDER BY created_at DESC LIMIT 9", "sms_newest_of_tenant"),
    ] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
        let plan = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert!(plan.iter().any(|step| step.contains(index)), "{query}\n{plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY")), "{query}\n{plan:#?}");
    }
}
