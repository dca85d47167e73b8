//! What a tenant's texts may cost in a day, and how many one caller may get.
//!
//! What a cap refuses is held until the tenant's next day, and expires if its deadline is before that: whether it is
//! still worth sending then is the deadline's to say, not the cap's. Part of the day's money is kept for the urgent
//! (P1 and P2). An emergency told to the team is never held: it is what the money is kept for, and the texts of one
//! call are limited elsewhere.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::breaker::Audience;
use crate::priority::Priority;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caps {
    /// Segments a day, all together. `None`: no limit.
    pub segments: Option<u64>,
    /// The part of them that is for P1 and P2 alone: 0 to 1.
    pub reserve: f64,
    /// Texts a day to one number that is not the team's. `None`: no limit.
    pub per_caller: Option<u32>,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps { segments: None, reserve: 0.25, per_caller: Some(10) }
    }
}

/// What was used of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Segments of the tenant.
    pub segments: u64,
    /// Texts to this number.
    pub to_recipient: u32,
}

/// Why a message waits for the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capped {
    Spend,
    Recipient,
}

impl Capped {
    /// As the API shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Capped::Spend => "held: the day's money for texts is spent",
            Capped::Recipient => "held: this number had its texts for today",
        }
    }
}

impl Caps {
    /// Whether one more message of `segments` is too much today.
    pub fn refuse(&self, priority: Priority, audience: Audience, segments: u16, used: Used) -> Option<Capped> {
        if audience == Audience::Callers && self.per_caller.is_some_and(|most| used.to_recipient >= most) {
            return Some(Capped::Recipient);
        }
        let all = self.segments?;
        let most = match (priority, audience) {
            (Priority::P1, Audience::Staff) => return None,
            (Priority::P1 | Priority::P2, _) => all,
            _ => all - (all as f64 * self.reserve.clamp(0.0, 1.0)) as u64,
        };
        (used.segments.saturating_add(segments.into()) > most).then_some(Capped::Spend)
    }
}

/// The day `at` is in: from its midnight to the next, on the clocks of `zone`.
pub fn day_of(at: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
    let midnight = |date: Date| {
        let moment = zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
        Some(Timestamp::from_millis(moment.as_millisecond()))
    };
    let whole = || {
        let today = zone.to_datetime(jiff::Timestamp::from_millisecond(at.as_millis()).ok()?).date();
        Some((midnight(today)?, midnight(today.tomorrow().ok()?)?))
    };
    whole().unwrap_or((at, Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Audience::{Callers, Staff};
    use Capped::{Recipient, Spend};
    use Priority::{P1, P2, P4};

    #[test]
    fn the_urgent_have_a_reserve_and_an_alarm_to_the_team_is_never_held() {
        let caps = Caps { segments: Some(100), reserve: 0.25, per_caller: Some(3) };
        for (priority, audience, segments, spent, to_recipient, refused) in [
            (P4, Callers, 1, 74, 0, None),
            (P4, Callers, 2, 74, 0, Some(Spend)),
            (P4, Staff, 1, 75, 0, Some(Spend)),
            (P2, Staff, 1, 99, 0, None),
            (P2, Staff, 1, 100, 0, Some(Spend)),
            (P1, Callers, 1, 100, 0, Some(Spend)),
            (P1, Staff, 10, 5_000, 99, None),
            (P4, Callers, 1, 0, 2, None),
            (P4, Callers, 1, 0, 3, Some(Recipient)),
            (P4, Staff, 1, 0, 99, None),
        ] {
            let used = Used { segments: spent, to_recipient };
            assert_eq!(caps.refuse(priority, audience, segments, used), refused, "{priority} {audience:?} {used:?}");
        }
    }

    #[test]
    fn without_a_price_nothing_is_too_dear() {
        let used = Used { segments: u64::MAX, to_recipient: 0 };
        assert_eq!(Caps::default().refuse(P4, Callers, 1, used), None);
    }

    #[test]
    fn a_day_is_from_midnight_to_midnight_on_the_clock_on_the_wall() {
        let zone = TimeZone::get("America/Toronto").unwrap();
        for (at, begins, ends) in [
            ("2026-07-14T03:59:59Z", "2026-07-13T04:00:00.000Z", "2026-07-14T04:00:00.000Z"),
            ("2026-07-14T04:00:00Z", "2026-07-14T04:00:00.000Z", "2026-07-15T04:00:00.000Z"),
            ("2026-11-01T12:00:00Z", "2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"),
        ] {
            let (from, to) = day_of(at.parse().unwrap(), &zone);
            assert_eq!((from.to_string(), to.to_string()), (begins.to_owned(), ends.to_owned()), "{at}");
        }
        assert_eq!(day_of(Timestamp::MAX, &zone).1, Timestamp::MAX);
    }
}
