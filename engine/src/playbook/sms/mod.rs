//! `[sms]`: how much a business texts, to whom, when, and through which account.
//!
//! Everything that limits is about callers: their numbers come from outside, and whoever can make an agent text can
//! make it text expensive ones. The team's numbers stand in the playbook; telling them is what the product is for.

mod carrier;
mod destinations;
mod table;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::Hours;
use crate::sms::breaker::Audience;
use crate::sms::caps::Caps;
use crate::time::Timestamp;

pub use carrier::OwnCarrier;
pub use destinations::{Destinations, NOT_ALLOWED};
pub(super) use table::SmsTable;

#[derive(Clone, Debug, PartialEq)]
pub struct SmsPolicy {
    /// Most messages one call may cause.
    pub per_call: u32,
    /// Not worth sending after this long.
    pub expires_after: Duration,
    /// Which callers may be texted.
    pub destinations: Destinations,
    /// What a day may cost.
    pub caps: Caps,
    /// Segments per second, of all that it sends; `None` is no limit but those of its account and numbers.
    pub per_second: Option<f64>,
    /// When callers are texted. `None`: at any time.
    pub callers_between: Option<Hours>,
    /// `None`: the deployment's account.
    pub carrier: Option<OwnCarrier>,
}

impl SmsPolicy {
    /// When a message to such people that is due `at` may leave: quiet hours put it off, and nobody's alert is.
    pub fn leaves_at(&self, audience: Audience, at: Timestamp, zone: &TimeZone) -> Timestamp {
        match &self.callers_between {
            Some(hours) if audience == Audience::Callers => hours.next_opening(at, zone).unwrap_or(at),
            _ => at,
        }
    }
}
