//! What is counted of calls: materialised views, refreshed beside those who read and write.

use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{Analytics, Dashboard, DayFigures, TenantZone, View};
use engine::time::Timestamp;
use jiff::civil::Date;
use tokio::time::timeout;

use super::rows::{self, Columns, column};
use super::values::At;
use super::{PostgresStore, locks, unavailable};

/// A count of a year of calls may take longer than any other statement.
const COUNTED_WITHIN: Duration = Duration::from_secs(300);

#[async_trait]
impl Analytics for PostgresStore {
    async fn keep_time_zones(&self, zones: &[TenantZone]) -> Result<(), Failure> {
        let zones = &self.within(self.news(zones)).await?;
        if zones.is_empty() {
            return Ok(());
        }
        let known = self.within(self.known_zones(zones)).await?;
        let query = sqlx::query(
            "INSERT INTO tenants (id, timezone) SELECT * FROM unnest($1::text[], $2::text[]) \
             ON CONFLICT (id) DO UPDATE SET timezone = excluded.timezone WHERE tenants.timezone <> excluded.timezone",
        );
        let query = query.bind(column(zones, |zone| zone.tenant.as_str()));
        let query = query.bind(column(zones, |zone| counted_in(zone, &known)));
        self.within(async { query.execute(&self.pool).await.map(drop).map_err(unavailable) }).await
    }

    async fn refresh(&self, view: View, now: Timestamp) -> Result<bool, Failure> {
        let counted = timeout(COUNTED_WITHIN, self.count(view, now)).await;
        counted.unwrap_or_else(|_| Err(Failure::retry("postgres: no answer in time")))
    }

    async fn refreshed_at(&self, view: View) -> Result<Option<Timestamp>, Failure> {
        let query = sqlx::query("SELECT refreshed_at FROM view_refreshes WHERE view = $1").bind(view.as_str());
        let row = self.within(async { query.fetch_optional(&self.pool).await.map_err(unavailable) }).await?;
        row.map(|row| row.time("refreshed_at")).transpose()
    }

    async fn dashboard(&self, tenant: Option<&TenantId>) -> Result<Dashboard, Failure> {
        let query = sqlx::query(
            "SELECT coalesce(calls_today, 0) AS calls_today, coalesce(recent_avg_duration_s, 0) AS recent_avg_duration_s, \
             coalesce(unique_callers_24h, 0) AS unique_callers_24h, \
             (SELECT count(*) FROM calls WHERE status = 'active' AND priority = 'P1' AND ($1 = '' OR tenant = $1)) \
             AS p1_active, refreshed_at \
             FROM (VALUES ('dashboard_metrics')) AS wanted (view) LEFT JOIN view_refreshes USING (view) \
             LEFT JOIN dashboard_metrics ON tenant = $1",
        );
        let query = query.bind(tenant.map_or("", TenantId::as_str));
        let row = self.within(async { query.fetch_one(&self.pool).await.map_err(unavailable) }).await?;
        rows::dashboard(&row)
    }

    async fn days(&self, tenant: Option<&TenantId>, first: Date, last: Date) -> Result<Vec<DayFigures>, Failure> {
        let query = sqlx::query(
            "SELECT to_char(date, 'YYYY-MM-DD') AS date, sum(total_calls)::bigint AS total_calls, \
             coalesce(sum(avg_duration_s * timed_calls) / nullif(sum(timed_calls), 0), 0)::double precision \
             AS avg_duration_s, sum(urgent_calls)::bigint AS urgent_calls, \
             sum(completed_calls)::bigint AS completed_calls, sum(failed_calls)::bigint AS failed_calls \
             FROM call_analytics WHERE ($1 = '' OR tenant = $1) AND date BETWEEN $2::text::date AND $3::text::date \
             GROUP BY call_analytics.date ORDER BY call_analytics.date",
        );
        let query = query.bind(tenant.map_or("", TenantId::as_str)).bind(first.to_string()).bind(last.to_string());
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        read.iter().map(rows::day).collect()
    }
}

impl PostgresStore {
    /// By one node at a time: the lock ends with the transaction, whatever becomes of us.
    async fn count(&self, view: View, now: Timestamp) -> Result<bool, Failure> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let lock = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1, $2)");
        let lock = lock.bind(locks::COUNTING).bind(view as i32);
        if !lock.fetch_one(&mut *transaction).await.map_err(unavailable)? {
            return Ok(false);
        }
        let refresh = match view {
            View::Dashboard => "REFRESH MATERIALIZED VIEW CONCURRENTLY dashboard_metrics",
            View::Days => "REFRESH MATERIALIZED VIEW CONCURRENTLY call_analytics",
        };
        let longer = format!("SET LOCAL statement_timeout = {}", COUNTED_WITHIN.as_millis());
        for statement in [sqlx::query(sqlx::AssertSqlSafe(longer)), sqlx::query(refresh)] {
            statement.persistent(false).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        let told = sqlx::query(
            "INSERT INTO view_refreshes (view, refreshed_at) VALUES ($1, $2) \
             ON CONFLICT (view) DO UPDATE SET refreshed_at = excluded.refreshed_at",
        );
        told.bind(view.as_str()).bind(At(now)).execute(&mut *transaction).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(true)
    }

    /// Those that are not on record as they are: at most starts none.
    async fn news(&self, zones: &[TenantZone]) -> Result<Vec<TenantZone>, Failure> {
        let query = sqlx::query_as("SELECT id, timezone FROM tenants WHERE id = ANY($1)");
        let query = query.bind(column(zones, |zone| zone.tenant.as_str()));
        let kept: Vec<(String, String)> = query.fetch_all(&self.pool).await.map_err(unavailable)?;
        let is_kept = |zone: &&TenantZone| {
            kept.iter().any(|(tenant, name)| **tenant == *zone.tenant.as_str() && **name == *zone.time_zone)
        };
        Ok(zones.iter().filter(|zone| !is_kept(zone)).cloned().collect())
    }

    /// Those of these names that this server has a clock for: one it does not know would fail every count.
    async fn known_zones(&self, zones: &[TenantZone]) -> Result<Vec<String>, Failure> {
        let query = sqlx::query_scalar("SELECT name FROM pg_timezone_names WHERE name = ANY($1)");
        query.bind(column(zones, |zone| &*zone.time_zone)).fetch_all(&self.pool).await.map_err(unavailable)
    }
}

fn counted_in<'a>(zone: &'a TenantZone, known: &[String]) -> &'a str {
    if known.iter().any(|name| **name == *zone.time_zone) {
        return &zone.time_zone;
    }
    tracing::warn!(tenant = %zone.tenant, time_zone = %zone.time_zone, "time zone unknown to the database, days are counted in UTC");
    "UTC"
}
