//! `GET /api/analytics`: each day's calls, the oldest day first, today last. Days are those of the tenant's own clock.

use std::ops::RangeInclusive;

use actix_web::HttpResponse;
use actix_web::web::Data;
use engine::ids::TenantId;
use engine::ports::{DayFigures, View};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::auth::Identity;
use super::figures::hundredths;
use super::query::{self, Asked, given};
use super::{Problem, State};

const DAYS: RangeInclusive<i32> = 1..=View::DAYS;
const DEFAULT_DAYS: i32 = 30;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    days: Option<String>,
    tenant: Option<String>,
}

/// A bare array, one item per day.
pub async fn days(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let wanted = wanted(given(which.days.as_ref()))?;
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let last = state.clock.now().date_in(&zone(&state, tenant.as_ref()));
    let first = last.checked_sub((wanted - 1).days()).unwrap_or(last);
    let counted = state.analytics.days(tenant.as_ref(), first, last).await?;
    Ok(HttpResponse::Ok().json(whole(first, last, &counted)))
}

fn wanted(days: Option<&str>) -> Result<i32, Problem> {
    let Some(days) = days else { return Ok(DEFAULT_DAYS) };
    let known = days.parse().ok().filter(|days| DAYS.contains(days));
    known.ok_or_else(|| Problem::unprocessable("days", format!("a number from {} to {}", DAYS.start(), DAYS.end())))
}

/// Where today is: there is one of each tenant, and of all together it is the default tenant's.
fn zone(state: &State, tenant: Option<&TenantId>) -> TimeZone {
    let meant = tenant.cloned().or_else(|| state.tenants.in_force().default.clone());
    let playbook = meant.and_then(|tenant| state.tenants.get(&tenant));
    playbook.map_or(TimeZone::UTC, |playbook| playbook.time_zone.clone())
}

/// Days without calls are days too.
fn whole(first: Date, last: Date, counted: &[DayFigures]) -> Vec<DayFigures> {
    let of = |date: Date| {
        let found = counted.iter().find(|day| day.date == date).cloned();
        let day = found.unwrap_or(DayFigures::none(date));
        DayFigures { avg_duration_s: hundredths(day.avg_duration_s), ..day }
    };
    first.series(1.day()).take_while(|date| *date <= last).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_calls_are_there_as_zeros() {
        let date = |day| Date::constant(2026, 2, day);
        let counted = DayFigures { total_calls: 3, avg_duration_s: 100.0 / 3.0, ..DayFigures::none(date(27)) };
        let shown = whole(date(26), Date::constant(2026, 3, 1), std::slice::from_ref(&counted));
        let expected = [
            DayFigures::none(date(26)),
            DayFigures { avg_duration_s: 33.33, ..counted },
            DayFigures::none(date(28)),
            DayFigures::none(Date::constant(2026, 3, 1)),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_day_at_least_and_a_year_at_most() {
        assert_eq!((wanted(None), wanted(Some("1")), wanted(Some("366"))), (Ok(30), Ok(1), Ok(366)));
        for bad in ["0", "367", "-1", "many", "1.5"] {
            assert!(wanted(Some(bad)).is_err(), "{bad}");
        }
    }
}
