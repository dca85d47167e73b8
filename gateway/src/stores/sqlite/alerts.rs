//! Alerts: opened in the transaction of a frame, changed in one of their own, each only from the version it was
//! decided on.

use std::collections::HashMap;

use async_trait::async_trait;
use engine::alert::{Alert, AlertBrief, Change, Entry};
use engine::call::Frame;
use engine::failure::Failure;
use engine::ids::{AlertId, CallId, CallKey, TenantId};
use engine::playbook::Shift;
use engine::ports::{AlertStore, AlertsWanted};
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::rows::{Columns, bounded, json, signed};
use super::together::Write;
use super::{SqliteStore, rows, unavailable};

type Writing<'t> = Transaction<'t, Sqlite>;

#[async_trait]
impl AlertStore for SqliteStore {
    async fn write(&self, change: &Change) -> Result<bool, Failure> {
        self.together.write(&self.writer, Changed(change.clone())).await
    }

    async fn alert(&self, tenant: Option<&TenantId>, id: AlertId) -> Result<Option<Alert>, Failure> {
        let query = sqlx::query("SELECT data FROM alerts WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)");
        let query = query.bind(id.to_string()).bind(tenant.map(TenantId::as_str));
        query.fetch_optional(&self.readers).await.map_err(unavailable)?.as_ref().map(rows::alert).transpose()
    }

    async fn running(&self, limit: usize) -> Result<Vec<Alert>, Failure> {
        let query =
            sqlx::query("SELECT data FROM alerts WHERE state IN ('open', 'escalated') ORDER BY next_at, id LIMIT ?");
        let running = query.bind(bounded(limit)).fetch_all(&self.readers).await.map_err(unavailable)?;
        running.iter().map(rows::alert).collect()
    }

    async fn alerts(&self, wanted: &AlertsWanted) -> Result<Vec<Alert>, Failure> {
        let mut query = QueryBuilder::new("SELECT data FROM alerts WHERE true");
        if let Some(tenant) = &wanted.tenant {
            query.push(" AND tenant = ").push_bind(tenant.as_str());
        }
        if !wanted.states.is_empty() {
            let mut states = query.push(" AND state IN (").separated(", ");
            wanted.states.iter().for_each(|state| _ = states.push_bind(state.as_str()));
            query.push(")");
        }
        if let Some(last) = wanted.before {
            query.push(" AND (opened_at, id) < (SELECT opened_at, id FROM alerts WHERE id = ");
            query.push_bind(last.to_string()).push(")");
        }
        query.push(" ORDER BY opened_at DESC, id DESC LIMIT ").push_bind(bounded(wanted.limit));
        query.build().fetch_all(&self.readers).await.map_err(unavailable)?.iter().map(rows::alert).collect()
    }

    async fn keep_shift(&self, tenant: &TenantId, shift: &Shift) -> Result<(), Failure> {
        let query = sqlx::query(
            "INSERT INTO oncall_shifts (tenant, shift) VALUES (?, ?) \
             ON CONFLICT (tenant) DO UPDATE SET shift = excluded.shift",
        );
        let query = query.bind(tenant.as_str()).bind(json(shift));
        query.execute(&self.writer).await.map(drop).map_err(unavailable)
    }

    async fn shifts(&self) -> Result<Vec<(TenantId, Shift)>, Failure> {
        let query = sqlx::query("SELECT tenant, shift FROM oncall_shifts");
        let kept = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        kept.iter().map(|row| Ok((rows::tenant(row)?, row.json("shift")?))).collect()
    }

    async fn writable(&self) -> Result<(), Failure> {
        self.ping().await
    }

    async fn receipt(&self, id: AlertId) -> Result<Vec<Entry>, Failure> {
        let query = sqlx::query("SELECT seq, at, what FROM alert_events WHERE alert_id = ? ORDER BY seq");
        let read = query.bind(id.to_string()).fetch_all(&self.readers).await.map_err(unavailable)?;
        read.iter().map(rows::entry).collect()
    }
}

/// A change of an alert, and whom it has told.
struct Changed(Change);

#[async_trait]
impl Write for Changed {
    type Answer = bool;

    async fn write(&self, transaction: &mut Writing<'_>) -> Result<bool, Failure> {
        let Changed(change) = self;
        if !write_change(transaction, change).await.map_err(unavailable)? {
            return Ok(false);
        }
        let texts: Vec<_> = change.texts.iter().collect();
        if !texts.is_empty() {
            super::outbox::write_texts(transaction, &texts).await.map_err(unavailable)?;
        }
        Ok(true)
    }
}

impl SqliteStore {
    /// The alert of each of these calls: the one that is not over, else the newest.
    pub(super) async fn alerts_of(&self, calls: &[&CallKey]) -> Result<HashMap<CallKey, AlertBrief>, Failure> {
        let mut query = rows::wanted(calls.iter().copied());
        query.push(
            "SELECT alerts.tenant, alerts.call_id, alerts.id, state, priority FROM wanted CROSS JOIN alerts \
             ON alerts.call_id = wanted.call_id AND alerts.tenant = wanted.tenant \
             ORDER BY state IN ('open', 'escalated'), opened_at, alerts.id",
        );
        let found = query.build().persistent(calls.len() == 1).fetch_all(&self.readers).await.map_err(unavailable)?;
        found.iter().map(|row| Ok((rows::call_key(row, "call_id")?, rows::brief(row)?))).collect()
    }
}

/// What the frames say of alerts, in their order.
pub(super) async fn write_notices(transaction: &mut Writing<'_>, frames: &[&Frame]) -> Result<(), sqlx::Error> {
    for frame in frames {
        for (notice, texts) in Change::noticed_in(frame) {
            let query = sqlx::query("SELECT data FROM alerts WHERE id = ?").bind(notice.alert.to_string());
            let row = query.fetch_optional(&mut **transaction).await?;
            let known =
                row.as_ref().map(rows::alert).transpose().map_err(|failure| sqlx::Error::Decode(failure.into()))?;
            let change = Change::of_notice(known.as_ref(), notice, &texts, frame);
            // Read under the write lock: nobody can have written in between.
            write_change(transaction, &change).await?;
        }
    }
    Ok(())
}

/// False when the alert is not at the version before.
async fn write_change(transaction: &mut Writing<'_>, change: &Change) -> Result<bool, sqlx::Error> {
    let alert = &change.alert;
    let written =
        if alert.version == 1 { insert(transaction, alert).await? } else { update(transaction, alert).await? };
    if written && !change.entries.is_empty() {
        let mut query = QueryBuilder::new("INSERT INTO alert_events (alert_id, seq, at, what) ");
        query.push_values(&change.entries, |mut row, entry| {
            row.push_bind(alert.id.to_string())
                .push_bind(signed(entry.seq))
                .push_bind(entry.at.to_string())
                .push_bind(json(&entry.what));
        });
        query.build().persistent(false).execute(&mut **transaction).await?;
    }
    Ok(written)
}

async fn insert(transaction: &mut Writing<'_>, alert: &Alert) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "INSERT INTO alerts (id, tenant, call_id, reason, opened_at, priority, state, step, round, next_at, \
         acknowledged_by, acknowledged_at, acknowledged_how, updated_at, version, data) \
         VALUES (?12, ?13, ?14, ?15, ?16, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO NOTHING",
    );
    let query = changing(query, alert)
        .bind(alert.id.to_string())
        .bind(alert.tenant.as_str())
        .bind(alert.call.as_ref().map(CallId::as_str))
        .bind(alert.reason.as_str())
        .bind(alert.opened_at.to_string());
    Ok(query.execute(&mut **transaction).await?.rows_affected() == 1)
}

async fn update(transaction: &mut Writing<'_>, alert: &Alert) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "UPDATE alerts SET priority = ?1, state = ?2, step = ?3, round = ?4, next_at = ?5, acknowledged_by = ?6, \
         acknowledged_at = ?7, acknowledged_how = ?8, updated_at = ?9, version = ?10, data = ?11 \
         WHERE id = ?12 AND version = ?10 - 1",
    );
    let query = changing(query, alert).bind(alert.id.to_string());
    Ok(query.execute(&mut **transaction).await?.rows_affected() == 1)
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

/// Binds what changes, ?1 to ?11.
fn changing<'q>(query: Query<'q>, alert: &'q Alert) -> Query<'q> {
    let acknowledged = alert.acknowledged.as_ref();
    query
        .bind(alert.priority.as_str())
        .bind(alert.state.as_str())
        .bind(alert.place.step)
        .bind(alert.place.round)
        .bind(alert.next_at.map(|at| at.to_string()))
        .bind(acknowledged.map(|by| &*by.by))
        .bind(acknowledged.map(|by| by.at.to_string()))
        .bind(acknowledged.map(|by| by.how.as_str()))
        .bind(alert.updated_at.to_string())
        .bind(signed(alert.version))
        .bind(json(alert))
}
