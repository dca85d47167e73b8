//! How things are forgotten in the database. What its pages still hold of rows that are gone is the database's to
//! overwrite: `VACUUM` does it.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{Erased, Erasure, Forgets};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Postgres, Row, Transaction};

use super::values::{At, Text};
use super::{PostgresStore, locks, unavailable};
use crate::stores::keeping::{self, Arg, Ground, Line, Statement, Turn};

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

#[async_trait]
impl Forgets for PostgresStore {
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
impl Ground for PostgresStore {
    /// Nobody looks for the commit of such a frame: it is not sent again.
    const INSERT_FRAME: &'static str = "INSERT INTO call_frames \
        (tenant, call_id, seq, key, at, decided_at, facts, answer, commit_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)";

    async fn read(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Line>, Failure> {
        let mut transaction = self.patiently().await?;
        let rows = bound(sql, &args).fetch_all(&mut *transaction).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        rows.iter().map(line).collect()
    }

    async fn write(&self, turn: Turn, statements: &[Statement]) -> Result<Option<Vec<u64>>, Failure> {
        let mut transaction = match turn {
            // Whoever holds the lock of appending is held to the time everybody has.
            Turn::Appending => self.pool.begin().await.map_err(unavailable)?,
            Turn::Any => self.patiently().await?,
        };
        if turn == Turn::Appending {
            let lock = sqlx::query("SELECT pg_advisory_xact_lock($1, $2)").bind(locks::APPENDING).bind(0_i32);
            lock.execute(&mut *transaction).await.map_err(unavailable)?;
        }
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
        Ok(())
    }
}

impl PostgresStore {
    /// A transaction whose statements may take a minute each: they look through whole tables.
    async fn patiently(&self) -> Result<Transaction<'static, Postgres>, Failure> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        sqlx::query("SET LOCAL statement_timeout = '60s'").execute(&mut *transaction).await.map_err(unavailable)?;
        Ok(transaction)
    }
}

fn bound<'q>(sql: &'static str, args: &[Arg]) -> Query<'q> {
    args.iter().cloned().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Text(text) => query.bind(Text(text.into())),
        Arg::MaybeText(text) => query.bind(text.map(|text| Text(text.into()))),
        Arg::Number(number) => query.bind(number),
        Arg::Time(at) => query.bind(At(at)),
    })
}

fn line(row: &PgRow) -> Result<Line, Failure> {
    let column = |place| {
        let read = row.try_get::<Option<Text<'_>>, _>(place).map_err(unavailable)?;
        Ok(read.map(|text| text.0.into_owned()))
    };
    (0..row.len()).map(column).collect::<Result<_, _>>().map(Line)
}
