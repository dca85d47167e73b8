//! The group commit: frames of many calls in one statement, which is their guard, their order and their commit.
//!
//! ```text
//! batch → one statement → taken                        → written
//!            │              not taken → ours already?  → written (an earlier sending was, its answer was lost)
//!            │                          else           → conflict
//!            ├ blames the data → both halves alone, down to the culprit → refused
//!            └ connection lost, or gave way to another → the same again
//! ```
//! Sending the same again is safe: the guard takes a frame once, and `commit_id` tells ours from a rival's.

mod statement;

use std::collections::HashSet;

use engine::call::Frame;
use engine::ids::CallKey;
use engine::ports::AppendError;
use sqlx::PgPool;
use tokio::time::{Instant, timeout};

use super::errors::{blames_the_data, gave_way, lost_the_answer, unavailable, verdict_of};
use super::values::text;
use super::{PostgresStore, alerts, rows};
use crate::stores::batch::{Group, Verdict, groups};
use rows::{column, signed};

/// Whose work the alerts are that the frames speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notices {
    /// They are opened and added to in the frames' own transaction.
    Taken,
    /// They were, elsewhere: what has become of them since follows by another way.
    TakenBefore,
}

/// How often a batch is sent whose answer was lost, or that gave way.
const SENDINGS: usize = 4;

impl PostgresStore {
    pub(super) async fn append_frames(&self, frames: &[Frame], notices: Notices) -> Vec<Verdict> {
        let mut verdicts = vec![Ok(()); frames.len()];
        let groups = groups(frames);
        let mut offered = Vec::with_capacity(groups.len());
        for group in &groups {
            match before_asking(group) {
                Ok(()) => offered.push(group),
                refused => group.give(refused, &mut verdicts),
            }
        }
        // Rows are locked in one order, whoever asks.
        offered.sort_by_key(|group| group.call());
        let commit_id = rand::random();
        let mut waiting = if offered.is_empty() { Vec::new() } else { vec![&offered[..]] };
        while let Some(part) = waiting.pop() {
            match self.commit(part, commit_id, notices).await {
                Ok(written) => part.iter().for_each(|group| {
                    let verdict = if written.contains(group.call()) { Ok(()) } else { Err(AppendError::Conflict) };
                    group.give(verdict, &mut verdicts);
                }),
                Err(error) if part.len() > 1 && blames_the_data(&error) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    waiting.extend([second, first]);
                }
                Err(error) => {
                    let verdict = verdict_of(error);
                    part.iter().for_each(|group| group.give(Err(verdict.clone()), &mut verdicts));
                }
            }
        }
        verdicts
    }

    /// Makes a connection that has understood the statement, before the first call waits for both. Nothing is appended.
    pub(super) fn warm_up(&self) {
        let committer = self.committer.clone();
        tokio::spawn(async move {
            if let Err(error) = statement::append(&committer, &[], 0).await {
                tracing::debug!(error = %unavailable(error), "the first frame will wait for its connection");
            }
        });
    }

    /// The calls whose frames are written now: by this sending, or by an earlier one of the same batch.
    async fn commit(
        &self,
        groups: &[&Group<'_>],
        commit_id: i64,
        notices: Notices,
    ) -> Result<HashSet<CallKey>, sqlx::Error> {
        let ends = Instant::now() + self.patience;
        for sending in 1.. {
            let sent = timeout(self.statement_within(), self.send(groups, commit_id, notices)).await;
            let error = match sent.unwrap_or_else(|_| Err(no_answer())) {
                Ok(written) => return Ok(written),
                Err(error) => error,
            };
            let again = lost_the_answer(&error) || gave_way(&error);
            if !again || sending == SENDINGS || Instant::now() >= ends {
                return Err(error);
            }
            tracing::warn!(sending, error = %unavailable(error), "frames sent again");
        }
        unreachable!("the last sending returns")
    }

    async fn send(
        &self,
        groups: &[&Group<'_>],
        commit_id: i64,
        notices: Notices,
    ) -> Result<HashSet<CallKey>, sqlx::Error> {
        let notifying =
            notices == Notices::Taken && groups.iter().any(|group| alerts::notices_of(&group.frames).next().is_some());
        let mut written = if notifying {
            self.append_with_alerts(groups, commit_id).await?
        } else {
            statement::append(&self.committer, groups, commit_id).await?
        };
        let missing: Vec<_> = groups.iter().filter(|group| !written.contains(group.call())).copied().collect();
        if !missing.is_empty() {
            written.extend(written_before(&self.committer, &missing, commit_id).await?);
        }
        Ok(written)
    }

    /// What an alert becomes depends on what it is: it is read, and held, before the frames are appended.
    async fn append_with_alerts(&self, groups: &[&Group<'_>], commit_id: i64) -> Result<HashSet<CallKey>, sqlx::Error> {
        let mut transaction = self.committer.begin().await?;
        let frames: Vec<&Frame> = groups.iter().flat_map(|group| group.frames.iter().copied()).collect();
        let known = alerts::hold(&mut transaction, &frames).await?;
        let written = statement::append(&mut *transaction, groups, commit_id).await?;
        let frames: Vec<&Frame> = frames.into_iter().filter(|frame| written.contains(&frame.call)).collect();
        alerts::write_notices(&mut transaction, &frames, known).await?;
        transaction.commit().await?;
        Ok(written)
    }
}

/// What need not be asked of the database: frames that do not follow each other, or repeat each other's key.
fn before_asking(group: &Group<'_>) -> Verdict {
    let before = group.frames[0].seq.checked_sub(1).ok_or(AppendError::Conflict)?;
    group.verdict(before)?;
    let keys: HashSet<&str> = group.frames.iter().map(|frame| frame.key.as_str()).collect();
    if keys.len() == group.frames.len() { Ok(()) } else { Err(AppendError::Conflict) }
}

/// Those of the calls whose last offered frame is on record as ours.
async fn written_before(pool: &PgPool, groups: &[&Group<'_>], commit_id: i64) -> Result<Vec<CallKey>, sqlx::Error> {
    let query = sqlx::query(
        "SELECT frame.tenant, frame.call_id FROM unnest($1::text[], $2::text[], $3::bigint[]) AS wanted (tenant, call_id, seq) \
         JOIN call_frames AS frame USING (tenant, call_id, seq) WHERE commit_id = $4",
    );
    let query = query
        .bind(column(groups, |group| text(group.call().tenant.as_str())))
        .bind(column(groups, |group| text(group.call().call.as_str())))
        .bind(column(groups, |group| signed(group.last().seq)))
        .bind(commit_id);
    query.fetch_all(pool).await?.iter().map(statement::call_key).collect()
}

fn no_answer() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time"))
}
