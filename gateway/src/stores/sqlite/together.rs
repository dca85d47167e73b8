//! Writes nobody waits for on the telephone (answers and reports of a carrier, what became of an alert) share a
//! transaction: whatever came while the writer was busy is written next, at once. So however many they are, an emergency
//! waits for one of them at most.

use std::sync::Arc;

use async_trait::async_trait;
use engine::failure::Failure;
use parking_lot::Mutex;
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::oneshot;

use super::unavailable;

/// One of them.
#[async_trait]
pub(super) trait Write: Send + Sync + 'static {
    type Answer: Send + 'static;

    /// In a transaction that is committed afterwards, or again in another one.
    async fn write(&self, transaction: &mut Transaction<'_, Sqlite>) -> Result<Self::Answer, Failure>;
}

/// Those that wait for the writer. Whoever finds nobody waiting begins the next transaction.
#[derive(Clone, Default)]
pub(super) struct Together(Arc<Mutex<Vec<Box<dyn Job>>>>);

impl Together {
    /// Returns when it is on disk.
    pub async fn write<W: Write>(&self, writer: &SqlitePool, write: W) -> Result<W::Answer, Failure> {
        let (reply, answer) = oneshot::channel();
        let is_first = {
            let mut waiting = self.0.lock();
            waiting.push(Box::new(Asked { write, answer: None, reply }));
            waiting.len() == 1
        };
        if is_first {
            // A task of its own: whoever asked may be gone before the others are answered.
            tokio::spawn(self.clone().write_waiting(writer.clone()));
        }
        answer.await.unwrap_or_else(|_| Err(Failure::retry("sqlite: the store is closing")))
    }

    async fn write_waiting(self, writer: SqlitePool) {
        let transaction = writer.begin_with("BEGIN IMMEDIATE").await;
        let mut jobs = std::mem::take(&mut *self.0.lock());
        let committed = match transaction {
            Ok(transaction) => commit(transaction, &mut jobs).await,
            Err(error) => Err(unavailable(error)),
        };
        if committed.is_ok() || jobs.len() == 1 {
            return jobs.into_iter().for_each(|job| job.reply(committed.clone()));
        }
        // One of them fails: it fails alone.
        for mut job in jobs {
            let committed = match writer.begin_with("BEGIN IMMEDIATE").await {
                Ok(transaction) => commit(transaction, std::slice::from_mut(&mut job)).await,
                Err(error) => Err(unavailable(error)),
            };
            job.reply(committed);
        }
    }
}

async fn commit(mut transaction: Transaction<'_, Sqlite>, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    for job in jobs {
        job.write(&mut transaction).await?;
    }
    transaction.commit().await.map_err(unavailable)
}

/// A write and whoever waits for it.
struct Asked<W: Write> {
    write: W,
    answer: Option<W::Answer>,
    reply: oneshot::Sender<Result<W::Answer, Failure>>,
}

#[async_trait]
trait Job: Send {
    async fn write(&mut self, transaction: &mut Transaction<'_, Sqlite>) -> Result<(), Failure>;
    fn reply(self: Box<Self>, committed: Result<(), Failure>);
}

#[async_trait]
impl<W: Write> Job for Asked<W> {
    async fn write(&mut self, transaction: &mut Transaction<'_, Sqlite>) -> Result<(), Failure> {
        self.answer = Some(self.write.write(transaction).await?);
        Ok(())
    }

    fn reply(self: Box<Self>, committed: Result<(), Failure>) {
        let Asked { answer, reply, .. } = *self;
        let answer = committed.and_then(|()| answer.ok_or_else(|| Failure::retry("sqlite: not written")));
        // Whoever asked may be gone.
        let _ = reply.send(answer);
    }
}
