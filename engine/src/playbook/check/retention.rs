//! How long what was recorded of calls is kept.

use toml::Spanned;

use super::{Check, Checked};
use crate::playbook::Retention;
use crate::playbook::file::RetentionTable;

/// Ten years.
const MAX_DAYS: u32 = 3650;

impl Check<'_> {
    pub(super) fn retention(&self, table: &RetentionTable) -> Checked<Retention> {
        let days = |days: &Spanned<u32>, key: &str| {
            let fits = (1..=MAX_DAYS).contains(days.get_ref());
            let problem = format!("not between 1 and {MAX_DAYS} days");
            if fits { Ok(*days.get_ref()) } else { Err(self.refuse(days, key, problem, "write a number of days")) }
        };
        let calls_days = days(&table.calls_days, "retention.calls_days")?;
        let transcripts_days = days(&table.transcripts_days, "retention.transcripts_days")?;
        if transcripts_days <= calls_days {
            return Ok(Retention { calls_days, transcripts_days });
        }
        // Where one of them is not written, the other one is to change.
        let (at, key) = match table.transcripts_days.span().is_empty() {
            true => (&table.calls_days, "retention.calls_days"),
            false => (&table.transcripts_days, "retention.transcripts_days"),
        };
        let problem =
            format!("transcripts would be kept {transcripts_days} days, longer than their calls: {calls_days}");
        Err(self.refuse(at, key, problem, "make transcripts_days at most calls_days"))
    }
}
