//! What people of the team say back: a key during a call, a text, the word that they take the shift.

use async_trait::async_trait;
use engine::alert::{Alert, AlertEvent, AlertState, Answer, CallName, How, Telling, came_of, came_of_in_a_text};
use engine::failure::Failure;
use engine::ids::{AlertId, TenantId};
use engine::playbook::oncall::shift_taken;
use engine::playbook::{Contact, Language, Playbook, Shift};
use engine::ports::{AlertsWanted, CallOutcome, Heard, Replies, Reply};
use tracing::info;

use super::{Alerts, dial};

/// Alerts of one tenant looked through for whoever replies.
const RECENT: usize = 100;

/// An alert that was told somebody, and to whom.
struct Told {
    alert: AlertId,
    telling: Telling,
    language: Language,
}

impl Alerts {
    /// A key was pressed in the call of this name. What is to be said to whoever pressed it; `None`: nobody was called
    /// under this name, by those whom `may` names.
    pub async fn keyed(
        &self,
        name: &CallName,
        may: impl Fn(&TenantId) -> bool,
        answer: Answer,
    ) -> Result<Option<String>, Failure> {
        let Some((tenant, telling)) = self.rung(name, may).await? else { return Ok(None) };
        let playbook = self.context.desk.ledger.tenants.get(&tenant);
        let contact = playbook.as_ref().and_then(|playbook| playbook.contact(&telling.contact));
        let language = contact.map_or(Language::En, |contact| contact.language);
        // Whoever waited for the call may be gone, and with them the word that somebody picked up.
        self.called(name, &telling, CallOutcome::Answered { answer: None }).await?;
        let (contact, place) = (telling.contact.clone(), Some(telling.place));
        let replied = AlertEvent::Replied { contact, place, answer, how: How::Keypress };
        let after = self.change(name.alert, &replied).await?;
        Ok(after.map(|alert| came_of(language, &telling, answer, &alert)))
    }

    /// The call of this name has ended, and nobody waits for it any more. False: there is none, as for [`Alerts::keyed`].
    pub async fn ended(
        &self,
        name: &CallName,
        may: impl Fn(&TenantId) -> bool,
        outcome: CallOutcome,
    ) -> Result<bool, Failure> {
        let Some((_, telling)) = self.rung(name, may).await? else { return Ok(false) };
        self.called(name, &telling, outcome).await.map(|()| true)
    }

    async fn rung(
        &self,
        name: &CallName,
        may: impl Fn(&TenantId) -> bool,
    ) -> Result<Option<(TenantId, Telling)>, Failure> {
        let Some(alert) = self.context.desk.ledger.store.alert(None, name.alert).await? else { return Ok(None) };
        let telling = alert.told.iter().find(|telling| name.is_of(telling)).filter(|_| may(&alert.tenant));
        Ok(telling.map(|telling| (alert.tenant.clone(), telling.clone())))
    }

    async fn called(&self, name: &CallName, telling: &Telling, outcome: CallOutcome) -> Result<(), Failure> {
        let (fate, why, _) = dial::read(outcome);
        let (contact, place) = (telling.contact.clone(), telling.place);
        self.change(name.alert, &AlertEvent::Called { contact, place, fate, why }).await.map(drop)
    }

    /// A text from this number: an answer to the alert its owner was told of last and that is not taken yet, or the
    /// word that its owner takes the shift. What is to be said back; `None`: nobody of the team, nothing to answer, or
    /// words that are no answer.
    async fn replied(&self, reply: &Reply) -> Result<Option<String>, Failure> {
        if let Some(minutes) = shift_taken(&reply.body) {
            return self.takes_shift(reply, minutes).await;
        }
        let Some(answer) = Answer::read(&reply.body) else { return Ok(None) };
        let Some(Told { alert, telling, language }) = self.told_last(reply).await? else { return Ok(None) };
        let after = self.answered(alert, &telling.contact, answer, How::Reply).await?;
        Ok(after.map(|alert| came_of_in_a_text(language, &telling, answer, &alert)))
    }

    /// The untaken alert whose telling reached this number last, in whichever of the businesses its owner is somebody.
    async fn told_last(&self, reply: &Reply) -> Result<Option<Told>, Failure> {
        let mut last: Option<Told> = None;
        for playbook in &self.context.desk.ledger.tenants.in_force().playbooks {
            let owners = owners(playbook, reply);
            if owners.is_empty() {
                continue;
            }
            for alert in self.untaken(&playbook.tenant).await? {
                let told = told_to(&alert, &owners);
                last = last.into_iter().chain(told).max_by_key(|told| told.telling.at);
            }
        }
        Ok(last)
    }

    async fn untaken(&self, tenant: &TenantId) -> Result<Vec<Alert>, Failure> {
        let states = vec![AlertState::Open, AlertState::Escalated, AlertState::Unanswered];
        let wanted = AlertsWanted { tenant: Some(tenant.clone()), states, before: None, limit: RECENT };
        self.context.desk.ledger.store.alerts(&wanted).await
    }

    /// Its owner is on call until the clock on the wall shows this time, wherever people of theirs take turns.
    async fn takes_shift(&self, reply: &Reply, minutes: u16) -> Result<Option<String>, Failure> {
        let ledger = &self.context.desk.ledger;
        let now = ledger.clock.now();
        let mut answer = None;
        for playbook in ledger.tenants.in_force().playbooks.iter().filter(|playbook| playbook.oncall.is_some()) {
            let known = owners(playbook, reply).first().copied();
            if let (Some(contact), Some(until)) = (known, playbook.next_clock(minutes, now)) {
                let shift = Shift { contact: contact.name.clone(), until, by: contact.name.clone(), at: now };
                self.take_shift(playbook, shift).await?;
                answer = Some(on_call_until(contact.language, minutes));
            }
        }
        Ok(answer)
    }
}

#[async_trait]
impl Replies for Alerts {
    async fn hear(&self, reply: &Reply) -> Result<Heard, Failure> {
        Ok(match self.replied(reply).await? {
            Some(say) => Heard::Answered { say },
            None => {
                info!(sms.from = %reply.from.masked(), "a reply came in and nothing waits for one");
                Heard::NothingOpen
            }
        })
    }
}

/// Everybody in this playbook who has this number; nobody where it is another business's.
fn owners<'a>(playbook: &'a Playbook, reply: &Reply) -> Vec<&'a Contact> {
    let meant = reply.tenants.contains(&playbook.tenant);
    playbook.contacts.iter().filter(|contact| meant && contact.phone == reply.from).collect()
}

fn told_to(alert: &Alert, owners: &[&Contact]) -> Option<Told> {
    alert.told.iter().rev().find_map(|telling| {
        let contact = owners.iter().find(|contact| contact.name == telling.contact)?;
        Some(Told { alert: alert.id, telling: telling.clone(), language: contact.language })
    })
}

fn on_call_until(language: Language, minutes: u16) -> String {
    let (hour, minute) = (minutes / 60, minutes % 60);
    match language {
        Language::Fr => format!("C'est noté: vous êtes de garde jusqu'à {hour} h {minute:02}."),
        Language::En => format!("Noted: you are on call until {hour}:{minute:02}."),
    }
}
