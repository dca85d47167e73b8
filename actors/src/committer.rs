//! The only writer of frames. It groups frames of many calls into one transaction: whatever has queued up while the
//! previous commit was in flight is the next batch, so the batch grows with the load and nobody waits for a timer.
//!
//! Take, commit, answer, wake. It ends with the system; a panic costs the batch in hand, whose calls start again from
//! the store and whose askers ask again.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use engine::call::{Answer, Fact, Frame};
use engine::failure::Failure;
use engine::ids::{AlertId, CallKey, EventKey};
use engine::ports::{AppendError, CallStore};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::time::Instant;

use crate::alerts::Alerts;
use crate::cache::ReadThrough;
use crate::call::CallActorRef;
use crate::metrics;
use crate::seats::Seat;
use crate::sms_pool::SmsPool;
use crate::supervise::{Supervised, supervise};

/// Why a call's events were not committed.
#[derive(Debug)]
pub(crate) enum NotCommitted {
    /// The call in memory was not the call in the store. It has been stopped; ask again.
    Stale,
    /// The store will never take this.
    Refused(String),
    Unavailable(Failure),
}

pub(crate) type Reply = oneshot::Sender<Result<Vec<Answer>, NotCommitted>>;

/// One answer of a submission: known already, or recorded under this key and to be read back. `asked` is what was meant
/// this time; told apart here, where the record is at hand, so that no call keeps its tools' arguments in memory.
#[derive(Debug)]
pub(crate) enum Slot {
    Known(Answer),
    Recorded { key: EventKey, asked: Option<Fact> },
}

/// What one call decided about one webhook.
pub(crate) struct Submission {
    pub call: CallKey,
    pub frames: Vec<Frame>,
    /// One per event asked about. Given out only after the commit, also when there is nothing to commit: what is
    /// repeated here may still be on its way to the disk in an earlier submission.
    pub slots: Vec<Slot>,
    pub reply: Option<Reply>,
    /// Set by the committer: nothing of it is new.
    pub only_repeats: bool,
    /// Given back when the answer is given.
    pub _seat: Seat,
    /// Stopped if this is not committed: its memory is then ahead of the store.
    pub owner: CallActorRef,
}

enum Job {
    Commit(Box<Submission>, Instant),
    /// Answered once everything before it is committed.
    Barrier(oneshot::Sender<()>),
}

#[derive(Clone)]
pub(crate) struct Committer {
    queue: mpsc::Sender<Job>,
}

/// Who is woken after a commit.
#[derive(Clone)]
pub(crate) struct Wakers {
    /// Told before anybody is answered: whoever reads after an answer is shown what it was about.
    pub cache: Option<ReadThrough>,
    pub relay: Arc<Notify>,
    pub sms_pool: SmsPool,
    pub alerts: Alerts,
}

impl Committer {
    pub fn start(store: Arc<dyn CallStore>, wake: Wakers, queue: usize, batch: usize) -> (Committer, Supervised) {
        let (sender, receiver) = mpsc::channel(queue);
        let worker = Arc::new(Worker { jobs: Mutex::new(receiver), store, wake, batch });
        let task = supervise("committer", move || worker.clone().run());
        (Committer { queue: sender }, task)
    }

    /// Hands over what was decided. Never waits: a full queue means we are behind, and the call starts again later.
    pub fn submit(&self, submission: Submission) {
        // A submission that is dropped stops its call and lets its asker ask again.
        let _ = self.queue.try_send(Job::Commit(Box::new(submission), Instant::now()));
    }

    /// Returns when everything submitted before is committed or refused; false when nobody commits any more.
    pub async fn barrier(&self) -> bool {
        let (done, committed) = oneshot::channel();
        self.queue.send(Job::Barrier(done)).await.is_ok() && committed.await.is_ok()
    }
}

impl Submission {
    /// Facts are recorded even if nobody waits. An effect is not: its caller has been told that nothing was done.
    fn may_still_happen(&self) -> bool {
        let awaited = self.reply.as_ref().is_some_and(|reply| !reply.is_closed());
        awaited || self.frames.iter().all(|frame| frame.answer == Answer::Ack)
    }

    fn answer(mut self: Box<Self>, store: &Arc<dyn CallStore>) {
        let Some(reply) = self.reply.take() else { return };
        let slots = std::mem::take(&mut self.slots);
        if slots.iter().all(|slot| matches!(slot, Slot::Known(_))) {
            let answers = slots.into_iter().filter_map(Slot::known).collect();
            let _ = reply.send(Ok(answers));
            return;
        }
        let store = store.clone();
        tokio::spawn(async move {
            // Moved in whole: its seat is taken until the answer is given.
            let submission = self;
            let answers = recall(store.as_ref(), &submission.call, slots).await;
            if matches!(answers, Err(NotCommitted::Stale)) {
                submission.owner.retire("remembers what is not recorded");
            }
            let _ = reply.send(answers);
        });
    }

    fn refuse(mut self, why: NotCommitted) {
        self.owner.retire("not committed");
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(Err(why));
        }
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        if self.reply.is_some() {
            self.owner.retire("commit lost");
        }
    }
}

impl Slot {
    fn known(self) -> Option<Answer> {
        match self {
            Slot::Known(answer) => Some(answer),
            Slot::Recorded { .. } => None,
        }
    }
}

async fn recall(store: &dyn CallStore, call: &CallKey, slots: Vec<Slot>) -> Result<Vec<Answer>, NotCommitted> {
    let mut answers = Vec::with_capacity(slots.len());
    for slot in slots {
        answers.push(match slot {
            Slot::Known(answer) => answer,
            Slot::Recorded { key, asked } => {
                let recorded = store.recorded(call, &key).await.map_err(NotCommitted::Unavailable)?;
                let recorded = recorded.ok_or(NotCommitted::Stale)?;
                if asked.is_some_and(|asked| differs(&recorded.facts, &asked)) {
                    metrics::key_conflict();
                    tracing::warn!(call.id = %call.call, tenant = %call.tenant, event.key = %key, "same id with other arguments, first answer given");
                }
                recorded.answer
            }
        });
    }
    Ok(answers)
}

/// Whether another tool call was recorded than this one.
fn differs(recorded: &[Fact], asked: &Fact) -> bool {
    recorded.iter().any(|fact| matches!(fact, Fact::ToolCalled { .. }) && fact != asked)
}

struct Worker {
    jobs: Mutex<mpsc::Receiver<Job>>,
    store: Arc<dyn CallStore>,
    wake: Wakers,
    batch: usize,
}

impl Worker {
    async fn run(self: Arc<Self>) {
        let _alive = metrics::alive("committer");
        let mut queue = self.jobs.lock().await;
        let mut jobs = Vec::with_capacity(self.batch);
        while queue.recv_many(&mut jobs, self.batch).await > 0 {
            self.commit(jobs.drain(..)).await;
        }
    }

    async fn commit(&self, jobs: impl Iterator<Item = Job>) {
        let mut batch = Batch::default();
        let mut barriers = Vec::new();
        for job in jobs {
            match job {
                Job::Commit(submission, queued) => {
                    metrics::waited("committer", queued.elapsed());
                    if submission.may_still_happen() {
                        batch.add(submission);
                    }
                }
                Job::Barrier(done) => barriers.push(done),
            }
        }
        #[cfg(feature = "sabotage")]
        if std::env::var("CORDBOARD_SABOTAGE").is_ok_and(|how| how == "answer_first") {
            batch.answer_before_the_commit(&self.store);
            // Long enough for a kill to fall in between.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let results = self.append(&batch.frames).await;
        self.quarantine(&batch.frames, &results).await;
        let owes_texts = batch.frames.iter().any(|frame| !frame.texts.is_empty());
        let wrote = !batch.frames.is_empty();
        let alarmed = alarmed(&batch.frames);
        self.tell_cache(&batch.frames, &results).await;
        batch.answer(results, &self.store);
        for done in barriers {
            let _ = done.send(());
        }
        if wrote {
            self.wake.relay.notify_one();
        }
        if owes_texts {
            self.wake.sms_pool.wake();
        }
        // Also those of frames that were refused: looking at an alert costs a read.
        alarmed.into_iter().for_each(|alert| self.wake.alerts.look_at(alert));
    }

    async fn tell_cache(&self, frames: &[Frame], results: &[Result<(), AppendError>]) {
        let Some(cache) = &self.wake.cache else { return };
        for (frame, _) in frames.iter().zip(results).filter(|(_, result)| result.is_ok()) {
            cache.committed(frame).await;
        }
    }

    /// What the store will never take is kept for people to look at, as far as it can be kept.
    async fn quarantine(&self, frames: &[Frame], results: &[Result<(), AppendError>]) {
        for (frame, result) in frames.iter().zip(results) {
            let Err(AppendError::Refused(why)) = result else { continue };
            let facts = serde_json::to_string(&frame.facts).unwrap_or_default();
            match self.store.quarantine(&frame.call, &frame.key, &facts, why, frame.decided_at).await {
                Ok(()) => metrics::quarantined(),
                Err(failure) => {
                    tracing::error!(call.id = %frame.call.call, error = %failure, "refused frame not quarantined");
                }
            }
        }
    }

    async fn append(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>> {
        if frames.is_empty() {
            return Vec::new();
        }
        let started = Instant::now();
        let results = self.store.append(frames).await;
        metrics::committed(frames.len(), started.elapsed());
        results
    }
}

/// Alerts these frames say something of.
fn alarmed(frames: &[Frame]) -> HashSet<AlertId> {
    let facts = frames.iter().flat_map(|frame| &frame.facts);
    let alarmed = facts.filter_map(|fact| match fact {
        Fact::AlertOpened(notice) | Fact::AlertUpdated(notice) => Some(notice.alert),
        _ => None,
    });
    alarmed.collect()
}

/// Submissions and their frames, side by side: the store takes the frames as one slice.
#[derive(Default)]
struct Batch {
    frames: Vec<Frame>,
    submissions: Vec<(Box<Submission>, Range<usize>)>,
}

impl Batch {
    fn add(&mut self, mut submission: Box<Submission>) {
        submission.only_repeats = submission.frames.is_empty();
        let start = self.frames.len();
        self.frames.append(&mut submission.frames);
        self.submissions.push((submission, start..self.frames.len()));
    }

    fn answer(self, results: Vec<Result<(), AppendError>>, store: &Arc<dyn CallStore>) {
        for (submission, range) in self.submissions {
            match results[range].iter().find_map(|result| result.as_ref().err()) {
                // It only repeats what its call remembers, and that was not committed.
                None if submission.only_repeats && submission.owner.is_retired() => {
                    submission.refuse(NotCommitted::Stale);
                }
                None => submission.answer(store),
                Some(error) => submission.refuse(not_committed(error)),
            }
        }
    }

    #[cfg(feature = "sabotage")]
    fn answer_before_the_commit(&mut self, store: &Arc<dyn CallStore>) {
        for (submission, _) in std::mem::take(&mut self.submissions) {
            submission.answer(store);
        }
    }
}

fn not_committed(error: &AppendError) -> NotCommitted {
    match error {
        AppendError::Conflict => {
            metrics::not_committed("conflict");
            NotCommitted::Stale
        }
        AppendError::Refused(why) => {
            metrics::not_committed("refused");
            tracing::error!(why, "store refused a frame");
            NotCommitted::Refused(why.clone())
        }
        AppendError::Unavailable(failure) => {
            metrics::not_committed("unavailable");
            NotCommitted::Unavailable(failure.clone())
        }
    }
}
