//! Texts at home that this process is about to send, or is sending.
//!
//! ```text
//! waiting → asked for → claimed → settled
//!    ↑          └─ no answer: home may have it as being sent; nothing of it left
//!    └──────────────────┘
//! ```
//! Those that wait when home goes are sent from the spool. That is right only on the node that sends: another one knows
//! nothing of what becomes of them.

use std::collections::HashMap;
use std::time::Duration;

use engine::ids::SmsId;
use engine::ports::{Claim, ClaimRequest, NotClaimed};
use engine::sms::{NewSms, Sms};
use engine::time::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Far more than ever wait to be sent at once. What is beyond waits for home.
const MOST: usize = 10_000;
/// Whoever sends looks at least this often what there is to send.
const SENDS_WITHIN: Duration = Duration::from_secs(15);

/// A text that is queued at home, and how often it was tried.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub sms: Sms,
    pub last_attempt: u32,
}

impl Waiting {
    pub fn of(new: &NewSms) -> Waiting {
        Waiting { sms: Sms::owed(new), last_attempt: 0 }
    }
}

#[derive(Default)]
pub struct Texts(Mutex<State>);

#[derive(Default)]
struct State {
    looked_at: Option<Instant>,
    waiting: HashMap<SmsId, Waiting>,
    asked: HashMap<SmsId, Waiting>,
    claimed: HashMap<SmsId, Claim>,
    /// Asked for at that time, and no answer came.
    doubtful: Vec<(ClaimRequest, Timestamp)>,
    /// Home is being asked to take them, so many times.
    uncertain: HashMap<SmsId, usize>,
}

/// Texts of which nobody knows yet whether home or the spool will have them, for as long as this is held.
pub struct Uncertain<'a> {
    texts: &'a Texts,
    ids: Vec<SmsId>,
}

impl Texts {
    /// Home may have committed them while its answer is on the way: claimed there now, and kept in the spool when the answer
    /// is late, they would be sent twice.
    pub fn uncertain(&self, ids: impl Iterator<Item = SmsId>) -> Uncertain<'_> {
        let ids: Vec<SmsId> = ids.collect();
        let mut state = self.0.lock();
        ids.iter().for_each(|id| *state.uncertain.entry(*id).or_default() += 1);
        Uncertain { texts: self, ids }
    }

    pub fn is_uncertain(&self, id: SmsId) -> bool {
        self.0.lock().uncertain.contains_key(&id)
    }

    /// This process looks what there is to send.
    pub fn look(&self) {
        self.0.lock().looked_at = Some(Instant::now());
    }

    /// It looks no more.
    pub fn rest(&self) {
        self.0.lock().looked_at = None;
    }

    /// Whether texts are sent from here at all.
    pub fn are_sent(&self) -> bool {
        self.0.lock().looked_at.is_some_and(|at| at.elapsed() <= SENDS_WITHIN)
    }

    /// Committed at home, to be sent.
    pub fn wait(&self, texts: impl IntoIterator<Item = Waiting>) {
        if !self.are_sent() {
            return;
        }
        let mut state = self.0.lock();
        for text in texts {
            if state.waiting.len() < MOST {
                state.waiting.insert(text.sms.id, text);
            }
        }
    }

    /// It is not to be sent any more, or not as it was.
    pub fn forget(&self, id: SmsId) {
        self.0.lock().waiting.remove(&id);
    }

    /// Home is being asked for these: until it answers nobody else may send them.
    pub fn ask(&self, requests: &[ClaimRequest]) {
        let mut state = self.0.lock();
        for request in requests {
            if let Some(waiting) = state.waiting.remove(&request.id) {
                state.asked.insert(request.id, waiting);
            }
        }
    }

    pub fn answered(&self, requests: &[ClaimRequest], claims: &[Result<Claim, NotClaimed>]) {
        let mut state = self.0.lock();
        for (request, claim) in requests.iter().zip(claims) {
            let asked = state.asked.remove(&request.id);
            match (claim, asked) {
                (Ok(claim), _) => _ = state.claimed.insert(request.id, claim.clone()),
                (Err(NotClaimed::Behind), Some(waiting)) => _ = state.waiting.insert(request.id, waiting),
                (Err(_), _) => {}
            }
        }
    }

    /// It may have been done though nobody was told: nothing of it leaves.
    pub fn doubt(&self, requests: Vec<ClaimRequest>, at: Timestamp) {
        let mut state = self.0.lock();
        for request in requests {
            if let Some(waiting) = state.asked.remove(&request.id) {
                state.waiting.insert(request.id, waiting);
            }
            state.doubtful.push((request, at));
        }
    }

    pub fn doubtful(&self) -> Vec<(ClaimRequest, Timestamp)> {
        self.0.lock().doubtful.clone()
    }

    /// The first so many are resolved.
    pub fn resolved(&self, count: usize) {
        self.0.lock().doubtful.drain(..count);
    }

    pub fn claim(&self, id: SmsId, attempt: u32) -> Option<Claim> {
        self.0.lock().claimed.get(&id).filter(|claim| claim.attempt.number == attempt).cloned()
    }

    pub fn settled(&self, id: SmsId) {
        self.0.lock().claimed.remove(&id);
    }

    /// Those that wait: from now on somebody else's.
    pub fn take_waiting(&self) -> Vec<Waiting> {
        self.0.lock().waiting.drain().map(|(_, waiting)| waiting).collect()
    }
}

impl Drop for Uncertain<'_> {
    fn drop(&mut self) {
        let mut state = self.texts.0.lock();
        for id in &self.ids {
            if let Some(times) = state.uncertain.get_mut(id) {
                *times -= 1;
                if *times == 0 {
                    state.uncertain.remove(id);
                }
            }
        }
    }
}
