//! A restored store before it is used: what it was about to do is held, because the world has gone on since, and may
//! have had it done already.

use std::sync::Arc;

use engine::alert::{Alert, AlertState, What};
use engine::call::{Answer, Call, Fact, Frame};
use engine::failure::Failure;
use engine::ids::{CallKey, EventKey};
use engine::ports::{AlertStore, CallStore};
use engine::time::Timestamp;
use serde::Serialize;

use super::rows::{self, json, signed};
use super::{SqliteStore, unavailable};

/// What a held text says for itself.
const HELD: &str = "held by restore: retry it by hand if it is still wanted";
const HELD_IN_FLIGHT: &str = "held by restore: it was being sent";
/// Alerts looked at in one go.
const ALERTS: usize = 10_000;

/// What was held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Were to be sent; now `cancelled`, until somebody retries them.
    pub queued: u64,
    /// Were being sent; now `unknown`.
    pub in_flight: u64,
    /// Were open; now `unanswered`.
    pub alerts: u64,
    /// Were live; now `lost`, until something is heard of them.
    pub calls: u64,
}

impl SqliteStore {
    /// Nothing is sent, asked or told by itself of what was under way when the copy was made.
    pub async fn hold(&self, now: Timestamp) -> Result<Held, Failure> {
        let (in_flight, queued) = self.hold_texts(now).await?;
        let alerts = self.hold_alerts(now).await?;
        let calls = self.hold_calls(now).await?;
        Ok(Held { queued, in_flight, alerts, calls })
    }

    async fn hold_texts(&self, now: Timestamp) -> Result<(u64, u64), Failure> {
        let now = now.to_string();
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let cut = sqlx::query(
            "UPDATE sms_attempts SET answered_at = ?1, outcome = 'unknown', counts = 1 \
             WHERE (sms_id, attempt) IN (SELECT id, last_attempt FROM sms_messages WHERE state = 'sending')",
        );
        cut.bind(&now).execute(&mut *transaction).await.map_err(unavailable)?;
        // Nobody is asked about what left before: the answer could queue it again.
        let unasked = sqlx::query("UPDATE sms_attempts SET check_at = NULL WHERE check_at IS NOT NULL");
        unasked.execute(&mut *transaction).await.map_err(unavailable)?;
        let in_flight = sqlx::query(
            "UPDATE sms_messages SET state = 'unknown', error = ?2, updated_at = ?1 WHERE state = 'sending'",
        );
        let in_flight = in_flight.bind(&now).bind(HELD_IN_FLIGHT).execute(&mut *transaction).await;
        let queued = sqlx::query(
            "UPDATE sms_messages SET state = 'cancelled', error = ?2, updated_at = ?1 WHERE state = 'queued'",
        );
        let queued = queued.bind(&now).bind(HELD).execute(&mut *transaction).await;
        // A report that comes after all finds them too late to be sent again.
        let late = sqlx::query(
            "UPDATE sms_messages SET expires_at = max(created_at, min(expires_at, ?1)) \
             WHERE state IN ('accepted', 'sent', 'unknown')",
        );
        late.bind(&now).execute(&mut *transaction).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        let touched = |done: Result<sqlx::sqlite::SqliteQueryResult, _>| done.map(|done| done.rows_affected());
        Ok((touched(in_flight).map_err(unavailable)?, touched(queued).map_err(unavailable)?))
    }

    /// Their clocks stand still: nobody took them, and nobody else is told.
    async fn hold_alerts(&self, now: Timestamp) -> Result<u64, Failure> {
        let mut held = 0;
        loop {
            let running = self.running(ALERTS).await?;
            if running.is_empty() {
                return Ok(held);
            }
            for alert in running {
                self.end_alert(alert, now).await?;
                held += 1;
            }
        }
    }

    async fn end_alert(&self, mut alert: Alert, now: Timestamp) -> Result<(), Failure> {
        (alert.state, alert.next_at, alert.updated_at) = (AlertState::Unanswered, None, now);
        (alert.version, alert.entries) = (alert.version + 1, alert.entries + 1);
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let put = sqlx::query(
            "UPDATE alerts SET state = ?2, next_at = NULL, updated_at = ?3, version = ?4, data = ?5 WHERE id = ?1",
        );
        let put = put.bind(alert.id.to_string()).bind(alert.state.as_str()).bind(now.to_string());
        let put = put.bind(signed(alert.version)).bind(json(&alert)).execute(&mut *transaction);
        put.await.map_err(unavailable)?;
        let entry = sqlx::query("INSERT INTO alert_events (alert_id, seq, at, what) VALUES (?, ?, ?, ?)");
        let entry = entry.bind(alert.id.to_string()).bind(signed(alert.entries)).bind(now.to_string());
        entry.bind(json(&What::Unanswered)).execute(&mut *transaction).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)
    }

    /// Given up without a word to anybody; a call that is live after all comes back with the next thing heard of it.
    async fn hold_calls(&self, now: Timestamp) -> Result<u64, Failure> {
        let query = sqlx::query("SELECT tenant, id, state FROM calls WHERE status = 'active'");
        let live = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        let mut frames = Vec::with_capacity(live.len());
        for row in &live {
            frames.push(given_up(rows::call_key(row, "id")?, rows::state(row)?, now));
        }
        for some in frames.chunks(512) {
            for appended in self.append(some).await {
                appended.map_err(|why| Failure::fail(format!("a restored call could not be given up: {why}")))?;
            }
        }
        Ok(frames.len() as u64)
    }
}

fn given_up(call: CallKey, mut state: Call, now: Timestamp) -> Frame {
    let facts = vec![Fact::WentSilent { idle_s: now.since(state.updated_at).as_secs() }];
    state.advance(&facts, now, now);
    Frame {
        call,
        seq: state.seq,
        key: EventKey::new(format!("restored:{}", now.as_millis())),
        at: now,
        decided_at: now,
        facts,
        answer: Answer::Ack,
        texts: Vec::new(),
        state: Arc::new(state),
    }
}
