//! Postgres' rows as [`Columns`], and lists as the arrays its statements unnest.

use std::borrow::Cow;

use engine::failure::Failure;
use engine::time::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};

use super::values::{At, Text};

pub use crate::stores::columns::*;

impl Columns for PgRow {
    const STORE: &'static str = "postgres";

    fn maybe_text(&self, column: &str) -> Result<Option<Cow<'_, str>>, Failure> {
        Ok(get::<Option<Text<'_>>>(self, column)?.map(|text| text.0))
    }

    fn maybe_integer(&self, column: &str) -> Result<Option<i64>, Failure> {
        get(self, column)
    }

    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, Failure> {
        Ok(get::<Option<At>>(self, column)?.map(|at| at.0))
    }

    fn maybe_flag(&self, column: &str) -> Result<Option<bool>, Failure> {
        get(self, column)
    }

    fn real(&self, column: &str) -> Result<f64, Failure> {
        get(self, column)
    }
}

fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(row: &'r PgRow, column: &str) -> Result<T, Failure> {
    row.try_get(column).map_err(|_| PgRow::unreadable(column))
}

/// One value of each: a column of what is unnested.
pub fn column<'a, T, C>(of: impl IntoIterator<Item = &'a T>, value: impl Fn(&'a T) -> C) -> Vec<C>
where
    T: ?Sized + 'a,
{
    of.into_iter().map(value).collect()
}
