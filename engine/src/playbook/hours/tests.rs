use super::*;
use crate::playbook::Language;

fn montreal() -> TimeZone {
    TimeZone::get("America/Toronto").unwrap()
}

fn spans(texts: &[&str]) -> Vec<Span> {
    texts.iter().map(|text| Span::parse(text).unwrap()).collect()
}

fn every_day(texts: &[&str]) -> Hours {
    Hours { week: std::array::from_fn(|_| spans(texts)), holidays: Vec::new(), special: Vec::new() }
}

fn weekdays(texts: &[&str]) -> Hours {
    let mut hours = every_day(texts);
    hours.week[5].clear();
    hours.week[6].clear();
    hours
}

#[track_caller]
fn assert_open(hours: &Hours, table: &[(&str, bool)]) {
    for (at, open) in table {
        assert_eq!(hours.is_open(at.parse().unwrap(), &montreal()), *open, "{at}");
    }
}

#[test]
fn hours_are_those_of_the_wall_clock_in_summer_and_winter() {
    assert_open(
        &weekdays(&["06:00-15:00"]),
        &[
            ("2026-07-15T08:00:00-04:00", true),
            ("2026-01-15T08:00:00-05:00", true),
            ("2026-07-15T09:59:59.999Z", false),
            ("2026-07-15T10:00:00Z", true),
            ("2026-01-15T10:59:59Z", false),
            ("2026-01-15T11:00:00Z", true),
            ("2026-01-15T19:59:59.999Z", true),
            ("2026-01-15T20:00:00Z", false),
            ("2026-07-18T12:00:00-04:00", false),
            // Friday evening in Montréal is Saturday in UTC, and Monday's early morning is not yet open.
            ("2026-07-17T23:00:00-04:00", false),
            ("2026-07-20T05:59:00-04:00", false),
        ],
    );
}

#[test]
fn a_lunch_break_is_closed_and_a_night_goes_on_after_midnight() {
    let mut hours = weekdays(&["08:00-12:00", "13:00-17:00"]);
    assert_open(
        &hours,
        &[
            ("2026-07-15T11:59:59-04:00", true),
            ("2026-07-15T12:00:00-04:00", false),
            ("2026-07-15T13:00:00-04:00", true),
        ],
    );
    hours.week[4] = spans(&["18:00-02:30"]);
    assert_open(
        &hours,
        &[
            ("2026-07-17T17:59:00-04:00", false),
            ("2026-07-17T23:59:00-04:00", true),
            ("2026-07-18T02:29:59-04:00", true),
            ("2026-07-18T02:30:00-04:00", false),
            ("2026-07-17T02:00:00-04:00", false),
        ],
    );
}

#[test]
fn a_whole_day_has_no_closed_second_also_when_clocks_move_or_the_year_ends() {
    let always = every_day(&["00:00-24:00"]);
    let (from, to) = ("2026-02-27T00:00:00-05:00", "2027-01-03T00:00:00-05:00");
    let (mut at, end): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
    while at < end {
        assert!(always.is_open(at, &montreal()), "{at}");
        at = at.plus(std::time::Duration::from_secs(15 * 60));
    }
}

#[test]
fn an_hour_that_clocks_skip_or_repeat_is_open_as_long_as_the_clock_says() {
    // 2026-03-08: 02:00 is 03:00.
    assert_open(
        &every_day(&["02:30-05:00"]),
        &[
            ("2026-03-08T06:59:59Z", false),
            ("2026-03-08T07:00:00Z", true),
            ("2026-03-08T08:59:59Z", true),
            ("2026-03-08T09:00:00Z", false),
        ],
    );
    assert_open(&every_day(&["02:10-02:50"]), &[("2026-03-08T07:00:00Z", false), ("2026-03-08T07:30:00Z", false)]);
    // 2026-11-01: 02:00 is 01:00 again.
    assert_open(
        &every_day(&["00:00-01:30", "01:45-02:00"]),
        &[
            ("2026-11-01T05:29:00Z", true),
            ("2026-11-01T05:40:00Z", true),
            ("2026-11-01T06:29:59Z", true),
            ("2026-11-01T06:46:00Z", true),
            ("2026-11-01T07:00:00Z", false),
        ],
    );
}

#[test]
fn a_holiday_closes_the_day_and_a_special_day_opens_it() {
    let mut hours = weekdays(&["06:00-15:00"]);
    hours.week[2] = spans(&["06:00-15:00", "22:00-03:00"]);
    hours.holidays = ["good_friday", "12-24", "2026-07-16"].map(|day| Day::parse(day).unwrap()).to_vec();
    hours.special = vec![
        (Day::parse("2026-07-18").unwrap(), spans(&["09:00-12:00"])),
        (Day::parse("2026-12-24").unwrap(), spans(&["06:00-11:00"])),
    ];
    assert_open(
        &hours,
        &[
            ("2026-04-03T10:00:00-04:00", false),
            ("2026-04-02T10:00:00-04:00", true),
            // Wednesday's night goes on into the holiday of the 16th.
            ("2026-07-16T02:59:00-04:00", true),
            ("2026-07-16T10:00:00-04:00", false),
            ("2026-07-18T10:00:00-04:00", true),
            ("2026-12-24T10:00:00-05:00", true),
            ("2026-12-24T12:00:00-05:00", false),
            ("2027-12-24T10:00:00-05:00", false),
        ],
    );
}

#[test]
fn the_next_opening_passes_over_nights_weekends_and_holidays() {
    let mut hours = weekdays(&["06:00-15:00"]);
    hours.holidays = ["12-25", "12-26", "new_year"].map(|day| Day::parse(day).unwrap()).to_vec();
    for (at, next) in [
        ("2026-07-15T10:00:00-04:00", "2026-07-15T10:00:00-04:00"),
        ("2026-07-15T04:00:00-04:00", "2026-07-15T06:00:00-04:00"),
        ("2026-07-15T15:00:00-04:00", "2026-07-16T06:00:00-04:00"),
        ("2026-07-17T20:00:00-04:00", "2026-07-20T06:00:00-04:00"),
        ("2026-12-24T23:00:00-05:00", "2026-12-28T06:00:00-05:00"),
        ("2026-12-31T15:00:00-05:00", "2027-01-04T06:00:00-05:00"),
        ("2026-03-06T15:00:00-05:00", "2026-03-09T06:00:00-04:00"),
        ("2026-10-30T15:00:00-04:00", "2026-11-02T06:00:00-05:00"),
    ] {
        assert_eq!(hours.next_opening(at.parse().unwrap(), &montreal()), next.parse().ok(), "{at}");
    }
    let mut once = every_day(&[]);
    once.special = vec![(Day::parse("2026-07-18").unwrap(), spans(&["09:00-12:00"]))];
    assert_eq!(once.next_opening("2026-07-18T12:00:00-04:00".parse().unwrap(), &montreal()), None);
    assert_eq!(once.next_opening(Timestamp::MAX, &montreal()), None);
    assert!(!once.is_open(Timestamp::EPOCH, &montreal()));
}

#[test]
fn hours_are_said_as_people_say_them() {
    let mut hours = weekdays(&["06:00-12:00", "13:00-15:30"]);
    hours.week[5] = spans(&["00:00-24:00"]);
    let said = |language| {
        hours.week_in_words(language).into_iter().map(|(days, spans)| format!("{days}: {spans}")).collect::<Vec<_>>()
    };
    assert_eq!(
        said(Language::Fr),
        ["lundi au vendredi: 6 h à midi et de 13 h à 15 h 30", "samedi: 24 heures sur 24", "dimanche: fermé"]
    );
    assert_eq!(
        said(Language::En),
        ["Monday to Friday: 6 a.m. to noon and 1 p.m. to 3:30 p.m.", "Saturday: open 24 hours", "Sunday: closed"]
    );
    let next = |at: &str, language| hours.next_opening_in_words(at.parse().unwrap(), &montreal(), language).unwrap();
    assert_eq!(next("2026-07-19T12:00:00-04:00", Language::Fr), "lundi à 6 h");
    assert_eq!(next("2026-07-19T12:00:00-04:00", Language::En), "Monday at 6 a.m.");
}

#[test]
fn only_spans_of_a_clock_are_spans() {
    for text in
        ["6-15", "06:00", "06:00-06:00", "24:00-06:00", "06:00-25:00", "06:60-07:00", "006:00-07:00", "+6:00-7:00", ""]
    {
        assert_eq!(Span::parse(text), None, "{text}");
    }
    assert_eq!(Span::parse("6:00 – 15:00"), Some(Span { opens: 360, closes: 900 }));
}
