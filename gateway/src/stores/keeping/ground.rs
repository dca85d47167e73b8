//! How the statements of forgetting are run. They name their values `$1`, `$2`, and read text alone.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, TenantId};
use engine::time::Timestamp;

/// A value of a statement.
#[derive(Clone, Debug)]
pub enum Arg {
    Text(String),
    MaybeText(Option<String>),
    Number(i64),
    Time(Timestamp),
}

/// One statement of a transaction.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: &'static str,
    pub args: Vec<Arg>,
    /// How many rows it must touch; if it touches others, nothing of its transaction is written.
    pub rows: Option<u64>,
}

/// Whether a transaction appends frames: then it waits for its turn, so that positions are in the order of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Any,
    Appending,
}

/// A row, as text.
#[derive(Clone, Debug)]
pub struct Line(pub Vec<Option<String>>);

#[async_trait]
pub trait Ground: Send + Sync {
    /// Writes a frame: tenant, call, seq, key, when it happened, when it was decided, facts, answer.
    const INSERT_FRAME: &'static str;

    /// May take long: whoever reads here looks through whole tables.
    async fn read(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Line>, Failure>;

    /// All of them in one transaction, and how many rows each has touched. `None`: one has not touched as many as it
    /// must, and nothing is written.
    async fn write(&self, turn: Turn, statements: &[Statement]) -> Result<Option<Vec<u64>>, Failure>;

    /// Sees to it that what was taken out is not left behind in files. After the last write.
    async fn scrub(&self) -> Result<(), Failure>;
}

impl Statement {
    pub fn new(sql: &'static str, args: impl Into<Vec<Arg>>) -> Statement {
        Statement { sql, args: args.into(), rows: None }
    }

    pub fn touching(self, rows: u64) -> Statement {
        Statement { rows: Some(rows), ..self }
    }
}

impl Line {
    /// Empty where the column is.
    pub fn text(&self, column: usize) -> &str {
        self.0.get(column).and_then(Option::as_deref).unwrap_or_default()
    }

    pub fn number(&self, column: usize) -> Result<i64, Failure> {
        self.text(column).parse().map_err(|_| Failure::fail(format!("column {column} is no number")))
    }

    /// Of two columns that follow each other.
    pub fn call(&self, tenant: usize) -> Result<CallKey, Failure> {
        let unreadable = |_| Failure::fail("a call cannot be read");
        Ok(CallKey {
            tenant: TenantId::parse(self.text(tenant)).map_err(unreadable)?,
            call: CallId::parse(self.text(tenant + 1)).map_err(unreadable)?,
        })
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Arg {
        Arg::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Arg {
        Arg::Text(text)
    }
}

impl From<Option<&str>> for Arg {
    fn from(text: Option<&str>) -> Arg {
        Arg::MaybeText(text.map(str::to_owned))
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Arg {
        Arg::Number(number)
    }
}

impl From<Timestamp> for Arg {
    fn from(at: Timestamp) -> Arg {
        Arg::Time(at)
    }
}

/// The two first values of most statements.
pub fn of_call(call: &CallKey) -> Vec<Arg> {
    vec![call.tenant.as_str().into(), call.call.as_str().into()]
}

/// The same, and more.
pub fn of_call_and(call: &CallKey, more: impl IntoIterator<Item = Arg>) -> Vec<Arg> {
    of_call(call).into_iter().chain(more).collect()
}
