//! Closes calls gone silent. It looks at the age of a call's last event, per phase, never at a missing field; where
//! the platform can be asked, it asks first. It reads the store, so calls nobody has in memory are found too.

use std::sync::Arc;
use std::time::Duration;

use engine::call::{Event, EventKind, Note, Parties, Phase};
use engine::failure::Failure;
use engine::ids::EventKey;
use engine::ports::{CallControl, CallStore, Clock, SilentCall};
use engine::time::Timestamp;
use futures_util::{StreamExt, stream};

use crate::calls::Calls;
use crate::lead::Lead;
use crate::limits::Limits;
use crate::live_feed::LiveFeed;
use crate::metrics;
use crate::supervise::{Supervised, supervise};

/// Silent calls looked into at once.
const AT_ONCE: usize = 8;

pub(crate) struct Reaper {
    pub calls: Calls,
    /// What is said but not recorded.
    pub live: LiveFeed,
    pub store: Arc<dyn CallStore>,
    pub control: Option<Arc<dyn CallControl>>,
    pub lead: Lead,
    pub clock: Arc<dyn Clock>,
    pub limits: Arc<Limits>,
}

impl Reaper {
    pub fn start(self) -> Supervised {
        let reaper = Arc::new(self);
        supervise("reaper", move || reaper.clone().run())
    }

    async fn run(self: Arc<Self>) {
        let _alive = metrics::alive("reaper");
        let mut tick = tokio::time::interval(self.limits.reaper_tick);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.lead.until_held().await;
            if let Err(failure) = self.look().await {
                tracing::warn!(%failure, "reaper could not look, will retry");
            }
        }
    }

    async fn look(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let silent = self.store.silent(&self.cutoffs(now), self.limits.reaper_batch).await?;
        stream::iter(silent).for_each_concurrent(AT_ONCE, |silent| self.close(silent, now)).await;
        Ok(())
    }

    async fn close(&self, silent: SilentCall, now: Timestamp) {
        let Some(event) = self.verdict(&silent, now).await else { return };
        if let Err(refusal) = self.calls.apply(&silent.call, "reaper", vec![event]).await {
            tracing::warn!(call.id = %silent.call.call, %refusal, "silent call not closed, will retry");
        }
    }

    fn cutoffs(&self, now: Timestamp) -> Vec<(Phase, Timestamp)> {
        let live = Phase::ALL.into_iter().filter(|phase| phase.is_live());
        live.map(|phase| (phase, now.minus(self.silence(phase)))).collect()
    }

    /// How long a call may be silent.
    fn silence(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Scheduled | Phase::Queued => self.limits.silent_scheduled,
            Phase::Ringing => self.limits.silent_ringing,
            Phase::InProgress | Phase::Forwarding | Phase::Lost | Phase::Ended => self.limits.silent_in_progress,
        }
    }

    /// What to make of the silence: none, if somebody speaks; the platform's word if it gives one; else the call is lost.
    /// None while the platform cannot be asked: a call is not given up because its platform is down.
    async fn verdict(&self, silent: &SilentCall, now: Timestamp) -> Option<Event> {
        let answer = if self.hears(silent, now) { Ok(Some(silent.phase)) } else { self.ask_platform(silent).await };
        let kind = match answer {
            Ok(Some(phase)) if phase.is_live() => {
                EventKind::Noted(Note { what: "still_live".into(), detail: Some(phase.as_str().into()) })
            }
            // Why it ended may still be reported.
            Ok(Some(_)) => EventKind::Status(Phase::Ended),
            Ok(None) => EventKind::WentSilent { idle: now.since(silent.updated_at) },
            Err(failure) => {
                tracing::warn!(call.id = %silent.call.call, %failure, "platform not reached about a silent call");
                return None;
            }
        };
        // One verdict per silence: the key is the moment the silence began.
        let key = EventKey::new(format!("silent:{}", silent.updated_at.as_millis()));
        Some(Event { key, at: now, parties: Parties::default(), kind })
    }

    fn hears(&self, silent: &SilentCall, now: Timestamp) -> bool {
        let heard_at = self.live.heard_at(&silent.call);
        heard_at.is_some_and(|heard_at| now.since(heard_at) < self.silence(silent.phase))
    }

    /// `None` when there is nobody to ask, or the platform does not know the call.
    async fn ask_platform(&self, silent: &SilentCall) -> Result<Option<Phase>, Failure> {
        match &self.control {
            Some(control) => control.phase_of(&silent.call).await,
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::call::Role;
    use engine::testing::fixtures;

    use super::*;
    use crate::calls::Refusal;
    use crate::testing::Rig;

    async fn phase_of(rig: &Rig) -> Phase {
        rig.store.load(&fixtures::key("c1")).await.unwrap().unwrap().state.phase
    }

    async fn heard_then_silent_for(silence: Duration) -> Rig {
        let rig = Rig::start(Limits::default()).await;
        let event = fixtures::event(EventKind::Status(Phase::InProgress), 0);
        rig.system.calls.apply(&fixtures::key("c1"), "test", vec![event]).await.unwrap();
        rig.clock.advance(silence);
        // Two looks of the reaper.
        tokio::time::sleep(Limits::default().reaper_tick * 2).await;
        rig.settle().await;
        rig
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_gone_silent_is_lost_and_a_report_ends_it_after_all() {
        let rig = heard_then_silent_for(Limits::default().silent_in_progress + Duration::from_secs(1)).await;
        assert_eq!(phase_of(&rig).await, Phase::Lost);
        let report = fixtures::event(fixtures::report(), 9);
        rig.system.calls.apply(&fixtures::key("c1"), "test", vec![report]).await.unwrap();
        assert_eq!(phase_of(&rig).await, Phase::Ended);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_call_whose_playbook_was_removed_is_lost_like_any_other() {
        let rig = Rig::start(Limits::default()).await;
        let event = fixtures::event(EventKind::Status(Phase::InProgress), 0);
        rig.system.calls.apply(&fixtures::key("c1"), "test", vec![event]).await.unwrap();
        rig.forget_playbooks();
        let asked = fixtures::event(EventKind::TransferAsked, 1);
        let refused = rig.system.calls.apply(&fixtures::key("c1"), "test", vec![asked]).await;
        assert!(matches!(refused, Err(Refusal::Refused(_))), "a question needs rules");
        rig.clock.advance(Limits::default().silent_in_progress + Duration::from_secs(1));
        tokio::time::sleep(Limits::default().reaper_tick * 2).await;
        rig.settle().await;
        assert_eq!(phase_of(&rig).await, Phase::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_somebody_still_speaks_in_is_not_given_up_though_nothing_was_recorded() {
        let rig = Rig::start(Limits::default()).await;
        let event = fixtures::event(EventKind::Status(Phase::InProgress), 0);
        rig.system.calls.apply(&fixtures::key("c1"), "test", vec![event]).await.unwrap();
        let speaking = fixtures::event(EventKind::Speaking { role: Role::Caller, text: "et puis".into() }, 1);
        let limit = Limits::default().silent_in_progress;
        rig.until(|| rig.system.live.snapshot(None).calls.len() == 1).await;
        rig.clock.advance(limit - Duration::from_secs(60));
        rig.system.live.mention(&fixtures::key("c1"), &speaking, rig.clock.now());
        rig.settle().await;
        rig.clock.advance(Duration::from_secs(120));
        tokio::time::sleep(Limits::default().reaper_tick * 2).await;
        rig.settle().await;
        assert_eq!(phase_of(&rig).await, Phase::InProgress);
        // And once it is really silent it is given up.
        rig.clock.advance(limit + Duration::from_secs(1));
        tokio::time::sleep(Limits::default().reaper_tick * 2).await;
        rig.settle().await;
        assert_eq!(phase_of(&rig).await, Phase::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_merely_quiet_is_left_alone() {
        let rig = heard_then_silent_for(Limits::default().silent_in_progress - Duration::from_secs(60)).await;
        assert_eq!(phase_of(&rig).await, Phase::InProgress);
    }
}
