//! `[hours]`: when somebody is there. Spans of each weekday, days off, and days that are different; all of them in the
//! business's time zone, so that summer time moves the moments and not the clock on the wall.
//!
//! A span over midnight belongs to the day it begins on: a holiday closes what begins on it, not the night before.

mod holidays;
mod table;
mod words;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::time::Timestamp;
pub use holidays::{Day, Holiday};
pub(super) use table::{HoursTable, clock};

/// A business that opens this rarely has its next opening looked up no further.
const MAX_DAYS_AHEAD: i32 = 400;
const DAY_MINUTES: u16 = 24 * 60;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Monday first; each day's spans in order, none over another.
    week: [Vec<Span>; 7],
    /// Closed, whatever the weekday.
    holidays: Vec<Day>,
    /// Other hours than the weekday's, also on a holiday. The first that fits counts, dates before all others.
    special: Vec<(Day, Vec<Span>)>,
}

/// From one clock time until before another, in minutes since the midnight that begins the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    opens: u16,
    /// More than 24 h when it lies behind the next midnight.
    closes: u16,
}

impl Hours {
    /// The same span every day: `"08:00-21:00"`. `None` for what is no span of a day.
    pub fn every_day(span: &str) -> Option<Hours> {
        let span = Span::parse(span)?;
        Some(Hours { week: std::array::from_fn(|_| vec![span]), holidays: Vec::new(), special: Vec::new() })
    }

    pub fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let Some(date) = date_of(at, zone) else { return false };
        // Yesterday's last span may go on after midnight.
        let days = [date.yesterday().ok(), Some(date)].into_iter().flatten();
        let moments = days.flat_map(|day| self.on(day).iter().map(move |span| span.moments(day, zone)));
        moments.flatten().any(|(opens, closes)| opens <= at && at < closes)
    }

    /// When somebody is there again; `at` itself while open. `None` if not within a year.
    pub fn next_opening(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.is_open(at, zone) {
            return Some(at);
        }
        let today = date_of(at, zone)?;
        let days = (0..=MAX_DAYS_AHEAD).filter_map(|ahead| today.checked_add(ahead.days()).ok());
        let moments = days.flat_map(|day| self.on(day).iter().map(move |span| span.moments(day, zone)));
        moments.flatten().find(|(opens, closes)| at < *opens && opens < closes).map(|(opens, _)| opens)
    }

    /// The spans that begin on this day.
    fn on(&self, date: Date) -> &[Span] {
        if let Some((_, spans)) = self.special.iter().find(|(day, _)| day.is(date)) {
            return spans;
        }
        if self.holidays.iter().any(|day| day.is(date)) {
            return &[];
        }
        &self.week[date.weekday().to_monday_zero_offset() as usize]
    }
}

impl Span {
    /// First moment open and first moment closed. What an hour that happens twice leaves open is open both times.
    fn moments(self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        Some((moment(day, self.opens, zone, Twice::First)?, moment(day, self.closes, zone, Twice::Last)?))
    }
}

/// Which one of a clock time that happens twice, when clocks go back.
pub(super) enum Twice {
    First,
    Last,
}

/// When the clock on the wall shows so many minutes after midnight. A time that clocks skip is the moment they skip it.
pub(super) fn moment(day: Date, minutes: u16, zone: &TimeZone, twice: Twice) -> Option<Timestamp> {
    let day = if minutes < DAY_MINUTES { day } else { day.tomorrow().ok()? };
    let minute = minutes % DAY_MINUTES;
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    let clock: DateTime = day.at(hour, minute, 0, 0);
    let ambiguous = zone.to_ambiguous_timestamp(clock);
    let moment = match (ambiguous.offset(), twice) {
        (AmbiguousOffset::Gap { .. }, _) => zone.following(ambiguous.earlier().ok()?).next()?.timestamp(),
        (_, Twice::First) => ambiguous.earlier().ok()?,
        (_, Twice::Last) => ambiguous.later().ok()?,
    };
    Some(Timestamp::from_millis(moment.as_millisecond()))
}

pub(super) fn civil(at: Timestamp, zone: &TimeZone) -> Option<DateTime> {
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(zone.to_datetime(moment))
}

pub(super) fn date_of(at: Timestamp, zone: &TimeZone) -> Option<Date> {
    civil(at, zone).map(DateTime::date)
}

#[cfg(test)]
mod tests;
