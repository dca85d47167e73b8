//! Where a number is named by others: looked for in everything people and models have said, and taken out of it.

use std::collections::BTreeSet;

use engine::failure::Failure;
use engine::ids::CallKey;
use engine::traces::Traces;

use super::ground::{Arg, Ground, Line, Statement};

/// Frames looked through at once.
const POSITIONS_AT_ONCE: i64 = 20_000;

const LAST: &str = "SELECT CAST(coalesce(max(position), 0) AS text) FROM call_frames";
const FRAMES: &str = "SELECT tenant, call_id, facts, answer FROM call_frames \
    WHERE position > $4 AND position <= $5 AND ($1 = '' OR tenant = $1) \
    AND (facts LIKE $2 OR facts LIKE $3 OR answer LIKE $2 OR answer LIKE $3)";

/// Who is looked for: a tenant or '', the number, and the two patterns it fits.
pub struct Search<'a> {
    pub tenant: &'a str,
    pub traces: &'a Traces,
}

impl Search<'_> {
    /// The first three values of every search.
    pub fn args(&self) -> Vec<Arg> {
        let [whole, split] = self.traces.patterns();
        vec![self.tenant.into(), whole.into(), split.into()]
    }

    /// Calls in which the number is named.
    pub async fn calls(&self, ground: &impl Ground) -> Result<BTreeSet<CallKey>, Failure> {
        let mut found = BTreeSet::new();
        let last = ground.read(LAST, Vec::new()).await?.first().map_or(Ok(0), |line| line.number(0))?;
        let mut after = 0;
        while after < last {
            let until = after + POSITIONS_AT_ONCE;
            let args = [self.args(), vec![after.into(), until.into()]].concat();
            for line in ground.read(FRAMES, args).await? {
                if self.traces.in_text(line.text(2)) || self.traces.in_text(line.text(3)) {
                    found.insert(line.call(0)?);
                }
            }
            after = until;
        }
        Ok(found)
    }
}

/// A column of words: how those that may name the number are found (by two keys, the second of them a number or
/// nothing), and how one is written.
pub struct Words {
    pub find: &'static str,
    pub put: &'static str,
}

/// What texts said, and why they failed. Not of those that are still to be sent: they are under way.
pub const TEXTS: Words = Words {
    find: "SELECT id, '0', body FROM sms_messages WHERE ($1 = '' OR tenant = $1) AND (body LIKE $2 OR body LIKE $3) \
        AND state NOT IN ('queued', 'sending')",
    put: "UPDATE sms_messages SET body = $3 WHERE id = $1 AND $2 = $2",
};
pub const TEXT_ERRORS: Words = Words {
    find: "SELECT id, '0', error FROM sms_messages WHERE ($1 = '' OR tenant = $1) \
        AND (error LIKE $2 OR error LIKE $3)",
    put: "UPDATE sms_messages SET error = $3 WHERE id = $1 AND $2 = $2",
};
pub const ATTEMPT_ERRORS: Words = Words {
    find: "SELECT sms_id, CAST(attempt AS text), sms_attempts.error FROM sms_attempts JOIN sms_messages ON id = sms_id \
        WHERE ($1 = '' OR tenant = $1) AND (sms_attempts.error LIKE $2 OR sms_attempts.error LIKE $3)",
    put: "UPDATE sms_attempts SET error = $3 WHERE sms_id = $1 AND attempt = $2",
};
pub const INBOUND: Words = Words {
    find: "SELECT id, '0', body FROM sms_inbound WHERE ($1 = '' OR tenant = $1) AND (body LIKE $2 OR body LIKE $3)",
    put: "UPDATE sms_inbound SET body = $3 WHERE id = $1 AND $2 = $2",
};

impl Words {
    /// The statements that take the number out, one per row that names it, and each row's first key.
    pub async fn masking(
        &self,
        ground: &impl Ground,
        search: &Search<'_>,
    ) -> Result<Vec<(String, Statement)>, Failure> {
        let lines = ground.read(self.find, search.args()).await?;
        let put = |line: &Line| {
            let masked = search.traces.masked(line.text(2))?;
            let args = line.number(1).map(|second| vec![line.text(0).into(), second.into(), masked.into()]);
            Some(args.map(|args| (line.text(0).to_owned(), Statement::new(self.put, args))))
        };
        lines.iter().filter_map(put).collect()
    }
}
