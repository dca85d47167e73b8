//! How things are forgotten in the file: what is freed is overwritten, and the write-ahead log is emptied.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{Erased, Erasure, Forgets};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, Sqlite};

use super::{SqliteStore, unavailable};
use crate::stores::keeping::{self, Arg, Ground, Line, Statement, Turn};

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

#[async_trait]
impl Forgets for SqliteStore {
    fn place(&self) -> &'static str {
        "store"
    }

    async fn look(&self, erasure: &Erasure) -> Result<Erased, Failure> {
        keeping::look(self, erasure).await
    }

    async fn forget(&self, erasure: &Erasure) -> Result<Erased, Failure> {
        keeping::forget(self, erasure).await
    }
}

#[async_trait]
impl Ground for SqliteStore {
    const INSERT_FRAME: &'static str = "INSERT INTO call_frames \
        (tenant, call_id, seq, key, at, decided_at, facts, answer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

    async fn read(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Line>, Failure> {
        let rows = bound(sql, &args).fetch_all(&self.readers).await.map_err(unavailable)?;
        rows.iter().map(line).collect()
    }

    /// One writer: it is always anybody's turn.
    async fn write(&self, _: Turn, statements: &[Statement]) -> Result<Option<Vec<u64>>, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let mut touched = Vec::with_capacity(statements.len());
        for statement in statements {
            let done = bound(statement.sql, &statement.args).execute(&mut *transaction).await.map_err(unavailable)?;
            if statement.rows.is_some_and(|rows| rows != done.rows_affected()) {
                transaction.rollback().await.map_err(unavailable)?;
                return Ok(None);
            }
            touched.push(done.rows_affected());
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(Some(touched))
    }

    async fn scrub(&self) -> Result<(), Failure> {
        self.fold_in_log().await
    }
}

fn bound<'q>(sql: &'static str, args: &[Arg]) -> Query<'q> {
    args.iter().cloned().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(text),
        Arg::MaybeText(text) => query.bind(text),
        Arg::Number(number) => query.bind(number),
        Arg::Time(at) => query.bind(at.to_string()),
    })
}

fn line(row: &SqliteRow) -> Result<Line, Failure> {
    let column = |place| row.try_get::<Option<String>, _>(place).map_err(unavailable);
    (0..row.len()).map(column).collect::<Result<_, _>>().map(Line)
}
