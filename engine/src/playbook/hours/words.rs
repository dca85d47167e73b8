//! Hours as somebody says them: "du lundi au vendredi, de 6 h à 15 h", "Monday to Friday, 6 a.m. to 3 p.m.".

use jiff::tz::TimeZone;

use super::{DAY_MINUTES, Hours, Span, civil};
use crate::playbook::Language;
use crate::time::Timestamp;

const DAYS: [[&str; 2]; 7] = [
    ["lundi", "Monday"],
    ["mardi", "Tuesday"],
    ["mercredi", "Wednesday"],
    ["jeudi", "Thursday"],
    ["vendredi", "Friday"],
    ["samedi", "Saturday"],
    ["dimanche", "Sunday"],
];
const MONTHS: [[&str; 2]; 12] = [
    ["janvier", "January"],
    ["février", "February"],
    ["mars", "March"],
    ["avril", "April"],
    ["mai", "May"],
    ["juin", "June"],
    ["juillet", "July"],
    ["août", "August"],
    ["septembre", "September"],
    ["octobre", "October"],
    ["novembre", "November"],
    ["décembre", "December"],
];

impl Hours {
    /// Runs of days that have the same hours, Monday first: `("lundi au vendredi", "6 h à 15 h")`.
    pub fn week_in_words(&self, language: Language) -> Vec<(String, String)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for day in 0..self.week.len() {
            match runs.last_mut() {
                Some((first, last)) if self.week[*first] == self.week[day] => *last = day,
                _ => runs.push((day, day)),
            }
        }
        let spans = |day: usize| spans_in_words(&self.week[day], language);
        runs.into_iter().map(|(first, last)| (days_in_words(first, last, language), spans(first))).collect()
    }

    pub fn has_holidays(&self) -> bool {
        !self.holidays.is_empty()
    }

    /// When it opens next: `lundi à 6 h`; with the date when that is more than six days away.
    pub fn next_opening_in_words(&self, at: Timestamp, zone: &TimeZone, language: Language) -> Option<String> {
        let opening = civil(self.next_opening(at, zone)?, zone)?;
        let is_far = civil(at, zone)?.date().until(opening.date()).ok()?.get_days() > 6;
        let day = pick(DAYS[opening.weekday().to_monday_zero_offset() as usize], language);
        let month = pick(MONTHS[opening.month() as usize - 1], language);
        let clock = clock_in_words(opening.hour() as u16 * 60 + opening.minute() as u16, language);
        Some(match (language, is_far) {
            (Language::Fr, false) => format!("{day} à {clock}"),
            (Language::Fr, true) => format!("{day} {} {month} à {clock}", opening.day()),
            (Language::En, false) => format!("{day} at {clock}"),
            (Language::En, true) => format!("{day}, {month} {}, at {clock}", opening.day()),
        })
    }
}

fn pick(words: [&'static str; 2], language: Language) -> &'static str {
    match language {
        Language::Fr => words[0],
        Language::En => words[1],
    }
}

fn days_in_words(first: usize, last: usize, language: Language) -> String {
    let (from, to) = (pick(DAYS[first], language), pick(DAYS[last], language));
    match (language, last - first) {
        (_, 0) => from.to_owned(),
        (Language::Fr, 1) => format!("{from} et {to}"),
        (Language::En, 1) => format!("{from} and {to}"),
        (Language::Fr, _) => format!("{from} au {to}"),
        (Language::En, _) => format!("{from} to {to}"),
    }
}

fn spans_in_words(spans: &[Span], language: Language) -> String {
    let (closed, to, and) = match language {
        Language::Fr => ("fermé", "à", " et de "),
        Language::En => ("closed", "to", " and "),
    };
    let span = |span: &Span| match (language, span.closes - span.opens) {
        (Language::Fr, DAY_MINUTES) if span.opens == 0 => "24 heures sur 24".to_owned(),
        (Language::En, DAY_MINUTES) if span.opens == 0 => "open 24 hours".to_owned(),
        _ => format!("{} {to} {}", clock_in_words(span.opens, language), clock_in_words(span.closes, language)),
    };
    if spans.is_empty() { closed.to_owned() } else { spans.iter().map(span).collect::<Vec<_>>().join(and) }
}

fn clock_in_words(minutes: u16, language: Language) -> String {
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    match (language, hour, minute) {
        (Language::Fr, 0, 0) => "minuit".to_owned(),
        (Language::Fr, 12, 0) => "midi".to_owned(),
        (Language::Fr, _, 0) => format!("{hour} h"),
        (Language::Fr, ..) => format!("{hour} h {minute:02}"),
        (Language::En, 0, 0) => "midnight".to_owned(),
        (Language::En, 12, 0) => "noon".to_owned(),
        (Language::En, _, 0) => format!("{} {}", twelve(hour), half(hour)),
        (Language::En, ..) => format!("{}:{minute:02} {}", twelve(hour), half(hour)),
    }
}

fn twelve(hour: u16) -> u16 {
    if hour.is_multiple_of(12) { 12 } else { hour % 12 }
}

fn half(hour: u16) -> &'static str {
    if hour < 12 { "a.m." } else { "p.m." }
}
