//! `[push]`: a way to the team that is not the carrier. A notification server, or a webhook of the business's own.
//!
//! What is urgent enough goes there at once, beside the texts and calls; the rest only when a text or call failed, or
//! does not leave. Whoever reads the channel is called [`Contact::TEAM`]: nobody knows who of them it is.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::Contact;
use super::check::{Check, Checked};
use super::file::RosterTable;
use super::rosters::Channel;
use crate::priority::Priority;
use crate::tools::Endpoint;

/// From the first look-up of its name to the last byte of its answer.
const TIMEOUT: Duration = Duration::from_secs(5);
const MIN_KEY_CHARS: usize = 16;
const MAX_TOKEN_CHARS: usize = 512;

#[derive(Clone, PartialEq, Eq)]
pub struct PushChannel {
    /// Its URL is a secret too: whoever knows the topic reads it.
    pub endpoint: Endpoint,
    pub format: PushFormat,
    /// What is told by it at once.
    pub priorities: Vec<Priority>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PushFormat {
    /// Plain text with headers, as ntfy takes it. The secret is an access token, if the topic wants one.
    #[default]
    Ntfy,
    /// A JSON document, signed with the secret.
    Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushTable {
    url: Spanned<String>,
    #[serde(default)]
    format: PushFormat,
    secret: Option<Spanned<String>>,
    #[serde(default = "emergencies")]
    priorities: Vec<Priority>,
    #[serde(default)]
    allow_private: bool,
}

fn emergencies() -> Vec<Priority> {
    vec![Priority::P1]
}

impl Contact {
    /// Whoever reads the business's channel. No contact is called that.
    pub const TEAM: &str = "@team";
}

impl Check<'_> {
    pub(super) fn push(&self, table: PushTable) -> Checked<PushChannel> {
        let url = self.outside_url(&table.url, "push.url", table.allow_private)?;
        let secret = self.push_secret(&table)?;
        let endpoint = Endpoint { url, secret, timeout: TIMEOUT, allow_private: table.allow_private };
        Ok(PushChannel { endpoint, format: table.format, priorities: table.priorities })
    }

    fn push_secret(&self, table: &PushTable) -> Checked<Box<str>> {
        const KEY: &str = "push.secret";
        match (table.format, &table.secret) {
            (PushFormat::Ntfy, None) => Ok(Box::default()),
            (PushFormat::Ntfy, Some(token)) => {
                let text = token.get_ref();
                let fits = (1..=MAX_TOKEN_CHARS).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
                if !fits {
                    let problem = "an access token is 1 to 512 visible characters";
                    return Err(self.refuse(token, KEY, problem, "leave it out where the topic wants none"));
                }
                Ok(text.as_str().into())
            }
            (PushFormat::Json, Some(key)) if key.get_ref().chars().count() >= MIN_KEY_CHARS => {
                Ok(key.get_ref().as_str().into())
            }
            (PushFormat::Json, key) => {
                let at = key.as_ref().unwrap_or(&table.url);
                let problem = "what is posted is signed with a secret of at least 16 characters";
                Err(self.refuse(at, KEY, problem, "take one from `openssl rand -hex 16`"))
            }
        }
    }

    /// A step that pushes wants somewhere to push to.
    pub(super) fn each_push_leads_somewhere<'a>(
        &self,
        rosters: impl Iterator<Item = &'a RosterTable>,
        is_there: bool,
    ) -> Checked<()> {
        let steps = rosters.flat_map(|roster| roster.steps.get_ref()).filter_map(|step| step.get_ref().by.as_ref());
        match steps.into_iter().find(|by| !is_there && by.get_ref().contains(&Channel::Push)) {
            None => Ok(()),
            Some(by) => {
                let problem = "push, and the playbook has no channel";
                Err(self.refuse(by, "rosters.steps.by", problem, "add [push] with the url of a topic"))
            }
        }
    }
}

impl fmt::Debug for PushChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushChannel")
            .field("format", &self.format)
            .field("priorities", &self.priorities)
            .finish_non_exhaustive()
    }
}
