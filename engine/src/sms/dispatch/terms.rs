//! How an account sends: its numbers, its limits, and how patient it is.

use std::time::Duration;

use crate::sms::breaker::Rules;
use crate::sms::pace::Rates;
use crate::sms::schedule::Shares;

#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Numbers or services; at least one.
    pub senders: Vec<Box<str>>,
    pub rates: Rates,
    /// Requests under way at once, at most.
    pub window: usize,
    /// Of these, for emergencies alone.
    pub kept: usize,
    pub shares: Shares,
    pub breakers: Rules,
    /// Messages between the same two numbers, and within which time.
    pub pairs: (u32, Duration),
    /// Recipients of whom it is remembered which number they were written to from.
    pub habits: usize,
}

impl Terms {
    /// Any number of senders at one rate, everything else as carriers have it.
    pub fn new(senders: impl IntoIterator<Item = Box<str>>, per_second: Option<f64>) -> Terms {
        Terms {
            senders: senders.into_iter().collect(),
            rates: Rates { sender: per_second, ..Rates::default() },
            window: 64,
            kept: 0,
            shares: Shares::default(),
            breakers: Rules::default(),
            pairs: (30, Duration::from_secs(30)),
            habits: 10_000,
        }
    }
}
