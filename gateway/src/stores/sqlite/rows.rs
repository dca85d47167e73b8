//! SQLite's rows as [`Columns`], and the one list its queries join with.

use std::borrow::Cow;

use engine::failure::Failure;
use engine::ids::CallKey;
use engine::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, QueryBuilder, Row, Sqlite, Type};

pub use crate::stores::columns::*;

impl Columns for SqliteRow {
    const STORE: &'static str = "sqlite";

    fn maybe_text(&self, column: &str) -> Result<Option<Cow<'_, str>>, Failure> {
        Ok(get::<Option<&str>>(self, column)?.map(Cow::Borrowed))
    }

    fn maybe_integer(&self, column: &str) -> Result<Option<i64>, Failure> {
        get(self, column)
    }

    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, Failure> {
        self.maybe(column, |text| text.parse().ok())
    }

    fn maybe_flag(&self, column: &str) -> Result<Option<bool>, Failure> {
        get(self, column)
    }

    fn real(&self, column: &str) -> Result<f64, Failure> {
        get(self, column)
    }
}

fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(row: &'r SqliteRow, column: &str) -> Result<T, Failure> {
    row.try_get(column).map_err(|_| SqliteRow::unreadable(column))
}

/// `WITH wanted (tenant, call_id) AS (these calls)`, for a join that looks each up by its index. (Written as
/// `(tenant, id) IN (VALUES …)` SQLite scans the whole table as soon as there are two.)
pub fn wanted<'a>(calls: impl IntoIterator<Item = &'a CallKey>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("WITH wanted (tenant, call_id) AS (");
    query.push_values(calls, |mut row, call| {
        row.push_bind(call.tenant.as_str()).push_bind(call.call.as_str());
    });
    query.push(") ");
    query
}
