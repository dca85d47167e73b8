//! `[quotes]`: what the agent may say a service costs. Whole units of the currency, never less than the minimum, and
//! never more because it is urgent.

mod table;

use serde::{Deserialize, Serialize};

use super::Words;

pub(super) use table::QuotesTable;

/// Longest length that is priced, in feet; what is longer is measured on site, like what nobody has measured.
pub const MAX_FEET: u32 = 1_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Quotes {
    /// ISO 4217.
    pub currency: Box<str>,
    /// No price is below it.
    pub minimum: u32,
    /// Spoken behind every amount: `plus taxes`.
    pub taxes: Option<Words>,
    /// Said with every price.
    pub note: Option<Words>,
    pub complexity: Vec<Complexity>,
    prices: Vec<Price>,
}

/// Harder work costs more, only where the business says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complexity {
    /// As a tool sends it: `very_complex`.
    pub name: Box<str>,
    /// Of the base price; 130 is 30 % more.
    pub percent: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// Id of the service.
    pub service: Box<str>,
    pub basis: Basis,
    /// What it adds to another service when asked for together.
    pub add_on: Option<u32>,
    /// The service whose price is that of the first visit.
    pub first_visit: Option<Box<str>>,
    pub credit: Option<Credit>,
    pub duration: Option<Duration>,
    pub note: Option<Words>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    Range {
        min: u32,
        max: u32,
    },
    /// At least; how much more is seen on site.
    From(u32),
    About(u32),
    Flat(u32),
    /// So many feet for the flat price, and each foot beyond them.
    PerFoot {
        flat: u32,
        covers: u32,
        extra: u32,
    },
}

/// Taken off the bill when it applies; known on site, so never part of a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    pub amount: u32,
    pub when: Words,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duration {
    pub min: u32,
    pub max: u32,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Hours,
    Days,
}

/// What changes a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub feet: Option<u32>,
    /// Of the base price; `None` is 100.
    pub percent: Option<u32>,
    pub add_ons: u32,
    /// Of the zone; added once.
    pub surcharge: u32,
}

/// What may be said, in whole units. `min <= max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Before complexity, add-ons and surcharge.
    pub base: u32,
    pub min: u32,
    /// The minimum again where nothing is promised above it.
    pub max: u32,
}

impl Quotes {
    pub fn of(&self, service: &str) -> Option<&Price> {
        self.prices.iter().find(|price| price.service.as_ref() == service)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Price> {
        self.prices.iter()
    }

    /// The price of this work, the minimum guarded.
    pub fn amounts(&self, price: &Price, work: Work) -> Amounts {
        let (base, top) = price.basis.bounds(work.feet);
        let whole = |amount: u32| {
            let harder = (u64::from(amount) * u64::from(work.percent.unwrap_or(100))).div_ceil(100);
            let amount = harder + u64::from(work.add_ons) + u64::from(work.surcharge);
            u32::try_from(amount).unwrap_or(u32::MAX).max(self.minimum)
        };
        Amounts { base, min: whole(base), max: whole(top) }
    }
}

impl Basis {
    /// `feet` that are not known, or too many to be a drain's, count as those that the flat price covers.
    fn bounds(self, feet: Option<u32>) -> (u32, u32) {
        match self {
            Basis::Range { min, max } => (min, max),
            Basis::From(amount) | Basis::About(amount) | Basis::Flat(amount) => (amount, amount),
            Basis::PerFoot { flat, covers, extra } => {
                let beyond = feet.filter(|feet| *feet <= MAX_FEET).map_or(0, |feet| feet.saturating_sub(covers));
                let amount = flat.saturating_add(extra.saturating_mul(beyond));
                (amount, amount)
            }
        }
    }
}
