//! Every table of Postgres as text.

use engine::ids::EventKey;
use engine::ports::{AuditLog, CallStore, Deed, Erasure, Forgets, IdempotencyKey, InboundSms, Inbox, SmsOutbox, Whom};
use engine::priority::Priority;
use engine::sms::NewSms;
use engine::testing::{contracts, frames};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::database::{self, Databases, server};

/// All rows of all tables.
async fn dump(connection: &mut PgConnection) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    assert!(tables.len() > 10, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let query = AssertSqlSafe(format!("SELECT coalesce(string_agg(t::text, chr(10)), '') FROM {table} AS t"));
        let rows: String = sqlx::query_scalar(query).fetch_one(&mut *connection).await.unwrap();
        all += &format!("-- {table}\n{rows}\n");
    }
    all
}

#[tokio::test]
async fn nothing_is_left_in_the_tables_of_whoever_was_erased() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let store = database::open(&url).await;
    contracts::called(&store, &frames::call("acme", "c1")).await;
    contracts::called(&store, &frames::call("other", "c2")).await;
    let key = EventKey::new("odd");
    let raw = format!("{{\"from\": \"{}\", \"said\": \"{}\"}}", contracts::CALLER, contracts::SAID);
    store.quarantine(&frames::call("acme", "never"), &key, &raw, "why", frames::moment(1)).await.unwrap();
    let to = contracts::CALLER.parse().unwrap();
    let asked = frames::text(&frames::call("acme", "asked"), "a", Priority::P4);
    let asked = NewSms { call: None, to, body: contracts::SAID.into(), ..asked };
    let idempotency = IdempotencyKey { key: "k".into(), digest: "d".into(), until: frames::moment(9_000) };
    store.submit(&asked, Some(&idempotency)).await.unwrap();
    let inbound = InboundSms {
        id: "m1".into(),
        tenant: None,
        from: contracts::CALLER.parse().unwrap(),
        to: "+15145550100".into(),
        body: contracts::SAID.into(),
        wish: "other".into(),
        at: frames::moment(1),
    };
    store.keep(&inbound).await.unwrap();
    let mut connection = database::connect(&url).await;
    let before = dump(&mut connection).await;
    for wanted in [contracts::CALLER, "514-555-0142", contracts::SAID] {
        assert!(before.contains(wanted), "{wanted}");
    }
    let whom = Whom::Number(contracts::CALLER.parse().unwrap());
    store.forget(&Erasure { tenant: None, whom, at: frames::moment(500) }).await.unwrap();
    let deed = Deed {
        at: frames::moment(500),
        by: "admin".into(),
        tenant: None,
        action: "erased".into(),
        subject: "number:hmac:00".into(),
        detail: serde_json::json!({"calls": 2}),
    };
    store.note(&deed).await.unwrap();
    let left = dump(&mut connection).await;
    for wanted in ["5550142", "555-0142", contracts::SAID, "Noelle"] {
        assert!(!left.contains(wanted), "{wanted} in\n{left}");
    }
    assert!(left.contains("number:hmac:00") && left.contains("forgotten"), "{left}");
    drop(connection);
    databases.dropped().await;
}
