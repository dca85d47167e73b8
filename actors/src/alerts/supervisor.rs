//! Starts an actor for every alert whose clock runs, and again for one that died.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::ids::AlertId;
use engine::time::Timestamp;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::alert::{self, Context};
use crate::limits::Limits;
use crate::metrics::{self, Alive};

/// How often the clocks are compared.
const TICK: Duration = Duration::from_secs(1);

pub(super) struct Supervisor;

pub(super) enum Message {
    LookAt(AlertId),
    LookAround,
    Tick,
    AreYouThere(RpcReplyPort<()>),
}

pub(super) struct State {
    context: Arc<Context>,
    limits: Arc<Limits>,
    running: HashMap<AlertId, LookedAfter>,
    ids: HashMap<ActorId, AlertId>,
    /// Looked at while it ended: it may have begun again.
    noticed: HashSet<AlertId>,
    clocks: (Timestamp, Instant),
    swept_at: Option<Instant>,
    /// Said already that there is no room.
    full: bool,
    _alive: Alive,
}

struct LookedAfter {
    actor: ActorRef<alert::Message>,
    /// As the last sweep saw it.
    version: u64,
}

impl Actor for Supervisor {
    type Msg = Message;
    type State = State;
    type Arguments = (Arc<Context>, Arc<Limits>);

    async fn pre_start(
        &self,
        myself: ActorRef<Message>,
        (context, limits): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let clocks = (context.desk.ledger.clock.now(), Instant::now());
        let (running, ids, noticed) = (HashMap::new(), HashMap::new(), HashSet::new());
        let _alive = metrics::alive("alerts");
        context.walked.show(context.lead.held());
        let mut state = State { context, limits, running, ids, noticed, clocks, swept_at: None, full: false, _alive };
        state.sweep(&myself).await?;
        Ok(state)
    }

    async fn post_start(&self, myself: ActorRef<Message>, _: &mut State) -> Result<(), ActorProcessingErr> {
        myself.send_after(TICK, || Message::Tick);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::LookAt(alert) => state.look_at(alert, &myself).await,
            Message::LookAround => state.look_around(&myself).await,
            Message::AreYouThere(here) => _ = here.send(()),
            Message::Tick => {
                state.on_tick(&myself).await;
                myself.send_after(TICK, || Message::Tick);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(who, why) => {
                error!(%why, "alert died, starting it again");
                metrics::restarted("alert", "panic");
                state.on_ended(who.get_id(), true, &myself).await;
            }
            SupervisionEvent::ActorTerminated(who, ..) => state.on_ended(who.get_id(), false, &myself).await,
            _ => {}
        }
        Ok(())
    }
}

impl State {
    async fn look_at(&mut self, id: AlertId, myself: &ActorRef<Message>) {
        match self.running.get(&id) {
            Some(alert) => {
                self.noticed.insert(id);
                let _ = alert.actor.cast(alert::Message::Reload);
            }
            None => self.start(id, 0, myself).await,
        }
    }

    async fn start(&mut self, id: AlertId, version: u64, myself: &ActorRef<Message>) {
        if self.running.len() >= self.limits.alerts {
            // The sweep takes it up when there is room.
            if !std::mem::replace(&mut self.full, true) {
                error!(alerts = self.limits.alerts, "too many alerts at once, those due later wait");
            }
            return;
        }
        self.full = false;
        match alert::spawn(id, self.context.clone(), myself.get_cell()).await {
            Ok(actor) => {
                self.ids.insert(actor.get_id(), id);
                self.running.insert(id, LookedAfter { actor, version });
            }
            Err(why) => {
                warn!(alert.id = %id, %why, "alert does not start, will retry");
                self.swept_at = None;
            }
        }
    }

    /// One that died, or was looked at while it ended, is started again; if it really is over, it ends at once.
    async fn on_ended(&mut self, who: ActorId, died: bool, myself: &ActorRef<Message>) {
        let Some(id) = self.ids.remove(&who) else { return };
        self.running.remove(&id);
        let noticed = self.noticed.remove(&id);
        if died || noticed {
            self.start(id, 0, myself).await;
        }
    }

    async fn on_tick(&mut self, myself: &ActorRef<Message>) {
        self.context.walked.show(self.context.lead.held());
        self.compare_clocks();
        let rested = self.swept_at.is_none_or(|at| at.elapsed() >= self.limits.alerts_sweep);
        if rested {
            self.look_around(myself).await;
        }
    }

    async fn look_around(&mut self, myself: &ActorRef<Message>) {
        if let Err(failure) = self.sweep(myself).await {
            self.swept_at = None;
            warn!(%failure, "alerts could not be looked for, will retry");
        }
    }

    fn compare_clocks(&mut self) {
        let now = (self.context.desk.ledger.clock.now(), Instant::now());
        let by_ms = alert::set_by(self.clocks, now);
        if by_ms.abs() < alert::MOVED {
            return;
        }
        warn!(by_ms, "the wall clock was set");
        self.clocks = now;
        for alert in self.running.values() {
            let _ = alert.actor.cast(alert::Message::CheckClock);
        }
    }

    /// Takes up what runs and nobody looks after. What another node changed, or ended, its own looks at again.
    async fn sweep(&mut self, myself: &ActorRef<Message>) -> Result<(), Failure> {
        let found = self.context.desk.ledger.store.running(self.limits.alerts).await?;
        self.swept_at = Some(Instant::now());
        let all = found.len() < self.limits.alerts;
        let mut ended: HashSet<AlertId> = if all { self.running.keys().copied().collect() } else { HashSet::new() };
        for alert in found {
            ended.remove(&alert.id);
            match self.running.get_mut(&alert.id) {
                None => self.start(alert.id, alert.version, myself).await,
                Some(known) if known.version < alert.version => {
                    known.version = alert.version;
                    let _ = known.actor.cast(alert::Message::Reload);
                }
                Some(_) => {}
            }
        }
        for alert in ended.iter().filter_map(|id| self.running.get(id)) {
            let _ = alert.actor.cast(alert::Message::Reload);
        }
        Ok(())
    }
}
