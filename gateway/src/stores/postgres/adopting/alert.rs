//! An alert that others changed elsewhere, and perhaps somebody here as well.

use engine::alert::{Alert, AlertState, Change, Entry};
use engine::ids::CallId;
use sqlx::PgConnection;

use super::super::values::maybe_text;
use super::super::{PostgresStore, alerts, rows};
use super::Adopted;

impl PostgresStore {
    pub(super) async fn write_adopted(
        &self,
        alert: &Alert,
        base: u64,
        entries: &[Entry],
    ) -> Result<Adopted, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let query = sqlx::query("SELECT data FROM alerts WHERE id = $1 FOR UPDATE").bind(alert.id.to_string());
        let row = query.fetch_optional(&mut *transaction).await?;
        let known = row.as_ref().map(rows::alert).transpose().map_err(unreadable)?;
        if known.is_none() && !call_is_here(&mut transaction, alert).await? {
            return Ok(Adopted::TooEarly);
        }
        let receipt = receipt(&mut transaction, alert).await?;
        if let Some(change) = change(known.as_ref(), base, &receipt, alert, entries) {
            alerts::replace(&mut transaction, known.as_ref(), &change).await?;
            transaction.commit().await?;
        }
        Ok(Adopted::Here)
    }
}

/// What to write; nothing when it was written before, and the answer was lost.
fn change(known: Option<&Alert>, base: u64, receipt: &[Entry], ours: &Alert, entries: &[Entry]) -> Option<Change> {
    let Some(known) = known else {
        return Some(Change { alert: ours.clone(), entries: entries.to_vec(), texts: Vec::new() });
    };
    if known == ours || ours.version == base {
        return None;
    }
    let is_news = |entry: &&Entry| !receipt.iter().any(|told| told.at == entry.at && told.what == entry.what);
    let mut seq = receipt.last().map_or(0, |entry| entry.seq);
    let news = entries.iter().filter(is_news).map(|entry| {
        seq += 1;
        Entry { seq, ..entry.clone() }
    });
    let entries: Vec<Entry> = news.collect();
    if known.version == base {
        return Some(Change { alert: Alert { entries: seq, ..ours.clone() }, entries, texts: Vec::new() });
    }
    // Whoever took it, here or there, has it; otherwise what is told elsewhere goes on.
    let newest = if settled(known) > settled(ours) { known } else { ours };
    let alert = Alert { version: known.version.max(ours.version) + 1, entries: seq, ..newest.clone() };
    Some(Change { alert, entries, texts: Vec::new() })
}

/// How far it is from ringing on.
fn settled(alert: &Alert) -> u8 {
    match alert.state {
        AlertState::Open | AlertState::Escalated => 0,
        AlertState::Unanswered => 1,
        AlertState::Acknowledged => 2,
        AlertState::Resolved => 3,
    }
}

async fn call_is_here(connection: &mut PgConnection, alert: &Alert) -> Result<bool, sqlx::Error> {
    let query =
        sqlx::query_scalar("SELECT $2::text IS NULL OR EXISTS (SELECT 1 FROM calls WHERE tenant = $1 AND id = $2)");
    let query = query.bind(alert.tenant.as_str()).bind(maybe_text(alert.call.as_ref().map(CallId::as_str)));
    query.fetch_one(connection).await
}

async fn receipt(connection: &mut PgConnection, alert: &Alert) -> Result<Vec<Entry>, sqlx::Error> {
    let query = sqlx::query("SELECT seq, at, what FROM alert_events WHERE alert_id = $1 ORDER BY seq");
    let read = query.bind(alert.id.to_string()).fetch_all(connection).await?;
    read.iter().map(|row| rows::entry(row).map_err(unreadable)).collect()
}

fn unreadable(failure: engine::failure::Failure) -> sqlx::Error {
    sqlx::Error::Decode(failure.into())
}
