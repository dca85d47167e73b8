//! Hours as they are written, and what is refused of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{DAY_MINUTES, Day, Hours, Span};
use crate::playbook::check::{Check, Checked};

const MAX_SPANS: usize = 8;
const MAX_DAYS: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(in crate::playbook) struct HoursTable {
    monday: Spans,
    tuesday: Spans,
    wednesday: Spans,
    thursday: Spans,
    friday: Spans,
    saturday: Spans,
    sunday: Spans,
    holidays: Vec<Spanned<String>>,
    special: BTreeMap<Spanned<String>, Spans>,
}

/// `"06:00-15:00"` each; none is a day off.
type Spans = Vec<Spanned<String>>;

impl Check<'_> {
    pub(in crate::playbook) fn hours(&self, table: Spanned<HoursTable>, has_zone: bool) -> Checked<Hours> {
        let place = table.span();
        let refuse = |problem, fix| Err(self.source.refuse(place.clone(), "hours", problem, fix));
        let hours = self.read(table.into_inner())?;
        if !has_zone {
            return refuse("hours without a time zone", "add time_zone = \"America/Toronto\", or wherever it is");
        }
        if hours.week.iter().chain(hours.special.iter().map(|(_, spans)| spans)).all(Vec::is_empty) {
            return refuse("nobody is ever there", "write monday = [\"08:00-17:00\"], or leave [hours] out");
        }
        Ok(hours)
    }

    fn read(&self, table: HoursTable) -> Checked<Hours> {
        let week = [
            self.spans(&table.monday, "hours.monday")?,
            self.spans(&table.tuesday, "hours.tuesday")?,
            self.spans(&table.wednesday, "hours.wednesday")?,
            self.spans(&table.thursday, "hours.thursday")?,
            self.spans(&table.friday, "hours.friday")?,
            self.spans(&table.saturday, "hours.saturday")?,
            self.spans(&table.sunday, "hours.sunday")?,
        ];
        let over = table.holidays.get(MAX_DAYS).or(table.special.keys().nth(MAX_DAYS));
        if let Some(over) = over {
            return Err(self.refuse(over, "hours", format!("more than {MAX_DAYS} days"), "take past ones out"));
        }
        let holidays = table.holidays.iter().map(|day| self.day(day, "hours.holidays")).collect::<Checked<_>>()?;
        let special = |(day, spans): (&Spanned<String>, &Spans)| {
            Ok((self.day(day, "hours.special")?, self.spans(spans, &format!("hours.special.{}", day.get_ref()))?))
        };
        let mut special: Vec<(Day, Vec<Span>)> = table.special.iter().map(special).collect::<Checked<_>>()?;
        special.sort_by_key(|(day, _)| !matches!(day, Day::Date(_)));
        Ok(Hours { week, holidays, special })
    }

    pub(in crate::playbook) fn day(&self, text: &Spanned<String>, key: &str) -> Checked<Day> {
        Day::parse(text.get_ref()).ok_or_else(|| {
            let problem = format!("{:?} is no day", text.get_ref());
            let fix = format!("write 2026-12-24, 12-24 for every year, or one of: {}", Day::names());
            self.refuse(text, key, problem, &fix)
        })
    }

    fn spans(&self, texts: &[Spanned<String>], key: &str) -> Checked<Vec<Span>> {
        if let Some(over) = texts.get(MAX_SPANS) {
            return Err(self.refuse(over, key, format!("more than {MAX_SPANS} spans in a day"), "join some of them"));
        }
        let mut spans = texts.iter().map(|text| Ok((self.span(text, key)?, text))).collect::<Checked<Vec<_>>>()?;
        spans.sort_by_key(|(span, _)| *span);
        if let Some(twice) = spans.windows(2).find(|pair| pair[1].0.opens < pair[0].0.closes) {
            let problem = format!("{:?} begins before {:?} ends", twice[1].1.get_ref(), twice[0].1.get_ref());
            return Err(self.refuse(twice[1].1, key, problem, "write one span that covers both"));
        }
        Ok(spans.into_iter().map(|(span, _)| span).collect())
    }

    fn span(&self, text: &Spanned<String>, key: &str) -> Checked<Span> {
        Span::parse(text.get_ref()).ok_or_else(|| {
            let problem = format!("{:?} is no span of a day", text.get_ref());
            let fix = "write \"06:00-15:00\"; over midnight \"22:00-06:00\", a whole day \"00:00-24:00\"";
            self.refuse(text, key, problem, fix)
        })
    }
}

impl Span {
    /// An end that is not later than the beginning is the next day's.
    pub(super) fn parse(text: &str) -> Option<Span> {
        let (opens, closes) = text.split_once(['-', '–'])?;
        let (opens, closes) = (clock(opens)?, clock(closes)?);
        if opens == DAY_MINUTES || opens == closes {
            return None;
        }
        Some(Span { opens, closes: if opens < closes { closes } else { closes + DAY_MINUTES } })
    }
}

/// Minutes of `6:00` to `24:00`.
pub(in crate::playbook) fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (digits(hour)?, digits(minute)?);
    let is_clock = hour.len() <= 2 && minute.len() == 2 && minutes < 60;
    let total = is_clock.then(|| hours * 60 + minutes)?;
    (total <= DAY_MINUTES).then_some(total)
}
