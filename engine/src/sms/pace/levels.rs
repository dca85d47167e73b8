//! All the limits one message must keep at once: all of them, or it stays.

use std::collections::HashMap;
use std::time::Duration;

use super::{Moment, Pace, is_usable};
use crate::ids::TenantId;
use crate::phone::PhoneNumber;

/// What has a pace of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    Account,
    Sender(Box<str>),
    Tenant(TenantId),
    Recipient(PhoneNumber),
}

/// Segments per second; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    pub account: Option<f64>,
    pub sender: Option<f64>,
    pub recipient: Option<f64>,
}

/// The paces of one account.
#[derive(Clone, Debug)]
pub struct Levels {
    rates: Rates,
    /// Of tenants that have one.
    tenants: HashMap<TenantId, f64>,
    paces: HashMap<Level, Pace>,
    sweep_at: usize,
}

/// Paces kept before the first sweep.
const FEW: usize = 256;

impl Levels {
    pub fn new(rates: Rates) -> Levels {
        Levels { rates, tenants: HashMap::new(), paces: HashMap::new(), sweep_at: FEW }
    }

    /// From now on tenants go by these rates, those not among them by none. What has left of late still counts.
    pub fn limit_tenants(&mut self, rates: HashMap<TenantId, f64>) {
        self.paces.retain(|level, pace| match level {
            Level::Tenant(tenant) => rates.get(tenant).is_some_and(|rate| pace.goes_by(*rate)),
            _ => true,
        });
        self.tenants = rates;
    }

    /// When a message of `segments` may leave, the last of `levels` deciding. It may be in the past.
    pub fn opens_at(&self, levels: &[Level], segments: u32, now: Moment) -> Moment {
        let opens_at = |level: &Level| Some(self.paces.get(level)?.opens_at(segments, now));
        levels.iter().filter_map(opens_at).max().unwrap_or_default()
    }

    /// A message leaves now, at every level.
    pub fn takes(&mut self, levels: &[Level], segments: u32, now: Moment) {
        self.sweep(now);
        levels.iter().for_each(|level| {
            if let Some(pace) = self.pace(level) {
                pace.takes(segments, now);
            }
        });
    }

    /// A message of an earlier life left at `at`.
    pub fn remembers(&mut self, levels: &[Level], segments: u32, at: Moment) {
        levels.iter().for_each(|level| {
            if let Some(pace) = self.pace(level) {
                pace.remembers(segments, at);
            }
        });
    }

    /// These were open and nothing wanted them.
    pub fn idles(&mut self, level: &Level) {
        if let Some(pace) = self.paces.get_mut(level) {
            pace.idles();
        }
    }

    pub fn answered(&mut self, levels: &[Level], left: Moment, took: Duration) {
        levels.iter().for_each(|level| {
            if let Some(pace) = self.paces.get_mut(level) {
                pace.answered(left, took);
            }
        });
    }

    /// What left at `left` really left `by` later.
    pub fn delay(&mut self, levels: &[Level], left: Moment, by: Duration) {
        levels.iter().for_each(|level| {
            if let Some(pace) = self.paces.get_mut(level) {
                pace.delay(left, by);
            }
        });
    }

    pub fn was_too_fast(&mut self, level: &Level, now: Moment) {
        if let Some(pace) = self.pace(level) {
            pace.was_too_fast(now);
        }
    }

    /// Segments per second at `level` now; `None` is no limit.
    pub fn rate(&self, level: &Level, now: Moment) -> Option<f64> {
        self.paces.get(level).map(|pace| pace.rate(now)).or(self.configured(level))
    }

    /// Senders that are slower than configured, and by what factor.
    pub fn learned(&self, now: Moment) -> impl Iterator<Item = (&str, f64)> {
        self.paces.iter().filter_map(move |(level, pace)| match level {
            Level::Sender(name) if pace.factor(now) < 1.0 => Some((&**name, pace.factor(now))),
            _ => None,
        })
    }

    /// Continues with what an earlier life had learned of a sender.
    pub fn resume(&mut self, sender: &str, factor: f64, now: Moment) {
        if let Some(pace) = self.pace(&Level::Sender(sender.into())) {
            pace.resume(factor, now);
        }
    }

    fn pace(&mut self, level: &Level) -> Option<&mut Pace> {
        let configured = self.configured(level);
        if !self.paces.contains_key(level) {
            self.paces.insert(level.clone(), configured.and_then(Pace::new)?);
        }
        self.paces.get_mut(level)
    }

    fn configured(&self, level: &Level) -> Option<f64> {
        let rate = match level {
            Level::Account => self.rates.account,
            Level::Sender(_) => self.rates.sender,
            Level::Tenant(tenant) => self.tenants.get(tenant).copied(),
            Level::Recipient(_) => self.rates.recipient,
        };
        rate.filter(|rate| is_usable(*rate))
    }

    /// Recipients come and go; what none of them remembers is the same as never seen.
    fn sweep(&mut self, now: Moment) {
        if self.paces.len() >= self.sweep_at {
            self.paces.retain(|level, pace| !matches!(level, Level::Recipient(_)) || !pace.is_forgotten(now));
            self.sweep_at = (2 * self.paces.len()).max(FEW);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(line: u16) -> [Level; 3] {
        let recipient = format!("+1514555{line:04}").parse().unwrap();
        [Level::Account, Level::Sender("+15145550199".into()), Level::Recipient(recipient)]
    }

    #[test]
    fn the_last_level_to_open_decides_and_asking_takes_nothing() {
        let rates = Rates { account: Some(10.0), sender: Some(2.0), recipient: Some(0.5) };
        let mut paces = Levels::new(rates);
        let now = Duration::from_secs(10);
        assert!((0..100).all(|_| paces.opens_at(&levels(110), 1, now) <= now));
        paces.takes(&levels(110), 1, now);
        assert_eq!(paces.opens_at(&levels(110), 1, now), now + Duration::from_secs(2), "the recipient's");
        assert_eq!(paces.opens_at(&levels(111), 1, now), now + Duration::from_millis(500), "the sender's");
        assert_eq!(paces.opens_at(&levels(111)[..1], 1, now), now + Duration::from_millis(100), "the account's");
    }

    #[test]
    fn a_tenant_goes_by_its_own_rate_and_by_another_from_when_it_is_changed() {
        let [boreal, clinic] = ["boreal", "clinic"].map(|id| TenantId::parse(id).unwrap());
        let of = |tenant: &TenantId| [Level::Tenant(tenant.clone())];
        let mut paces = Levels::new(Rates::default());
        let (now, second) = (Duration::from_secs(10), Duration::from_secs(1));
        let waits = |paces: &Levels, tenant: &TenantId| paces.opens_at(&of(tenant), 1, now).saturating_sub(now);
        for (rate, wait) in [(Some(1.0), second), (Some(0.5), 2 * second), (None, Duration::ZERO)] {
            paces.limit_tenants(rate.map(|rate| (boreal.clone(), rate)).into_iter().collect());
            if rate == Some(1.0) {
                [&boreal, &clinic].into_iter().for_each(|tenant| paces.takes(&of(tenant), 1, now));
            }
            assert_eq!((waits(&paces, &boreal), waits(&paces, &clinic)), (wait, Duration::ZERO), "{rate:?}");
        }
    }

    #[test]
    fn recipients_who_were_left_alone_are_forgotten() {
        let mut paces = Levels::new(Rates { recipient: Some(1.0), ..Rates::default() });
        for line in 0..9_999 {
            paces.takes(&levels(line), 1, Duration::from_secs(line.into()));
        }
        assert!(paces.paces.len() <= 2 * FEW, "{}", paces.paces.len());
    }

    #[test]
    fn what_was_learned_is_told_and_taken_up_again() {
        let rates = Rates { sender: Some(10.0), ..Rates::default() };
        let mut paces = Levels::new(rates);
        let (sender, now) = (Level::Sender("+15145550199".into()), Duration::from_secs(10));
        paces.was_too_fast(&sender, now);
        let learned: Vec<(String, f64)> = paces.learned(now).map(|(name, factor)| (name.to_owned(), factor)).collect();
        assert_eq!(learned, [("+15145550199".to_owned(), 0.5)]);
        let mut next_life = Levels::new(rates);
        next_life.resume(&learned[0].0, learned[0].1, now);
        assert_eq!(next_life.rate(&sender, now), Some(5.0));
    }
}
