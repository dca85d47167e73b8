//! A business's own account with the carrier: its numbers, its money, its pace.

use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use crate::playbook::check::{Check, Checked};

const MAX_SENDERS: usize = 100;

#[derive(Clone, PartialEq)]
pub struct OwnCarrier {
    /// The carrier's name of the account.
    pub account: Box<str>,
    pub secret: Box<str>,
    /// Numbers or services that messages leave by; at least one.
    pub senders: Vec<Box<str>>,
    /// Segments per second and sender; `None` is as fast as the carrier answers.
    pub per_second: Option<f64>,
    /// The same of all senders together.
    pub account_per_second: Option<f64>,
}

impl fmt::Debug for OwnCarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnCarrier")
            .field("account", &self.account)
            .field("senders", &self.senders.len())
            .field("per_second", &self.per_second)
            .field("account_per_second", &self.account_per_second)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CarrierTable {
    account: Spanned<String>,
    secret: Spanned<String>,
    senders: Spanned<Vec<Box<str>>>,
    per_second: Option<Spanned<f64>>,
    account_per_second: Option<Spanned<f64>>,
}

impl Check<'_> {
    pub(super) fn carrier(&self, table: CarrierTable) -> Checked<OwnCarrier> {
        for (text, key) in [(&table.account, "sms.carrier.account"), (&table.secret, "sms.carrier.secret")] {
            if text.get_ref().trim().is_empty() {
                return Err(self.refuse(text, key, "is empty", "copy it from the carrier's console"));
            }
        }
        let count = table.senders.get_ref().len();
        if !(1..=MAX_SENDERS).contains(&count) || table.senders.get_ref().iter().any(|sender| sender.trim().is_empty())
        {
            let problem = format!("not 1 to {MAX_SENDERS} numbers or services");
            return Err(self.refuse(&table.senders, "sms.carrier.senders", problem, "senders = [\"+15145550100\"]"));
        }
        let per_second = self.rate(table.per_second.as_ref(), "sms.carrier.per_second")?;
        let account_per_second = self.rate(table.account_per_second.as_ref(), "sms.carrier.account_per_second")?;
        Ok(OwnCarrier {
            account: table.account.get_ref().trim().into(),
            secret: table.secret.get_ref().trim().into(),
            senders: table.senders.into_inner(),
            per_second,
            account_per_second,
        })
    }
}
