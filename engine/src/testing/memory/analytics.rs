//! The memory store as [`Analytics`]: counted when told to, as the real ones are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::store::Records;
use super::{MemoryStore, lock};
use crate::call::{Call, Fault, Phase};
use crate::failure::Failure;
use crate::ids::{CallKey, TenantId};
use crate::ports::{Analytics, Dashboard, DayFigures, TenantZone, View};
use crate::priority::Priority;
use crate::time::Timestamp;

/// What was counted last.
#[derive(Default)]
pub(super) struct Counted {
    zones: BTreeMap<TenantId, Box<str>>,
    /// Of all together under `None`.
    dashboards: BTreeMap<Option<TenantId>, Dashboard>,
    /// Copies of the calls as they were: the days are made of them when asked for.
    calls: Vec<(TenantId, Date, Call)>,
    refreshed_at: [Option<Timestamp>; 2],
}

const HOUR: Duration = Duration::from_secs(3600);

#[async_trait]
impl Analytics for MemoryStore {
    async fn keep_time_zones(&self, zones: &[TenantZone]) -> Result<(), Failure> {
        let zones = zones.iter().map(|zone| (zone.tenant.clone(), zone.time_zone.clone()));
        lock(&self.records).counted.zones.extend(zones);
        Ok(())
    }

    async fn refresh(&self, view: View, now: Timestamp) -> Result<bool, Failure> {
        let mut records = lock(&self.records);
        match view {
            View::Dashboard => records.counted.dashboards = records.dashboards(now),
            View::Days => records.counted.calls = records.dated(),
        }
        records.counted.refreshed_at[place(view)] = Some(now);
        Ok(true)
    }

    async fn refreshed_at(&self, view: View) -> Result<Option<Timestamp>, Failure> {
        Ok(lock(&self.records).counted.refreshed_at[place(view)])
    }

    async fn dashboard(&self, tenant: Option<&TenantId>) -> Result<Dashboard, Failure> {
        let records = lock(&self.records);
        let counted = records.counted.dashboards.get(&tenant.cloned()).copied().unwrap_or_default();
        let urgent = |(key, call): &(&CallKey, &Call)| {
            tenant.is_none_or(|tenant| *tenant == key.tenant) && is_urgent(call) && call.phase.is_live()
        };
        let p1_active = records.states().filter(urgent).count() as u64;
        Ok(Dashboard { p1_active, refreshed_at: records.counted.refreshed_at[0], ..counted })
    }

    async fn days(&self, tenant: Option<&TenantId>, first: Date, last: Date) -> Result<Vec<DayFigures>, Failure> {
        let records = lock(&self.records);
        let mut days: BTreeMap<Date, Vec<&Call>> = BTreeMap::new();
        for (of, date, call) in &records.counted.calls {
            if tenant.is_none_or(|tenant| tenant == of) && (first..=last).contains(date) {
                days.entry(*date).or_default().push(call);
            }
        }
        Ok(days.into_iter().map(|(date, calls)| figures(date, &calls)).collect())
    }
}

impl Records {
    fn states(&self) -> impl Iterator<Item = (&CallKey, &Call)> {
        self.calls.iter().map(|(key, record)| (key, &*record.state))
    }

    fn zone(&self, tenant: &TenantId) -> TimeZone {
        let zone = self.counted.zones.get(tenant).and_then(|name| TimeZone::get(name).ok());
        zone.unwrap_or(TimeZone::UTC)
    }

    fn dated(&self) -> Vec<(TenantId, Date, Call)> {
        let dated = |(key, call): (&CallKey, &Call)| {
            (key.tenant.clone(), call.started_at.date_in(&self.zone(&key.tenant)), call.clone())
        };
        self.states().map(dated).collect()
    }

    fn dashboards(&self, now: Timestamp) -> BTreeMap<Option<TenantId>, Dashboard> {
        let tenants: BTreeSet<_> = self.calls.keys().map(|key| Some(key.tenant.clone())).collect();
        let of = |tenant: Option<TenantId>| {
            let calls: Vec<_> =
                self.states().filter(|(key, _)| tenant.as_ref().is_none_or(|tenant| *tenant == key.tenant)).collect();
            let today = calls.iter().filter(|(key, call)| {
                let zone = self.zone(&key.tenant);
                call.started_at.date_in(&zone) == now.date_in(&zone)
            });
            let recent = calls.iter().filter(|(_, call)| call.ended_at.is_some_and(|ended| ended > now.minus(HOUR)));
            let of_late = calls.iter().filter(|(_, call)| call.started_at > now.minus(24 * HOUR));
            let numbers: BTreeSet<_> = of_late.filter_map(|(_, call)| call.other_side()).collect();
            let counted = Dashboard {
                calls_today: today.count() as u64,
                recent_avg_duration_s: mean(recent.filter_map(|(_, call)| call.duration_s)),
                unique_callers_24h: numbers.len() as u64,
                ..Dashboard::default()
            };
            (tenant, counted)
        };
        tenants.into_iter().chain([None]).map(of).collect()
    }
}

fn figures(date: Date, calls: &[&Call]) -> DayFigures {
    let count = |is: fn(&Call) -> bool| calls.iter().filter(|call| is(call)).count() as u64;
    let is_completed = |call: &Call| call.phase == Phase::Ended && call.ended_fault.is_none_or(|f| f == Fault::None);
    let completed_calls = calls.iter().filter(|call| is_completed(call)).count() as u64;
    DayFigures {
        date,
        total_calls: calls.len() as u64,
        avg_duration_s: mean(calls.iter().filter_map(|call| call.duration_s)),
        urgent_calls: count(is_urgent),
        completed_calls,
        failed_calls: count(|call| !call.phase.is_live()) - completed_calls,
    }
}

fn is_urgent(call: &Call) -> bool {
    call.priority == Some(Priority::P1)
}

fn mean(durations: impl Iterator<Item = u32>) -> f64 {
    let (sum, count) = durations.fold((0.0, 0.0), |(sum, count), next| (sum + f64::from(next), count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

fn place(view: View) -> usize {
    match view {
        View::Dashboard => 0,
        View::Days => 1,
    }
}
