//! One alert whose clock runs: waits until the next step is due, tells it, has those phoned who are to be. Stops when
//! somebody took the alert, or nobody did. A crash loses nothing: whoever starts it again reads the alert from the
//! store, where every step was written before or with what it tells people.
//!
//! Deadlines are kept as times of the wall clock, because a later life must find them. Within one life they are waited
//! for by the machine's monotonic clock: a wall clock that is set neither skips a step nor tells one twice, and does not
//! move a deadline at all. What is stored then moves with the clock ([`AlertEvent::ClockMoved`]), within a second, so
//! that a kill after that finds the deadline where it really is. A clock that is set while nothing runs cannot be told
//! from time that passed: set forward, what has come due is told once, and the step after it a full wait later; set
//! back, nobody waits longer than one full wait.

mod telling;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use engine::alert::{Alert, AlertEvent, Place};
use engine::failure::Failure;
use engine::ids::AlertId;
use engine::time::Timestamp;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, MessagingErr, SpawnErr};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::warn;

use crate::alerts::ledger::Desktop;
use crate::alerts::push;
use crate::lead::Lead;
use crate::metrics::alerts::{Open, Walked};
use crate::metrics::{self, Alive};

/// Milliseconds. Smaller differences between the two clocks are their own: a clock that is kept right is moved gently.
pub(crate) const MOVED: i64 = 500;
/// How often a change is decided again when others were first.
const RACES: usize = 8;
/// How long a store that is away is left alone.
const AGAIN: Duration = Duration::from_secs(1);

/// What every alert needs of the world.
pub(crate) struct Context {
    pub desk: Desktop,
    pub lead: Lead,
    pub walked: Walked,
    /// How many of the team are phoned at once.
    pub lines: Arc<Semaphore>,
    /// How much is posted at once, and what.
    pub pushes: Arc<Semaphore>,
    pub pushing: push::UnderWay,
}

pub(crate) enum Message {
    /// Somebody else may have changed it.
    Reload,
    /// The timer, as armed the `n`th time.
    Due(u64),
    /// The wall clock may have been set.
    CheckClock,
}

pub(crate) async fn spawn(
    alert: AlertId,
    context: Arc<Context>,
    parent: ActorCell,
) -> Result<ActorRef<Message>, SpawnErr> {
    Ok(Actor::spawn_linked(None, AlertActor, (alert, context), parent).await?.0)
}

struct AlertActor;

struct State {
    alert: Alert,
    context: Arc<Context>,
    /// Both clocks at the same moment, since when `next_at` is meant.
    anchor: (Timestamp, Instant),
    due: Option<Instant>,
    timer: Option<JoinHandle<Result<(), MessagingErr<Message>>>>,
    armed: u64,
    /// Calls handed over in this life.
    dialled: HashSet<(Box<str>, Place)>,
    /// Since when the texts of this step are waited for, until they were looked at.
    texted: Option<(Place, Instant)>,
    /// The last step whose texts were looked at.
    looked_at: Option<Place>,
    /// What is in memory may be older than what is stored.
    stale: bool,
    open: Open,
    _alive: Alive,
}

impl Actor for AlertActor {
    type Msg = Message;
    type State = State;
    type Arguments = (AlertId, Arc<Context>);

    async fn pre_start(
        &self,
        _: ActorRef<Message>,
        (id, context): (AlertId, Arc<Context>),
    ) -> Result<State, ActorProcessingErr> {
        let alert = context.desk.ledger.store.alert(None, id).await?.ok_or_else(|| Failure::fail("no such alert"))?;
        let anchor = (context.desk.ledger.clock.now(), Instant::now());
        let _alive = metrics::alive("alert");
        let open = context.walked.open(alert.priority);
        let (due, timer, armed, dialled, stale) = (None, None, 0, HashSet::new(), false);
        let (texted, looked_at) = (None, None);
        let mut state =
            State { alert, context, anchor, due, timer, armed, dialled, texted, looked_at, stale, open, _alive };
        state.wait_anew();
        Ok(state)
    }

    async fn post_start(&self, myself: ActorRef<Message>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.context.desk.publish(&state.alert).await;
        state.go_on(&myself);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let done = match message {
            Message::Reload => state.on_reload(&myself).await,
            Message::Due(armed) if armed == state.armed => state.on_due(&myself).await,
            Message::Due(_) => Ok(()),
            Message::CheckClock => state.on_check_clock(&myself).await,
        };
        if let Err(failure) = done {
            warn!(alert.id = %state.alert.id, %failure, "alert could not go on, will retry");
            state.arm(&myself, AGAIN);
        }
        Ok(())
    }
}

impl State {
    async fn on_reload(&mut self, myself: &ActorRef<Message>) -> Result<(), Failure> {
        self.stale = true;
        self.reload().await?;
        self.context.desk.publish(&self.alert).await;
        self.go_on(myself);
        Ok(())
    }

    async fn on_due(&mut self, myself: &ActorRef<Message>) -> Result<(), Failure> {
        if self.stale {
            self.reload().await?;
        }
        self.heed_clock().await?;
        self.look_at_texts().await?;
        if self.due.is_some_and(|due| due <= Instant::now()) {
            self.apply(&AlertEvent::StepDue).await?;
        }
        self.go_on(myself);
        Ok(())
    }

    async fn on_check_clock(&mut self, myself: &ActorRef<Message>) -> Result<(), Failure> {
        self.heed_clock().await?;
        self.go_on(myself);
        Ok(())
    }

    /// Moves what is stored by as much as the wall clock was set since `next_at` was written.
    async fn heed_clock(&mut self) -> Result<(), Failure> {
        for _ in 0..RACES {
            let (wall, mono) = (self.context.desk.ledger.clock.now(), Instant::now());
            let by_ms = set_by(self.anchor, (wall, mono));
            if by_ms.abs() < MOVED || self.alert.next_at.is_none() {
                return Ok(());
            }
            let due = self.due;
            if self.apply(&AlertEvent::ClockMoved { by_ms }).await? {
                // The deadline itself has not moved.
                (self.due, self.anchor) = (due, (wall, mono));
            }
        }
        Ok(())
    }

    /// Decides on what is in memory; false, and read again, when somebody else was first or nothing came of it.
    async fn apply(&mut self, event: &AlertEvent) -> Result<bool, Failure> {
        let Some(change) = self.context.desk.decide(&self.alert, event) else {
            self.due = self.due.filter(|_| self.alert.state.is_running());
            return Ok(false);
        };
        if self.context.desk.write(self.alert.state, &change).await? {
            self.adopt(change.alert);
            return Ok(true);
        }
        self.reload().await?;
        Ok(false)
    }

    /// As often as others are first.
    async fn insist(&mut self, event: &AlertEvent) -> Result<(), Failure> {
        for _ in 0..RACES {
            if self.apply(event).await? {
                break;
            }
        }
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), Failure> {
        if let Some(alert) = self.context.desk.ledger.store.alert(None, self.alert.id).await? {
            self.adopt(alert);
        }
        self.stale = false;
        Ok(())
    }

    fn adopt(&mut self, alert: Alert) {
        let moved = alert.next_at != self.alert.next_at;
        if alert.priority != self.alert.priority {
            self.open = self.context.walked.open(alert.priority);
        }
        self.alert = alert;
        if moved {
            self.wait_anew();
        }
    }

    /// Both clocks are in step now: from here on only the monotonic one counts.
    fn wait_anew(&mut self) {
        self.anchor = (self.context.desk.ledger.clock.now(), Instant::now());
        let (now, mono) = self.anchor;
        self.due = self.alert.next_at.map(|at| mono + at.since(now).min(self.longest_wait()));
    }

    /// A clock that was set back while nothing ran must not hold anybody up.
    fn longest_wait(&self) -> Duration {
        self.alert.plan.wait().max(engine::alert::HOLD)
    }

    /// Has those phoned who are to be, and waits for what is next; ends when nothing is.
    fn go_on(&mut self, myself: &ActorRef<Message>) {
        self.push(myself);
        if !self.alert.state.is_running() {
            myself.stop(Some("over".to_owned()));
            return;
        }
        self.dial(myself);
        self.wait_for_texts();
        let look = self.texted.map(|(_, since)| since + self.patience());
        if let Some(next) = self.due.into_iter().chain(look).min() {
            self.arm(myself, next.saturating_duration_since(Instant::now()));
        }
    }

    fn arm(&mut self, myself: &ActorRef<Message>, wait: Duration) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
        self.armed += 1;
        let armed = self.armed;
        self.timer = Some(myself.send_after(wait, move || Message::Due(armed)));
    }
}

/// By how many milliseconds the wall clock was set between these two looks at both clocks.
pub(crate) fn set_by(then: (Timestamp, Instant), now: (Timestamp, Instant)) -> i64 {
    let passed = i64::try_from((now.1 - then.1).as_millis()).unwrap_or(i64::MAX);
    now.0.as_millis().saturating_sub(then.0.as_millis()).saturating_sub(passed)
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
    }
}
