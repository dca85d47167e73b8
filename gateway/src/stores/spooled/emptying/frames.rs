//! Frames, taken home call by call.

use engine::call::{Call, Frame};
use engine::failure::Failure;
use engine::ids::CallKey;
use engine::ports::{AppendError, CallStore};
use std::sync::Arc;

use super::super::spool::Waiting;
use super::Emptying;
use crate::stores::columns::json;

impl Emptying {
    /// The first so many frames, and those of the same calls behind them. How many they were.
    pub(super) async fn move_frames(&self, batch: usize) -> Result<usize, Failure> {
        let waiting = self.store.spool.waiting(batch).await?;
        let frames: Vec<Frame> = waiting.iter().flat_map(|waiting| waiting.frames.iter().cloned()).collect();
        let verdicts = self.store.home.adopt_frames(&frames).await;
        if verdicts.iter().any(Result::is_ok) {
            self.store.gate.took();
        }
        let mut verdicts = verdicts.into_iter();
        let mut moved = Vec::with_capacity(waiting.len());
        for waiting in waiting {
            let of_call: Vec<_> = verdicts.by_ref().take(waiting.frames.len()).collect();
            match of_call.into_iter().find_map(Result::err) {
                None => {}
                Some(AppendError::Unavailable(failure)) => return self.forget(moved, Err(failure)).await,
                Some(AppendError::Conflict | AppendError::Refused(_)) => {
                    if let Err(failure) = self.join(&waiting).await {
                        return self.forget(moved, Err(failure)).await;
                    }
                }
            }
            moved.push((waiting.call, waiting.frames.last().map_or(0, |frame| frame.seq)));
        }
        self.forget(moved, Ok(frames.len())).await
    }

    async fn forget(&self, moved: Vec<(CallKey, u64)>, then: Result<usize, Failure>) -> Result<usize, Failure> {
        if !moved.is_empty() {
            self.store.spool.forget_frames(&moved).await?;
        }
        then
    }

    /// Frames that do not follow what home has: some are there already, or the call went on there. The others are
    /// numbered on from it, and the call is what its facts make of it. One that home will never take is put aside.
    async fn join(&self, waiting: &Waiting) -> Result<(), Failure> {
        let home = &self.store.home;
        let first = &waiting.frames[0];
        let known = home.load(&waiting.call).await?;
        let mut state = match known {
            Some(known) => (*known.state).clone(),
            None => Call::new(&first.state.platform, first.state.started_at),
        };
        for frame in &waiting.frames {
            if home.recorded(&waiting.call, &frame.key).await?.is_some() {
                continue;
            }
            let mut after = state.clone();
            after.advance(&frame.facts, frame.at, frame.decided_at);
            let joined = Frame { seq: after.seq, state: Arc::new(after.clone()), ..frame.clone() };
            match home.adopt_frames(&[joined]).await.pop() {
                Some(Ok(())) | None => state = after,
                Some(Err(AppendError::Refused(why))) => self.put_aside(frame, &why).await?,
                Some(Err(AppendError::Unavailable(failure))) => return Err(failure),
                Some(Err(AppendError::Conflict)) => return Err(Failure::retry("a call went on while it was joined")),
            }
        }
        tracing::info!(call.id = %waiting.call.call, tenant = %waiting.call.tenant, frames = waiting.frames.len(),
            "frames of the spool joined to what the store has");
        Ok(())
    }

    /// For people to look at: at home, else here.
    async fn put_aside(&self, frame: &Frame, why: &str) -> Result<(), Failure> {
        tracing::error!(call.id = %frame.call.call, tenant = %frame.call.tenant, why, "store refuses a frame of the spool, put aside");
        let raw = json(&frame.facts);
        let kept = self.store.home.quarantine(&frame.call, &frame.key, &raw, why, frame.decided_at).await;
        match kept {
            Err(failure) if failure.is_retry() => Err(failure),
            Ok(()) => Ok(()),
            Err(_) => self.store.spool.store.quarantine(&frame.call, &frame.key, &raw, why, frame.decided_at).await,
        }
    }
}
