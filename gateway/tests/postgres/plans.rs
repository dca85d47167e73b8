//! Every query of the hot paths, and the index it must use, where there are 200,000 calls.

use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use super::database::{Databases, connect, server};

/// 200,000 calls of 20 tenants, 1,000 of them live, with two frames each and a text every other.
/// One tenant owes little, while others owe a lot.
const MANY: &str = "
INSERT INTO calls (tenant, id, platform, direction, phase, status, priority, phone_number, started_at, updated_at, last_seq, state)
SELECT 't' || n % 20, 'call-' || n, 'testline', 'inbound', CASE WHEN n % 200 = 0 THEN 'in_progress' ELSE 'ended' END,
       CASE WHEN n % 200 = 0 THEN 'active' WHEN n % 200 = 1 THEN 'failed' ELSE 'completed' END, 'P' || 1 + n % 4,
       '+1514555' || lpad((n % 9000)::text, 4, '0'), now() - n * interval '1 minute', now() - n * interval '1 minute', 2, '{}'
FROM generate_series(1, 200000) AS n;
INSERT INTO call_frames (tenant, call_id, seq, key, at, decided_at, facts, answer, commit_id)
SELECT tenant, id, seq, 'ev:' || seq, started_at, started_at, '[]', '{}', 1 FROM calls, generate_series(1, 2) AS seq;
INSERT INTO sms_messages (id, tenant, call_id, to_number, contact, body, segments, priority, state, due_at, expires_at, created_at, updated_at)
SELECT md5(n::text), 't' || n % 20, 'call-' || n, '+1438555' || lpad((n % 9000)::text, 4, '0'), 'owner', 'a text', 1, 'P' || 1 + n % 4,
       CASE WHEN n % 100 < 10 THEN 'queued' WHEN n % 1000 = 12 THEN 'sending' WHEN n % 1000 = 14 THEN 'unknown' ELSE 'delivered' END,
       now() - n * interval '1 minute', now() + n * interval '1 minute', now() - n * interval '1 minute', now()
FROM generate_series(2, 200000, 2) AS n;
UPDATE sms_messages SET tenant = 'rare', call_id = NULL WHERE state = 'queued' AND to_number LIKE '%78';
INSERT INTO sms_attempts (sms_id, attempt, sender, token, started_at, outcome, counts, provider_id, check_at)
SELECT id, 1, 's', md5(id), created_at, CASE WHEN state = 'unknown' THEN 'unknown' ELSE 'accepted' END, true, CASE WHEN state <> 'unknown' THEN 'SM' || id END,
       CASE WHEN state = 'unknown' OR id LIKE '00%' THEN now() - interval '1 minute' END
FROM sms_messages WHERE state <> 'queued';
INSERT INTO opt_outs (tenant, number, action, source, at)
SELECT 't' || n % 20, '+1438555' || lpad(n::text, 4, '0'), 'out', 'keyword', now() FROM generate_series(1, 9000) AS n;
INSERT INTO alerts (id, tenant, call_id, reason, priority, state, step, round, next_at, opened_at, updated_at, version, data)
SELECT md5(id), tenant, id, 'call', 'P1', CASE WHEN status = 'active' THEN 'open' ELSE 'resolved' END, 0, 0, now(), started_at,
       now(), 1, '{}' FROM calls WHERE priority = 'P1';
ANALYZE;
";

/// Where two indexes are as good as each other, either.
const QUERIES: &[(&str, &str)] = &[
    // What the seed of this project asked for.
    (
        "SELECT * FROM calls WHERE status = 'active' AND priority = 'P1' ORDER BY started_at DESC LIMIT 50",
        "calls_by_status",
    ),
    (
        "SELECT * FROM calls WHERE status = 'completed' AND priority = 'P2' ORDER BY started_at DESC LIMIT 50",
        "calls_by_status",
    ),
    ("SELECT * FROM calls WHERE phone_number = '+15145550142' AND status = 'active'", "calls_by_number"),
    // Calls.
    ("SELECT state FROM calls WHERE tenant = 't1' AND id = 'call-1'", "calls_pkey"),
    (
        "SELECT tenant, id, state FROM calls WHERE id = 'call-7' AND (NULL IS NULL OR tenant = NULL) ORDER BY updated_at DESC LIMIT 1",
        "calls_pkey",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE tenant = 't1' AND phone_number = '+15145550001' AND started_at < now() \
         ORDER BY started_at DESC LIMIT 5",
        "calls_of_number",
    ),
    (
        "SELECT tenant, id, calls.phase, updated_at FROM unnest(ARRAY['ringing', 'in_progress'], ARRAY[now(), now()]) \
         AS cutoff (phase, at) JOIN calls ON calls.phase = cutoff.phase WHERE status = 'active' AND updated_at < cutoff.at \
         ORDER BY updated_at LIMIT 9",
        "calls_by_phase",
    ),
    (
        "SELECT calls.tenant, id, state FROM unnest(ARRAY['t1', 't2'], ARRAY['call-1', 'call-2']) AS wanted (tenant, call_id) \
         JOIN calls ON calls.tenant = wanted.tenant AND id = wanted.call_id",
        "calls_pkey",
    ),
    (
        "UPDATE calls SET last_seq = offered.last_seq FROM unnest(ARRAY['t1', 't2'], ARRAY['call-1', 'call-2'], ARRAY[2, 2], \
         ARRAY[3, 3]) AS offered (tenant, id, expected, last_seq) WHERE calls.tenant = offered.tenant \
         AND calls.id = offered.id AND calls.last_seq = offered.expected",
        "calls_pkey",
    ),
    // What is over, the oldest first.
    (
        "SELECT id FROM calls WHERE tenant = 't3' AND NOT words_gone AND calls.phase = 'ended' \
         AND calls.started_at < now() - interval '10 days' ORDER BY started_at LIMIT 9",
        "calls_with_words|calls_over",
    ),
    // The history.
    (
        "SELECT tenant, id, state FROM calls WHERE true ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE true AND (started_at, id, tenant) < (now() - interval '100 days', 'x', 't1') \
         ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE true AND status <> 'active' AND priority = 'P1' \
         ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE true AND started_at >= now() - interval '3 days' AND started_at < now() \
         ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE true AND tenant = 't1' AND (started_at, id, tenant) < (now(), 'x', 't1') \
         ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest_of_tenant",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE true AND phone_number = '+15145550001' \
         ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest_of_number",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE true AND status = 'active' \
         ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest_active|calls_by_phase",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE true AND tenant = 't0' AND status = 'active' \
         ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest_active|calls_by_phase",
    ),
    (
        "SELECT tenant, id, state FROM calls WHERE true AND tenant = 't1' AND status <> 'active' AND priority = 'P1' \
         ORDER BY started_at DESC, id DESC, tenant DESC LIMIT 101",
        "calls_newest_of_priority",
    ),
    // What is counted of them.
    (
        "SELECT count(*) FROM calls WHERE status = 'active' AND priority = 'P1' AND ('t1' = '' OR tenant = 't1')",
        "calls_by_status|calls_by_phase",
    ),
    // Frames.
    (
        "SELECT * FROM call_frames WHERE tenant = 't1' AND call_id = 'call-1' AND seq > 1 ORDER BY seq LIMIT 9",
        "call_frames_tenant_call_id_seq_key",
    ),
    (
        "SELECT facts, answer FROM call_frames WHERE tenant = 't1' AND call_id = 'call-1' AND key = 'ev:2'",
        "call_frames_tenant_call_id_key_key",
    ),
    ("SELECT * FROM call_frames WHERE position > 399000 ORDER BY position LIMIT 9", "call_frames_pkey"),
    ("SELECT coalesce(max(position), 0) FROM call_frames", "call_frames_pkey"),
    // Texts.
    (
        "SELECT min(due_at) FROM sms_messages WHERE state = 'queued' AND priority = 'P1' AND due_at > now() - interval '1 day'",
        "sms_queue",
    ),
    ("SELECT 1 FROM sms_messages WHERE state = 'queued' AND expires_at < now() LIMIT 1", "sms_expiry"),
    (
        "SELECT id FROM sms_messages WHERE state = 'queued' AND priority = 'P1' AND tenant = 'rare' AND due_at <= now() \
         AND expires_at >= now() ORDER BY expires_at, due_at, created_at, id LIMIT 9",
        "sms_queue_of_tenant",
    ),
    (
        "SELECT 1 FROM sms_messages AS other WHERE other.tenant = 't2' AND other.call_id = 'call-2' \
         AND other.to_number = '+14385550002' AND other.state IN ('queued', 'sending') AND other.id <> 'x'",
        "sms_by_call",
    ),
    ("SELECT * FROM sms_messages WHERE state = 'sending'", "sms_in_flight"),
    ("SELECT count(*) FROM sms_messages WHERE state = 'unknown'", "sms_by_state"),
    (
        "SELECT * FROM sms_messages WHERE true AND state = 'unknown' ORDER BY created_at DESC, id DESC LIMIT 9",
        "sms_by_state",
    ),
    ("SELECT * FROM sms_messages WHERE true ORDER BY created_at DESC, id DESC LIMIT 9", "sms_newest"),
    (
        "SELECT * FROM sms_messages WHERE true AND tenant = 't2' AND (created_at, id) < (now(), 'x') \
         ORDER BY created_at DESC, id DESC LIMIT 9",
        "sms_newest_of_tenant",
    ),
    (
        "SELECT tenant FROM sms_messages WHERE to_number = '+14385550002' ORDER BY created_at DESC LIMIT 1",
        "sms_by_number",
    ),
    (
        "SELECT text.tenant, text.call_id, state, count(*) FROM unnest(ARRAY['t2', 't4'], ARRAY['call-2', 'call-4']) \
         AS wanted (tenant, call_id) JOIN sms_messages AS text USING (tenant, call_id) GROUP BY 1, 2, 3",
        "sms_by_call",
    ),
    ("SELECT * FROM sms_attempts WHERE token = 'x'", "sms_attempts_by_token"),
    ("SELECT * FROM sms_attempts WHERE provider_id = 'SM1'", "sms_attempts_by_provider_id"),
    (
        "SELECT * FROM sms_attempts WHERE started_at >= now() - interval '1 hour' ORDER BY started_at DESC LIMIT 9",
        "sms_attempts_by_time",
    ),
    (
        "SELECT * FROM sms_attempts WHERE check_at <= now() AND check_at IS NOT NULL AND provider_id IS NULL \
         ORDER BY check_at, sms_id, attempt LIMIT 9",
        "sms_attempts_to_find",
    ),
    (
        "SELECT * FROM sms_attempts WHERE check_at <= now() AND check_at IS NOT NULL AND provider_id IS NOT NULL \
         ORDER BY check_at, sms_id, attempt LIMIT 9",
        "sms_attempts_to_check",
    ),
    (
        "SELECT sms_attempts.* FROM sms_attempts JOIN sms_messages ON id = sms_id WHERE sms_attempts.provider_id IS NULL \
         AND coalesce(outcome, 'unknown') = 'unknown' AND sender = 's' AND started_at BETWEEN now() - interval '1 hour' \
         AND now() AND to_number = '+14385550002' AND tenant = 't2' AND body = 'a text'",
        "sms_attempts_open",
    ),
    ("SELECT 1 FROM opted_out WHERE number = '+14385550002' AND tenant IN ('t1', '') LIMIT 1", "opt_outs_by_number"),
    // Alerts.
    (
        "SELECT data FROM alerts WHERE state IN ('open', 'escalated') ORDER BY next_at NULLS FIRST, id LIMIT 9",
        "alerts_running",
    ),
    ("SELECT data FROM alerts WHERE true ORDER BY opened_at DESC, id DESC LIMIT 9", "alerts_newest"),
    (
        "SELECT alerts.id FROM unnest(ARRAY['t1', 't2'], ARRAY['call-1', 'call-2']) AS wanted (tenant, call_id) \
         JOIN alerts USING (tenant, call_id) WHERE alerts.call_id IS NOT NULL",
        "alerts_of_call",
    ),
];

#[tokio::test]
async fn queries_use_their_indexes_on_many_calls() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let mut connection = connect(&databases.fresh().await).await;
    connection.execute(MANY).await.expect("many calls");
    let mut wrong = Vec::new();
    for (query, index) in QUERIES {
        let plan = plan(&mut connection, query).await;
        let scans_all = ["calls", "call_frames", "sms_messages", "sms_attempts", "alerts", "opt_outs"]
            .iter()
            .any(|table| plan.lines().any(|line| line.contains("Seq Scan") && line.contains(&format!(" on {table} "))));
        let is_used = |index| plan.contains(&format!(" {index} ")) || plan.contains(&format!(" {index}\n"));
        if !index.split('|').any(is_used) || scans_all {
            wrong.push(format!("{query}\nwants {index}\n{plan}"));
        }
    }
    // How it goes today must not cost more with every year.
    let view: String =
        sqlx::query_scalar("SELECT pg_get_viewdef('dashboard_metrics')").fetch_one(&mut connection).await.unwrap();
    let plan = plan(&mut connection, view.trim_end_matches(';')).await;
    if !plan.contains(" calls_newest") || plan.contains("Seq Scan on calls ") {
        wrong.push(format!("dashboard_metrics\n{plan}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    databases.dropped().await;
}

async fn plan(connection: &mut PgConnection, query: &str) -> String {
    let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN {query}")));
    let lines = explain.fetch_all(connection).await.expect("a query");
    lines.iter().map(|row| row.get::<String, _>(0) + "\n").collect()
}
