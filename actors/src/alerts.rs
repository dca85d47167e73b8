//! Every alert whose clock runs, each looked after by an actor of its own; and the ways in which people change one.
//!
//! Alerts are opened by the frames of calls: the committer says which ones to look at. What is not looked after (a start
//! that failed, more alerts than there is room for) is found by a sweep of the store. An alert that dies is started
//! again from the store. Runs until [`Alerts::stop`], on the node that leads; should this actor itself die, or another
//! node have led in between, it is started again and takes them all up anew. On the other nodes people change alerts all
//! the same: that is written in the store, guarded, and the node that leads is told.

pub(crate) mod dial;
mod hearing;
pub(crate) mod ledger;
pub(crate) mod push;
mod replies;
mod supervisor;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::alert::{self, Alert, AlertEvent, AlertState, Answer, How, Owner};
use engine::failure::Failure;
use engine::ids::{AlertId, TenantId};
use engine::playbook::{Playbook, Shift};
use engine::priority::Priority;
use parking_lot::RwLock;
use ractor::{Actor, ActorRef};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::sleep;
use tracing::{error, info};

use self::ledger::{Applied, Desktop};
use self::supervisor::{Message, Supervisor};
use crate::alert::Context;
use crate::bus::LocalBus;
use crate::lead::{Lead, Life};
use crate::limits::Limits;
use crate::metrics::{self, alerts::Walked};
use crate::sms_pool::SmsPool;
use crate::supervise::{Supervised, supervise};

pub use self::ledger::Ledger;

/// First and longest wait between two starts.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The only way to alerts. Cheap to clone.
#[derive(Clone)]
pub struct Alerts {
    /// None until this node leads for the first time.
    actor: Arc<RwLock<Option<ActorRef<Message>>>>,
    lead: Lead,
    context: Arc<Context>,
    limits: Arc<Limits>,
    stopping: Arc<AtomicBool>,
}

impl Alerts {
    /// Takes up every alert whose clock runs, once this node leads. Fails when the store cannot be read.
    pub(crate) async fn start(
        ledger: Ledger,
        sms_pool: SmsPool,
        lead: Lead,
        feed: &LocalBus,
        limits: Arc<Limits>,
    ) -> Result<(Alerts, Supervised), Failure> {
        let lines = Arc::new(Semaphore::new(limits.staff_calls.max(1)));
        let pushes = Arc::new(Semaphore::new(limits.staff_pushes.max(1)));
        let desk = Desktop { ledger, sms_pool };
        let (walked, pushing) = (Walked::default(), push::UnderWay::default());
        let context = Arc::new(Context { desk, lead: lead.clone(), walked, lines, pushes, pushing });
        // Before anything is read: what is reported in between is heard twice, never missed.
        let updates = Arc::new(Mutex::new(feed.subscribe()));
        let alerts = Alerts { actor: Arc::default(), lead, context, limits, stopping: Arc::default() };
        let first = match alerts.lead.term() {
            Some(term) => Some(alerts.begin(term).await?),
            None => None,
        };
        tokio::spawn(alerts.clone().keep_alive(first));
        let listener = alerts.clone();
        let hearing = supervise("alerts_hearing", move || hearing::hear(listener.clone(), updates.clone()));
        Ok((alerts, hearing))
    }

    /// Something was committed about this alert. Where another node leads, that one is told.
    pub(crate) fn look_at(&self, alert: AlertId) {
        self.lead.owes(Some(alert));
        self.look_here(alert);
    }

    /// Something was committed about this alert, wherever it was.
    pub(crate) fn look_here(&self, alert: AlertId) {
        self.tell(Message::LookAt(alert));
    }

    /// Something may have been committed about any.
    pub(crate) fn look_around(&self) {
        self.tell(Message::LookAround);
    }

    fn tell(&self, message: Message) {
        // One that is being started again looks at all of them anyway; where another node leads, that one does.
        if let Some(actor) = &*self.actor.read() {
            let _ = actor.cast(message);
        }
    }

    /// Whether whoever looks after them still answers.
    pub(crate) async fn answers(&self, within: Duration) -> bool {
        let Some(actor) = self.actor.read().clone() else { return false };
        actor.call(Message::AreYouThere, Some(within)).await.is_ok_and(|answer| answer.is_success())
    }

    /// `None`: no such alert. Whoever is second changes nothing: the alert is returned as it stands.
    pub async fn acknowledge(&self, id: AlertId, by: &str, how: How) -> Result<Option<Alert>, Failure> {
        self.change(id, &AlertEvent::Acknowledged { by: by.into(), how }).await
    }

    pub async fn resolve(&self, id: AlertId, by: &str, how: How) -> Result<Option<Alert>, Failure> {
        self.change(id, &AlertEvent::Resolved { by: by.into(), how }).await
    }

    /// Somebody who was told says something of this alert, whatever they were told last.
    pub async fn answered(
        &self,
        id: AlertId,
        contact: &str,
        answer: Answer,
        how: How,
    ) -> Result<Option<Alert>, Failure> {
        self.change(id, &AlertEvent::Replied { contact: contact.into(), place: None, answer, how }).await
    }

    /// Tells the roster of this priority that it is a test. `nonce` makes it an alert of its own. `None`: no such tenant.
    pub async fn drill(&self, tenant: &TenantId, priority: Priority, nonce: &str) -> Result<Option<Alert>, Failure> {
        let desk = &self.context.desk;
        let Some(playbook) = desk.ledger.tenants.get(tenant) else { return Ok(None) };
        let now = desk.ledger.clock.now();
        let notice = alert::drill(&playbook, tenant, priority, (nonce, now));
        let owner = Owner { tenant: tenant.clone(), call: None };
        let opened = Alert::opened(&notice, owner, &[], now);
        desk.write(AlertState::Open, &opened).await?;
        self.look_at(notice.alert);
        desk.ledger.store.alert(None, notice.alert).await
    }

    /// Somebody is on call until a time, whoever's turn it is. Counts at once, and after a restart.
    pub async fn take_shift(&self, playbook: &Playbook, shift: Shift) -> Result<(), Failure> {
        let tenant = &playbook.tenant;
        self.context.desk.ledger.store.keep_shift(tenant, &shift).await?;
        info!(%tenant, contact = %shift.contact, until = %shift.until, "shift taken over");
        playbook.shifts.put(tenant.clone(), shift);
        Ok(())
    }

    async fn change(&self, id: AlertId, event: &AlertEvent) -> Result<Option<Alert>, Failure> {
        Ok(match self.context.desk.apply(id, event).await? {
            Applied::Changed(alert) => {
                self.look_at(id);
                Some(*alert)
            }
            Applied::Unchanged(alert) => Some(*alert),
            Applied::Unknown => None,
        })
    }

    /// Nobody new is told from now on. Calls under way are cut, and unknown at the next start.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.context.lines.close();
        self.context.pushes.close();
        self.end().await;
    }

    async fn end(&self) {
        let actor = self.actor.read().clone();
        if let Some(actor) = actor {
            let _ = actor.stop_and_wait(None, None).await;
        }
    }

    /// Nobody is looked after here while another node leads: what this one does not trust, it does not walk.
    async fn keep_alive(self, mut life: Option<Life>) {
        loop {
            let known = life.as_ref().map(|life| life.term);
            let term = tokio::select! {
                term = self.lead.another_term(known) => {
                    self.end().await;
                    term
                }
                term = Life::ended(&mut life) => {
                    if self.stopping.load(Ordering::Acquire) {
                        return;
                    }
                    error!("alerts died, starting them again");
                    metrics::restarted("alerts", "died");
                    term
                }
            };
            life = Some(self.begin_until_done(term).await);
            if self.stopping.load(Ordering::Acquire) {
                self.end().await;
            }
        }
    }

    async fn begin_until_done(&self, term: u64) -> Life {
        let (mut wait, longest) = BACK_OFF;
        loop {
            sleep(wait).await;
            match self.begin(term).await {
                Ok(life) => return life,
                Err(failure) => error!(%failure, "alerts do not start, will retry"),
            }
            wait = (wait * 2).min(longest);
        }
    }

    async fn begin(&self, term: u64) -> Result<Life, Failure> {
        settle_cut_calls(&self.context, self.limits.alerts).await?;
        let started = Actor::spawn(None, Supervisor, (self.context.clone(), self.limits.clone())).await;
        let (actor, ended) = started.map_err(|died| Failure::retry(format!("alerts: {died}")))?;
        *self.actor.write() = Some(actor);
        Ok(Life { term, ended })
    }
}

/// At start: whoever was being phoned when the process ended is not phoned again.
async fn settle_cut_calls(context: &Context, limit: usize) -> Result<(), Failure> {
    for alert in context.desk.ledger.store.running(limit).await? {
        context.desk.apply(alert.id, &AlertEvent::Restarted).await?;
    }
    Ok(())
}
