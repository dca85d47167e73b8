//! What people count of their calls: how it goes today, and each day. Counted every so often and kept, so that whoever
//! looks costs the store next to nothing; when it was counted is told with it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use serde::{Deserialize, Serialize, Serializer};

use crate::failure::Failure;
use crate::ids::TenantId;
use crate::time::Timestamp;

/// What is counted together, and kept under this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// How it goes today.
    Dashboard,
    /// Each day of the last year.
    Days,
}

impl View {
    pub const ALL: [View; 2] = [View::Dashboard, View::Days];
    /// Days that are kept, today among them.
    pub const DAYS: i32 = 366;

    /// As the table or the materialised view is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            View::Dashboard => "dashboard_metrics",
            View::Days => "call_analytics",
        }
    }

    /// It is never left uncounted for longer.
    pub const fn counted_every(self) -> Duration {
        match self {
            View::Dashboard => Duration::from_secs(5 * 60),
            View::Days => Duration::from_secs(15 * 60),
        }
    }
}

/// Where a tenant's days begin and end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantZone {
    pub tenant: TenantId,
    /// By its IANA name: `America/Toronto`.
    pub time_zone: Box<str>,
}

/// How it goes. A promise to clients, as are the fields of [`DayFigures`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dashboard {
    /// That began today, in each tenant's own time.
    pub calls_today: u64,
    /// Emergencies on the line: counted when asked.
    pub p1_active: u64,
    /// Mean of the calls that ended within the last hour; 0 when none did.
    pub recent_avg_duration_s: f64,
    /// Numbers that called, or were called, within the last 24 hours.
    pub unique_callers_24h: u64,
    /// `None`: never yet.
    pub refreshed_at: Option<Timestamp>,
}

/// One day's calls: those that began on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayFigures {
    #[serde(serialize_with = "as_date")]
    pub date: Date,
    pub total_calls: u64,
    /// Mean of those whose duration is known; 0 when none is.
    pub avg_duration_s: f64,
    /// Of priority P1.
    pub urgent_calls: u64,
    pub completed_calls: u64,
    /// Went silent, or ended by a fault.
    pub failed_calls: u64,
}

impl DayFigures {
    pub const fn none(date: Date) -> DayFigures {
        DayFigures { date, total_calls: 0, avg_duration_s: 0.0, urgent_calls: 0, completed_calls: 0, failed_calls: 0 }
    }
}

fn as_date<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

#[async_trait]
pub trait Analytics: Send + Sync + 'static {
    /// Says where the days of these tenants begin; what is known of others stays. A tenant never named counts in UTC.
    async fn keep_time_zones(&self, zones: &[TenantZone]) -> Result<(), Failure>;

    /// Counts again, without keeping anybody from recording calls. `now` is our clock's; a database may count by its
    /// own. `false`: somebody else is at it.
    async fn refresh(&self, view: View, now: Timestamp) -> Result<bool, Failure>;

    /// When it was last counted, by whichever node.
    async fn refreshed_at(&self, view: View) -> Result<Option<Timestamp>, Failure>;

    /// Of one tenant, or of all together.
    async fn dashboard(&self, tenant: Option<&TenantId>) -> Result<Dashboard, Failure>;

    /// The days from `first` to `last`, both included, on which calls were counted, in order. Of all tenants together:
    /// each one's own days.
    async fn days(&self, tenant: Option<&TenantId>, first: Date, last: Date) -> Result<Vec<DayFigures>, Failure>;
}
