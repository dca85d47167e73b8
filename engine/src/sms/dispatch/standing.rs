//! How the account stands, for metrics and estimates.

use std::time::Duration;

use super::{Account, Sender};
use crate::sms::breaker::{Admission, Fuse, FuseKind};
use crate::sms::pace::{Level, Moment};

impl Account {
    /// Senders that go slower than configured, and by what factor.
    pub fn learned(&self, now: Moment) -> impl Iterator<Item = (&str, f64)> {
        self.levels.learned(now)
    }

    /// Breakers that are not closed.
    pub fn open(&self) -> [(FuseKind, usize); 4] {
        self.breakers.open()
    }

    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Segments per second of all senders together; `None` is as fast as the carrier answers.
    pub fn rate(&self, now: Moment) -> Option<f64> {
        let sender = |sender: &Sender| self.levels.rate(&Level::Sender(sender.name.clone()), now);
        let senders: Option<f64> = self.senders.iter().map(sender).sum();
        match (senders, self.levels.rate(&Level::Account, now)) {
            (Some(senders), Some(account)) => Some(senders.min(account)),
            (senders, account) => senders.or(account),
        }
    }

    /// How long nothing at all leaves: an account's breaker, a carrier that wants to be left alone.
    pub fn held(&self, now: Moment) -> Duration {
        let door = self.senders.iter().map(|sender| sender.door.opens_at(now)).min().unwrap_or_default();
        let account = match self.breakers.admits(&[Fuse::Account], now) {
            Admission::No(until) => until,
            _ => Moment::ZERO,
        };
        door.max(account).saturating_sub(now)
    }
}
