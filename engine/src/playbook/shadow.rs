//! A business that only watches: everything is decided and recorded, nothing is sent, and what the agent hears still
//! comes from the webhook it has. How somebody with a running system finds out whether to switch.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Check, Checked};

/// Why its messages are not sent, as the API shows it.
pub const SUPPRESSED: &str = "shadow: written down, not sent";

const MAX_TIMEOUT_S: u64 = 60;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The webhook that answers. `None`: we are sent copies, and nobody reads our answers.
    pub forward_to: Option<Box<str>>,
    /// Longest wait for it.
    pub timeout: Duration,
}

/// `shadow = true`, or a table.
#[derive(Deserialize)]
#[serde(untagged, expecting = "true, or [shadow] with forward_to = \"https://…\" and timeout_s")]
pub(super) enum ShadowValue {
    On(bool),
    Table(ShadowTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShadowTable {
    forward_to: Box<str>,
    #[serde(default = "twenty")]
    timeout_s: u64,
}

/// As long as a platform waits by default.
fn twenty() -> u64 {
    20
}

impl Check<'_> {
    pub(super) fn shadow(&self, value: Option<Spanned<ShadowValue>>) -> Checked<Option<Shadow>> {
        let Some(value) = value else { return Ok(None) };
        let place = value.span();
        let refuse = |key, problem, fix| Err(self.source.refuse(place.clone(), key, problem, fix));
        match value.into_inner() {
            ShadowValue::On(false) => Ok(None),
            ShadowValue::On(true) => Ok(Some(Shadow { forward_to: None, timeout: Duration::from_secs(twenty()) })),
            ShadowValue::Table(table) if !is_web_address(&table.forward_to) => {
                refuse("shadow.forward_to", "not a web address", "give the whole URL of the webhook: https://…")
            }
            ShadowValue::Table(table) if !(1..=MAX_TIMEOUT_S).contains(&table.timeout_s) => {
                refuse("shadow.timeout_s", "not between 1 and 60 seconds", "")
            }
            ShadowValue::Table(ShadowTable { forward_to, timeout_s }) => {
                Ok(Some(Shadow { forward_to: Some(forward_to), timeout: Duration::from_secs(timeout_s) }))
            }
        }
    }
}

/// With a host; the rest is the business of whoever connects.
fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '['))
        && !text.contains(char::is_whitespace)
}
