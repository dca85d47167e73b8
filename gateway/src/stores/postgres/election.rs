//! Which node leads: whoever holds a lock of its session. The server ends the lock with the session: at once when the
//! process dies, and [`IDLE`] after a process that is halted, or a network that is gone, last said a word.

use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{Election, Term};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::Mutex;

use super::connecting::{self, PostgresSettings};
use super::errors::unavailable;

/// A session that says nothing for so long is ended by the server, and its lock with it.
const IDLE: Duration = Duration::from_secs(10);
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// `locks::APPENDING` and the others last as long as a transaction; this one as long as a session.
const LEADING: i64 = 0x636f_7264_6c65_6164;

const TAKE: &str = "
    INSERT INTO leadership AS known (name, node, term, since) VALUES ('leader', $1, 1, now())
    ON CONFLICT (name) DO UPDATE SET node = excluded.node, since = excluded.since,
        term = known.term + CASE WHEN known.node = excluded.node THEN 0 ELSE 1 END
    RETURNING term";

/// A node that stands for election. Needs sessions of its own: a pooler that hands out transactions cannot carry it.
pub struct PostgresElection {
    options: PgConnectOptions,
    /// Tells this process from any other.
    node: String,
    /// Kept between two ballots that were lost.
    session: Mutex<Option<PgConnection>>,
}

struct PostgresTerm {
    session: PgConnection,
    number: u64,
}

impl PostgresElection {
    /// `node` is drawn at random at the start of the process. Connects when it stands.
    pub fn new(settings: &PostgresSettings, node: String) -> Result<PostgresElection, Failure> {
        let options = connecting::limited(connecting::options(settings)?, settings)
            .application_name("cordboard leader")
            .options([("idle_session_timeout", IDLE.as_millis())]);
        Ok(PostgresElection { options, node, session: Mutex::default() })
    }

    async fn ballot(&self, session: &mut PgConnection) -> Result<Option<u64>, Failure> {
        let locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LEADING)
            .fetch_one(&mut *session)
            .await
            .map_err(unavailable)?;
        if !locked {
            return Ok(None);
        }
        let term: i64 = sqlx::query_scalar(TAKE).bind(&self.node).fetch_one(session).await.map_err(unavailable)?;
        Ok(Some(term.unsigned_abs()))
    }
}

#[async_trait]
impl Election for PostgresElection {
    async fn stand(&self) -> Result<Option<Box<dyn Term>>, Failure> {
        let mut kept = self.session.lock().await;
        // Taken out: a ballot that is given up half-way ends its session, and with it a lock it may have won.
        let mut session = match kept.take() {
            Some(session) => session,
            None => in_time(async { self.options.connect().await.map_err(unavailable) }).await?,
        };
        Ok(match in_time(self.ballot(&mut session)).await? {
            Some(number) => Some(Box::new(PostgresTerm { session, number })),
            None => {
                *kept = Some(session);
                None
            }
        })
    }
}

#[async_trait]
impl Term for PostgresTerm {
    fn number(&self) -> u64 {
        self.number
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        in_time(async { self.session.ping().await.map_err(unavailable) }).await
    }

    async fn resign(self: Box<Self>) {
        let _ = in_time(async { self.session.close().await.map_err(unavailable) }).await;
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let ended = tokio::time::timeout(ANSWERS_WITHIN, work).await;
    ended.unwrap_or_else(|_| Err(Failure::retry("postgres: no answer in time")))
}
