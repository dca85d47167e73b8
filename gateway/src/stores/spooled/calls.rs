//! Calls: appended at home while it answers in time, else in the spool; read where they went.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use engine::alert::Change;
use engine::call::{CallView, Frame, Phase};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::{AppendError, CallStore, FindsCalls, Position, Recorded, SilentCall, StoredCall, StoredFrame};
use engine::sms::NewSms;
use engine::time::Timestamp;
use tokio::time::timeout;

use super::known::Waiting;
use super::position::{self, Cursor};
use super::{BREATH, Both, Spooled};
use crate::stores::batch::Verdict;

#[async_trait]
impl FindsCalls for Spooled {
    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure> {
        let here = if self.spool.has_frames() { self.spool.store.live().await? } else { Vec::new() };
        let there = self.patiently(self.home.live()).await.unwrap_or(Ok(Vec::new()))?;
        let by_key = |view: Arc<CallView>| ((view.tenant.clone(), view.id.clone()), view);
        let live: BTreeMap<_, _> = there.into_iter().chain(here).map(by_key).collect();
        Ok(live.into_values().collect())
    }

    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure> {
        match self.in_spool(FindsCalls::find(&self.spool.store, tenant, id)).await? {
            Some(view) => Ok(Some(view)),
            None => self.asked_of_home(FindsCalls::find(&self.home, tenant, id)).await,
        }
    }
}

#[async_trait]
impl CallStore for Spooled {
    async fn append(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>> {
        let _turn = self.turn.read().await;
        if !self.gate.is_home() {
            self.let_emptying_get_on().await;
            return self.keep(frames).await;
        }
        let _uncertain = self.known.texts.uncertain(frames.iter().flat_map(|frame| &frame.texts).map(|text| text.id));
        let mut asked = pin!(self.home.append(frames));
        match timeout(self.settings.patience, &mut asked).await {
            Ok(verdicts) => self.keep_what_failed(frames, verdicts).await,
            Err(_) => {
                self.gate.failed(&self.late());
                let kept = self.keep(&doubtful(frames.iter())).await;
                // With no disk of our own, home is all there is: it is waited for.
                if kept.iter().all(is_unavailable) { asked.await } else { kept }
            }
        }
    }

    async fn load(&self, call: &CallKey) -> Result<Option<StoredCall>, Failure> {
        if let Some(mut stored) = self.in_spool(self.spool.store.load(call)).await? {
            // Some of its frames may have been moved already, and some never were here.
            if let Some(Ok(Some(home))) = self.if_reachable(self.home.load(call)).await {
                stored.keys.extend(home.keys);
            }
            return Ok(Some(stored));
        }
        if let Some(loaded) = self.if_reachable(self.home.load(call)).await {
            return loaded;
        }
        // Home may only have caught its breath. A call begun from nothing though it is known would be worse than late.
        let left = BREATH.saturating_sub(self.gate.away_for().unwrap_or(BREATH));
        if !left.is_zero()
            && timeout(left.min(2 * self.settings.patience), self.gate.reached()).await.is_ok()
            && let Some(loaded) = self.if_reachable(self.home.load(call)).await
        {
            return loaded;
        }
        // A call this machine knows nothing of, while nobody else can be asked, begins: what it was before is joined to
        // it when home is back.
        Ok(None)
    }

    async fn recorded(&self, call: &CallKey, key: &EventKey) -> Result<Option<Recorded>, Failure> {
        if let Some(recorded) = self.in_spool(self.spool.store.recorded(call, key)).await? {
            return Ok(Some(recorded));
        }
        self.if_reachable(self.home.recorded(call, key)).await.unwrap_or_else(|| Err(self.away()))
    }

    async fn frames_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(StoredFrame, Arc<CallView>)>, Failure> {
        let cursor = Cursor::read(position);
        let from_home = async {
            match cursor.home {
                Some(home) => self.home.frames_after(home, limit).await,
                None => self.everything_live().await,
            }
        };
        if let Some(frames) = self.at_home(from_home).await {
            return frames;
        }
        let place = cursor.place(self.spool.newest_place().await?);
        let mut frames = self.spool.store.frames_after(place, limit).await?;
        frames.iter_mut().for_each(|(frame, _)| frame.position = position::in_spool(cursor.home, frame.position));
        Ok(frames)
    }

    async fn last_position(&self) -> Result<Position, Failure> {
        let home = self.patiently(self.home.last_position()).await.transpose()?;
        match home {
            Some(home) if self.gate.is_home() => Ok(home),
            home => Ok(position::in_spool(home, self.spool.newest_place().await?)),
        }
    }

    async fn calls_of(
        &self,
        tenant: &TenantId,
        number: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<CallView>>, Failure> {
        self.asked_of_home(self.home.calls_of(tenant, number, before, limit)).await
    }

    async fn timeline(&self, call: &CallKey, after_seq: u64, limit: usize) -> Result<Vec<StoredFrame>, Failure> {
        let mut here = Vec::new();
        if self.spool.has_frames() {
            here = self.spool.store.timeline(call, after_seq, limit).await?;
            here.iter_mut().for_each(|frame| frame.position = position::in_spool(None, frame.position));
        }
        match self.asked_of_home(self.home.timeline(call, after_seq, limit)).await {
            Err(failure) if failure.is_retry() && !here.is_empty() => Ok(here),
            there => {
                let by_seq = there?.into_iter().chain(here).map(|frame| (frame.seq, frame));
                Ok(by_seq.collect::<BTreeMap<_, _>>().into_values().take(limit).collect())
            }
        }
    }

    async fn silent(&self, cutoffs: &[(Phase, Timestamp)], limit: usize) -> Result<Vec<SilentCall>, Failure> {
        match self.gate.is_home() {
            true => self.asked_of_home(self.home.silent(cutoffs, limit)).await,
            // Of the others nobody here knows when they were last heard of.
            false => self.spool.store.silent(cutoffs, limit).await,
        }
    }

    async fn quarantine(
        &self,
        call: &CallKey,
        key: &EventKey,
        raw: &str,
        why: &str,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let _turn = self.turn.read().await;
        match self.at_home(self.home.quarantine(call, key, raw, why, at)).await {
            Some(done) => done,
            None => self.spool.store.quarantine(call, key, raw, why, at).await,
        }
    }
}

impl Both {
    /// What home could not be asked about is kept here. One verdict per frame, as home gave the others.
    async fn keep_what_failed(&self, frames: &[Frame], mut verdicts: Vec<Verdict>) -> Vec<Verdict> {
        let committed = frames.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok());
        self.expect_to_send(committed.flat_map(|(frame, _)| &frame.texts).map(Waiting::of));
        let failed: Vec<usize> = (0..frames.len()).filter(|place| is_unavailable(&verdicts[*place])).collect();
        let Some(Err(AppendError::Unavailable(failure))) = failed.first().map(|place| &verdicts[*place]) else {
            return verdicts;
        };
        self.gate.failed(failure);
        let kept = doubtful(failed.iter().map(|place| &frames[*place]));
        for (place, verdict) in failed.into_iter().zip(self.keep(&kept).await) {
            verdicts[place] = verdict;
        }
        verdicts
    }

    /// While the spool is being emptied it must not be filled as fast: what waits meanwhile is one commit, and costs both
    /// less. Far shorter than anybody waits for an answer.
    async fn let_emptying_get_on(&self) {
        if self.gate.is_reachable() {
            tokio::time::sleep(self.settings.patience / 10).await;
        }
    }

    async fn keep(&self, frames: &[Frame]) -> Vec<Verdict> {
        if let Err(failure) = self.take_along_alerts(frames).await {
            return vec![Err(AppendError::Unavailable(failure)); frames.len()];
        }
        self.spool.append(frames).await
    }

    /// The alerts these frames add to, as they were last seen at home.
    async fn take_along_alerts(&self, frames: &[Frame]) -> Result<(), Failure> {
        let noticed = frames.iter().flat_map(Change::noticed_in);
        let known: Vec<_> = noticed.filter_map(|(notice, _)| self.known.alert(notice.alert)).collect();
        self.spool.seed_alerts(&known).await
    }

    async fn in_spool<T>(&self, asked: impl Future<Output = Result<Option<T>, Failure>>) -> Result<Option<T>, Failure> {
        if self.spool.has_frames() { asked.await } else { Ok(None) }
    }

    /// For whoever began to follow while nobody knew how far home was: every call that is live, once, and the position
    /// from which to go on.
    async fn everything_live(&self) -> Result<Vec<(StoredFrame, Arc<CallView>)>, Failure> {
        let position = self.home.last_position().await?;
        let shown = |view: Arc<CallView>| {
            let call = CallKey { tenant: view.tenant.clone(), call: view.id.clone() };
            let (seq, at) = (view.seq, view.updated_at);
            (StoredFrame { position, call, seq, at, decided_at: at, facts: Vec::new() }, view)
        };
        Ok(self.home.live().await?.into_iter().map(shown).collect())
    }
}

/// Home may have these too, and another node may be about to send their texts: if home is back in a moment, one of both
/// was enough.
fn doubtful<'a>(frames: impl Iterator<Item = &'a Frame>) -> Vec<Frame> {
    let later = |text: &NewSms| NewSms { due_at: text.due_at.plus(BREATH), ..text.clone() };
    frames.map(|frame| Frame { texts: frame.texts.iter().map(later).collect(), ..frame.clone() }).collect()
}

fn is_unavailable(verdict: &Verdict) -> bool {
    matches!(verdict, Err(AppendError::Unavailable(_)))
}
