//! What [`Analytics`] promises. A database counts by its own clock, so these calls begin around the real now.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::call::{Call, Fault, Frame, Phase};
use crate::ids::TenantId;
use crate::ports::{Analytics, CallStore, Clock, Dashboard, DayFigures, SystemClock, TenantZone, View};
use crate::priority::Priority::{self, P1, P2};
use crate::testing::frames::{call, frame, state, tenant};
use crate::time::Timestamp;

/// Far from each other: it is never the same day in all of them.
const ZONES: [(&str, &str); 3] =
    [("acme", "America/Toronto"), ("east", "Pacific/Kiritimati"), ("west", "Pacific/Pago_Pago")];
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

pub async fn nothing_counted_is_nothing_and_no_error<S: Analytics>(store: &S) {
    let today = now().date_in(&TimeZone::UTC);
    for tenant in [None, Some(&tenant("acme"))] {
        assert_eq!(store.dashboard(tenant).await.unwrap(), Dashboard::default());
        assert_eq!(store.days(tenant, today, today).await.unwrap(), []);
    }
    for view in View::ALL {
        assert_eq!(store.refreshed_at(view).await.unwrap(), None);
        let at = now();
        assert!(store.refresh(view, at).await.unwrap());
        assert_eq!(store.refreshed_at(view).await.unwrap(), Some(at));
    }
    let dashboard = store.dashboard(None).await.unwrap();
    assert_eq!(dashboard, Dashboard { refreshed_at: dashboard.refreshed_at, ..Dashboard::default() });
    assert!(dashboard.refreshed_at.is_some());
}

pub async fn a_dashboard_counts_today_the_last_hour_and_the_last_day<S: CallStore + Analytics>(store: &S) {
    let at = now();
    let zone = known(store).await;
    let ended = |minutes_ago: u32, duration_s| Call {
        started_at: at.minus(minutes_ago * MINUTE + Duration::from_secs(duration_s)),
        ended_at: Some(at.minus(minutes_ago * MINUTE)),
        duration_s: Some(u32::try_from(duration_s).unwrap()),
        ..state(1, Phase::Ended)
    };
    let by = |number: &str, call: Call| Call { from: Some(number.into()), ..call };
    let urgent = |phase| Call { started_at: at.minus(MINUTE), priority: Some(P1), ..state(1, phase) };
    for (tenant, id, state) in [
        ("acme", "ten", ended(10, 100)),
        ("acme", "twenty", ended(20, 200)),
        ("acme", "two-hours", by("+15145550143", ended(120, 900))),
        ("acme", "yesterday", by("+15145550144", ended(25 * 60, 900))),
        ("acme", "urgent", urgent(Phase::InProgress)),
        ("acme", "was-urgent", urgent(Phase::Lost)),
        ("acme", "hidden", Call { from: None, started_at: at.minus(MINUTE), ..state(1, Phase::Ringing) }),
        ("other", "theirs", urgent(Phase::Ringing)),
    ] {
        write(store, tenant, id, state).await;
    }
    assert!(store.refresh(View::Dashboard, at).await.unwrap());
    let began_today = |minutes: u64| at.minus(Duration::from_secs(minutes * 60)).date_in(&zone) == at.date_in(&zone);
    // Minutes since they began: where midnight was between them and now they are yesterday's.
    let today = [1, 1, 1, 12, 24, 135].into_iter().filter(|minutes| began_today(*minutes)).count() as u64;
    let acme = store.dashboard(Some(&tenant("acme"))).await.unwrap();
    let counted = Dashboard {
        calls_today: today,
        p1_active: 1,
        recent_avg_duration_s: 150.0,
        unique_callers_24h: 2,
        refreshed_at: Some(at),
    };
    assert_eq!(acme, counted);
    let all = store.dashboard(None).await.unwrap();
    assert_eq!((all.p1_active, all.unique_callers_24h, all.recent_avg_duration_s), (2, 2, 150.0));
    let other = store.dashboard(Some(&tenant("other"))).await.unwrap();
    assert_eq!((other.p1_active, other.recent_avg_duration_s), (1, 0.0));

    write(store, "acme", "also-urgent", urgent(Phase::InProgress)).await;
    let again = store.dashboard(Some(&tenant("acme"))).await.unwrap();
    assert_eq!(again, Dashboard { p1_active: 2, ..counted }, "emergencies are counted now, the rest when it is time");
}

pub async fn today_is_the_tenants_own_day<S: CallStore + Analytics>(store: &S) {
    known(store).await;
    let at = now();
    for (tenant_name, zone) in ZONES {
        let begins = Timestamp::start_of(at.date_in(&TimeZone::get(zone).unwrap()), &TimeZone::get(zone).unwrap());
        write(store, tenant_name, "today", Call { started_at: begins, ..state(1, Phase::Ended) }).await;
        let before = begins.minus(Duration::from_millis(1));
        write(store, tenant_name, "yesterday", Call { started_at: before, ..state(1, Phase::Ended) }).await;
    }
    assert!(store.refresh(View::Dashboard, at).await.unwrap());
    for (tenant_name, zone) in ZONES {
        let counted = store.dashboard(Some(&tenant(tenant_name))).await.unwrap();
        assert_eq!(counted.calls_today, 1, "{zone}");
    }
    assert_eq!(store.dashboard(None).await.unwrap().calls_today, 3);
}

pub async fn a_day_counts_the_calls_that_began_on_it<S: CallStore + Analytics>(store: &S) {
    let zone = known(store).await;
    let at = now();
    let day = at.minus(3 * DAY).date_in(&zone);
    let noon = Timestamp::start_of(day, &zone).plus(12 * HOUR);
    let lasted = |seconds| Call { started_at: noon, duration_s: Some(seconds), ..state(1, Phase::Ended) };
    for (tenant, id, state) in [
        ("acme", "c1", Call { priority: Some(P1), ..lasted(100) }),
        ("acme", "c2", Call { priority: Some(P2), ..lasted(300) }),
        ("acme", "c3", Call { ended_fault: Some(Fault::Server), duration_s: None, ..lasted(0) }),
        ("acme", "c4", Call { started_at: noon, ..state(1, Phase::Lost) }),
        ("acme", "c5", Call { started_at: noon, priority: Some(Priority::P1), ..state(1, Phase::InProgress) }),
        ("other", "c1", Call { started_at: noon, ..lasted(500) }),
    ] {
        write(store, tenant, id, state).await;
    }
    assert!(store.refresh(View::Days, at).await.unwrap());
    let acme = DayFigures {
        date: day,
        total_calls: 5,
        avg_duration_s: 200.0,
        urgent_calls: 2,
        completed_calls: 2,
        failed_calls: 2,
    };
    assert_eq!(days(store, Some("acme"), day, day).await, [acme]);
    assert_eq!(days(store, Some("acme"), day.yesterday().unwrap(), day.tomorrow().unwrap()).await.len(), 1);
    assert_eq!(days(store, Some("acme"), day.tomorrow().unwrap(), day.tomorrow().unwrap()).await, []);
    let all = days(store, None, day, day).await;
    assert_eq!((all[0].total_calls, all[0].avg_duration_s), (6, 300.0), "a mean of calls, not of means");
}

pub async fn days_are_as_long_as_the_tenants_clock_makes_them<S: CallStore + Analytics>(store: &S) {
    let zone = known(store).await;
    let at = now();
    let changes = zone.preceding(moment_of(at)).take(2).map(|change| zone.to_datetime(change.timestamp()).date());
    let changes: Vec<Date> = changes.collect();
    assert_eq!(changes.len(), 2, "the clock is changed twice a year there");
    let mut lengths = Vec::new();
    for (number, day) in changes.iter().enumerate() {
        let (begins, ends) = (Timestamp::start_of(*day, &zone), Timestamp::start_of(day.tomorrow().unwrap(), &zone));
        lengths.push(ends.since(begins).as_secs() / 3600);
        let last = ends.minus(Duration::from_millis(1));
        for (name, started_at) in [("first", begins), ("last", last), ("next", ends)] {
            write(store, "acme", &format!("{name}-{number}"), Call { started_at, ..state(1, Phase::Ended) }).await;
        }
    }
    lengths.sort_unstable();
    assert_eq!(lengths, [23, 25]);
    assert!(store.refresh(View::Days, at).await.unwrap());
    for day in changes {
        let counted = days(store, Some("acme"), day, day.tomorrow().unwrap()).await;
        assert_eq!(counted.iter().map(|day| day.total_calls).collect::<Vec<_>>(), [2, 1], "{day}");
    }
}

pub async fn a_call_of_long_ago_that_changes_is_counted_again<S: CallStore + Analytics>(store: &S) {
    let zone = known(store).await;
    let at = now();
    let (day, before) = (at.minus(90 * DAY).date_in(&zone), at.minus(91 * DAY).date_in(&zone));
    let begins = Timestamp::start_of(day, &zone);
    write(store, "acme", "c1", Call { started_at: begins, ..state(1, Phase::InProgress) }).await;
    assert!(store.refresh(View::Days, at).await.unwrap());
    assert_eq!(days(store, Some("acme"), before, day).await.len(), 1);

    // The platform says in the end that it began a little earlier, and that was another day.
    let ended = Call { started_at: begins.minus(MINUTE), duration_s: Some(60), ..state(2, Phase::Ended) };
    let told = Frame { state: Arc::new(ended), ..frame(&call("acme", "c1"), 2) };
    assert_eq!(store.append(&[told]).await, [Ok(())]);
    assert!(store.refresh(View::Days, at.plus(MINUTE)).await.unwrap());
    let counted = days(store, Some("acme"), before, day).await;
    assert_eq!(counted.iter().map(|day| (day.date, day.completed_calls)).collect::<Vec<_>>(), [(before, 1)]);
    assert_eq!(store.refreshed_at(View::Days).await.unwrap(), Some(at.plus(MINUTE)));
}

pub async fn who_moves_to_another_time_zone_has_other_days<S: CallStore + Analytics>(store: &S) {
    let zone = known(store).await;
    let at = now();
    let day = at.minus(40 * DAY).date_in(&zone);
    let late = Timestamp::start_of(day.tomorrow().unwrap(), &zone).minus(HOUR);
    write(store, "acme", "c1", Call { started_at: late, ..state(1, Phase::Ended) }).await;
    assert!(store.refresh(View::Days, at).await.unwrap());
    assert_eq!(days(store, Some("acme"), day, day.tomorrow().unwrap()).await[0].date, day);
    let moved = TenantZone { tenant: tenant("acme"), time_zone: "Europe/Paris".into() };
    store.keep_time_zones(&[moved]).await.unwrap();
    assert!(store.refresh(View::Days, at).await.unwrap());
    let counted = days(store, Some("acme"), day, day.tomorrow().unwrap()).await;
    assert_eq!(counted.iter().map(|day| day.date).collect::<Vec<_>>(), [day.tomorrow().unwrap()]);
}

/// Tells the store of [`ZONES`]; the first one's zone.
async fn known(store: &impl Analytics) -> TimeZone {
    let zones = ZONES.map(|(name, zone)| TenantZone { tenant: tenant(name), time_zone: zone.into() });
    store.keep_time_zones(&zones).await.unwrap();
    TimeZone::get(ZONES[0].1).unwrap()
}

async fn write(store: &impl CallStore, tenant: &str, id: &str, state: Call) {
    let written = store.append(&[Frame { state: Arc::new(state), ..frame(&call(tenant, id), 1) }]).await;
    assert_eq!(written, [Ok(())]);
}

async fn days(store: &impl Analytics, of: Option<&str>, first: Date, last: Date) -> Vec<DayFigures> {
    let of: Option<TenantId> = of.map(tenant);
    store.days(of.as_ref(), first, last).await.unwrap()
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn moment_of(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap()
}
