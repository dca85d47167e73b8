//! One moment type for the whole product: UTC, whole milliseconds, eight bytes.
//! Written as RFC 3339 with exactly three decimals, so that text sorts as time does.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since 1970-01-01T00:00:00Z, between the years 1970 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time: {0:?}")]
pub struct NotATime(String);

impl Timestamp {
    pub const EPOCH: Timestamp = Timestamp(0);
    /// 9999-12-30T21:59:59.999Z, the last whole day of every time zone: later years would not sort as text.
    pub const MAX: Timestamp = Timestamp(253_402_207_199_999);

    /// Clamps to the years that can be written.
    pub const fn from_millis(millis: i64) -> Timestamp {
        if millis < 0 {
            Timestamp::EPOCH
        } else if millis > Timestamp::MAX.0 {
            Timestamp::MAX
        } else {
            Timestamp(millis)
        }
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    pub fn plus(self, wait: Duration) -> Timestamp {
        let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.0.saturating_add(millis))
    }

    pub fn minus(self, wait: Duration) -> Timestamp {
        let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.0.saturating_sub(millis))
    }

    /// Time passed since `earlier`; zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The day it is there.
    pub fn date_in(self, zone: &TimeZone) -> Date {
        zone.to_datetime(self.moment()).date()
    }

    /// The first moment of that day there, also where the clock jumps over midnight or shows it twice.
    pub fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
        let begins = zone.to_timestamp(day.at(0, 0, 0, 0)).map(jiff::Timestamp::as_millisecond);
        begins.map_or(Timestamp::EPOCH, Timestamp::from_millis)
    }

    fn moment(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).expect("clamped to the years 1970 to 9999")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.moment())
    }
}

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| NotATime(text.chars().take(40).collect()))?;
        Ok(Timestamp::from_millis(moment.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_with_three_decimals_and_read_back() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_787_000_014_000, "2026-08-17T20:53:34.000Z"),
            (1_787_000_014_007, "2026-08-17T20:53:34.007Z"),
            (253_402_207_199_999, "9999-12-30T21:59:59.999Z"),
        ] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!(moment.to_string(), text);
            assert_eq!(text.parse(), Ok(moment));
        }
    }

    #[test]
    fn a_day_begins_where_the_one_before_ends_whatever_the_clock_does_at_midnight() {
        for (zone, day) in [
            ("America/Toronto", (2026, 3, 8)),
            ("America/Toronto", (2026, 11, 1)),
            // Midnight does not exist there that day, and exists twice there the other.
            ("America/Santiago", (2026, 9, 6)),
            ("America/Havana", (2026, 11, 1)),
            ("Pacific/Kiritimati", (2026, 1, 1)),
        ] {
            let (zone, day) = (TimeZone::get(zone).unwrap(), Date::new(day.0, day.1, day.2).unwrap());
            let begins = Timestamp::start_of(day, &zone);
            assert_eq!(begins.date_in(&zone), day);
            assert_eq!(begins.minus(Duration::from_millis(1)).date_in(&zone), day.yesterday().unwrap());
        }
    }

    #[test]
    fn hostile_numbers_are_clamped_and_hostile_text_is_refused() {
        assert_eq!(Timestamp::from_millis(i64::MIN), Timestamp::EPOCH);
        assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
    }
}
