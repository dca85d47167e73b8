//! `[oncall]`: whose turn it is. People take turns of a week, handed over at a fixed hour of the business's clock; on
//! some days somebody else has them; and whoever says so takes the shift over until a time ([`Shifts`]).
//!
//! `@oncall` among the contacts of a roster is whoever has the turn when the step is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::check::{Check, Checked};
use super::hours::{Day, Twice, civil, date_of, moment};
use super::{Contact, Playbook};
use crate::ids::TenantId;
use crate::time::Timestamp;

const MAX_TURNS: usize = 50;
const MAX_DAYS: usize = 200;
const WEEK: i32 = 7;
/// Days looked ahead for the end of a turn: longer than a week of days that are all somebody else's.
const MAX_DAYS_AHEAD: i32 = 60;

/// Who takes turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnCall {
    /// Names of contacts, one turn each, then again from the first.
    pub turns: Vec<Box<str>>,
    /// When a turn is handed over, by the clock on the wall.
    weekday: Weekday,
    minutes: u16,
    /// A day of the first one's turn.
    since: Date,
    /// Whole days that are somebody else's.
    days: Vec<(Day, Box<str>)>,
}

/// Who is on call, from when until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    pub contact: Box<str>,
    pub until: Timestamp,
    /// `rotation`, `holiday` or `override`.
    pub why: &'static str,
}

/// Somebody took the shift over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    pub contact: Box<str>,
    pub until: Timestamp,
    pub by: Box<str>,
    pub at: Timestamp,
}

/// The shifts that were taken over, as they stand: shared by all playbooks of a process, kept by whoever serves them.
#[derive(Clone, Debug, Default)]
pub struct Shifts(Arc<RwLock<HashMap<TenantId, Shift>>>);

impl Shifts {
    pub fn put(&self, tenant: TenantId, shift: Shift) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(tenant, shift);
    }

    /// Whether these are the same ones.
    pub fn are(&self, others: &Shifts) -> bool {
        Arc::ptr_eq(&self.0, &others.0)
    }

    /// If it is not over.
    pub fn of(&self, tenant: &TenantId, at: Timestamp) -> Option<Shift> {
        let shifts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shifts.get(tenant).filter(|shift| at < shift.until).cloned()
    }
}

impl OnCall {
    /// Whose turn it is by the calendar.
    pub fn turn(&self, at: Timestamp, zone: &TimeZone) -> Turn {
        let (contact, why) = self.whose(at, zone);
        let ends = self.changes(at, zone).into_iter().find(|change| self.whose(*change, zone).0 != contact);
        Turn { contact: contact.into(), until: ends.unwrap_or(Timestamp::MAX), why }
    }

    fn whose(&self, at: Timestamp, zone: &TimeZone) -> (&str, &'static str) {
        let today = date_of(at, zone);
        if let Some((_, contact)) = self.days.iter().find(|(day, _)| today.is_some_and(|today| day.is(today))) {
            return (contact, "holiday");
        }
        let weeks = self.handover_before(at, zone).map(|began| {
            let first = begin_of_turn(self.since, self.weekday);
            (began - first).get_days().div_euclid(WEEK)
        });
        let turns = i32::try_from(self.turns.len()).unwrap_or(1).max(1);
        let index = usize::try_from(weeks.unwrap_or(0).rem_euclid(turns)).unwrap_or(0);
        (&self.turns[index], "rotation")
    }

    /// The day of the last handover.
    fn handover_before(&self, at: Timestamp, zone: &TimeZone) -> Option<Date> {
        let today = civil(at, zone)?.date();
        let day = begin_of_turn(today, self.weekday);
        let handed_over = moment(day, self.minutes, zone, Twice::First)? <= at;
        if handed_over { Some(day) } else { day.checked_sub(WEEK.days()).ok() }
    }

    /// Moments after `at` at which the turn may change, in order.
    fn changes(&self, at: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let Some(today) = date_of(at, zone) else { return Vec::new() };
        let days = (0..=MAX_DAYS_AHEAD).filter_map(|ahead| today.checked_add(ahead.days()).ok());
        let minutes = [0, self.minutes];
        let moments =
            days.flat_map(|day| minutes.into_iter().filter_map(move |it| moment(day, it, zone, Twice::First)));
        let mut changes: Vec<Timestamp> = moments.filter(|change| *change > at).collect();
        changes.sort();
        changes
    }
}

/// This day, or the last one before it that is this weekday.
fn begin_of_turn(day: Date, weekday: Weekday) -> Date {
    let since = i32::from(weekday.until(day.weekday()));
    day.checked_sub(since.days()).unwrap_or(day)
}

impl Playbook {
    /// Whose turn it is; `None` where nobody takes turns.
    pub fn turn(&self, at: Timestamp) -> Option<Turn> {
        let oncall = self.oncall.as_ref()?;
        let taken = self.shifts.of(&self.tenant, at).filter(|shift| self.contact(&shift.contact).is_some());
        Some(match taken {
            Some(Shift { contact, until, .. }) => Turn { contact, until, why: "override" },
            None => oncall.turn(at, &self.time_zone),
        })
    }

    /// The contact a roster names: whoever has the turn, for [`Contact::ON_CALL`].
    pub fn contact_at(&self, name: &str, at: Timestamp) -> Option<&Contact> {
        match name {
            Contact::ON_CALL => self.contact(&self.turn(at)?.contact),
            name => self.contact(name),
        }
    }

    /// The next time the clock on the wall shows so many minutes after midnight.
    pub fn next_clock(&self, minutes: u16, after: Timestamp) -> Option<Timestamp> {
        let today = date_of(after, &self.time_zone)?;
        let days = (0..3).filter_map(|ahead| today.checked_add(ahead.days()).ok());
        let mut moments = days.filter_map(|day| moment(day, minutes, &self.time_zone, Twice::First));
        moments.find(|moment| *moment > after)
    }
}

/// How somebody begins who speaks of themselves.
const MYSELF: [&str; 12] = ["je", "j", "moi", "i", "im", "ok", "oui", "yes", "on", "oncall", "garde", "taking"];
/// One of these, and it may mean the opposite, or somebody else.
const NOT_SO: [&str; 11] = ["pas", "ne", "n", "plus", "jamais", "qui", "not", "t", "never", "cannot", "who"];

/// `je prends la garde jusqu'à 8 h`, `I take the shift until 8:30`: until how many minutes after midnight. `None`: it
/// says something else, or asks, or speaks of somebody else.
pub fn shift_taken(words: &str) -> Option<u16> {
    let start: String = words.chars().take(160).collect();
    let said = super::fold(&start);
    let words: Vec<&str> = said.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let says = |word: &&str| words.contains(word);
    let of_themselves = words.first().is_some_and(|first| MYSELF.contains(first));
    if said.contains('?') || !of_themselves || NOT_SO.iter().any(&says) {
        return None;
    }
    let is_shift = ["garde", "quart", "shift", "oncall"].iter().any(says) || said.contains("on call");
    let place = ["jusqu", "until"].iter().find_map(|until| said.find(until)).filter(|_| is_shift)?;
    clock_in(&said[place..])
}

/// `jusqu'a 17h30`, `until 6:15 pm`, `until noon`: minutes after midnight.
fn clock_in(rest: &str) -> Option<u16> {
    let names = [("minuit", 0), ("midnight", 0), ("midi", 12 * 60), ("noon", 12 * 60)];
    if let Some((_, minutes)) = names.iter().find(|(name, _)| rest.contains(name)) {
        return Some(*minutes);
    }
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let (hour, minute): (u16, u16) = (numbers.next()?.parse().ok()?, numbers.next().map_or(Ok(0), str::parse).ok()?);
    let is = |half: &str| rest.contains(&format!("{half}m")) || rest.contains(&format!("{half}.m"));
    let hour = match hour {
        12 if is("a") => 0,
        hour if hour < 12 && is("p") => hour + 12,
        hour => hour,
    };
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnCallTable {
    turns: Spanned<Vec<Spanned<String>>>,
    since: Spanned<String>,
    weekday: Spanned<String>,
    at: Spanned<String>,
    #[serde(default)]
    days: BTreeMap<Spanned<String>, Spanned<String>>,
}

impl Check<'_> {
    pub(super) fn on_call(&self, table: OnCallTable, contacts: &[Contact], has_zone: bool) -> Checked<OnCall> {
        let turns = table.turns.get_ref();
        if !(1..=MAX_TURNS).contains(&turns.len()) {
            return Err(self.refuse(&table.turns, "oncall.turns", "1 to 50 contacts take turns", "name at least one"));
        }
        if !has_zone {
            let fix = "add time_zone = \"America/Toronto\", or wherever it is";
            return Err(self.refuse(&table.at, "oncall.at", "turns without a time zone", fix));
        }
        if let Some(over) = table.days.keys().nth(MAX_DAYS) {
            return Err(self.refuse(over, "oncall.days", "more than 200 days", "take past ones out"));
        }
        let known = |name: &Spanned<String>, key: &str| match contacts.iter().any(|it| *it.name == **name.get_ref()) {
            true => Ok(name.get_ref().as_str().into()),
            false => {
                let problem = format!("no contact is called {:?}", name.get_ref());
                Err(self.refuse(name, key, problem, "name one of [contacts]"))
            }
        };
        let since: Date = table.since.get_ref().parse().map_err(|_| {
            self.refuse(&table.since, "oncall.since", "no date", "write a day of the first one's turn: \"2026-01-05\"")
        })?;
        let day = |(day, contact): (&Spanned<String>, &Spanned<String>)| {
            Ok((self.day(day, "oncall.days")?, known(contact, "oncall.days")?))
        };
        Ok(OnCall {
            turns: turns.iter().map(|name| known(name, "oncall.turns")).collect::<Checked<_>>()?,
            weekday: weekday(table.weekday.get_ref())
                .ok_or_else(|| self.refuse(&table.weekday, "oncall.weekday", "no weekday", "write \"monday\""))?,
            minutes: super::hours::clock(table.at.get_ref())
                .filter(|it| *it < 24 * 60)
                .ok_or_else(|| self.refuse(&table.at, "oncall.at", "no time of day", "write \"08:00\""))?,
            since,
            days: table.days.iter().map(day).collect::<Checked<_>>()?,
        })
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    let days = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    days.into_iter().find(|(known, _)| *known == name.to_lowercase()).map(|(_, day)| day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oncall() -> OnCall {
        OnCall {
            turns: vec!["ann".into(), "bob".into(), "cy".into()],
            weekday: Weekday::Monday,
            minutes: 8 * 60,
            since: "2026-01-07".parse().unwrap(),
            days: vec![(Day::parse("12-25").unwrap(), "boss".into())],
        }
    }

    #[test]
    fn turns_are_handed_over_by_the_clock_on_the_wall_in_summer_and_winter() {
        let zone = TimeZone::get("America/Toronto").unwrap();
        for (at, contact, until, why) in [
            ("2026-01-05T08:00:00-05:00", "ann", "2026-01-12T08:00:00-05:00", "rotation"),
            ("2026-01-05T07:59:59-05:00", "cy", "2026-01-05T08:00:00-05:00", "rotation"),
            ("2026-01-12T08:00:00-05:00", "bob", "2026-01-19T08:00:00-05:00", "rotation"),
            ("2026-01-26T07:00:00-05:00", "cy", "2026-01-26T08:00:00-05:00", "rotation"),
            ("2026-01-26T09:00:00-05:00", "ann", "2026-02-02T08:00:00-05:00", "rotation"),
            // The clocks go forward on 8 March, and back on 1 November: weeks of 167 and 169 hours.
            ("2026-03-07T12:00:00-05:00", "cy", "2026-03-09T08:00:00-04:00", "rotation"),
            ("2026-03-09T07:59:00-04:00", "cy", "2026-03-09T08:00:00-04:00", "rotation"),
            ("2026-03-09T08:00:00-04:00", "ann", "2026-03-16T08:00:00-04:00", "rotation"),
            ("2026-11-02T07:30:00-05:00", "ann", "2026-11-02T08:00:00-05:00", "rotation"),
            ("2026-11-02T08:00:00-05:00", "bob", "2026-11-09T08:00:00-05:00", "rotation"),
            ("2026-12-25T00:00:00-05:00", "boss", "2026-12-26T00:00:00-05:00", "holiday"),
            ("2026-12-24T23:59:59-05:00", "cy", "2026-12-25T00:00:00-05:00", "rotation"),
            ("2025-12-31T12:00:00-05:00", "cy", "2026-01-05T08:00:00-05:00", "rotation"),
        ] {
            let turn = oncall().turn(at.parse().unwrap(), &zone);
            let wanted = Turn { contact: contact.into(), until: until.parse().unwrap(), why };
            assert_eq!(turn, wanted, "{at}");
        }
    }

    #[test]
    fn whoever_takes_the_shift_says_until_when() {
        for (words, minutes) in [
            ("je prends la garde jusqu'à 8 h", Some(480)),
            ("Je prends la garde jusqu’à 17h30", Some(1050)),
            ("I take the shift until 8", Some(480)),
            ("i'm on call until 6:15 pm", Some(1095)),
            ("I take the shift", None),
            ("j'y vais", None),
            ("la garde jusqu'à 25 h", None),
            ("j'y suis jusqu'à 8 h", None),
            ("qui prend la garde jusqu'à 8 h?", None),
            ("je prends pas la garde jusqu'à 8 h", None),
            ("Paul prend la garde jusqu'à 8 h", None),
            ("je regarde le match jusqu'à 8 h", None),
            ("I can't take the shift until 8", None),
            ("I take the shift until 12 am", Some(0)),
            ("je prends la garde jusqu'à minuit", Some(0)),
            ("je suis de garde jusqu'à midi", Some(720)),
            ("Ok, je prends le quart jusqu'à 6h", Some(360)),
            ("i'm oncall until noon", Some(720)),
        ] {
            assert_eq!(shift_taken(words), minutes, "{words}");
        }
    }
}
