//! Calls by the hundred thousand, laid into the tables by the database itself. Each is what the engine would have made
//! of it, down to its snapshot.

use anyhow::{Context, anyhow};
use benches::postgres::Postgres;
use engine::call::{Call, Direction, Fault, Line, Phase, Role};
use engine::priority::Priority;
use engine::time::Timestamp;
use gateway::stores::postgres::{PostgresSettings, PostgresStore};
use sqlx::{Connection, PgConnection};
use std::time::Duration;

/// Whose calls the server takes without being told.
pub const TENANT: &str = "boreal";
/// Others in the same tables.
pub const TENANTS: u32 = 20;

/// Stand for what differs from call to call.
const NUMBER: &str = "+15145550100";
const BEGAN: Timestamp = Timestamp::EPOCH;
const HEARD: Timestamp = Timestamp::from_millis(1);

/// Calls that ended, one every `seconds` back from now, of [`TENANTS`] tenants; the newest 1,000 are still live.
pub async fn history(postgres: &Postgres, calls: u32) -> anyhow::Result<()> {
    let seconds = 365 * 24 * 3600 / calls.max(1);
    let mut database = tables(postgres).await?;
    let fill = format!(
        "{} SELECT CASE WHEN n % {TENANTS} = 0 THEN '{TENANT}' ELSE 't' || n % {TENANTS} END AS tenant, \
         'call-' || n AS id, n <= 1000 AS is_live, CASE WHEN n % 20 = 0 THEN 'P1' ELSE 'P' || 2 + n % 3 END AS priority, \
         '+1514555' || lpad((n % 10000)::text, 4, '0') AS number, now() - n * interval '{seconds} seconds' AS began \
         FROM generate_series(1, {calls}) AS n {}",
        BEFORE, AFTER
    );
    insert(&mut database, fill).await
}

/// Live calls of one tenant, each with three frames.
pub async fn live(postgres: &Postgres, calls: u32) -> anyhow::Result<()> {
    let mut database = tables(postgres).await?;
    let fill = format!(
        "{} SELECT '{TENANT}' AS tenant, 'call-' || n AS id, true AS is_live, 'P' || 1 + n % 4 AS priority, \
         '+1514555' || lpad((n % 10000)::text, 4, '0') AS number, now() - n * interval '1 millisecond' AS began \
         FROM generate_series(1, {calls}) AS n {}",
        BEFORE, AFTER
    );
    insert(&mut database, fill).await?;
    run(
        &mut database,
        "INSERT INTO call_frames (tenant, call_id, seq, key, at, decided_at, facts, answer, commit_id) \
         SELECT tenant, id, seq, 'st:' || seq, started_at, started_at, '[]', '\"ack\"', 1 \
         FROM calls, generate_series(1, 3) AS seq",
    )
    .await?;
    run(&mut database, "VACUUM ANALYZE").await
}

const BEFORE: &str = "WITH made AS (";
const AFTER: &str = ") INSERT INTO calls (tenant, id, platform, direction, phase, status, priority, phone_number, caller_name, \
     started_at, ended_at, duration_s, ended_reason, ended_group, updated_at, last_seq, state) \
     SELECT tenant, id, 'vapi', 'inbound', CASE WHEN is_live THEN 'in_progress' ELSE 'ended' END, \
     CASE WHEN is_live THEN 'active' ELSE 'completed' END, priority, number, 'Jeanne Tremblay', began, \
     CASE WHEN is_live THEN NULL ELSE began + interval '3 minutes' END, CASE WHEN is_live THEN NULL ELSE 180 END, \
     CASE WHEN is_live THEN NULL ELSE 'customer-ended-call' END, \
     CASE WHEN is_live THEN NULL ELSE 'completed.customer' END, now(), 3, \
     replace(replace(replace(replace(CASE WHEN is_live THEN $1 ELSE $2 END, $3, number), $4, \
     to_char(began AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')), $5, \
     to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')), '\"P4\"', '\"' || priority || '\"') FROM made";

async fn insert(database: &mut PgConnection, fill: String) -> anyhow::Result<()> {
    // What is laid here need not be synced call by call.
    run(database, "SET synchronous_commit = off").await?;
    let snapshot = |call: &Call| serde_json::to_string(call).context("a call is JSON");
    let query = sqlx::query(sqlx::AssertSqlSafe(fill));
    let query = query.bind(snapshot(&talking())?).bind(snapshot(&ended())?).bind(NUMBER);
    query.bind(BEGAN.to_string()).bind(HEARD.to_string()).execute(&mut *database).await.context("calls are laid")?;
    run(database, "VACUUM ANALYZE calls").await
}

async fn run(database: &mut PgConnection, statement: &'static str) -> anyhow::Result<()> {
    sqlx::query(statement).execute(database).await.map(drop).context(statement)
}

async fn tables(postgres: &Postgres) -> anyhow::Result<PgConnection> {
    let store = PostgresStore::open(&settings(postgres)).await.map_err(|failure| anyhow!("{failure}"))?;
    store.close().await;
    PgConnection::connect(&postgres.url).await.context("it takes connections")
}

pub fn settings(postgres: &Postgres) -> PostgresSettings {
    let within = Duration::from_secs(30);
    PostgresSettings {
        url: postgres.url.clone(),
        connections: 6,
        acquire_within: within,
        statement_within: within,
        migrate: true,
    }
}

fn talking() -> Call {
    Call {
        direction: Some(Direction::Inbound),
        phase: Phase::InProgress,
        priority: Some(Priority::P4),
        priority_reason: Some("standard".into()),
        from: Some(NUMBER.into()),
        to: Some("+14385550100".into()),
        caller_name: Some("Jeanne Tremblay".into()),
        last_line: Some(Line { role: Role::Caller, text: "L'eau monte dans le sous-sol depuis ce matin.".into() }),
        tools_used: vec!["classifyPriority".into(), "sendSMSAlert".into()],
        seq: 3,
        updated_at: HEARD,
        ..Call::new("vapi", BEGAN)
    }
}

fn ended() -> Call {
    Call {
        phase: Phase::Ended,
        ended_at: Some(HEARD),
        duration_s: Some(180),
        ended_reason: Some("customer-ended-call".into()),
        ended_group: Some("completed.customer".into()),
        ended_fault: Some(Fault::None),
        summary: Some("La cliente signale un refoulement au sous-sol; une équipe la rappelle dans l'heure.".into()),
        reported: true,
        ..talking()
    }
}
