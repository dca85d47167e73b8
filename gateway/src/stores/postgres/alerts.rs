//! Alerts: opened in the transaction of a frame, changed in one of their own, each only from the version it was
//! decided on.

use std::collections::HashMap;

use async_trait::async_trait;
use engine::alert::{Alert, AlertBrief, Change, Entry, Notice};
use engine::call::Frame;
use engine::failure::Failure;
use engine::ids::{AlertId, CallId, CallKey, TenantId};
use engine::playbook::Shift;
use engine::ports::{AlertStore, AlertsWanted};
use engine::sms::NewSms;
use sqlx::postgres::PgArguments;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::rows::{self, Columns, bounded, column, json, signed};
use super::values::{At, maybe_at, maybe_text, text};
use super::{PostgresStore, outbox, unavailable};

#[async_trait]
impl AlertStore for PostgresStore {
    async fn write(&self, change: &Change) -> Result<bool, Failure> {
        self.within(async { self.write_change_alone(change).await.map_err(unavailable) }).await
    }

    async fn alert(&self, tenant: Option<&TenantId>, id: AlertId) -> Result<Option<Alert>, Failure> {
        let query = sqlx::query("SELECT data FROM alerts WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)");
        let query = query.bind(id.to_string()).bind(tenant.map(TenantId::as_str));
        let row = self.within(async { query.fetch_optional(&self.pool).await.map_err(unavailable) }).await?;
        row.as_ref().map(rows::alert).transpose()
    }

    async fn running(&self, limit: usize) -> Result<Vec<Alert>, Failure> {
        let query = sqlx::query(
            "SELECT data FROM alerts WHERE state IN ('open', 'escalated') ORDER BY next_at NULLS FIRST, id LIMIT $1",
        );
        let query = query.bind(bounded(limit));
        let running = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        running.iter().map(rows::alert).collect()
    }

    async fn alerts(&self, wanted: &AlertsWanted) -> Result<Vec<Alert>, Failure> {
        let mut query = QueryBuilder::new("SELECT data FROM alerts WHERE true");
        if let Some(tenant) = &wanted.tenant {
            query.push(" AND tenant = ").push_bind(tenant.as_str());
        }
        if !wanted.states.is_empty() {
            query.push(" AND state = ANY(").push_bind(column(&wanted.states, |state| state.as_str())).push(")");
        }
        if let Some(last) = wanted.before {
            query.push(" AND (opened_at, id) < (SELECT opened_at, id FROM alerts WHERE id = ");
            query.push_bind(last.to_string()).push(")");
        }
        query.push(" ORDER BY opened_at DESC, id DESC LIMIT ").push_bind(bounded(wanted.limit));
        let query = query.build();
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        read.iter().map(rows::alert).collect()
    }

    async fn keep_shift(&self, tenant: &TenantId, shift: &Shift) -> Result<(), Failure> {
        let query = sqlx::query(
            "INSERT INTO oncall_shifts (tenant, shift) VALUES ($1, $2) \
             ON CONFLICT (tenant) DO UPDATE SET shift = excluded.shift",
        );
        let query = query.bind(tenant.as_str()).bind(json(shift));
        self.within(async { query.execute(&self.pool).await.map(drop).map_err(unavailable) }).await
    }

    async fn shifts(&self) -> Result<Vec<(TenantId, Shift)>, Failure> {
        let query = sqlx::query("SELECT tenant, shift FROM oncall_shifts");
        let kept = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        kept.iter().map(|row| Ok((rows::tenant(row)?, row.json("shift")?))).collect()
    }

    async fn writable(&self) -> Result<(), Failure> {
        self.ping().await
    }

    async fn receipt(&self, id: AlertId) -> Result<Vec<Entry>, Failure> {
        let query = sqlx::query("SELECT seq, at, what FROM alert_events WHERE alert_id = $1 ORDER BY seq");
        let query = query.bind(id.to_string());
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        read.iter().map(rows::entry).collect()
    }
}

impl PostgresStore {
    async fn write_change_alone(&self, change: &Change) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let written = write_change(&mut transaction, change).await?;
        if written {
            outbox::write_texts_alone(&mut *transaction, &change.texts.iter().collect::<Vec<_>>()).await?;
            transaction.commit().await?;
        }
        Ok(written)
    }

    /// The alert of each of these calls: the one that is not over, else the newest.
    pub(super) async fn alerts_of(&self, calls: &[&CallKey]) -> Result<HashMap<CallKey, AlertBrief>, Failure> {
        let query = sqlx::query(
            "SELECT alerts.tenant, alerts.call_id, alerts.id, state, priority \
             FROM unnest($1::text[], $2::text[]) AS wanted (tenant, call_id) JOIN alerts USING (tenant, call_id) \
             WHERE alerts.call_id IS NOT NULL ORDER BY state IN ('open', 'escalated'), opened_at, alerts.id",
        );
        let query = query.bind(column(calls, |call| text(call.tenant.as_str())));
        let query = query.bind(column(calls, |call| text(call.call.as_str())));
        let found = query.fetch_all(&self.pool).await.map_err(unavailable)?;
        found.iter().map(|row| Ok((rows::call_key(row, "call_id")?, rows::brief(row)?))).collect()
    }
}

/// What the frames say of alerts, in their order.
pub(super) fn notices_of<'a>(
    frames: &'a [&'a Frame],
) -> impl Iterator<Item = (&'a Notice, Vec<&'a NewSms>, &'a Frame)> {
    let of_frame = |frame: &'a Frame| Change::noticed_in(frame).map(move |(notice, texts)| (notice, texts, frame));
    frames.iter().copied().flat_map(of_frame)
}

/// Alerts by their ids, as they are until the transaction ends.
pub(super) type Held = HashMap<AlertId, Alert>;

/// Those the frames speak of, as far as they exist; held in one order, whoever asks.
pub(super) async fn hold(connection: &mut PgConnection, frames: &[&Frame]) -> Result<Held, sqlx::Error> {
    let ids: Vec<String> = notices_of(frames).map(|(notice, ..)| notice.alert.to_string()).collect();
    let query = sqlx::query("SELECT data FROM alerts WHERE id = ANY($1) ORDER BY id FOR UPDATE").bind(ids);
    let held = query.fetch_all(connection).await?;
    let by_id = |row| rows::alert(row).map(|alert| (alert.id, alert));
    held.iter().map(by_id).collect::<Result<_, _>>().map_err(|failure| sqlx::Error::Decode(failure.into()))
}

/// What the frames make of the alerts they speak of.
pub(super) async fn write_notices(
    connection: &mut PgConnection,
    frames: &[&Frame],
    mut held: Held,
) -> Result<(), sqlx::Error> {
    for (notice, texts, frame) in notices_of(frames) {
        let change = Change::of_notice(held.get(&notice.alert), notice, &texts, frame);
        if !write_change(connection, &change).await? {
            return Err(sqlx::Error::Protocol("an alert changed while it was held".to_owned()));
        }
        held.insert(notice.alert, change.alert);
    }
    Ok(())
}

/// False when the alert is not at the version before.
async fn write_change(connection: &mut PgConnection, change: &Change) -> Result<bool, sqlx::Error> {
    let alert = &change.alert;
    let written = if alert.version == 1 {
        insert(&mut *connection, alert).await?
    } else {
        update(&mut *connection, alert, alert.version - 1).await?
    };
    if written {
        write_entries(connection, change).await?;
    }
    Ok(written)
}

/// Writes what an alert has become elsewhere over what is held here, whatever versions lie in between.
pub(super) async fn replace(
    connection: &mut PgConnection,
    held: Option<&Alert>,
    change: &Change,
) -> Result<(), sqlx::Error> {
    match held {
        None => _ = insert(&mut *connection, &change.alert).await?,
        Some(held) => _ = update(&mut *connection, &change.alert, held.version).await?,
    }
    write_entries(connection, change).await
}

async fn write_entries(connection: &mut PgConnection, change: &Change) -> Result<(), sqlx::Error> {
    let alert = &change.alert;
    if !change.entries.is_empty() {
        let query = sqlx::query(
            "INSERT INTO alert_events (alert_id, seq, at, what) SELECT $1, entry.* \
             FROM unnest($2::bigint[], $3::timestamptz[], $4::text[]) AS entry",
        );
        let query = query
            .bind(alert.id.to_string())
            .bind(column(&change.entries, |entry| signed(entry.seq)))
            .bind(column(&change.entries, |entry| At(entry.at)))
            .bind(column(&change.entries, |entry| json(&entry.what)));
        query.execute(connection).await?;
    }
    Ok(())
}

async fn insert(connection: &mut PgConnection, alert: &Alert) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "INSERT INTO alerts (id, tenant, call_id, reason, opened_at, priority, state, step, round, next_at, \
         acknowledged_by, acknowledged_at, acknowledged_how, updated_at, version, data) \
         VALUES ($12, $13, $14, $15, $16, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
    );
    let query = changing(query, alert)
        .bind(alert.id.to_string())
        .bind(alert.tenant.as_str())
        .bind(maybe_text(alert.call.as_ref().map(CallId::as_str)))
        .bind(alert.reason.as_str())
        .bind(At(alert.opened_at));
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

async fn update(connection: &mut PgConnection, alert: &Alert, from: u64) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "UPDATE alerts SET priority = $1, state = $2, step = $3, round = $4, next_at = $5, acknowledged_by = $6, \
         acknowledged_at = $7, acknowledged_how = $8, updated_at = $9, version = $10, data = $11 \
         WHERE id = $12 AND version = $13",
    );
    let query = changing(query, alert).bind(alert.id.to_string()).bind(signed(from));
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// Binds what changes, $1 to $11.
fn changing<'q>(query: Query<'q>, alert: &'q Alert) -> Query<'q> {
    let acknowledged = alert.acknowledged.as_ref();
    query
        .bind(alert.priority.as_str())
        .bind(alert.state.as_str())
        .bind(signed(alert.place.step as u64))
        .bind(signed(u64::from(alert.place.round)))
        .bind(maybe_at(alert.next_at))
        .bind(acknowledged.map(|by| text(&by.by)))
        .bind(acknowledged.map(|by| At(by.at)))
        .bind(acknowledged.map(|by| by.how.as_str()))
        .bind(At(alert.updated_at))
        .bind(signed(alert.version))
        .bind(json(alert))
}
