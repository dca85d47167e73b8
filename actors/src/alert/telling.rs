//! How an alert has its people told: hands calls and posts over, and looks whether its texts have left.

use std::time::Duration;

use engine::alert::{AlertEvent, Fate, Telling, Way};
use engine::failure::Failure;
use engine::sms::SmsState;
use ractor::ActorRef;
use tokio::time::Instant;

use super::{Message, State};
use crate::alerts::dial::{self, Line};
use crate::alerts::push;

/// How long the texts of a step may take to leave before another way is taken.
const PATIENCE: Duration = Duration::from_secs(10);

impl State {
    pub(super) fn push(&self, myself: &ActorRef<Message>) {
        for post in push::owed(&self.alert) {
            let (context, myself) = (self.context.clone(), myself.clone());
            // On its own: what became of it is recorded even when this actor is over.
            tokio::spawn(async move {
                push::push(&context, post, || drop(myself.cast(Message::Reload))).await;
            });
        }
    }

    pub(super) fn dial(&mut self, myself: &ActorRef<Message>) {
        let owed = |by, fate| by == Way::Call && fate == Fate::Owed;
        let told: Vec<_> = self.alert.told.iter().filter(|telling| owed(telling.by, telling.fate)).cloned().collect();
        for telling in told {
            if self.dialled.insert((telling.contact.clone(), telling.place)) {
                let line = Line { alert: self.alert.id, contact: telling.contact, place: telling.place };
                let (context, myself) = (self.context.clone(), myself.clone());
                // On its own: what the person says is recorded even if this actor dies meanwhile.
                tokio::spawn(async move {
                    dial::dial(&context, line, || drop(myself.cast(Message::Reload))).await;
                });
            }
        }
    }

    /// Once per step, where there is another way to take.
    pub(super) fn wait_for_texts(&mut self) {
        let place = self.alert.place;
        let waited_for = self.texted.is_some_and(|(of, _)| of == place) || self.looked_at == Some(place);
        if !self.alert.plan.push || waited_for {
            return;
        }
        let texted = self.alert.told.iter().any(|told| told.by == Way::Sms && told.place == place);
        self.texted = texted.then(|| (place, Instant::now()));
    }

    /// A text that has not left by now may be held by anything: a breaker, a cap, a carrier that hangs.
    pub(super) async fn look_at_texts(&mut self) -> Result<(), Failure> {
        let Some((place, since)) = self.texted.filter(|(_, since)| since.elapsed() >= self.patience()) else {
            return Ok(());
        };
        let owed = |told: &&Telling| told.place == place && told.fate == Fate::Owed;
        for sms in self.alert.told.clone().iter().filter(owed).filter_map(|told| told.sms) {
            let text = self.context.desk.ledger.outbox.find(Some(&self.alert.tenant), sms).await?;
            if let Some(text) = text.filter(|text| is_held(text.state)) {
                let why = format!("a text is still {} after {} s", text.state.as_str(), since.elapsed().as_secs());
                self.insist(&AlertEvent::Held { sms, why: why.into() }).await?;
            }
        }
        (self.texted, self.looked_at) = (None, Some(place));
        Ok(())
    }

    /// What a business defers on purpose is not held.
    pub(super) fn patience(&self) -> Duration {
        let playbook = self.context.desk.ledger.tenants.get(&self.alert.tenant);
        PATIENCE + playbook.map_or(Duration::ZERO, |playbook| playbook.rule(self.alert.priority).text_delay)
    }
}

/// Nobody knows when it leaves, or whether it did.
const fn is_held(state: SmsState) -> bool {
    matches!(state, SmsState::Queued | SmsState::Sending | SmsState::Unknown)
}
