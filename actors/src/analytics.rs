//! Keeps what is counted of calls fresh, and the store told where each tenant's days begin.
//!
//! Every view is counted at start, unless that was done of late, and then at least as often as it says; sooner when calls
//! were recorded meanwhile and counting is cheap: it may take a hundredth of the time. So a small business sees its
//! figures move within seconds, and a million calls are counted no more often than promised. Only the node that leads
//! counts; every node tells of its playbooks. Runs until its handle is dropped; a panic starts it again, and a crash
//! loses nothing.

use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::playbook::Playbook;
use engine::ports::{Analytics, CallStore, Clock, Position, TenantZone, View};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::lead::Lead;
use crate::metrics::{self, analytics as figures};
use crate::supervise::{Supervised, supervise};
use crate::tenants::{InForce, Tenants};

/// Counting takes one part in so many of the time, at most.
const SHARE: u32 = 100;
/// Never sooner, however cheap. Also how often it is looked whether anything was recorded.
const SOONEST: Duration = Duration::from_secs(2);
/// By then everything else has started.
const SETTLED: Duration = Duration::from_secs(10);
/// After a failure.
const AGAIN: Duration = Duration::from_secs(5);
/// How often the age of the views is looked at.
const AGES: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct Counting {
    pub store: Arc<dyn Analytics>,
    pub calls: Arc<dyn CallStore>,
    pub tenants: Tenants,
    pub lead: Lead,
    pub clock: Arc<dyn Clock>,
}

impl Counting {
    pub fn start(self) -> Supervised {
        supervise("analytics", move || self.clone().run())
    }

    async fn run(self) {
        let _alive = metrics::alive("analytics");
        let mut changes = self.tenants.changes();
        // First of all: days are counted by them.
        self.tell_time_zones(&mut changes).await;
        let telling = async {
            while changes.changed().await.is_ok() {
                self.tell_time_zones(&mut changes).await;
            }
        };
        let [dashboard, days] = View::ALL.map(|view| self.keep_fresh(view));
        tokio::join!(telling, dashboard, days, self.tell_ages());
    }

    /// Those that are in force by the time the store has taken them.
    async fn tell_time_zones(&self, changes: &mut watch::Receiver<Arc<InForce>>) {
        loop {
            let zones = zones(&changes.borrow_and_update());
            let Err(failure) = self.store.keep_time_zones(&zones).await else { return };
            warn!(%failure, "time zones of the tenants not written down, will retry");
            sleep(AGAIN).await;
        }
    }

    async fn keep_fresh(&self, view: View) {
        if self.is_fresh(view).await {
            // A start has better to do than to count what an earlier life has counted.
            sleep(SETTLED).await;
        }
        loop {
            self.lead.until_held().await;
            // First where we stand: what is recorded while we count is news afterwards.
            let position = self.calls.last_position().await;
            match self.count(view).await {
                Ok(took) => self.until_stale(view, took, position.unwrap_or_default()).await,
                Err(failure) => {
                    warn!(%failure, view = view.as_str(), "calls not counted, will retry");
                    sleep(AGAIN).await;
                }
            }
        }
    }

    async fn is_fresh(&self, view: View) -> bool {
        let counted = self.store.refreshed_at(view).await.unwrap_or_default();
        counted.is_some_and(|at| self.clock.now().since(at) < view.counted_every())
    }

    async fn count(&self, view: View) -> Result<Duration, Failure> {
        let began = Instant::now();
        let counted = self.store.refresh(view, self.clock.now()).await;
        let took = began.elapsed();
        let outcome = match &counted {
            Ok(true) => "counted",
            Ok(false) => "elsewhere",
            Err(_) => "failed",
        };
        figures::refreshed(view, outcome, took);
        counted.map(|_| took)
    }

    /// Until it has to be counted, or something was recorded since `counted` and it may be counted again.
    async fn until_stale(&self, view: View, took: Duration, counted: Position) {
        let began = Instant::now();
        let latest = view.counted_every();
        sleep((took * SHARE).clamp(SOONEST, latest)).await;
        while began.elapsed() < latest && self.calls.last_position().await == Ok(counted) {
            sleep(SOONEST.min(latest - began.elapsed())).await;
        }
    }

    /// On every node: one that does not lead is as good a witness.
    async fn tell_ages(&self) {
        loop {
            for view in View::ALL {
                if let Ok(Some(at)) = self.store.refreshed_at(view).await {
                    figures::age(view, self.clock.now().since(at));
                }
            }
            sleep(AGES).await;
        }
    }
}

/// A zone without a name is a fixed one that nobody wrote into a playbook.
fn zones(in_force: &InForce) -> Vec<TenantZone> {
    let zone = |playbook: &Arc<Playbook>| TenantZone {
        tenant: playbook.tenant.clone(),
        time_zone: playbook.time_zone.iana_name().unwrap_or("UTC").into(),
    };
    in_force.playbooks.iter().chain(&in_force.retired).map(zone).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use engine::call::Phase;
    use engine::ids::TenantId;
    use engine::ports::{Dashboard, DayFigures};
    use engine::testing::memory::{ManualClock, MemoryStore};
    use engine::testing::{fixtures, frames};
    use engine::time::Timestamp;
    use jiff::civil::Date;
    use jiff::tz::TimeZone;
    use parking_lot::Mutex;

    use super::*;

    /// Notes what it is asked, counts as slowly as it is told to, and fails when told to.
    #[derive(Default)]
    struct Witness {
        counted: Mutex<Vec<(View, Instant)>>,
        zones: Mutex<Vec<Vec<TenantZone>>>,
        counted_before: Mutex<Option<Timestamp>>,
        untold: AtomicU64,
        uncounted: AtomicU64,
        takes_ms: AtomicU64,
    }

    impl Witness {
        fn counted(&self, view: View) -> Vec<Instant> {
            self.counted.lock().iter().filter(|(of, _)| *of == view).map(|(_, at)| *at).collect()
        }
    }

    fn fails(left: &AtomicU64) -> Result<(), Failure> {
        let left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() { Err(Failure::retry("told to fail")) } else { Ok(()) }
    }

    #[async_trait]
    impl Analytics for Witness {
        async fn keep_time_zones(&self, zones: &[TenantZone]) -> Result<(), Failure> {
            fails(&self.untold)?;
            self.zones.lock().push(zones.to_vec());
            Ok(())
        }

        async fn refresh(&self, view: View, _: Timestamp) -> Result<bool, Failure> {
            self.counted.lock().push((view, Instant::now()));
            sleep(Duration::from_millis(self.takes_ms.load(Ordering::SeqCst))).await;
            fails(&self.uncounted).map(|()| true)
        }

        async fn refreshed_at(&self, _: View) -> Result<Option<Timestamp>, Failure> {
            Ok(*self.counted_before.lock())
        }

        async fn dashboard(&self, _: Option<&TenantId>) -> Result<Dashboard, Failure> {
            Ok(Dashboard::default())
        }

        async fn days(&self, _: Option<&TenantId>, _: Date, _: Date) -> Result<Vec<DayFigures>, Failure> {
            Ok(Vec::new())
        }
    }

    struct Stand {
        witness: Arc<Witness>,
        calls: Arc<MemoryStore>,
        tenants: Tenants,
        began: Instant,
        _counting: Supervised,
    }

    fn stand(witness: Witness) -> Stand {
        let (witness, calls) = (Arc::new(witness), Arc::new(MemoryStore::default()));
        let tenants = Tenants::new([fixtures::playbook()]);
        let counting = Counting {
            store: witness.clone(),
            calls: calls.clone(),
            tenants: tenants.clone(),
            lead: Lead::always(),
            clock: Arc::new(ManualClock::at(fixtures::at(0))),
        };
        Stand { witness, calls, tenants, began: Instant::now(), _counting: counting.start() }
    }

    impl Stand {
        async fn counts(&self, view: View, times: usize) -> Vec<u64> {
            while self.witness.counted(view).len() < times {
                sleep(Duration::from_millis(100)).await;
            }
            self.witness.counted(view).iter().map(|at| at.duration_since(self.began).as_secs()).collect()
        }

        async fn rings(&self, call: &str) {
            self.calls.append(&[frames::frame_in(&frames::call("acme", call), 1, Phase::Ringing)]).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_changes_is_counted_at_start_and_as_often_as_promised() {
        let stand = stand(Witness::default());
        assert_eq!(stand.counts(View::Days, 3).await, [0, 900, 1800]);
        assert_eq!(stand.counts(View::Dashboard, 7).await, [0, 300, 600, 900, 1200, 1500, 1800]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_earlier_life_counted_of_late_need_not_be_counted_at_start() {
        let before = fixtures::at(0).minus(Duration::from_secs(600));
        let stand = stand(Witness { counted_before: Mutex::new(Some(before)), ..Witness::default() });
        assert_eq!(stand.counts(View::Days, 1).await, [SETTLED.as_secs()], "of late");
        assert_eq!(stand.witness.counted(View::Dashboard)[0], stand.began, "too long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_call_is_counted_within_seconds_where_counting_is_cheap() {
        let stand = stand(Witness::default());
        stand.counts(View::Dashboard, 1).await;
        sleep(Duration::from_secs(9)).await;
        stand.rings("c1").await;
        let counted = stand.counts(View::Dashboard, 2).await;
        assert!((9..=11).contains(&counted[1]), "{counted:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn counting_takes_a_hundredth_of_the_time_at_most_but_for_what_is_promised() {
        let stand = stand(Witness { takes_ms: 500.into(), ..Witness::default() });
        stand.counts(View::Dashboard, 1).await;
        sleep(Duration::from_secs(1)).await;
        stand.rings("c1").await;
        assert_eq!(stand.counts(View::Dashboard, 2).await, [0, 50], "half a second, a hundred times");
        stand.witness.takes_ms.store(30_000, Ordering::SeqCst);
        stand.rings("c2").await;
        let counted = stand.counts(View::Dashboard, 4).await;
        assert_eq!(counted[3] - counted[2], 330, "fifty minutes would be too long");
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_that_fails_is_made_again_soon() {
        let stand = stand(Witness { uncounted: 1.into(), ..Witness::default() });
        let counted = stand.counts(View::Dashboard, 2).await;
        assert_eq!(counted, [0, AGAIN.as_secs()]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_store_is_told_the_time_zones_at_start_and_whenever_the_playbooks_change() {
        let stand = stand(Witness { untold: 1.into(), ..Witness::default() });
        let told = async |times: usize| {
            while stand.witness.zones.lock().len() < times {
                sleep(Duration::from_millis(100)).await;
            }
            stand.witness.zones.lock().last().cloned().expect("it was told")
        };
        assert_eq!(told(1).await[0].tenant.as_str(), "acme");
        let moved = Playbook { time_zone: TimeZone::get("Europe/Paris").unwrap(), ..fixtures::playbook() };
        stand.tenants.replace(moved);
        assert_eq!(&*told(2).await[0].time_zone, "Europe/Paris");
    }
}
