//! How far the bus outside has been told.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{BusCursor, Changed, Position};
use sqlx::postgres::PgRow;

use super::rows::{self, Columns, bounded, column, signed};
use super::{PostgresStore, unavailable};
use crate::stores::noted::Noted;

#[async_trait]
impl BusCursor for PostgresStore {
    async fn resume(&self) -> Result<Position, Failure> {
        self.within(async {
            let query = sqlx::query("SELECT position FROM bus_cursor");
            if let Some(row) = query.fetch_optional(&self.pool).await.map_err(unavailable)? {
                return row.number("position");
            }
            let query = sqlx::query(
                "INSERT INTO bus_cursor (position) SELECT coalesce(max(position), 0) FROM call_frames \
                 ON CONFLICT DO NOTHING",
            );
            query.execute(&self.pool).await.map_err(unavailable)?;
            // Whoever was first has said where it begins.
            let query = sqlx::query("SELECT position FROM bus_cursor");
            query.fetch_one(&self.pool).await.map_err(unavailable)?.number("position")
        })
        .await
    }

    async fn advance(&self, to: Position) -> Result<(), Failure> {
        let query = sqlx::query("UPDATE bus_cursor SET position = $1 WHERE position < $1").bind(signed(to));
        self.within(async { query.execute(&self.pool).await.map(drop).map_err(unavailable) }).await
    }

    async fn changed(&self, except: &[u64], limit: usize) -> Result<Vec<Changed>, Failure> {
        self.within(async {
            let query = sqlx::query(
                "SELECT change, what, id FROM bus_changes WHERE change <> ALL($1) ORDER BY change LIMIT $2",
            );
            let query = query.bind(column(except, |change| signed(*change))).bind(bounded(limit));
            let noted = Noted::of(&query.fetch_all(&self.pool).await.map_err(unavailable)?)?;
            let texts = sqlx::query("SELECT * FROM sms_messages WHERE id = ANY($1)");
            let texts = self.named(texts, &noted.texts()).await?;
            let alerts = sqlx::query("SELECT data FROM alerts WHERE id = ANY($1)");
            let alerts = self.named(alerts, &noted.alerts()).await?;
            Ok(noted.standing(texts.iter().map(rows::sms).collect(), alerts.iter().map(rows::alert).collect()))
        })
        .await
    }

    async fn told(&self, changes: &[u64]) -> Result<(), Failure> {
        let query = sqlx::query("DELETE FROM bus_changes WHERE change = ANY($1)");
        let query = query.bind(column(changes, |change| signed(*change)));
        self.within(async { query.execute(&self.pool).await.map(drop).map_err(unavailable) }).await
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

impl PostgresStore {
    async fn named(&self, query: Query<'_>, ids: &[&str]) -> Result<Vec<PgRow>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        query.bind(column(ids, |id| (*id).to_owned())).fetch_all(&self.pool).await.map_err(unavailable)
    }
}
