//! P1 to P4: what makes a call this urgent, who is told, how fast. All four must lead to somebody.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::rosters::{People, Told};
use super::{Check, Checked, MAX_DELAY_S};
use crate::playbook::file::{PriorityTable, PriorityTables};
use crate::playbook::{PriorityRule, Roster};
use crate::priority::Priority;

const MAX_REASON_CHARS: usize = 120;

impl Check<'_> {
    pub(super) fn priorities(&self, tables: Spanned<PriorityTables>, people: &People) -> Checked<[PriorityRule; 4]> {
        let place = tables.span();
        let PriorityTables { p1, p2, p3, p4 } = tables.into_inner();
        let rule = |priority, table| self.priority(priority, table, &place, people);
        Ok([rule(Priority::P1, p1)?, rule(Priority::P2, p2)?, rule(Priority::P3, p3)?, rule(Priority::P4, p4)?])
    }

    fn priority(
        &self,
        priority: Priority,
        table: Option<Spanned<PriorityTable>>,
        place: &Range<usize>,
        people: &People,
    ) -> Checked<PriorityRule> {
        let key = format!("priorities.{priority}");
        let Some(table) = table else {
            let fix = format!("add [{key}] with reason, text (or roster) and text_within_s");
            return Err(self.source.refuse(place.clone(), &key, "nobody is told of a call of this priority", &fix));
        };
        let place = table.span();
        let table = table.into_inner();
        let told = Told { text: table.text.as_ref(), roster: table.roster.as_ref() };
        let roster = self.told(&told, &place, (&key, priority.as_str()), people)?;
        if table.phrases.is_empty() && table.hints.is_empty() && table.value_from.is_none() && priority != Priority::P4
        {
            let fix = "list phrases or hints, or give value_from";
            return Err(self.source.refuse(place, &key, "nothing makes a call this urgent", fix));
        }
        let text_within = self.seconds(table.text_within_s, &place, &format!("{key}.text_within_s"))?;
        let acknowledge_within_s = table.acknowledge_within_s.as_ref();
        Ok(PriorityRule {
            priority,
            value_from: self.value(table.value_from.as_ref(), &format!("{key}.value_from"))?,
            acknowledge_within: self.acknowledge(acknowledge_within_s, text_within, &roster, &place, &key)?,
            roster,
            text_within,
            text_delay: self.delay(table.text_delay_s.as_ref(), text_within, &format!("{key}.text_delay_s"))?,
            escalate_to: self.named(&table.escalate_to, &format!("{key}.escalate_to"), people.contacts)?,
            reason: self.reason(&table.reason, &format!("{key}.reason"))?,
        })
    }

    fn value(&self, value: Option<&Spanned<f64>>, key: &str) -> Checked<Option<f64>> {
        match value {
            Some(value) if !(value.get_ref().is_finite() && *value.get_ref() > 0.0) => {
                Err(self.refuse(value, key, "not an amount above 0", "write it in dollars: 3000"))
            }
            value => Ok(value.map(|value| *value.get_ref())),
        }
    }

    fn seconds(&self, seconds: u64, at: &Range<usize>, key: &str) -> Checked<Duration> {
        if seconds > MAX_DELAY_S {
            return Err(self.source.refuse(at.clone(), key, "longer than a week", "write it in seconds"));
        }
        Ok(Duration::from_secs(seconds))
    }

    fn delay(&self, delay: Option<&Spanned<u64>>, within: Duration, key: &str) -> Checked<Duration> {
        let Some(delay) = delay else { return Ok(Duration::ZERO) };
        let wait = Duration::from_secs(*delay.get_ref());
        if wait > within {
            let fix = "make text_delay_s smaller, or text_within_s larger";
            return Err(self.refuse(delay, key, "the text would leave later than text_within_s promises", fix));
        }
        Ok(wait)
    }

    /// Nobody waits for an answer before the question has left, and what follows on silence needs an end of waiting.
    fn acknowledge(
        &self,
        within: Option<&Spanned<u64>>,
        text_within: Duration,
        roster: &Roster,
        place: &Range<usize>,
        key: &str,
    ) -> Checked<Option<Duration>> {
        let key = format!("{key}.acknowledge_within_s");
        let Some(within) = within else {
            if roster.steps.len() == 1 && roster.repeat == 0 {
                return Ok(None);
            }
            let problem = format!("nothing says when the second step of {:?} follows", roster.name);
            let fix = "add acknowledge_within_s: seconds until somebody must have answered";
            return Err(self.source.refuse(place.clone(), &key, problem, fix));
        };
        let seconds = self.seconds(*within.get_ref(), &within.span(), &key)?;
        if seconds <= text_within {
            let problem = "somebody would have to answer before the text must have left";
            return Err(self.refuse(within, &key, problem, "make it larger than text_within_s"));
        }
        Ok(Some(seconds))
    }

    fn reason(&self, reason: &Spanned<String>, key: &str) -> Checked<Box<str>> {
        let text = reason.get_ref().trim();
        let fits = !text.is_empty() && text.chars().count() <= MAX_REASON_CHARS && !text.contains(char::is_control);
        let problem = "a reason is one line of 1 to 120 characters";
        if fits { Ok(text.into()) } else { Err(self.refuse(reason, key, problem, "")) }
    }
}
