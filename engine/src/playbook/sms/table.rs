//! `[sms]` as it is written, and what is refused of it.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::carrier::CarrierTable;
use super::{Destinations, SmsPolicy};
use crate::playbook::check::{Check, Checked};
use crate::playbook::{Contact, Hours};
use crate::sms::caps::Caps;

const MAX_PER_CALL: u32 = 50;
const MAX_EXPIRES_AFTER_S: u64 = 7 * 24 * 3600;
const MAX_PREFIXES: usize = 200;
const RATES: RangeInclusive<f64> = 0.01..=1000.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::playbook) struct SmsTable {
    per_call: Spanned<u32>,
    expires_after_s: Spanned<u64>,
    allow: Vec<Spanned<String>>,
    spend_per_day: Option<Spanned<f64>>,
    price_per_segment: Option<Spanned<f64>>,
    reserve: Option<Spanned<f64>>,
    per_caller_per_day: Option<Spanned<u32>>,
    per_second: Option<Spanned<f64>>,
    callers_between: Option<Spanned<String>>,
    carrier: Option<CarrierTable>,
}

impl Default for SmsTable {
    fn default() -> Self {
        SmsTable {
            per_call: Spanned::new(0..0, 6),
            expires_after_s: Spanned::new(0..0, 4 * 3600),
            allow: Vec::new(),
            spend_per_day: None,
            price_per_segment: None,
            reserve: None,
            per_caller_per_day: None,
            per_second: None,
            callers_between: None,
            carrier: None,
        }
    }
}

impl Check<'_> {
    pub(in crate::playbook) fn sms(&self, table: SmsTable, contacts: &[Contact], has_zone: bool) -> Checked<SmsPolicy> {
        let per_call = *table.per_call.get_ref();
        if !(1..=MAX_PER_CALL).contains(&per_call) {
            return Err(self.refuse(&table.per_call, "sms.per_call", "not between 1 and 50", ""));
        }
        let expires_after_s = *table.expires_after_s.get_ref();
        if !(60..=MAX_EXPIRES_AFTER_S).contains(&expires_after_s) {
            let problem = "not between 60 (a minute) and 604800 (a week)";
            return Err(self.refuse(&table.expires_after_s, "sms.expires_after_s", problem, ""));
        }
        Ok(SmsPolicy {
            per_call,
            expires_after: Duration::from_secs(expires_after_s),
            destinations: self.destinations(&table.allow, contacts)?,
            callers_between: self.callers_between(table.callers_between.as_ref(), has_zone)?,
            caps: self.caps(&table)?,
            per_second: self.rate(table.per_second.as_ref(), "sms.per_second")?,
            carrier: table.carrier.map(|carrier| self.carrier(carrier)).transpose()?,
        })
    }

    fn destinations(&self, allow: &[Spanned<String>], contacts: &[Contact]) -> Checked<Destinations> {
        let is_prefix = |text: &str| {
            let digits = text.strip_prefix('+').unwrap_or_default();
            (1..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
        };
        if let Some(bad) = allow.iter().find(|prefix| !is_prefix(prefix.get_ref())) {
            let fix = "write + and the first digits: \"+1514\" for an area code, \"+33\" for a country";
            return Err(self.refuse(bad, "sms.allow", "not the beginning of a telephone number", fix));
        }
        if let Some(over) = allow.get(MAX_PREFIXES) {
            return Err(self.refuse(over, "sms.allow", format!("more than {MAX_PREFIXES}"), "write shorter ones"));
        }
        let written = || Destinations::new(allow.iter().map(|prefix| prefix.get_ref().as_str().into()));
        Ok(if allow.is_empty() { Destinations::around(contacts) } else { written() })
    }

    fn caps(&self, table: &SmsTable) -> Checked<Caps> {
        let mut caps = Caps::default();
        if let Some(reserve) = &table.reserve {
            if !(0.0..=1.0).contains(reserve.get_ref()) {
                return Err(self.refuse(reserve, "sms.reserve", "not between 0 and 1", "0.25 keeps a quarter"));
            }
            caps.reserve = *reserve.get_ref();
        }
        if let Some(per_day) = &table.per_caller_per_day {
            if *per_day.get_ref() == 0 {
                return Err(self.refuse(per_day, "sms.per_caller_per_day", "is 0", "leave it out for no limit"));
            }
            caps.per_caller = Some(*per_day.get_ref());
        }
        caps.segments = self.segments_per_day(table.spend_per_day.as_ref(), table.price_per_segment.as_ref())?;
        Ok(caps)
    }

    fn segments_per_day(&self, spend: Option<&Spanned<f64>>, price: Option<&Spanned<f64>>) -> Checked<Option<u64>> {
        let amounts = [(spend, "sms.spend_per_day"), (price, "sms.price_per_segment")];
        for (amount, key) in amounts.iter().filter_map(|(amount, key)| Some((amount.as_ref()?, key))) {
            if !(amount.get_ref().is_finite() && *amount.get_ref() > 0.0) {
                return Err(self.refuse(amount, key, "not an amount above 0", "leave it out for no limit"));
            }
        }
        match (spend, price) {
            (Some(spend), Some(price)) => Ok(Some((spend.get_ref() / price.get_ref()) as u64)),
            (Some(alone), None) => {
                let fix = "add price_per_segment, in the same currency";
                Err(self.refuse(alone, "sms.spend_per_day", "nobody knows what a segment costs", fix))
            }
            _ => Ok(None),
        }
    }

    /// Segments per second.
    pub(super) fn rate(&self, rate: Option<&Spanned<f64>>, key: &'static str) -> Checked<Option<f64>> {
        if let Some(rate) = rate.filter(|rate| !RATES.contains(rate.get_ref())) {
            let problem = format!("not between {} and {} segments per second", RATES.start(), RATES.end());
            return Err(self.refuse(rate, key, problem, "leave it out for no limit"));
        }
        Ok(rate.map(|rate| *rate.get_ref()))
    }

    fn callers_between(&self, span: Option<&Spanned<String>>, has_zone: bool) -> Checked<Option<Hours>> {
        let Some(span) = span else { return Ok(None) };
        let key = "sms.callers_between";
        if !has_zone {
            let fix = "add time_zone = \"America/Toronto\", or wherever it is";
            return Err(self.refuse(span, key, "hours without a time zone", fix));
        }
        let hours = Hours::every_day(span.get_ref());
        hours.map(Some).ok_or_else(|| self.refuse(span, key, "no span of a day", "write \"08:00-21:00\""))
    }
}
