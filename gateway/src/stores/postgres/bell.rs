//! How nodes wake the one that leads: `NOTIFY`, and `LISTEN` on a session of its own.
//!
//! Rung after the commit it speaks of, never in its transaction. A `NOTIFY` inside one holds a lock of the whole server
//! until the commit is on disk, and where somebody who listens, of whatever database, has fallen far behind it fails the
//! commit: a wake-up must never keep an emergency from being recorded. Alone it writes nothing that is synced.

use std::time::Duration;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::AlertId;
use engine::ports::{Bell, Ear};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions, Executor, PgConnection};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::connecting::{self, PostgresSettings};
use super::errors::unavailable;

const CHANNEL: &str = "cordboard_owed";
/// Told in one notification, which holds 8,000 bytes.
const AT_ONCE: usize = 200;
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// So long after the last word it is asked whether the server is still there: a network that is gone says nothing.
const SILENT: Duration = Duration::from_secs(5);

/// A node's end of it: one session, that listens or rings. A pooler that hands out transactions loses what is rung.
pub struct PostgresBell {
    options: PgConnectOptions,
    /// Kept between two rings.
    session: Mutex<Option<PgConnection>>,
}

struct PostgresEar {
    listener: PgListener,
}

impl PostgresBell {
    /// Connects when it is first used.
    pub fn new(settings: &PostgresSettings) -> Result<PostgresBell, Failure> {
        let options = connecting::limited(connecting::options(settings)?, settings).application_name("cordboard bell");
        Ok(PostgresBell { options, session: Mutex::default() })
    }
}

#[async_trait]
impl Bell for PostgresBell {
    async fn ring(&self, alerts: &[AlertId]) -> Result<(), Failure> {
        let told = told(alerts);
        let mut kept = self.session.lock().await;
        // One that has lain idle may have ended with its server.
        if let Some(mut session) = kept.take()
            && notify(&mut session, &told).await.is_ok()
        {
            *kept = Some(session);
            return Ok(());
        }
        let mut session = in_time(self.options.connect()).await?;
        notify(&mut session, &told).await?;
        *kept = Some(session);
        Ok(())
    }

    async fn listen(&self) -> Result<Box<dyn Ear>, Failure> {
        // Who leads does not ring.
        self.session.lock().await.take();
        // The driver listens on a pool's connections only. This one ends with the ear.
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.connect_lazy_with(self.options.clone());
        let listening = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            // What is missed until it has another connection is for whoever listens to make up for.
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok(listener)
        };
        Ok(Box::new(PostgresEar { listener: in_time(listening).await? }))
    }
}

#[async_trait]
impl Ear for PostgresEar {
    async fn heard(&mut self) -> Result<Vec<AlertId>, Failure> {
        loop {
            // Given up half-way, the driver reads on where it was.
            match timeout(SILENT, self.listener.try_recv()).await {
                Ok(Ok(Some(first))) => {
                    let mut heard = meant(first.payload());
                    while let Some(next) = self.listener.next_buffered() {
                        heard.extend(meant(next.payload()));
                    }
                    return Ok(heard);
                }
                Ok(Ok(None)) => return Err(Failure::retry("postgres: the session that listens is gone")),
                Ok(Err(error)) => return Err(unavailable(error)),
                Err(_) => self.is_there().await?,
            }
        }
    }
}

impl PostgresEar {
    async fn is_there(&mut self) -> Result<(), Failure> {
        in_time(self.listener.execute("SELECT 1")).await.map(drop)
    }
}

async fn notify(session: &mut PgConnection, told: &[String]) -> Result<(), Failure> {
    let query = sqlx::query("SELECT pg_notify($1, told) FROM unnest($2::text[]) AS told").bind(CHANNEL).bind(told);
    in_time(query.execute(session)).await.map(drop)
}

/// One empty notification where there are only texts.
fn told(alerts: &[AlertId]) -> Vec<String> {
    if alerts.is_empty() {
        return vec![String::new()];
    }
    let words = |alerts: &[AlertId]| alerts.iter().map(AlertId::to_string).collect::<Vec<_>>().join(" ");
    alerts.chunks(AT_ONCE).map(words).collect()
}

/// Anybody may say anything on a channel: what is no alert's id is none of ours.
fn meant(told: &str) -> Vec<AlertId> {
    told.split(' ').filter_map(|id| id.parse().ok()).collect()
}

async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Failure> {
    let ended = timeout(ANSWERS_WITHIN, work).await.map_err(|_| Failure::retry("postgres: no answer in time"))?;
    ended.map_err(unavailable)
}
