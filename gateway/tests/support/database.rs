//! A database for each test: made from one that has the tables, dropped when the test is over. `TEST_POSTGRES_URL` says
//! on which server; without it these tests prove nothing, and say so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway::stores::postgres::{PostgresSettings, PostgresStore};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::{Mutex, OnceCell};

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// The server, or `None` and a word about it.
pub fn server() -> Option<String> {
    let url = std::env::var("TEST_POSTGRES_URL").ok();
    if url.is_none() {
        eprintln!("SKIPPED: TEST_POSTGRES_URL is not set, nothing was asked of Postgres");
    }
    url
}

/// Databases of one test.
pub struct Databases {
    server: String,
    made: Mutex<Vec<String>>,
}

impl Databases {
    pub fn on(server: String) -> Databases {
        Databases { server, made: Mutex::default() }
    }

    /// The URL of a new database with all tables and nothing in them.
    pub async fn fresh(&self) -> String {
        let template = TEMPLATE.get_or_init(|| template(&self.server)).await;
        let name = format!("cordboard_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        run(&self.server, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        self.made.lock().await.push(name.clone());
        url_of(&self.server, &name)
    }

    /// The URL of a new database without any table.
    #[allow(dead_code, reason = "not every test that includes this makes its own tables")]
    pub async fn empty(&self) -> String {
        let name = format!("cordboard_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        run(&self.server, format!("CREATE DATABASE {name}")).await;
        self.made.lock().await.push(name.clone());
        url_of(&self.server, &name)
    }

    /// Also where connections to them are still open.
    pub async fn dropped(self) {
        for name in self.made.into_inner() {
            run(&self.server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

pub fn settings(url: &str) -> PostgresSettings {
    PostgresSettings {
        url: url.to_owned(),
        connections: 6,
        acquire_within: Duration::from_secs(10),
        statement_within: Duration::from_secs(10),
        migrate: true,
    }
}

pub async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(&settings(url)).await.expect("a store opens")
}

pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the server of TEST_POSTGRES_URL takes connections")
}

async fn template(server: &str) -> String {
    let name = format!("cordboard_test_{}", std::process::id());
    run(server, format!("DROP DATABASE IF EXISTS {name}")).await;
    run(server, format!("CREATE DATABASE {name}")).await;
    open(&url_of(server, &name)).await.close().await;
    name
}

async fn run(server: &str, statement: String) {
    let mut connection = connect(server).await;
    connection.execute(AssertSqlSafe(statement)).await.expect("the role of TEST_POSTGRES_URL may create databases");
    let _ = connection.close().await;
}

/// The same server, another database.
fn url_of(server: &str, database: &str) -> String {
    let (address, options) = server.split_once('?').unwrap_or((server, ""));
    let (server, _) = address.rsplit_once('/').expect("TEST_POSTGRES_URL names a database");
    format!("{server}/{database}?{options}")
}
