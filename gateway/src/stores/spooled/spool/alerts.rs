//! The alerts that go on here, with the version they had at home.

use engine::alert::{Alert, Entry};
use engine::failure::Failure;
use engine::ids::{AlertId, CallId};
use engine::ports::AlertStore;
use sqlx::sqlite::SqliteRow;

use super::{Spool, Writing, unavailable};
use crate::stores::sqlite::rows::{self, Columns, bounded, json, signed};

/// One that waits to be moved.
pub struct Changed {
    pub alert: Alert,
    /// The version it had at home; 0 if it was opened here.
    pub base: u64,
    /// Of the receipt, what happened here.
    pub entries: Vec<Entry>,
}

impl Spool {
    /// Takes over alerts as they stand at home, in one commit; those that go on here already stay as they are.
    pub async fn seed_alerts(&self, alerts: &[Alert]) -> Result<(), Failure> {
        if alerts.is_empty() {
            return Ok(());
        }
        self.expect_alerts();
        let mut transaction = self.begin().await?;
        for alert in alerts {
            seed(&mut transaction, alert).await.map_err(unavailable)?;
        }
        transaction.commit().await.map_err(unavailable)
    }

    /// Every one, in whatever state.
    pub async fn alerts(&self) -> Result<Vec<Alert>, Failure> {
        let read = sqlx::query("SELECT data FROM alerts").fetch_all(&self.store.readers).await;
        read.map_err(unavailable)?.iter().map(rows::alert).collect()
    }

    pub async fn changed_alerts(&self, limit: usize) -> Result<Vec<Changed>, Failure> {
        let query = sqlx::query(
            "SELECT data, coalesce(spool_bases.version, 0) AS base FROM alerts \
             LEFT JOIN spool_bases ON alert_id = id ORDER BY opened_at, id LIMIT ?",
        );
        let read = query.bind(bounded(limit)).fetch_all(&self.store.readers).await.map_err(unavailable)?;
        let mut changed = Vec::with_capacity(read.len());
        for row in &read {
            changed.push(self.changed(row).await?);
        }
        Ok(changed)
    }

    async fn changed(&self, row: &SqliteRow) -> Result<Changed, Failure> {
        let alert = rows::alert(row)?;
        let entries = self.store.receipt(alert.id).await?;
        Ok(Changed { base: row.number("base")?, alert, entries })
    }

    /// Forgets those to which nothing happened here: home has them as they are.
    pub async fn forget_unchanged_alerts(&self) -> Result<(), Failure> {
        let mut transaction = self.begin().await?;
        for statement in [
            "DELETE FROM alerts WHERE version = (SELECT version FROM spool_bases WHERE alert_id = alerts.id)",
            "DELETE FROM spool_bases WHERE NOT EXISTS (SELECT 1 FROM alerts WHERE id = alert_id)",
        ] {
            sqlx::query(statement).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        transaction.commit().await.map_err(unavailable)
    }

    /// Forgets each, unless it has changed since that version.
    pub async fn forget_alerts(&self, moved: &[(AlertId, u64)]) -> Result<(), Failure> {
        let mut transaction = self.begin().await?;
        for (id, version) in moved {
            let query = sqlx::query("DELETE FROM alerts WHERE id = ? AND version = ?");
            let query = query.bind(id.to_string()).bind(signed(*version));
            if query.execute(&mut *transaction).await.map_err(unavailable)?.rows_affected() == 0 {
                continue;
            }
            for statement in
                ["DELETE FROM alert_events WHERE alert_id = ?", "DELETE FROM spool_bases WHERE alert_id = ?"]
            {
                let query = sqlx::query(statement).bind(id.to_string());
                query.execute(&mut *transaction).await.map_err(unavailable)?;
            }
        }
        transaction.commit().await.map_err(unavailable)
    }
}

async fn seed(transaction: &mut Writing<'_>, alert: &Alert) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "INSERT INTO alerts (id, tenant, call_id, reason, priority, state, step, round, next_at, opened_at, \
         updated_at, version, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    );
    let query = query
        .bind(alert.id.to_string())
        .bind(alert.tenant.as_str())
        .bind(alert.call.as_ref().map(CallId::as_str))
        .bind(alert.reason.as_str())
        .bind(alert.priority.as_str())
        .bind(alert.state.as_str())
        .bind(alert.place.step)
        .bind(alert.place.round)
        .bind(alert.next_at.map(|at| at.to_string()))
        .bind(alert.opened_at.to_string())
        .bind(alert.updated_at.to_string())
        .bind(signed(alert.version))
        .bind(json(alert));
    if query.execute(&mut **transaction).await?.rows_affected() == 1 {
        let query = sqlx::query("INSERT OR REPLACE INTO spool_bases (alert_id, version) VALUES (?, ?)");
        query.bind(alert.id.to_string()).bind(signed(alert.version)).execute(&mut **transaction).await?;
    }
    Ok(())
}
