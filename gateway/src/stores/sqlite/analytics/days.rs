//! Each day of the last year: counted again where calls have moved since the last count.

use std::collections::{BTreeMap, BTreeSet};

use engine::failure::Failure;
use engine::ports::{CallStore, Position, View};
use engine::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use super::{Last, WHOLE_EVERY, Zones, write_count};
use crate::stores::sqlite::rows::{Columns, signed};
use crate::stores::sqlite::{SqliteStore, unavailable};

/// Days in one statement.
const DAYS_AT_ONCE: usize = 400;

/// The days to count, by tenant.
type Days = BTreeMap<String, BTreeSet<Date>>;

impl SqliteStore {
    pub(super) async fn count_days(&self, now: Timestamp) -> Result<(), Failure> {
        // First where we stand: what moves while we count is counted again next time.
        let position = self.last_position().await?;
        let (last, zones) = (self.last_count(View::Days).await?, self.zones().await?);
        let whole_at = last.as_ref().and_then(|last| last.whole_at).filter(|at| now.since(*at) < WHOLE_EVERY);
        let days = match (&last, whole_at) {
            (Some(last), Some(_)) => self.moved(last.position, &zones).await?,
            _ => self.all_days(now, &zones).await?,
        };
        let mut counted = Vec::new();
        for (tenant, days) in &days {
            let days: Vec<Date> = days.iter().copied().collect();
            for some in days.chunks(DAYS_AT_ONCE) {
                let mut query = counting(tenant, some, zones.of(tenant));
                let read = query.build().persistent(false).fetch_all(&self.readers).await.map_err(unavailable)?;
                counted.extend(read.iter().map(|row| Figures::read(tenant, row)).collect::<Result<Vec<_>, _>>()?);
            }
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        if whole_at.is_none() {
            sqlx::query("DELETE FROM call_analytics").execute(&mut *transaction).await.map_err(unavailable)?;
        } else {
            for (tenant, days) in &days {
                forgetting(tenant, days).build().execute(&mut *transaction).await.map_err(unavailable)?;
            }
        }
        for some in counted.chunks(DAYS_AT_ONCE) {
            writing(some).build().persistent(false).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        let last = Last { at: now, position, whole_at: Some(whole_at.unwrap_or(now)) };
        write_count(&mut transaction, View::Days, &last).await?;
        transaction.commit().await.map_err(unavailable)
    }

    /// The days on which calls that have moved began; the days beside them too, for a call may turn out to have begun a
    /// little earlier or later than was thought, across midnight.
    async fn moved(&self, since: Position, zones: &Zones) -> Result<Days, Failure> {
        let query = sqlx::query(
            "SELECT DISTINCT calls.tenant, started_at FROM \
             (SELECT DISTINCT tenant, call_id FROM call_frames WHERE position > ?) AS moved \
             CROSS JOIN calls ON calls.tenant = moved.tenant AND calls.id = moved.call_id",
        );
        let mut days = Days::new();
        for row in query.bind(signed(since)).fetch_all(&self.readers).await.map_err(unavailable)? {
            let tenant = row.text("tenant")?.into_owned();
            let day = row.time("started_at")?.date_in(zones.of(&tenant));
            let around = [day.yesterday().ok(), Some(day), day.tomorrow().ok()];
            days.entry(tenant).or_default().extend(around.into_iter().flatten());
        }
        Ok(days)
    }

    async fn all_days(&self, now: Timestamp, zones: &Zones) -> Result<Days, Failure> {
        let query = sqlx::query_scalar("SELECT DISTINCT tenant FROM calls");
        let tenants: Vec<String> = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        let year = |tenant: String| {
            let today = now.date_in(zones.of(&tenant));
            // A clock that is a little ahead of ours may already write of tomorrow.
            let days = (-1..=View::DAYS).filter_map(|ago| today.checked_sub(ago.days()).ok()).collect();
            (tenant, days)
        };
        Ok(tenants.into_iter().map(year).collect())
    }
}

/// A row of the table.
struct Figures {
    tenant: String,
    date: String,
    counts: [i64; 5],
    avg_duration_s: f64,
}

impl Figures {
    fn read(tenant: &str, row: &SqliteRow) -> Result<Figures, Failure> {
        let count = |column| row.number(column);
        Ok(Figures {
            tenant: tenant.to_owned(),
            date: row.text("date")?.into_owned(),
            counts: [
                count("total_calls")?,
                count("timed_calls")?,
                count("urgent_calls")?,
                count("completed_calls")?,
                count("failed_calls")?,
            ],
            avg_duration_s: row.real("avg_duration_s")?,
        })
    }
}

/// Each day is a range of the index by tenant and beginning.
fn counting(tenant: &str, days: &[Date], zone: &TimeZone) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("WITH days (date, since, until) AS (");
    query.push_values(days, |mut row, day| {
        let next = day.tomorrow().map_or(Timestamp::MAX, |next| Timestamp::start_of(next, zone));
        row.push_bind(day.to_string()).push_bind(Timestamp::start_of(*day, zone).to_string());
        row.push_bind(next.to_string());
    });
    query.push(
        ") SELECT date, count(*) AS total_calls, count(duration_s) AS timed_calls, \
         coalesce(avg(duration_s), 0.0) AS avg_duration_s, count(*) FILTER (WHERE priority = 'P1') AS urgent_calls, \
         count(*) FILTER (WHERE status = 'completed') AS completed_calls, \
         count(*) FILTER (WHERE status = 'failed') AS failed_calls \
         FROM days CROSS JOIN calls ON started_at >= since AND started_at < until WHERE calls.tenant = ",
    );
    query.push_bind(tenant.to_owned()).push(" GROUP BY date");
    query
}

fn forgetting(tenant: &str, days: &BTreeSet<Date>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("DELETE FROM call_analytics WHERE tenant = ");
    query.push_bind(tenant.to_owned()).push(" AND date IN (");
    let mut dates = query.separated(", ");
    days.iter().for_each(|day| {
        dates.push_bind(day.to_string());
    });
    query.push(")");
    query
}

fn writing(counted: &[Figures]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "INSERT INTO call_analytics (tenant, date, total_calls, timed_calls, urgent_calls, completed_calls, \
         failed_calls, avg_duration_s) ",
    );
    query.push_values(counted, |mut row, figures| {
        row.push_bind(figures.tenant.clone()).push_bind(figures.date.clone());
        figures.counts.iter().for_each(|count| {
            row.push_bind(*count);
        });
        row.push_bind(figures.avg_duration_s);
    });
    query
}
