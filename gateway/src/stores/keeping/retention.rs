//! Words, then calls, when their time is over. Whether it is, is said in the statement that chooses a call and again in
//! the one that changes it; a call about which the two do not agree is left, whole.

use engine::failure::Failure;
use engine::ids::{CallKey, TenantId};
use engine::ports::Removed;
use engine::time::Timestamp;

use super::ground::{Arg, Ground, Line, Statement, Turn, of_call, of_call_and};
use super::rewriting::Out;
use super::sealing::{FRAMES_AT_ONCE, frames_after, put_frame};

/// Calls looked at in one step.
const CALLS_AT_ONCE: i64 = 64;

/// Texts that are not sent, or of which nobody knows the end.
macro_rules! unsettled {
    () => {
        "('queued', 'sending', 'unknown')"
    };
}

/// Alerts whose clock runs.
macro_rules! running {
    () => {
        "('open', 'escalated')"
    };
}

/// Whether a row of `calls` was over before this moment, and nothing of it is under way any more.
macro_rules! over {
    ($before:literal) => {
        concat!(
            "calls.phase IN ('ended', 'lost') AND calls.started_at < ",
            $before,
            " AND calls.updated_at < ",
            $before,
            " AND coalesce(calls.ended_at, calls.updated_at) < ",
            $before,
            " AND NOT EXISTS (SELECT 1 FROM alerts WHERE alerts.tenant = calls.tenant \
             AND alerts.call_id = calls.id AND alerts.state IN ",
            running!(),
            ") AND NOT EXISTS (SELECT 1 FROM sms_messages AS text WHERE text.tenant = calls.tenant \
             AND text.call_id = calls.id AND text.state IN ",
            unsettled!(),
            ")"
        )
    };
}

/// Each tenant that has a row, found by leaps through an index.
macro_rules! tenants_of {
    ($table:literal, $where:literal) => {
        concat!(
            "WITH RECURSIVE known (tenant) AS (SELECT min(tenant) FROM ",
            $table,
            " WHERE ",
            $where,
            " UNION ALL SELECT (SELECT min(later.tenant) FROM ",
            $table,
            " AS later WHERE later.tenant > known.tenant AND later.",
            $where,
            ") FROM known WHERE known.tenant IS NOT NULL) SELECT tenant FROM known WHERE tenant > ''"
        )
    };
}

/// Does not say that the call is not active, which is true of what is over: an index that holds everything that is over
/// would then do as well as the one that holds what still has words.
const WITH_WORDS: &str = concat!(
    "SELECT tenant, id, CAST(last_seq AS text), state FROM calls WHERE tenant = $1 AND NOT words_gone AND ",
    over!("$2"),
    " ORDER BY started_at LIMIT $3"
);
const REWRITE_IF_OVER: &str = concat!(
    "UPDATE call_frames SET facts = $4, answer = $5 WHERE tenant = $1 AND call_id = $2 AND seq = $3 \
     AND EXISTS (SELECT 1 FROM calls WHERE calls.tenant = $1 AND calls.id = $2 AND ",
    over!("$6"),
    ")"
);
const QUIETEN_IF_OVER: &str = concat!(
    "UPDATE calls SET state = $3, words_gone = true WHERE tenant = $1 AND id = $2 AND last_seq = $4 \
     AND NOT words_gone AND ",
    over!("$5")
);
const OVER: &str = concat!(
    "SELECT tenant, id, CAST(last_seq AS text) FROM calls WHERE tenant = $1 AND calls.status <> 'active' AND ",
    over!("$2"),
    " ORDER BY started_at LIMIT $3"
);
const REMOVE_IF_OVER: &str = concat!("DELETE FROM calls WHERE tenant = $1 AND id = $2 AND ", over!("$3"));
const REMOVE_ATTEMPTS: &str = concat!(
    "DELETE FROM sms_attempts WHERE sms_id IN (SELECT id FROM sms_messages WHERE tenant = $1 AND call_id = $2 \
     AND state NOT IN ",
    unsettled!(),
    ")"
);
const REMOVE_TEXTS: &str =
    concat!("DELETE FROM sms_messages WHERE tenant = $1 AND call_id = $2 AND state NOT IN ", unsettled!());
const REMOVE_RECEIPTS: &str = concat!(
    "DELETE FROM alert_events WHERE alert_id IN (SELECT id FROM alerts WHERE tenant = $1 AND call_id = $2 \
     AND state NOT IN ",
    running!(),
    ")"
);
const REMOVE_ALERTS: &str =
    concat!("DELETE FROM alerts WHERE tenant = $1 AND call_id = $2 AND state NOT IN ", running!());

/// Of no call: texts somebody asked for, and the texts of drills.
macro_rules! loose_texts {
    () => {
        concat!(
            "(SELECT id FROM sms_messages WHERE tenant = $1 AND call_id IS NULL AND created_at < $2 \
             AND updated_at < $2 AND state NOT IN ",
            unsettled!(),
            " ORDER BY created_at LIMIT $3)"
        )
    };
}
macro_rules! loose_alerts {
    () => {
        concat!(
            "(SELECT id FROM alerts WHERE tenant = $1 AND call_id IS NULL AND opened_at < $2 AND updated_at < $2 \
             AND state NOT IN ",
            running!(),
            " ORDER BY opened_at LIMIT $3)"
        )
    };
}

pub async fn tenants(ground: &impl Ground) -> Result<Vec<TenantId>, Failure> {
    let mut found = Vec::new();
    for sql in [
        tenants_of!("calls", "status <> 'active'"),
        tenants_of!("sms_messages", "tenant > ''"),
        tenants_of!("alerts", "tenant > ''"),
        tenants_of!("sms_inbound", "tenant > ''"),
    ] {
        let lines = ground.read(sql, Vec::new()).await?;
        found.extend(lines.iter().filter_map(|line| TenantId::parse(line.text(0)).ok()));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

pub async fn quieten(
    ground: &impl Ground,
    tenant: &TenantId,
    before: Timestamp,
    frames: usize,
) -> Result<Removed, Failure> {
    let found = ground.read(WITH_WORDS, chosen(tenant, before)).await?;
    let mut removed = Removed::default();
    for line in within(&found, frames)? {
        let call = line.call(0)?;
        forget_words(ground, &call, before).await?;
        let state = Out::WORDS.state(line.text(3)).map(|state| crate::stores::columns::json(&state));
        if state.is_none() {
            tracing::error!(call.id = %call.call, tenant = %call.tenant, "snapshot of a call cannot be read");
        }
        let state = state.unwrap_or_else(|| line.text(3).to_owned());
        let args = of_call_and(&call, [state.into(), line.number(2)?.into(), before.into()]);
        let quietened = ground.write(Turn::Any, &[Statement::new(QUIETEN_IF_OVER, args).touching(1)]).await?;
        removed.quietened += u64::from(quietened.is_some());
    }
    Ok(removed)
}

/// Out of its frames, a few at a time: each is the same however often it is done.
async fn forget_words(ground: &impl Ground, call: &CallKey, before: Timestamp) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let page = frames_after(ground, call, after).await?;
        let put: Vec<Statement> = page
            .iter()
            .filter_map(|frame| put_frame(call, frame, Out::WORDS))
            .map(|put| Statement::new(REWRITE_IF_OVER, [put.args, vec![before.into()]].concat()))
            .collect();
        if !put.is_empty() {
            ground.write(Turn::Any, &put).await?;
        }
        match page.last() {
            Some(last) if page.len() == FRAMES_AT_ONCE => after = last.seq,
            _ => return Ok(()),
        }
    }
}

pub async fn remove(
    ground: &impl Ground,
    tenant: &TenantId,
    before: Timestamp,
    frames: usize,
) -> Result<Removed, Failure> {
    let found = ground.read(OVER, chosen(tenant, before)).await?;
    let mut calls = Vec::new();
    for line in within(&found, frames)? {
        calls.push(line.call(0)?);
    }
    let removed = remove_calls(ground, &calls, before).await?;
    if removed.is_some() || calls.len() < 2 {
        return Ok(removed.unwrap_or_default());
    }
    // One of them has moved: it stays, and the others go each by itself.
    let mut together = Removed::default();
    for call in &calls {
        together.add(remove_calls(ground, std::slice::from_ref(call), before).await?.unwrap_or_default());
    }
    Ok(together)
}

/// All of them, or, when one of them may not go after all, none.
async fn remove_calls(ground: &impl Ground, calls: &[CallKey], before: Timestamp) -> Result<Option<Removed>, Failure> {
    let of_one = |call: &CallKey| {
        let of = |sql| Statement::new(sql, of_call(call));
        [
            of(REMOVE_ATTEMPTS),
            of(REMOVE_TEXTS),
            of(REMOVE_RECEIPTS),
            of(REMOVE_ALERTS),
            of("DELETE FROM quarantined_events WHERE tenant = $1 AND call_id = $2"),
            of("DELETE FROM call_frames WHERE tenant = $1 AND call_id = $2"),
            Statement::new(REMOVE_IF_OVER, of_call_and(call, [before.into()])).touching(1),
        ]
    };
    let statements: Vec<Statement> = calls.iter().flat_map(of_one).collect();
    let Some(rows) = ground.write(Turn::Any, &statements).await? else { return Ok(None) };
    let mut removed = Removed::default();
    for of_call in rows.chunks(7) {
        let [_, texts, _, alerts, quarantined, frames, calls] = of_call else { continue };
        removed.add(Removed {
            calls: *calls,
            frames: *frames,
            texts: *texts,
            alerts: *alerts,
            quarantined: *quarantined,
            ..Removed::default()
        });
    }
    Ok(Some(removed))
}

pub async fn remove_loose(
    ground: &impl Ground,
    tenant: Option<&TenantId>,
    words_before: Timestamp,
    calls_before: Timestamp,
    limit: usize,
) -> Result<Removed, Failure> {
    let tenant = tenant.map_or("", TenantId::as_str);
    let of = |sql, before: Timestamp| {
        Statement::new(sql, [tenant.into(), before.into(), crate::stores::columns::bounded(limit).into()])
    };
    let statements = [
        of(
            "DELETE FROM sms_inbound WHERE id IN (SELECT id FROM sms_inbound WHERE tenant = $1 \
             AND received_at < $2 ORDER BY received_at LIMIT $3)",
            words_before,
        ),
        of(
            "DELETE FROM quarantined_events WHERE (tenant, call_id, key) IN (SELECT tenant, call_id, key \
             FROM quarantined_events WHERE tenant = $1 AND at < $2 LIMIT $3)",
            words_before,
        ),
        of(concat!("DELETE FROM sms_attempts WHERE sms_id IN ", loose_texts!()), calls_before),
        of(concat!("DELETE FROM sms_messages WHERE id IN ", loose_texts!()), calls_before),
        of(concat!("DELETE FROM alert_events WHERE alert_id IN ", loose_alerts!()), calls_before),
        of(concat!("DELETE FROM alerts WHERE id IN ", loose_alerts!()), calls_before),
    ];
    let rows = ground.write(Turn::Any, &statements).await?.unwrap_or_default();
    let [inbound, quarantined, _, texts, _, alerts] = rows[..] else { return Ok(Removed::default()) };
    Ok(Removed { inbound, quarantined, texts, alerts, ..Removed::default() })
}

fn chosen(tenant: &TenantId, before: Timestamp) -> Vec<Arg> {
    vec![tenant.as_str().into(), before.into(), CALLS_AT_ONCE.into()]
}

/// The first of them, as many as have about so many frames: one at least. The third column says how many.
fn within(found: &[Line], frames: usize) -> Result<&[Line], Failure> {
    let mut sum = 0;
    for (place, line) in found.iter().enumerate() {
        sum += usize::try_from(line.number(2)?).unwrap_or(usize::MAX);
        if sum >= frames {
            return Ok(&found[..=place]);
        }
    }
    Ok(found)
}
