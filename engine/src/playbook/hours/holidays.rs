//! Days a business names instead of dating them: fixed ones, and those that move with Easter or the weekday.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// A day as a playbook writes it: `2026-12-24`, `12-24` (every year), or a name: `good_friday`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    Date(Date),
    Yearly { month: i8, day: i8 },
    Named(Holiday),
}

/// A day with a name in [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holiday(Rule);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    On(i8, i8),
    /// Days after Easter Sunday.
    Easter(i32),
    /// Of a month; −1 is the last.
    Nth(i8, Weekday, i8),
    /// The last Monday before this day.
    MondayBefore(i8, i8),
    /// This day, or the next one when it is a Sunday.
    NotOnSunday(i8, i8),
}

/// Canada's and Québec's days off, and those of the United States that businesses close for.
#[rustfmt::skip]
const NAMES: [(&str, Rule); 20] = [
    ("new_year", Rule::On(1, 1)),
    ("martin_luther_king_day", Rule::Nth(1, Weekday::Monday, 3)),
    ("family_day", Rule::Nth(2, Weekday::Monday, 3)),
    ("good_friday", Rule::Easter(-2)),
    ("easter_sunday", Rule::Easter(0)),
    ("easter_monday", Rule::Easter(1)),
    ("victoria_day", Rule::MondayBefore(5, 25)),
    ("patriots_day", Rule::MondayBefore(5, 25)),
    ("memorial_day", Rule::Nth(5, Weekday::Monday, -1)),
    ("saint_jean", Rule::NotOnSunday(6, 24)),
    ("canada_day", Rule::NotOnSunday(7, 1)),
    ("independence_day", Rule::On(7, 4)),
    ("civic_holiday", Rule::Nth(8, Weekday::Monday, 1)),
    ("labour_day", Rule::Nth(9, Weekday::Monday, 1)),
    ("truth_and_reconciliation", Rule::On(9, 30)),
    ("thanksgiving", Rule::Nth(10, Weekday::Monday, 2)),
    ("remembrance_day", Rule::On(11, 11)),
    ("us_thanksgiving", Rule::Nth(11, Weekday::Thursday, 4)),
    ("christmas", Rule::On(12, 25)),
    ("boxing_day", Rule::On(12, 26)),
];

impl Day {
    pub fn parse(text: &str) -> Option<Day> {
        if let Some((_, rule)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Some(Day::Named(Holiday(*rule)));
        }
        let parts: Vec<i16> = text.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        match parts[..] {
            [year, month, day] => date(year, month, day).map(Day::Date),
            // A leap year, so that every day there is can be named.
            [month, day] => date(2024, month, day).map(|at| Day::Yearly { month: at.month(), day: at.day() }),
            _ => None,
        }
    }

    pub fn is(self, date: Date) -> bool {
        match self {
            Day::Date(day) => day == date,
            Day::Yearly { month, day } => (date.month(), date.day()) == (month, day),
            Day::Named(holiday) => holiday.in_year(date.year()) == Some(date),
        }
    }

    /// Every name there is, for whoever wrote another one.
    pub fn names() -> String {
        NAMES.map(|(name, _)| name).join(", ")
    }
}

impl Holiday {
    /// `None` only at the end of the calendar.
    fn in_year(self, year: i16) -> Option<Date> {
        match self.0 {
            Rule::On(month, day) => Date::new(year, month, day).ok(),
            Rule::Easter(days) => easter(year)?.checked_add(days.days()).ok(),
            Rule::Nth(month, weekday, nth) => Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok(),
            Rule::MondayBefore(month, day) => Date::new(year, month, day).ok()?.nth_weekday(-1, Weekday::Monday).ok(),
            Rule::NotOnSunday(month, day) => match Date::new(year, month, day).ok()? {
                sunday if sunday.weekday() == Weekday::Sunday => sunday.tomorrow().ok(),
                date => Some(date),
            },
        }
    }
}

fn date(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Easter Sunday of the Gregorian calendar, by the method of Meeus, Jones and Butcher.
fn easter(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (moon, century, rest) = (year % 19, year / 100, year % 100);
    let correction = (century - century / 4 - (8 * century + 13) / 25 + 19 * moon + 15) % 30;
    let full_moon = correction - (correction / 28) * (1 - (29 / (correction + 1)) * ((21 - moon) / 11));
    let weekday = (century * 100 + rest + year / 4 + full_moon + 2 - century + century / 4) % 7;
    let days = full_moon - weekday;
    let month = 3 + (days + 40) / 44;
    let day = days + 28 - 31 * (month / 4);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_days_fall_where_calendars_print_them() {
        for (name, dates) in [
            (
                "easter_sunday",
                &["2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25", "2285-03-22"][..],
            ),
            ("good_friday", &["2026-04-03", "2027-03-26"]),
            ("easter_monday", &["2026-04-06", "2024-04-01"]),
            ("victoria_day", &["2026-05-18", "2025-05-19", "2027-05-24"]),
            ("memorial_day", &["2026-05-25"]),
            ("saint_jean", &["2026-06-24", "2029-06-25"]),
            ("canada_day", &["2026-07-01", "2029-07-02"]),
            ("labour_day", &["2026-09-07", "2025-09-01"]),
            ("thanksgiving", &["2026-10-12", "2027-10-11"]),
            ("us_thanksgiving", &["2026-11-26"]),
            ("christmas", &["2026-12-25"]),
        ] {
            for date in dates {
                let date: Date = date.parse().unwrap();
                let day = Day::parse(name).unwrap();
                assert!(day.is(date), "{name} is {date}");
                assert!(
                    !day.is(date.tomorrow().unwrap()) && !day.is(date.yesterday().unwrap()),
                    "{name} is {date} only"
                );
            }
        }
    }

    #[test]
    fn a_day_is_a_date_a_day_of_every_year_or_a_known_name() {
        let date: Date = "2028-02-29".parse().unwrap();
        assert!(Day::parse("2028-02-29").unwrap().is(date) && Day::parse("02-29").unwrap().is(date));
        assert!(!Day::parse("02-29").unwrap().is("2027-03-01".parse().unwrap()));
        for text in ["2027-02-29", "13-01", "02-30", "noel", "Christmas", "", "1", "1-2-3-4", "99999-01-01", "300-1"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
