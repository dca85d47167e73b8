//! How it goes: counted from what began within two days, or is still live.

use std::time::Duration;

use engine::failure::Failure;
use engine::ports::View;
use engine::time::Timestamp;
use jiff::tz::TimeZone;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use super::{Last, Zones, write_count};
use crate::stores::sqlite::rows::Columns;
use crate::stores::sqlite::{SqliteStore, unavailable};

const HOUR: Duration = Duration::from_secs(3600);
/// What is written of each tenant in one statement, times this, must not be more than SQLite binds.
const ROWS_AT_ONCE: usize = 1_000;

impl SqliteStore {
    pub(super) async fn count_today(&self, now: Timestamp) -> Result<(), Failure> {
        let zones = self.zones().await?;
        let mut counted = Vec::new();
        for each_tenant in [true, false] {
            let mut query = counting(&zones, now, each_tenant);
            counted.extend(query.build().persistent(false).fetch_all(&self.readers).await.map_err(unavailable)?);
        }
        let counted = counted.iter().map(Figures::read).collect::<Result<Vec<_>, _>>()?;
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        sqlx::query("DELETE FROM dashboard_metrics").execute(&mut *transaction).await.map_err(unavailable)?;
        for some in counted.chunks(ROWS_AT_ONCE) {
            writing(some).build().persistent(false).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        let last = Last { at: now, position: 0, whole_at: Some(now) };
        write_count(&mut transaction, View::Dashboard, &last).await?;
        transaction.commit().await.map_err(unavailable)
    }
}

/// A row of the table.
struct Figures {
    tenant: String,
    calls_today: i64,
    p1_active: i64,
    recent_avg_duration_s: f64,
    unique_callers_24h: i64,
}

impl Figures {
    fn read(row: &SqliteRow) -> Result<Figures, Failure> {
        Ok(Figures {
            tenant: row.text("tenant")?.into_owned(),
            calls_today: row.number("calls_today")?,
            p1_active: row.number("p1_active")?,
            recent_avg_duration_s: row.real("recent_avg_duration_s")?,
            unique_callers_24h: row.number("unique_callers_24h")?,
        })
    }
}

fn counting(zones: &Zones, now: Timestamp, each_tenant: bool) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("WITH today (tenant, since, until) AS (");
    // Those never named, under a name nobody has.
    let named = zones.0.iter().map(|(tenant, zone)| (tenant.as_str(), zone.clone()));
    let days = named.chain([("", TimeZone::UTC)]);
    query.push_values(days, |mut row, (tenant, zone)| {
        let (since, until) = day_of(now, &zone);
        row.push_bind(tenant.to_owned()).push_bind(since.to_string()).push_bind(until.to_string());
    });
    query.push(if each_tenant { ") SELECT calls.tenant" } else { ") SELECT '' AS tenant" });
    query.push(
        ", count(*) FILTER (WHERE started_at >= since AND started_at < until) AS calls_today, \
         count(*) FILTER (WHERE priority = 'P1' AND status = 'active') AS p1_active, \
         coalesce(avg(duration_s) FILTER (WHERE ended_at > ",
    );
    query.push_bind(now.minus(HOUR).to_string());
    query.push("), 0.0) AS recent_avg_duration_s, count(DISTINCT phone_number) FILTER (WHERE started_at > ");
    query.push_bind(now.minus(24 * HOUR).to_string());
    query.push(
        ") AS unique_callers_24h FROM calls JOIN today ON today.tenant = CASE WHEN calls.tenant IN \
         (SELECT tenant FROM today) THEN calls.tenant ELSE '' END WHERE started_at > ",
    );
    query.push_bind(now.minus(48 * HOUR).to_string()).push(" OR status = 'active'");
    query.push(if each_tenant { " GROUP BY calls.tenant" } else { "" });
    query
}

/// From the first moment of today there to the first one of tomorrow.
fn day_of(now: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
    let today = now.date_in(zone);
    let tomorrow = today.tomorrow().map_or(Timestamp::MAX, |day| Timestamp::start_of(day, zone));
    (Timestamp::start_of(today, zone), tomorrow)
}

fn writing(counted: &[Figures]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "INSERT INTO dashboard_metrics (tenant, calls_today, p1_active, recent_avg_duration_s, unique_callers_24h) ",
    );
    query.push_values(counted, |mut row, figures| {
        row.push_bind(figures.tenant.clone()).push_bind(figures.calls_today).push_bind(figures.p1_active);
        row.push_bind(figures.recent_avg_duration_s).push_bind(figures.unique_callers_24h);
    });
    query
}
