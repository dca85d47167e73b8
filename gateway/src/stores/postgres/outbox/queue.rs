//! The queue: what is due, what is too late, and the claim.
//!
//! A claim first holds the lock of every recipient, in one order: whoever claims for the same person, or writes that
//! they want no texts, waits. So of two messages to one person that must follow each other one is in flight, and
//! nothing leaves for who has opted out before.

use std::collections::{HashMap, HashSet};

use engine::failure::Failure;
use engine::ports::{Candidate, Claim, ClaimRequest, NotClaimed};
use engine::priority::Priority;
use engine::sms::{Attempt, AttemptToken, OVERTAKEN_AFTER, Sms};
use engine::time::Timestamp;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::super::opt_outs::unwanted;
use super::super::rows::{self, Columns, bounded, column};
use super::super::values::{At, text};
use super::super::{PostgresStore, locks, opt_outs, unavailable};
use super::all;

/// One of the same call to the same person is being sent, or waits before `sms`, is not less urgent, and is due by $2.
macro_rules! behind {
    () => {
        "EXISTS (SELECT 1 FROM sms_messages AS other WHERE other.tenant = sms.tenant AND other.call_id = sms.call_id \
         AND other.to_number = sms.to_number AND other.state IN ('queued', 'sending') AND other.id <> sms.id \
         AND (other.state = 'sending' OR ((other.created_at, other.id) < (sms.created_at, sms.id) \
         AND other.priority <= sms.priority AND other.due_at <= $2)))"
    };
}

/// Messages that expire in one commit.
const EXPIRED_AT_ONCE: i64 = 256;

/// The tenants that owe something, each found by one step in the index; of each no more is read than a few times its
/// part, unless all is.
const DUE: &str = concat!(
    "WITH RECURSIVE owing (tenant) AS (SELECT min(tenant) FROM sms_messages WHERE state = 'queued' AND priority = $3 \
     UNION ALL SELECT (SELECT min(tenant) FROM sms_messages WHERE state = 'queued' AND priority = $3 \
     AND tenant > owing.tenant) FROM owing WHERE owing.tenant IS NOT NULL), \
     each (part) AS (SELECT CASE WHEN $5 THEN $4 ELSE greatest(1, $4 * 4 / greatest(1, count(tenant))) END FROM owing) \
     SELECT sms.*, (SELECT part FROM each) AS part, \
     CASE WHEN last_attempt > 0 THEN (SELECT string_agg(sender, chr(10) ORDER BY attempt) \
     FROM sms_attempts WHERE sms_id = sms.id) END AS tried, \
     row_number() OVER (PARTITION BY sms.tenant ORDER BY expires_at, due_at, created_at, sms.id) AS turn \
     FROM owing CROSS JOIN LATERAL (SELECT id, tenant, to_number, call_id, contact, priority, due_at, expires_at, \
     segments, created_at, attempts, last_attempt FROM sms_messages AS sms \
     WHERE state = 'queued' AND priority = $3 AND tenant = owing.tenant AND due_at <= $1 AND expires_at >= $1 AND NOT ",
    behind!(),
    " ORDER BY expires_at, due_at, created_at, id LIMIT (SELECT part FROM each)) AS sms \
     ORDER BY turn, expires_at, due_at, created_at, sms.id LIMIT $4"
);

/// All claims of a look at once. Of two that must follow each other the one asked for first is taken, as if they had
/// been asked for one after the other.
const CLAIM: &str = concat!(
    "WITH eligible AS (SELECT sms.id, sms.tenant, sms.call_id, sms.to_number, asked.sender, asked.token, asked.place \
     FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS asked (id, sender, token, place) \
     JOIN sms_messages AS sms USING (id) WHERE state = 'queued' AND due_at <= $1 AND expires_at >= $1 AND NOT ",
    unwanted!(),
    " AND NOT ",
    behind!(),
    "), chosen AS (SELECT * FROM eligible AS later WHERE NOT EXISTS (SELECT 1 FROM eligible AS earlier \
     WHERE earlier.place < later.place AND (earlier.id = later.id OR (earlier.tenant = later.tenant \
     AND earlier.call_id = later.call_id AND earlier.to_number = later.to_number)))), \
     claimed AS (UPDATE sms_messages AS sms SET state = 'sending', from_number = chosen.sender, attempts = attempts + 1, \
     last_attempt = last_attempt + 1, updated_at = $1 FROM chosen \
     WHERE sms.id = chosen.id AND state = 'queued' AND due_at <= $1 AND expires_at >= $1 \
     RETURNING sms.*, chosen.sender, chosen.token, chosen.place), \
     begun AS (INSERT INTO sms_attempts (sms_id, attempt, sender, token, started_at) \
     SELECT id, last_attempt, sender, token, $1 FROM claimed) SELECT * FROM claimed"
);

impl PostgresStore {
    /// What has waited too long ends here. Looked for first: mostly there is nothing to write.
    pub(super) async fn expire(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let query = sqlx::query("SELECT 1 FROM sms_messages WHERE state = 'queued' AND expires_at < $1 LIMIT 1");
        if query.bind(At(now)).fetch_optional(&self.pool).await.map_err(unavailable)?.is_none() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(
            "UPDATE sms_messages SET state = 'expired', updated_at = $1 WHERE id IN (SELECT id FROM sms_messages \
             WHERE state = 'queued' AND expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING *",
        );
        all(query.bind(At(now)).bind(EXPIRED_AT_ONCE).fetch_all(&self.pool).await)
    }

    pub(super) async fn due(&self, now: Timestamp, per_class: usize) -> Result<[Vec<Candidate>; 4], Failure> {
        let mut due = <[Vec<Candidate>; 4]>::default();
        if per_class == 0 {
            return Ok(due);
        }
        for (priority, due) in Priority::ALL.into_iter().zip(&mut due) {
            *due = match self.due_of(priority, now, per_class, false).await? {
                Some(due) => due,
                None => self.due_of(priority, now, per_class, true).await?.unwrap_or_default(),
            };
        }
        Ok(due)
    }

    /// `None`: what was read of each tenant was too little of some, while others owe less than their part.
    async fn due_of(
        &self,
        priority: Priority,
        now: Timestamp,
        per_class: usize,
        all: bool,
    ) -> Result<Option<Vec<Candidate>>, Failure> {
        let query = sqlx::query(DUE).bind(At(now)).bind(At(now.plus(OVERTAKEN_AFTER)));
        let query = query.bind(priority.as_str()).bind(bounded(per_class)).bind(all);
        let read = query.fetch_all(&self.pool).await.map_err(unavailable)?;
        rows::candidates(&read, per_class, all)
    }

    pub(super) async fn claim_all(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        hold_recipients(&mut transaction, requests).await.map_err(unavailable)?;
        let mut claims = claim(&mut transaction, requests, now).await?;
        let mut waiting = HashSet::new();
        if claims.len() < requests.len() {
            // Written while the list was being added to: it is caught here, where nothing else would look again.
            let ids: Vec<_> = requests.iter().map(|request| request.id).collect();
            opt_outs::suppress(&mut transaction, &ids, now).await?;
            waiting = still_waiting(&mut transaction, requests, now).await?;
        }
        transaction.commit().await.map_err(unavailable)?;
        let answer = |(place, request): (usize, &ClaimRequest)| {
            let why = || if waiting.contains(&request.id.to_string()) { NotClaimed::Behind } else { NotClaimed::Gone };
            claims.remove(&place).ok_or_else(why)
        };
        Ok(requests.iter().enumerate().map(answer).collect())
    }
}

async fn hold_recipients(connection: &mut PgConnection, requests: &[ClaimRequest]) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "SELECT pg_advisory_xact_lock($1, number) FROM (SELECT DISTINCT hashtext(to_number) AS number \
         FROM sms_messages WHERE id = ANY($2) ORDER BY number) AS numbers",
    );
    let query = query.bind(locks::RECIPIENT).bind(column(requests, |request| request.id.to_string()));
    query.execute(connection).await.map(drop)
}

/// Claims by the place of their request.
async fn claim(
    connection: &mut PgConnection,
    requests: &[ClaimRequest],
    now: Timestamp,
) -> Result<HashMap<usize, Claim>, Failure> {
    let tokens: Vec<_> = requests.iter().map(|_| AttemptToken::from_bits(rand::random())).collect();
    let query = sqlx::query(CLAIM).bind(At(now)).bind(At(now.plus(OVERTAKEN_AFTER)));
    let query = query
        .bind(column(requests, |request| request.id.to_string()))
        .bind(column(requests, |request| text(&request.sender)))
        .bind(column(&tokens, |token| token.as_str()));
    let claimed = query.fetch_all(connection).await.map_err(unavailable)?;
    let claim = |row: &PgRow| {
        // Counted from 1.
        let place = row.number::<usize>("place")? - 1;
        let sms = rows::sms(row)?;
        let (number, sender) = (row.number("last_attempt")?, requests[place].sender.clone());
        let attempt = Attempt::new(sms.id, number, sender, tokens[place].clone(), now);
        Ok((place, Claim { sms, attempt }))
    };
    claimed.iter().map(claim).collect()
}

/// Those of the messages that could be claimed if nothing stood before them.
async fn still_waiting(
    connection: &mut PgConnection,
    requests: &[ClaimRequest],
    now: Timestamp,
) -> Result<HashSet<String>, Failure> {
    let query = sqlx::query(
        "SELECT id FROM sms_messages WHERE id = ANY($2) AND state = 'queued' AND due_at <= $1 AND expires_at >= $1",
    );
    let query = query.bind(At(now)).bind(column(requests, |request| request.id.to_string()));
    let waiting = query.fetch_all(connection).await.map_err(unavailable)?;
    waiting.iter().map(|row| Ok(row.text("id")?.into_owned())).collect()
}
