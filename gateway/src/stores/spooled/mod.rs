//! A store far away, and a spool on this machine's disk for while it is late or gone: whoever stands on it never waits
//! longer for an answer than a caller can, and what was answered is synced to a disk, here or there.
//!
//! ```text
//! record ─→ home in time? ──────────────────────────→ yes
//!              └─ no → away → spool, synced → yes      (from then on straight into the spool)
//! home answers again → spool emptied in order, through the same guarded statement → home
//! ```
//! Nothing above knows. A frame that may have been committed at home, because only its answer was lost, is kept here as
//! well: at home its key tells that it is there. What is read while home is away is what this machine knows; what it
//! cannot know it says so, and may be asked again. Which of both holds what:
//!
//! | | home | away | returning |
//! |---|---|---|---|
//! | frames, alerts, requests go | home | spool | spool |
//! | texts are sent from | home, and what is left in the spool | spool | spool |
//! | calls are read from | home | spool | spool, then home |
//!
//! Ends with [`Store::close`](super::Store::close); a process that is killed finds the spool as it was at its next start.

mod alerts;
mod asked;
mod calls;
mod election;
mod emptying;
mod gate;
mod inbox;
mod known;
mod ledger;
pub mod metrics;
mod opt_outs;
mod outbox;
mod position;
mod spool;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actors::supervise::{Supervised, supervise};
use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{Clock, SmsOutbox, SystemClock};
use parking_lot::Mutex;
use tokio::sync::RwLock;
use tokio::time::timeout;

use self::emptying::Emptying;
use self::gate::{Gate, Place, Trouble};
use self::known::Known;
use self::spool::Spool;
use super::postgres::{PostgresSettings, PostgresStore};
use super::{Connections, Store};

/// How long a stop waits for a spool that is being emptied.
const EMPTIED_WITHIN: Duration = Duration::from_secs(3);
/// Home may be away for so long and be back before anybody had to know.
const BREATH: Duration = Duration::from_secs(1);
/// How long a start waits for home before it goes on without it.
const FIRST_WITHIN: Duration = Duration::from_secs(3);

/// What the spool may do.
#[derive(Clone, Debug)]
pub struct SpoolSettings {
    pub file: PathBuf,
    /// The longest anybody who is waited for on the telephone waits for home.
    pub patience: Duration,
    /// Between two looks whether home is well.
    pub probe_every: Duration,
    pub outage_sms: OutageSms,
    /// Frames kept at most; questions may use a tenth more.
    pub max_frames: u64,
}

/// Which texts are sent while home is away. The others wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutageSms {
    #[default]
    P1,
    All,
    Hold,
}

pub struct Spooled {
    both: Arc<Both>,
    emptying: Mutex<Option<Supervised>>,
}

/// Home and the spool: what whoever records and whoever empties share.
pub struct Both {
    home: PostgresStore,
    spool: Spool,
    gate: Gate,
    /// Read by whoever changes a text that is here, written by whoever moves texts. Taken before `turn`.
    texts_turn: RwLock<()>,
    /// Read by whoever records, written by whoever takes the last of the spool home.
    turn: RwLock<()>,
    known: Known,
    settings: SpoolSettings,
}

impl Spooled {
    /// Opens the spool, and home as well if it is there. Fails where waiting would not help: a password that is wrong, a
    /// database nobody knows, a file that cannot be written.
    pub async fn open(home: &PostgresSettings, settings: SpoolSettings) -> Result<Spooled, Failure> {
        let home = PostgresStore::unconnected(home)?;
        let spool = Spool::open(&settings.file, settings.max_frames).await?;
        let reached = match home.prepare(FIRST_WITHIN).await {
            Err(failure) if failure.is_retry() => {
                tracing::error!(error = %failure, "starting without the store, what is recorded goes into the spool");
                Err(Trouble::from(&failure))
            }
            reached => Ok(reached?),
        };
        // Whether this node will ever lead again, nobody knows: what it was sending is for whoever does to find out about.
        let cut = spool.store.recover(SystemClock.now()).await?;
        if !cut.is_empty() {
            tracing::warn!(texts = cut.len(), "texts of the spool were cut by a crash while being sent");
        }
        let left = spool.frames();
        if left > 0 {
            tracing::warn!(frames = left, "the spool holds frames of an earlier life");
        }
        let is_prepared = reached.is_ok();
        let gate = Gate::new(reached, left == 0 && !spool.has_alerts());
        let (turn, texts_turn, known) = (RwLock::new(()), RwLock::new(()), Known::default());
        let both = Arc::new(Both { home, spool, gate, turn, texts_turn, known, settings });
        let emptying = Arc::new(Emptying::new(both.clone(), is_prepared));
        if is_prepared {
            emptying.learn_what_home_knows().await;
        }
        let emptying = supervise("spool", move || emptying.clone().run());
        Ok(Spooled { both, emptying: Mutex::new(Some(emptying)) })
    }
}

impl std::ops::Deref for Spooled {
    type Target = Both;

    fn deref(&self) -> &Both {
        &self.both
    }
}

impl Both {
    /// What home says, within the time a caller has. `None`: it is away, as of now at the latest.
    async fn at_home<T>(&self, asked: impl Future<Output = Result<T, Failure>>) -> Option<Result<T, Failure>> {
        if self.gate.is_home() { self.in_time(asked).await } else { None }
    }

    /// The same also while the spool is being emptied.
    async fn if_reachable<T>(&self, asked: impl Future<Output = Result<T, Failure>>) -> Option<Result<T, Failure>> {
        if self.gate.is_reachable() { self.in_time(asked).await } else { None }
    }

    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, Failure>>) -> Option<Result<T, Failure>> {
        let failure = match timeout(self.settings.patience, asked).await {
            Ok(Err(failure)) if failure.is_retry() => failure,
            Ok(answer) => return Some(answer),
            Err(_) => self.late(),
        };
        self.gate.doubted(&failure);
        None
    }

    /// What home says, however long it takes it, unless it is found to be away meanwhile. For what is asked once, or may
    /// be much. `None`: it is away.
    async fn patiently<T>(&self, asked: impl Future<Output = Result<T, Failure>>) -> Option<Result<T, Failure>> {
        if !self.gate.is_reachable() {
            return None;
        }
        let failure = tokio::select! {
            answer = asked => match answer {
                Err(failure) if failure.is_retry() => failure,
                answer => return Some(answer),
            },
            () = self.gate.left() => return None,
        };
        self.gate.failed(&failure);
        None
    }

    /// What home says, however long it takes it: lists, and whatever nobody waits for on the telephone. That it is away
    /// is said at once.
    async fn asked_of_home<T>(&self, asked: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        if !self.gate.is_reachable() {
            return Err(self.away());
        }
        let answer = tokio::select! {
            answer = asked => answer,
            () = self.gate.left() => Err(self.away()),
        };
        if answer.as_ref().is_err_and(Failure::is_retry) {
            // It may be away, or only busy with this: whoever looks after it finds out.
            self.gate.knock.notify_one();
        }
        answer
    }

    /// Nothing is sent from here any more: what left after home was back goes there too, and what did not leave is sent
    /// by whoever sends next.
    async fn is_emptied(&self) {
        self.known.texts.rest();
        // One that was away for a breath only is worth waiting for.
        if self.gate.away_for().is_none_or(|away| away < EMPTIED_WITHIN) {
            self.gate.reached().await;
        }
        self.gate.settled().await;
        while self.gate.is_home() && self.spool.has_texts() {
            self.gate.knock.notify_one();
            tokio::time::sleep(self.settings.probe_every / 10).await;
        }
    }

    fn late(&self) -> Failure {
        Failure::retry(format!("no answer in time, which is {} ms", self.settings.patience.as_millis()))
    }

    fn away(&self) -> Failure {
        Failure::retry("the store is away, and this machine does not know it")
    }
}

#[async_trait]
impl Store for Spooled {
    /// Without home it works all the same, as long as the spool can be written.
    async fn ping(&self) -> Result<(), Failure> {
        if self.gate.is_home() { Ok(()) } else { self.spool.ping().await }
    }

    /// A spool that is being emptied is given a moment more; what then remains waits on this disk for the next start.
    async fn close(&self) {
        let _ = timeout(EMPTIED_WITHIN, self.is_emptied()).await;
        drop(self.emptying.lock().take());
        self.spool.store.close().await;
        // Nobody waits for a server that does not answer.
        let _ = timeout(self.settings.patience, self.home.close()).await;
    }

    /// Of home: the spool's are one for writing and a few for reading.
    fn connections(&self) -> Connections {
        self.home.connections()
    }

    fn troubles(&self) -> Vec<String> {
        let frames = self.spool.frames();
        let away = match self.gate.place() {
            Place::Home => return Vec::new(),
            Place::Away { since, why } => {
                format!("away for {} s: {}; {frames} frames wait in the spool", since.elapsed().as_secs(), why.as_str())
            }
            Place::Returning { .. } => format!("back, {frames} frames are being moved to it from the spool"),
        };
        let spool = self.spool.store.trouble().map(|trouble| format!("the spool takes nothing: {trouble}"));
        std::iter::once(away).chain(spool).collect()
    }
}
