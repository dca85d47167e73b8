//! Takes away what is kept only for a time: the words of calls, then the calls. One node does it, in steps so small that
//! they stand between nobody and their commit, with a pause after each. It ends with the process; a crash loses nothing,
//! the next round goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::ids::TenantId;
use engine::playbook;
use engine::ports::{Clock, Retention};
use engine::time::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::cache::ReadThrough;
use crate::lead::Lead;
use crate::metrics;
use crate::supervise::{Supervised, supervise};
use crate::tenants::Tenants;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A clock that has gone so much further than the time that passed was set, and may be wrong: nothing is removed by it.
const MAX_LEAP: Duration = Duration::from_secs(24 * 3600);

/// How much at once, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From one look to the next.
    pub every: Duration,
    /// Frames of the calls of one step.
    pub frames: usize,
    /// After each step.
    pub pause: Duration,
}

pub struct Retainer {
    pub store: Arc<dyn Retention>,
    pub tenants: Tenants,
    /// For businesses whose playbook does not say, and for those that have none any more.
    pub otherwise: playbook::Retention,
    pub clock: Arc<dyn Clock>,
    pub lead: Lead,
    /// Forgets everything when calls were removed, or words of theirs: of which ones, nobody tells it. Other nodes' own memory lets go of them
    /// when their time there is over.
    pub cache: Option<ReadThrough>,
    pub pace: Pace,
}

/// What is too old for one business.
#[derive(Clone, Copy)]
struct Cutoffs {
    words: Timestamp,
    calls: Timestamp,
}

#[derive(Clone, Copy)]
enum Kind {
    Calls,
    Words,
    /// What belongs to no call.
    Loose,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { every: Duration::from_secs(3600), frames: 256, pause: Duration::from_millis(100) }
    }
}

impl Retainer {
    pub fn start(self) -> Supervised {
        let retainer = Arc::new(self);
        supervise("retention", move || retainer.clone().run())
    }

    async fn run(self: Arc<Self>) {
        let _alive = metrics::alive("retention");
        let (began, clock_said) = (Instant::now(), self.clock.now());
        let mut look = interval(self.pace.every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            self.lead.until_held().await;
            let now = self.clock.now();
            if now > clock_said.plus(began.elapsed() + MAX_LEAP) {
                tracing::error!("the clock was set far ahead, nothing is removed by it until the server starts again");
                continue;
            }
            match self.round(now).await {
                Ok(()) => metrics::retention::went(now),
                Err(failure) => tracing::warn!(%failure, "old calls not removed, will retry"),
            }
        }
    }

    async fn round(&self, now: Timestamp) -> Result<(), Failure> {
        let mut tenants = self.store.tenants().await?;
        tenants.extend(self.tenants.in_force().playbooks.iter().map(|playbook| playbook.tenant.clone()));
        tenants.sort();
        tenants.dedup();
        for tenant in &tenants {
            let cutoffs = self.cutoffs(Some(tenant), now);
            for kind in [Kind::Calls, Kind::Words, Kind::Loose] {
                self.until_nothing(kind, Some(tenant), cutoffs).await?;
            }
        }
        self.until_nothing(Kind::Loose, None, self.cutoffs(None, now)).await
    }

    /// One step after the other, as long as this node leads.
    async fn until_nothing(&self, kind: Kind, tenant: Option<&TenantId>, of: Cutoffs) -> Result<(), Failure> {
        let mut any = false;
        loop {
            self.lead.until_held().await;
            let frames = self.pace.frames;
            let removed = match (kind, tenant) {
                (Kind::Calls, Some(tenant)) => self.store.remove(tenant, of.calls, frames).await?,
                (Kind::Words, Some(tenant)) => self.store.quieten(tenant, of.words, frames).await?,
                (_, tenant) => self.store.remove_loose(tenant, of.words, of.calls, frames).await?,
            };
            if removed.is_nothing() {
                if any && !matches!(kind, Kind::Loose) {
                    self.forget_all().await;
                }
                return Ok(());
            }
            any = true;
            metrics::retention::removed(removed);
            sleep(self.pace.pause).await;
        }
    }

    async fn forget_all(&self) {
        let Some(cache) = &self.cache else { return };
        if let Err(failure) = cache.forget_all().await {
            tracing::warn!(%failure, "removed calls stay in the shared cache until their time is over");
        }
    }

    fn cutoffs(&self, tenant: Option<&TenantId>, now: Timestamp) -> Cutoffs {
        let said = tenant.and_then(|tenant| self.tenants.get(tenant)).and_then(|playbook| playbook.retention);
        let playbook::Retention { calls_days, transcripts_days } = said.unwrap_or(self.otherwise);
        Cutoffs { words: now.minus(DAY * transcripts_days), calls: now.minus(DAY * calls_days) }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use engine::ports::Removed;
    use engine::testing::fixtures::{self, at};
    use engine::testing::memory::ManualClock;
    use parking_lot::Mutex;

    use super::*;

    /// Writes down what it is asked for; each step has something to remove so many times.
    #[derive(Default)]
    struct Asked {
        steps: Mutex<Vec<(&'static str, String, Timestamp)>>,
        left: Mutex<u64>,
        fails: Mutex<bool>,
    }

    impl Asked {
        fn note(&self, what: &'static str, tenant: &str, before: Timestamp) -> Result<Removed, Failure> {
            if std::mem::take(&mut *self.fails.lock()) {
                return Err(Failure::retry("told to fail"));
            }
            self.steps.lock().push((what, tenant.to_owned(), before));
            let mut left = self.left.lock();
            let calls = u64::from(*left > 0 && what == "remove");
            *left -= calls;
            Ok(Removed { calls, ..Removed::default() })
        }

        fn asked(&self, what: &str) -> Vec<(String, Timestamp)> {
            let steps = self.steps.lock();
            let of = steps.iter().filter(|(kind, ..)| *kind == what);
            of.map(|(_, tenant, before)| (tenant.clone(), *before)).collect()
        }
    }

    #[async_trait]
    impl Retention for Asked {
        async fn tenants(&self) -> Result<Vec<TenantId>, Failure> {
            Ok(vec![TenantId::parse("gone").unwrap()])
        }
        async fn quieten(&self, tenant: &TenantId, before: Timestamp, _: usize) -> Result<Removed, Failure> {
            self.note("quieten", tenant.as_str(), before)
        }
        async fn remove(&self, tenant: &TenantId, before: Timestamp, _: usize) -> Result<Removed, Failure> {
            self.note("remove", tenant.as_str(), before)
        }
        async fn remove_loose(
            &self,
            tenant: Option<&TenantId>,
            words_before: Timestamp,
            _: Timestamp,
            _: usize,
        ) -> Result<Removed, Failure> {
            self.note("loose", tenant.map_or("", TenantId::as_str), words_before)
        }
    }

    struct World {
        store: Arc<Asked>,
        clock: Arc<ManualClock>,
        _task: Supervised,
    }

    fn start(store: Asked, lead: Lead) -> World {
        let (store, clock) = (Arc::new(store), Arc::new(ManualClock::at(at(1_000_000))));
        let says = fixtures::playbook_with("[retention]\ncalls_days = 10\ntranscripts_days = 2\n");
        let retainer = Retainer {
            store: store.clone(),
            tenants: Tenants::new([says]),
            otherwise: playbook::Retention { calls_days: 365, transcripts_days: 30 },
            clock: clock.clone(),
            lead,
            cache: None,
            pace: Pace::default(),
        };
        World { store, clock, _task: retainer.start() }
    }

    #[tokio::test(start_paused = true)]
    async fn each_business_has_its_own_days_and_the_deployments_where_its_playbook_does_not_say() {
        let world = start(Asked::default(), Lead::always());
        sleep(Duration::from_secs(1)).await;
        let now = at(1_000_000);
        let days = |n: u32| now.minus(DAY * n);
        let of = |name: &str, n| (name.to_owned(), days(n));
        assert_eq!(world.store.asked("remove"), [of("acme", 10), of("gone", 365)]);
        assert_eq!(world.store.asked("quieten"), [of("acme", 2), of("gone", 30)]);
        assert_eq!(world.store.asked("loose"), [of("acme", 2), of("gone", 30), of("", 30)]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_step_by_step_until_nothing_is_left_and_looks_again_later() {
        let world = start(Asked { left: Mutex::new(3), ..Asked::default() }, Lead::always());
        sleep(Duration::from_secs(10)).await;
        let of_acme = |asked: Vec<(String, Timestamp)>| asked.iter().filter(|(tenant, _)| tenant == "acme").count();
        assert_eq!(of_acme(world.store.asked("remove")), 4, "the last one removed nothing");
        sleep(Pace::default().every).await;
        assert_eq!(of_acme(world.store.asked("remove")), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_tried_again_at_the_next_look() {
        let world = start(Asked { fails: Mutex::new(true), ..Asked::default() }, Lead::always());
        sleep(Duration::from_secs(10)).await;
        assert_eq!(world.store.asked("quieten"), []);
        sleep(Pace::default().every).await;
        assert_eq!(world.store.asked("quieten").len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_leaps_removes_nothing() {
        let world = start(Asked::default(), Lead::always());
        sleep(Duration::from_secs(1)).await;
        let asked = world.store.asked("remove").len();
        world.clock.advance(DAY * 400);
        sleep(Pace::default().every * 3).await;
        assert_eq!(world.store.asked("remove").len(), asked);
    }
}
