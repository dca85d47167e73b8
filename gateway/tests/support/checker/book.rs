//! What a database holds, read with SQL of our own: the server's code has no say in it.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

#[derive(Clone, Debug, Default)]
pub struct Book {
    pub calls: Vec<Call>,
    /// In the order of their commits.
    pub frames: Vec<Frame>,
    pub texts: Vec<Text>,
    pub attempts: Vec<Attempt>,
    pub opt_outs: Vec<OptOut>,
    pub alerts: Vec<Alert>,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub tenant: String,
    pub id: String,
    pub last_seq: u64,
    pub phase: String,
    pub state: Value,
}

#[derive(Clone, Debug)]
pub struct Frame {
    pub tenant: String,
    pub call: String,
    pub seq: u64,
    pub key: String,
    pub at: String,
    pub decided_at: String,
    pub facts: Vec<Value>,
    pub answer: Value,
}

#[derive(Clone, Debug)]
pub struct Text {
    pub id: String,
    pub tenant: String,
    pub call: Option<String>,
    pub alert: Option<String>,
    pub to: String,
    pub body: String,
    pub state: String,
    pub possible_duplicate: bool,
}

#[derive(Clone, Debug)]
pub struct Attempt {
    pub text: String,
    pub started_at: String,
}

#[derive(Clone, Debug)]
pub struct OptOut {
    /// Empty: of all tenants.
    pub tenant: String,
    pub number: String,
    /// `out` or `in`.
    pub action: String,
    pub at: String,
}

#[derive(Clone, Debug)]
pub struct Alert {
    pub id: String,
    /// All that is recorded of it.
    pub record: String,
}

type Cells = Vec<Option<String>>;

enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Book {
    /// Of `sqlite:FILE` or `postgres://…`, as it is at one moment.
    pub async fn read(url: &str) -> Book {
        let mut database = Database::open(url).await;
        let frames = database.ask(
            "SELECT tenant, call_id, seq, key, TIME(at), TIME(decided_at), facts, answer FROM call_frames ORDER BY position",
        );
        let frames = frames.await.into_iter().map(frame).collect();
        let calls = database.ask("SELECT tenant, id, last_seq, phase, state FROM calls").await;
        let texts = database
            .ask("SELECT id, tenant, call_id, alert_id, to_number, body, state, possible_duplicate FROM sms_messages");
        let texts = texts.await.into_iter().map(text).collect();
        let attempts = database.ask("SELECT sms_id, TIME(started_at) FROM sms_attempts").await;
        let opt_outs = database.ask("SELECT tenant, number, action, TIME(at) FROM opt_outs ORDER BY position").await;
        let alerts = database.ask("SELECT id, data FROM alerts").await;
        let events = database.ask("SELECT alert_id, what FROM alert_events ORDER BY seq").await;
        Book {
            calls: calls.into_iter().map(call).collect(),
            frames,
            texts,
            attempts: attempts.into_iter().map(attempt).collect(),
            opt_outs: opt_outs.into_iter().map(opt_out).collect(),
            alerts: records(alerts.into_iter().chain(events)),
        }
    }
}

impl Database {
    async fn open(url: &str) -> Database {
        if let Some(file) = url.strip_prefix("sqlite:") {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(false);
            let mut connection = SqliteConnection::connect_with(&options).await.expect("the database opens");
            connection.execute("BEGIN").await.expect("a transaction");
            Database::Sqlite(connection)
        } else {
            let mut connection = PgConnection::connect(url).await.expect("the database is there");
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.expect("a transaction");
            Database::Postgres(connection)
        }
    }

    /// Every column as text, times in UTC with three decimals.
    async fn ask(&mut self, query: &str) -> Vec<Cells> {
        let (select, from) = query.split_once(" FROM ").expect("a query of ours");
        let columns = select.trim_start_matches("SELECT ").split(", ");
        let column = |column: &str| match (&*self, column.strip_prefix("TIME(")) {
            (Database::Sqlite(_), Some(time)) => time.trim_end_matches(')').to_owned(),
            (Database::Postgres(_), Some(time)) => {
                let time = time.trim_end_matches(')');
                format!(r#"to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"#)
            }
            (_, None) => format!("CAST({column} AS TEXT)"),
        };
        let columns: Vec<String> = columns.map(column).collect();
        let query = AssertSqlSafe(format!("SELECT {} FROM {from}", columns.join(", ")));
        match self {
            Database::Sqlite(connection) => {
                let rows = sqlx::query(query).fetch_all(connection).await.expect("tables as they are migrated to");
                rows.iter().map(|row| (0..columns.len()).map(|n| row.get(n)).collect()).collect()
            }
            Database::Postgres(connection) => {
                let rows = sqlx::query(query).fetch_all(connection).await.expect("tables as they are migrated to");
                rows.iter().map(|row| (0..columns.len()).map(|n| row.get(n)).collect()).collect()
            }
        }
    }
}

/// Cells from the left.
struct Reader(std::vec::IntoIter<Option<String>>);

impl Reader {
    fn maybe(&mut self) -> Option<String> {
        self.0.next().expect("as many as were asked for")
    }

    fn text(&mut self) -> String {
        self.maybe().expect("a column that is never empty")
    }

    fn number(&mut self) -> u64 {
        self.text().parse().expect("a number")
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }
}

fn call(cells: Cells) -> Call {
    let mut row = Reader(cells.into_iter());
    Call { tenant: row.text(), id: row.text(), last_seq: row.number(), phase: row.text(), state: row.json() }
}

fn frame(cells: Cells) -> Frame {
    let mut row = Reader(cells.into_iter());
    Frame {
        tenant: row.text(),
        call: row.text(),
        seq: row.number(),
        key: row.text(),
        at: row.text(),
        decided_at: row.text(),
        facts: row.json().as_array().expect("a list").clone(),
        answer: row.json(),
    }
}

fn text(cells: Cells) -> Text {
    let mut row = Reader(cells.into_iter());
    Text {
        id: row.text(),
        tenant: row.text(),
        call: row.maybe(),
        alert: row.maybe(),
        to: row.text(),
        body: row.text(),
        state: row.text(),
        possible_duplicate: matches!(row.text().as_str(), "1" | "true"),
    }
}

fn attempt(cells: Cells) -> Attempt {
    let mut row = Reader(cells.into_iter());
    Attempt { text: row.text(), started_at: row.text() }
}

fn opt_out(cells: Cells) -> OptOut {
    let mut row = Reader(cells.into_iter());
    OptOut { tenant: row.text(), number: row.text(), action: row.text(), at: row.text() }
}

fn records(rows: impl Iterator<Item = Cells>) -> Vec<Alert> {
    let mut records: HashMap<String, String> = HashMap::new();
    for cells in rows {
        let mut row = Reader(cells.into_iter());
        let (id, record) = (row.text(), row.text());
        records.entry(id).or_default().push_str(&record);
    }
    records.into_iter().map(|(id, record)| Alert { id, record }).collect()
}
