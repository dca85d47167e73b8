//! Prices as they are written, and why they are refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Basis, Complexity, Credit, Duration, Price, Quotes};
use crate::playbook::check::{Check, Checked};
use crate::playbook::services::{Services, Status};
use crate::playbook::{Language, Words};

/// Most that anything costs; so that no sum overflows.
const MAX_AMOUNT: u32 = 10_000_000;
const MAX_SENTENCE_CHARS: usize = 300;
const MAX_TAXES_CHARS: usize = 40;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::playbook) struct QuotesTable {
    currency: Spanned<String>,
    minimum: Spanned<u32>,
    taxes: Option<Spanned<Words>>,
    note: Option<Spanned<Words>>,
    #[serde(default)]
    complexity_percent: BTreeMap<String, Spanned<u32>>,
    #[serde(default)]
    prices: BTreeMap<Spanned<String>, PriceTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceTable {
    min: Option<Spanned<u32>>,
    max: Option<Spanned<u32>>,
    about: Option<Spanned<u32>>,
    flat: Option<Spanned<u32>>,
    covers_feet: Option<Spanned<u32>>,
    extra_per_foot: Option<Spanned<u32>>,
    add_on: Option<Spanned<u32>>,
    first_visit: Option<Spanned<String>>,
    credit: Option<CreditTable>,
    duration: Option<Spanned<Duration>>,
    note: Option<Spanned<Words>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreditTable {
    amount: Spanned<u32>,
    when: Spanned<Words>,
}

impl Check<'_> {
    pub(in crate::playbook) fn quotes(
        &self,
        table: QuotesTable,
        services: Option<&Services>,
        languages: &[Language],
    ) -> Checked<Quotes> {
        let sentence = |words: Option<Spanned<Words>>, key, max_chars| {
            words.map(|words| self.words(words, key, languages, max_chars)).transpose()
        };
        let minimum = self.amount(&table.minimum, "quotes.minimum")?;
        let priced: Vec<String> = table.prices.keys().map(|id| id.get_ref().clone()).collect();
        let reader = Reader { check: self, services, languages, minimum, priced };
        Ok(Quotes {
            currency: self.currency(&table.currency)?,
            minimum,
            taxes: sentence(table.taxes, "quotes.taxes", MAX_TAXES_CHARS)?,
            note: sentence(table.note, "quotes.note", MAX_SENTENCE_CHARS)?,
            complexity: self.complexity(table.complexity_percent)?,
            prices: table.prices.into_iter().map(|(id, price)| reader.price(&id, price)).collect::<Checked<_>>()?,
        })
    }

    fn currency(&self, code: &Spanned<String>) -> Checked<Box<str>> {
        let text = code.get_ref();
        match text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            true => Ok(text.as_str().into()),
            false => Err(self.refuse(code, "quotes.currency", "not a code of ISO 4217", "write it as \"CAD\"")),
        }
    }

    fn complexity(&self, percents: BTreeMap<String, Spanned<u32>>) -> Checked<Vec<Complexity>> {
        let step = |(name, percent): (String, Spanned<u32>)| match *percent.get_ref() {
            100..=1_000 => Ok(Complexity { name: name.into(), percent: percent.into_inner() }),
            _ => {
                let fix = "130 is 30 % more; harder work never costs less";
                Err(self.refuse(&percent, "quotes.complexity_percent", "not between 100 and 1000", fix))
            }
        };
        percents.into_iter().map(step).collect()
    }

    fn amount(&self, amount: &Spanned<u32>, key: &str) -> Checked<u32> {
        match *amount.get_ref() {
            0..=MAX_AMOUNT => Ok(*amount.get_ref()),
            _ => Err(self.refuse(amount, key, format!("more than {MAX_AMOUNT}"), "write it in whole units: 350")),
        }
    }
}

struct Reader<'a> {
    check: &'a Check<'a>,
    services: Option<&'a Services>,
    languages: &'a [Language],
    minimum: u32,
    /// Every service that has a price.
    priced: Vec<String>,
}

impl Reader<'_> {
    fn price(&self, id: &Spanned<String>, table: PriceTable) -> Checked<Price> {
        let key = format!("quotes.prices.{}", id.get_ref());
        self.is_sold(id, &key)?;
        Ok(Price {
            basis: self.basis(id, &table, &key)?,
            add_on: self.optional(table.add_on.as_ref(), &format!("{key}.add_on"))?,
            first_visit: self.first_visit(table.first_visit.as_ref(), &format!("{key}.first_visit"))?,
            credit: table.credit.map(|credit| self.credit(credit, &format!("{key}.credit"))).transpose()?,
            duration: self.duration(table.duration, &format!("{key}.duration"))?,
            note: table.note.map(|words| self.words(words, &format!("{key}.note"))).transpose()?,
            service: id.get_ref().as_str().into(),
        })
    }

    fn is_sold(&self, id: &Spanned<String>, key: &str) -> Checked<()> {
        let problem = match self.services.and_then(|services| services.get(id.get_ref())).map(|it| it.status) {
            Some(Status::Accepted) => return Ok(()),
            Some(Status::Refused) => "a refused service has no price",
            Some(Status::Referred) => "the specialist quotes this service",
            None => "no service is called so",
        };
        Err(self.check.refuse(id, key, problem, "remove it, or change [services]"))
    }

    /// One of: min (with max, if there is one), about, flat (per foot beyond so many, if both are given).
    fn basis(&self, id: &Spanned<String>, table: &PriceTable, key: &str) -> Checked<Basis> {
        let PriceTable { min, max, about, flat, covers_feet, extra_per_foot, .. } = table;
        match (min, max, about, flat, covers_feet, extra_per_foot) {
            (Some(min), Some(max), None, None, None, None) => self.range(min, max, key),
            (Some(min), None, None, None, None, None) => Ok(Basis::From(self.least(min, &format!("{key}.min"))?)),
            (None, None, Some(about), None, None, None) => {
                Ok(Basis::About(self.least(about, &format!("{key}.about"))?))
            }
            (None, None, None, Some(flat), None, None) => Ok(Basis::Flat(self.least(flat, &format!("{key}.flat"))?)),
            (None, None, None, Some(flat), Some(covers), Some(extra)) => Ok(Basis::PerFoot {
                flat: self.least(flat, &format!("{key}.flat"))?,
                covers: *covers.get_ref(),
                extra: self.check.amount(extra, &format!("{key}.extra_per_foot"))?,
            }),
            _ => {
                let fix = "give one of: min and max, min, about, flat, or flat with covers_feet and extra_per_foot";
                Err(self.check.refuse(id, key, "it is not clear what this costs", fix))
            }
        }
    }

    fn range(&self, min: &Spanned<u32>, max: &Spanned<u32>, key: &str) -> Checked<Basis> {
        let least = self.least(min, &format!("{key}.min"))?;
        let most = self.check.amount(max, &format!("{key}.max"))?;
        match least <= most {
            true => Ok(Basis::Range { min: least, max: most }),
            false => {
                let problem = format!("max is below min, {least}");
                Err(self.check.refuse(max, &format!("{key}.max"), problem, "swap them, or write flat"))
            }
        }
    }

    fn least(&self, amount: &Spanned<u32>, key: &str) -> Checked<u32> {
        let units = self.check.amount(amount, key)?;
        if units < self.minimum {
            let problem = format!("below quotes.minimum, {}", self.minimum);
            return Err(self.check.refuse(amount, key, problem, "raise it, or lower quotes.minimum"));
        }
        Ok(units)
    }

    fn optional(&self, amount: Option<&Spanned<u32>>, key: &str) -> Checked<Option<u32>> {
        amount.map(|amount| self.check.amount(amount, key)).transpose()
    }

    fn first_visit(&self, service: Option<&Spanned<String>>, key: &str) -> Checked<Option<Box<str>>> {
        match service {
            Some(service) if !self.priced.contains(service.get_ref()) => {
                let problem = format!("{:?} has no price", service.get_ref());
                Err(self.check.refuse(service, key, problem, "name a service of [quotes.prices]"))
            }
            service => Ok(service.map(|service| service.get_ref().as_str().into())),
        }
    }

    fn credit(&self, table: CreditTable, key: &str) -> Checked<Credit> {
        Ok(Credit { amount: self.check.amount(&table.amount, key)?, when: self.words(table.when, key)? })
    }

    fn duration(&self, duration: Option<Spanned<Duration>>, key: &str) -> Checked<Option<Duration>> {
        match duration {
            Some(it) if it.get_ref().min > it.get_ref().max || it.get_ref().max > 365 => {
                Err(self.check.refuse(&it, key, "not from min to max, at most 365", ""))
            }
            it => Ok(it.map(Spanned::into_inner)),
        }
    }

    fn words(&self, words: Spanned<Words>, key: &str) -> Checked<Words> {
        self.check.words(words, key, self.languages, MAX_SENTENCE_CHARS)
    }
}
