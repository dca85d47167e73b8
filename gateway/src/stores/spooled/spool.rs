//! The file on this machine's disk that holds what home does not have yet: the SQLite store once more, and what is
//! needed to hand its content on. It is only read from the front and emptied once home has acknowledged; nothing here is
//! ever changed on the way.

mod alerts;
mod frames;
mod owed;
mod texts;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine::call::{Answer, Frame};
use engine::failure::Failure;
use engine::ports::{AppendError, CallStore, Position};
use sqlx::{Sqlite, Transaction};

pub(super) use alerts::Changed;
pub(super) use frames::Waiting;
pub(super) use owed::Owed;

use super::metrics;
use crate::stores::batch::Verdict;
use crate::stores::sqlite::SqliteStore;
use crate::stores::sqlite::rows::Columns;

const TABLES: &str = include_str!("../../../../migrations/spool/tables.sql");
/// Connections for reading.
const READERS: u32 = 4;

pub(super) struct Spool {
    pub store: SqliteStore,
    /// Frames that may be kept. Questions, whose answer somebody waits for, may use a tenth more.
    max_frames: u64,
    frames: AtomicU64,
    /// It took what it was given last.
    takes: AtomicBool,
    /// There may be some. Looked for only then.
    texts: AtomicBool,
    alerts: AtomicBool,
}

type Writing<'t> = Transaction<'t, Sqlite>;

impl Spool {
    pub async fn open(file: &Path, max_frames: u64) -> Result<Spool, Failure> {
        let store = SqliteStore::open_rest(file, READERS).await?;
        sqlx::raw_sql(TABLES).execute(&store.writer).await.map_err(unavailable)?;
        let (frames, texts, alerts) = (AtomicU64::new(0), AtomicBool::new(true), AtomicBool::new(true));
        let spool = Spool { store, max_frames, frames, takes: AtomicBool::new(true), texts, alerts };
        spool.count().await?;
        Ok(spool)
    }

    /// Frames that home does not have.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Acquire)
    }

    /// Whether a call, a text or an alert may be here.
    pub fn has_frames(&self) -> bool {
        self.frames() > 0
    }

    pub fn has_texts(&self) -> bool {
        self.texts.load(Ordering::Acquire)
    }

    pub fn has_alerts(&self) -> bool {
        self.alerts.load(Ordering::Acquire)
    }

    /// Some are about to be written.
    pub fn expect_texts(&self) {
        self.texts.store(true, Ordering::Release);
    }

    pub fn expect_alerts(&self) {
        self.alerts.store(true, Ordering::Release);
    }

    /// Whether it works, as far as is known without waiting for whoever writes now.
    pub async fn ping(&self) -> Result<(), Failure> {
        if !self.takes.load(Ordering::Acquire) {
            return self.store.ping().await;
        }
        sqlx::query("SELECT 1").execute(&self.store.readers).await.map(drop).map_err(unavailable)
    }

    /// Keeps the frames, synced to disk before it returns.
    pub async fn append(&self, frames: &[Frame]) -> Vec<Verdict> {
        self.expect_texts();
        self.expect_alerts();
        let verdicts = match self.room() {
            Room::ForAll => self.store.append(frames).await,
            Room::ForQuestions | Room::None => self.append_questions(frames).await,
        };
        let kept = verdicts.iter().filter(|verdict| verdict.is_ok()).count() as u64;
        metrics::unconfirmed(self.frames.fetch_add(kept, Ordering::AcqRel) + kept);
        let failure = verdicts.iter().find_map(|verdict| match verdict {
            Err(AppendError::Unavailable(failure)) => Some(failure),
            _ => None,
        });
        if let Some(failure) = failure {
            tracing::error!(%failure, "spool takes nothing either");
        }
        self.takes.store(failure.is_none(), Ordering::Release);
        verdicts
    }

    /// The full spool refuses facts first: they are sent again, an answer that is not given is silence.
    async fn append_questions(&self, frames: &[Frame]) -> Vec<Verdict> {
        let for_questions = self.room() == Room::ForQuestions;
        let is_taken = |frame: &&Frame| for_questions && frame.answer != Answer::Ack;
        let taken: Vec<Frame> = frames.iter().filter(is_taken).cloned().collect();
        let mut given = self.store.append(&taken).await.into_iter();
        let full = || Err(AppendError::Unavailable(Failure::retry("the spool is full")));
        frames.iter().map(|frame| if is_taken(&frame) { given.next().unwrap_or_else(full) } else { full() }).collect()
    }

    fn room(&self) -> Room {
        match self.frames() {
            frames if frames < self.max_frames => Room::ForAll,
            frames if frames < self.max_frames + self.max_frames / 10 => Room::ForQuestions,
            _ => Room::None,
        }
    }

    /// The newest place that was ever given to a frame.
    pub async fn newest_place(&self) -> Result<Position, Failure> {
        let query =
            sqlx::query("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'call_frames'), 0) AS newest");
        query.fetch_one(&self.store.readers).await.map_err(unavailable)?.number("newest")
    }

    /// Counts again what is here. Nobody may be writing meanwhile.
    pub async fn count(&self) -> Result<u64, Failure> {
        let query = sqlx::query(
            "SELECT (SELECT count(*) FROM call_frames) AS frames, EXISTS (SELECT 1 FROM sms_messages) AS texts, \
             EXISTS (SELECT 1 FROM alerts) AS alerts",
        );
        let row = query.fetch_one(&self.store.readers).await.map_err(unavailable)?;
        let frames = row.number("frames")?;
        self.frames.store(frames, Ordering::Release);
        self.texts.store(row.flag("texts")?, Ordering::Release);
        self.alerts.store(row.flag("alerts")?, Ordering::Release);
        metrics::unconfirmed(frames);
        Ok(frames)
    }

    async fn begin(&self) -> Result<Writing<'static>, Failure> {
        self.store.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    ForAll,
    ForQuestions,
    None,
}

/// The disk does not work now. Never quotes values.
fn unavailable(error: sqlx::Error) -> Failure {
    Failure::retry(format!("spool: {error}"))
}
