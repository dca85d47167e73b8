//! Whether what is recorded goes home or into the spool.
//!
//! ```text
//! home ──failed──→ away ──answered──→ returning ──emptied──→ home
//!                   ↑                     │
//!                   └───────failed────────┘
//! ```
//! One failure is enough to leave: whoever waits on the telephone must not wait for the second. To come back takes an
//! answer, and an empty spool.

use std::time::Duration;

use engine::failure::Failure;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::{BREATH, metrics};
use crate::tls::Distrust;

/// Where things stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Home,
    Away {
        since: Instant,
        why: Trouble,
    },
    /// It answers again; the spool is being emptied, and still filled.
    Returning {
        since: Instant,
        why: Trouble,
    },
}

/// Why home was left, as anybody may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Late,
    Unreachable,
    ReadOnly,
    Distrusted,
    Refuses,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Happening {
    Failed(Trouble),
    Answered,
    Emptied,
}

impl Place {
    pub fn after(&self, happening: Happening, now: Instant) -> Place {
        match (self, happening) {
            (Place::Home, Happening::Failed(why)) => Place::Away { since: now, why },
            (Place::Returning { since, .. }, Happening::Failed(why)) => Place::Away { since: *since, why },
            // What somebody must mend is told, also where it began with something that passes.
            (Place::Away { since, why: before }, Happening::Failed(why)) if before.passes() && !why.passes() => {
                Place::Away { since: *since, why }
            }
            (Place::Away { since, why }, Happening::Answered) => Place::Returning { since: *since, why: *why },
            (Place::Returning { .. }, Happening::Emptied) => Place::Home,
            (place, _) => place.clone(),
        }
    }
}

impl Trouble {
    pub fn as_str(self) -> &'static str {
        match self {
            Trouble::Late => "it does not answer in time",
            Trouble::Unreachable => "it cannot be reached",
            Trouble::ReadOnly => "it takes no writes",
            Trouble::Distrusted => "it cannot prove by TLS who it is, the log tells why",
            Trouble::Refuses => "it refuses us",
        }
    }

    /// Whether waiting may be all it takes.
    fn passes(self) -> bool {
        matches!(self, Trouble::Late | Trouble::Unreachable)
    }

    fn label(self) -> &'static str {
        match self {
            Trouble::Late => "late",
            Trouble::Unreachable => "unreachable",
            Trouble::ReadOnly => "read_only",
            Trouble::Distrusted => "distrusted",
            Trouble::Refuses => "refuses",
        }
    }
}

impl From<&Failure> for Trouble {
    /// By the words the driver and the store have for it.
    fn from(failure: &Failure) -> Trouble {
        let said = failure.to_string();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if Distrust::read(&said).is_some() {
            Trouble::Distrusted
        } else if says(&["in time", "timed out", "timeout"]) {
            Trouble::Late
        } else if says(&["takes no writes", "read-only"]) {
            Trouble::ReadOnly
        } else if says(&["communicating", "connection", "closed", "shutting down", "starting up", "in recovery"]) {
            Trouble::Unreachable
        } else {
            Trouble::Refuses
        }
    }
}

pub(super) struct Gate {
    place: watch::Sender<Place>,
    /// Somebody should look at once.
    pub knock: Notify,
    /// When home last took something that waited here.
    took_at: Mutex<Option<Instant>>,
}

impl Gate {
    pub fn new(reached: Result<(), Trouble>, emptied: bool) -> Gate {
        let now = Instant::now();
        let place = match reached {
            Err(why) => Place::Away { since: now, why },
            Ok(()) if emptied => Place::Home,
            Ok(()) => Place::Returning { since: now, why: Trouble::Unreachable },
        };
        metrics::away(place != Place::Home);
        Gate { place: watch::channel(place).0, knock: Notify::new(), took_at: Mutex::default() }
    }

    pub fn place(&self) -> Place {
        self.place.borrow().clone()
    }

    pub fn is_home(&self) -> bool {
        *self.place.borrow() == Place::Home
    }

    /// Whether it makes sense to ask home at all.
    pub fn is_reachable(&self) -> bool {
        !matches!(*self.place.borrow(), Place::Away { .. })
    }

    /// Returns when it is away: at once, or when somebody finds out.
    pub async fn left(&self) {
        let mut places = self.place.subscribe();
        // The sender is ours and lives as long as we do.
        let _ = places.wait_for(|place| matches!(place, Place::Away { .. })).await;
    }

    /// Returns when it makes sense to ask home: at once, or when it answers again.
    pub async fn reached(&self) {
        let mut places = self.place.subscribe();
        let _ = places.wait_for(|place| !matches!(place, Place::Away { .. })).await;
    }

    /// Returns when it is not returning.
    pub async fn settled(&self) {
        let mut places = self.place.subscribe();
        let _ = places.wait_for(|place| !matches!(place, Place::Returning { .. })).await;
    }

    /// Somebody was not answered in time. While home takes what waits here, it may be slow with the rest: what is read
    /// then is read here or not at all, and whoever empties knows best whether home is there.
    pub fn doubted(&self, failure: &Failure) {
        if !self.is_taking() {
            self.failed(failure);
        }
    }

    /// Home took something of what waits here.
    pub fn took(&self) {
        *self.took_at.lock() = Some(Instant::now());
    }

    fn is_taking(&self) -> bool {
        let returns = matches!(*self.place.borrow(), Place::Returning { .. });
        returns && self.took_at.lock().is_some_and(|at| at.elapsed() < BREATH)
    }

    pub fn failed(&self, failure: &Failure) {
        self.looked_in_vain(failure);
        self.knock.notify_one();
    }

    /// The same, said by whoever looks by itself.
    pub fn looked_in_vain(&self, failure: &Failure) {
        let trouble = Trouble::from(failure);
        match self.pass(Happening::Failed(trouble)) {
            None => {}
            Some((Place::Away { .. }, _)) => {
                tracing::error!(error = %failure, "store stays away, and waiting may not be enough");
            }
            Some(_) => {
                metrics::left(trouble.label());
                tracing::error!(error = %failure, "store is away, what is recorded goes into the spool");
            }
        }
    }

    pub fn answered(&self) {
        self.took();
        if self.pass(Happening::Answered).is_some() {
            tracing::info!("store answers again, the spool is being emptied");
        }
    }

    pub fn emptied(&self) {
        if let Some((Place::Returning { since, .. }, Place::Home)) = self.pass(Happening::Emptied) {
            tracing::info!(
                away_s = since.elapsed().as_secs(),
                "store is back, everything in the spool was moved to it"
            );
        }
    }

    /// How long it has not been home.
    pub fn away_for(&self) -> Option<Duration> {
        match &*self.place.borrow() {
            Place::Home => None,
            Place::Away { since, .. } | Place::Returning { since, .. } => Some(since.elapsed()),
        }
    }

    /// The places before and after, when it moved.
    fn pass(&self, happening: Happening) -> Option<(Place, Place)> {
        let mut passed = None;
        self.place.send_if_modified(|place| {
            let after = place.after(happening, Instant::now());
            let moved = *place != after;
            if moved {
                metrics::away(after != Place::Home);
                passed = Some((std::mem::replace(place, after.clone()), after));
            }
            moved
        });
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_leads_away_and_only_an_empty_spool_leads_home() {
        use Happening::{Answered, Emptied, Failed};
        let (then, now) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let (late, gone) = (Trouble::Late, Trouble::Unreachable);
        let away = |since, why| Place::Away { since, why };
        let returning = |since, why| Place::Returning { since, why };
        for (before, happening, after) in [
            (Place::Home, Failed(late), away(now, late)),
            (Place::Home, Answered, Place::Home),
            (Place::Home, Emptied, Place::Home),
            (away(then, late), Failed(gone), away(then, late)),
            (away(then, gone), Failed(Trouble::Distrusted), away(then, Trouble::Distrusted)),
            (away(then, Trouble::Distrusted), Failed(gone), away(then, Trouble::Distrusted)),
            (away(then, late), Answered, returning(then, late)),
            (away(then, late), Emptied, away(then, late)),
            (returning(then, late), Failed(gone), away(then, gone)),
            (returning(then, late), Answered, returning(then, late)),
            (returning(then, late), Emptied, Place::Home),
        ] {
            assert_eq!(before.after(happening, now), after, "{before:?} {happening:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_leads_away_from_a_home_that_takes_nothing() {
        let late = Failure::retry("no answer in time");
        let home = Gate::new(Ok(()), true);
        home.took();
        home.doubted(&late);
        assert!(!home.is_reachable(), "there is nothing it is busy with");
        let returning = Gate::new(Ok(()), false);
        returning.took();
        returning.doubted(&late);
        assert!(returning.is_reachable(), "it is busy with what waited");
        tokio::time::advance(BREATH).await;
        returning.doubted(&late);
        assert!(!returning.is_reachable());
        returning.answered();
        returning.failed(&late);
        assert!(!returning.is_reachable(), "whoever empties knows");
    }

    #[test]
    fn what_a_driver_says_is_told_without_its_words() {
        for (said, trouble) in [
            ("postgres: no answer in time", Trouble::Late),
            ("postgres: pool timed out while waiting for an open connection", Trouble::Late),
            ("postgres: error communicating with database: Connection refused (os error 111)", Trouble::Unreachable),
            ("postgres: the database takes no writes", Trouble::ReadOnly),
            ("postgres: error communicating with database: invalid peer certificate: Expired", Trouble::Distrusted),
            ("cannot reach postgres db.example.com: password authentication failed for user \"jo\"", Trouble::Refuses),
        ] {
            assert_eq!(Trouble::from(&Failure::retry(said)), trouble, "{said}");
            assert!(!trouble.as_str().contains("jo"));
        }
    }
}
