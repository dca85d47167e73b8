//! What is counted of calls: tables, counted by readers, who keep nobody waiting; what they found is written in one
//! short transaction. Only the days of calls that have moved are counted again, and once a day all of them, because
//! calls that were erased move no more.

mod days;
mod today;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{Analytics, Dashboard, DayFigures, Position, TenantZone, View};
use engine::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::SqliteConnection;

use super::rows::{self, Columns, signed};
use super::{SqliteStore, unavailable};

/// Every day is counted so often, whether its calls have moved or not.
const WHOLE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Where the days of tenants begin, by their names.
struct Zones(HashMap<String, TimeZone>);

impl Zones {
    fn of(&self, tenant: &str) -> &TimeZone {
        const UTC: &TimeZone = &TimeZone::UTC;
        self.0.get(tenant).unwrap_or(UTC)
    }
}

/// The last count of a view.
struct Last {
    at: Timestamp,
    position: Position,
    whole_at: Option<Timestamp>,
}

#[async_trait]
impl Analytics for SqliteStore {
    async fn keep_time_zones(&self, zones: &[TenantZone]) -> Result<(), Failure> {
        let known = self.zone_names().await?;
        let is_news = |zone: &&TenantZone| known.get(zone.tenant.as_str()).is_none_or(|name| **name != *zone.time_zone);
        let news: Vec<&TenantZone> = zones.iter().filter(is_news).collect();
        if news.is_empty() {
            return Ok(());
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        for zone in news {
            let query = sqlx::query("INSERT OR REPLACE INTO tenants (id, timezone) VALUES (?, ?)");
            let query = query.bind(zone.tenant.as_str()).bind(&*zone.time_zone);
            query.execute(&mut *transaction).await.map_err(unavailable)?;
        }
        // All their days are other ones now.
        let query = sqlx::query("UPDATE view_refreshes SET whole_at = NULL");
        query.execute(&mut *transaction).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)
    }

    async fn refresh(&self, view: View, now: Timestamp) -> Result<bool, Failure> {
        match view {
            View::Dashboard => self.count_today(now).await?,
            View::Days => self.count_days(now).await?,
        }
        Ok(true)
    }

    async fn refreshed_at(&self, view: View) -> Result<Option<Timestamp>, Failure> {
        Ok(self.last_count(view).await?.map(|last| last.at))
    }

    async fn dashboard(&self, tenant: Option<&TenantId>) -> Result<Dashboard, Failure> {
        let query = sqlx::query(
            "SELECT coalesce(calls_today, 0) AS calls_today, coalesce(recent_avg_duration_s, 0.0) AS recent_avg_duration_s, \
             coalesce(unique_callers_24h, 0) AS unique_callers_24h, \
             (SELECT count(*) FROM calls WHERE status = 'active' AND priority = 'P1' AND (?1 = '' OR tenant = ?1)) \
             AS p1_active, (SELECT refreshed_at FROM view_refreshes WHERE view = 'dashboard_metrics') AS refreshed_at \
             FROM (SELECT 1) LEFT JOIN dashboard_metrics ON tenant = ?1",
        );
        let row = query.bind(tenant.map_or("", TenantId::as_str)).fetch_one(&self.readers).await;
        rows::dashboard(&row.map_err(unavailable)?)
    }

    async fn days(&self, tenant: Option<&TenantId>, first: Date, last: Date) -> Result<Vec<DayFigures>, Failure> {
        let query = sqlx::query(
            "SELECT date, sum(total_calls) AS total_calls, \
             coalesce(sum(avg_duration_s * timed_calls) / nullif(sum(timed_calls), 0), 0.0) AS avg_duration_s, \
             sum(urgent_calls) AS urgent_calls, sum(completed_calls) AS completed_calls, \
             sum(failed_calls) AS failed_calls FROM call_analytics \
             WHERE (?1 = '' OR tenant = ?1) AND date BETWEEN ?2 AND ?3 GROUP BY date ORDER BY date",
        );
        let query = query.bind(tenant.map_or("", TenantId::as_str)).bind(first.to_string()).bind(last.to_string());
        query.fetch_all(&self.readers).await.map_err(unavailable)?.iter().map(rows::day).collect()
    }
}

impl SqliteStore {
    async fn zone_names(&self) -> Result<HashMap<String, String>, Failure> {
        let query = sqlx::query_as("SELECT id, timezone FROM tenants");
        let named: Vec<(String, String)> = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        Ok(named.into_iter().collect())
    }

    async fn zones(&self) -> Result<Zones, Failure> {
        let zone = |(tenant, name): (String, String)| Some((tenant, TimeZone::get(&name).ok()?));
        Ok(Zones(self.zone_names().await?.into_iter().filter_map(zone).collect()))
    }

    async fn last_count(&self, view: View) -> Result<Option<Last>, Failure> {
        let query = sqlx::query("SELECT refreshed_at, position, whole_at FROM view_refreshes WHERE view = ?");
        let row = query.bind(view.as_str()).fetch_optional(&self.readers).await.map_err(unavailable)?;
        let last = |row: sqlx::sqlite::SqliteRow| {
            let (at, position) = (row.time("refreshed_at")?, row.number("position")?);
            Ok(Last { at, position, whole_at: row.maybe_time("whole_at")? })
        };
        row.map(last).transpose()
    }
}

async fn write_count(connection: &mut SqliteConnection, view: View, last: &Last) -> Result<(), Failure> {
    let query = sqlx::query(
        "INSERT OR REPLACE INTO view_refreshes (view, refreshed_at, position, whole_at) VALUES (?, ?, ?, ?)",
    );
    let query = query.bind(view.as_str()).bind(last.at.to_string()).bind(signed(last.position));
    let query = query.bind(last.whole_at.map(|at| at.to_string()));
    query.execute(connection).await.map(drop).map_err(unavailable)
}
