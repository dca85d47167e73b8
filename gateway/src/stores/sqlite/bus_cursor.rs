//! How far the bus outside has been told.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{BusCursor, Changed, Position};
use sqlx::sqlite::SqliteRow;

use super::rows::{Columns, bounded, json, signed};
use super::{SqliteStore, rows, unavailable};
use crate::stores::noted::Noted;

#[async_trait]
impl BusCursor for SqliteStore {
    async fn resume(&self) -> Result<Position, Failure> {
        let begun = sqlx::query(
            "INSERT INTO bus_cursor (one, position) SELECT 1, coalesce(max(position), 0) FROM call_frames WHERE true \
             ON CONFLICT DO NOTHING",
        );
        let kept = sqlx::query("SELECT position FROM bus_cursor");
        // Read first: as a rule it is there, and the one who writes has better things to do.
        if let Some(row) = kept.fetch_optional(&self.readers).await.map_err(unavailable)? {
            return row.number("position");
        }
        begun.execute(&self.writer).await.map_err(unavailable)?;
        let kept = sqlx::query("SELECT position FROM bus_cursor");
        kept.fetch_one(&self.readers).await.map_err(unavailable)?.number("position")
    }

    async fn advance(&self, to: Position) -> Result<(), Failure> {
        let query = sqlx::query("UPDATE bus_cursor SET position = ?1 WHERE position < ?1").bind(signed(to));
        query.execute(&self.writer).await.map(drop).map_err(unavailable)
    }

    async fn changed(&self, except: &[u64], limit: usize) -> Result<Vec<Changed>, Failure> {
        let query = sqlx::query(
            "SELECT change, what, id FROM bus_changes WHERE change NOT IN (SELECT value FROM json_each(?)) \
             ORDER BY change LIMIT ?",
        );
        let read =
            query.bind(json(&except)).bind(bounded(limit)).fetch_all(&self.readers).await.map_err(unavailable)?;
        let noted = Noted::of(&read)?;
        let texts = sqlx::query("SELECT * FROM sms_messages WHERE id IN (SELECT value FROM json_each(?))");
        let texts = self.named(texts, &noted.texts()).await?;
        let alerts = sqlx::query("SELECT data FROM alerts WHERE id IN (SELECT value FROM json_each(?))");
        let alerts = self.named(alerts, &noted.alerts()).await?;
        Ok(noted.standing(texts.iter().map(rows::sms).collect(), alerts.iter().map(rows::alert).collect()))
    }

    async fn told(&self, changes: &[u64]) -> Result<(), Failure> {
        let query = sqlx::query("DELETE FROM bus_changes WHERE change IN (SELECT value FROM json_each(?))");
        query.bind(json(&changes)).execute(&self.writer).await.map(drop).map_err(unavailable)
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

impl SqliteStore {
    async fn named(&self, query: Query<'_>, ids: &[&str]) -> Result<Vec<SqliteRow>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        query.bind(json(&ids)).fetch_all(&self.readers).await.map_err(unavailable)
    }
}
