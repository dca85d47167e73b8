//! What people of the team say back: a key during a call, a text, the word that they take the shift.

use async_trait::async_trait;
use engine::alert::{Alert, AlertState, Answer, CallName, How, came_of};
use engine::failure::Failure;
use engine::ids::{AlertId, TenantId};
use engine::phone::PhoneNumber;
use engine::playbook::oncall::shift_taken;
use engine::playbook::{Contact, Language, Playbook, Shift};
use engine::ports::{AlertsWanted, Heard, Replies, Reply};
use engine::time::Timestamp;
use tracing::info;

use super::Alerts;

/// Alerts of one tenant looked through for whoever replies.
const RECENT: usize = 100;

/// An alert that was told somebody, and to whom.
struct Told {
    at: Timestamp,
    alert: AlertId,
    contact: Box<str>,
    language: Language,
}

impl Alerts {
    /// A key was pressed in the call of this name. What is to be said to whoever pressed it; `None`: nobody was called
    /// under this name, by this tenant where one is given.
    pub async fn keyed(
        &self,
        name: &CallName,
        tenant: Option<&TenantId>,
        answer: Answer,
    ) -> Result<Option<String>, Failure> {
        let ledger = &self.context.desk.ledger;
        let Some(alert) = ledger.store.alert(tenant, name.alert).await? else { return Ok(None) };
        let Some(telling) = alert.told.iter().find(|telling| name.is_of(telling)) else { return Ok(None) };
        let playbook = ledger.tenants.get(&alert.tenant);
        let contact = playbook.as_ref().and_then(|playbook| playbook.contact(&telling.contact));
        let language = contact.map_or(Language::En, |contact| contact.language);
        let after = self.answered(alert.id, &telling.contact, answer, How::Keypress).await?;
        Ok(after.map(|alert| came_of(language, &telling.contact, &alert)))
    }

    /// A text from this number: an answer to the alert its owner was told of last and that is not taken yet, or the
    /// word that its owner takes the shift. What is to be said back; `None`: nobody of the team, nothing to answer, or
    /// words that are no answer.
    async fn replied(&self, reply: &Reply) -> Result<Option<String>, Failure> {
        if let Some(minutes) = shift_taken(&reply.body) {
            return self.takes_shift(reply, minutes).await;
        }
        let Some(answer) = Answer::read(&reply.body) else { return Ok(None) };
        let Some(told) = self.told_last(reply.tenant.as_ref(), &reply.from).await? else { return Ok(None) };
        let after = self.answered(told.alert, &told.contact, answer, How::Reply).await?;
        Ok(after.map(|alert| came_of(told.language, &told.contact, &alert)))
    }

    /// The untaken alert whose telling reached this number last, in whichever business its owner is somebody.
    async fn told_last(&self, tenant: Option<&TenantId>, number: &PhoneNumber) -> Result<Option<Told>, Failure> {
        let mut last: Option<Told> = None;
        for playbook in &self.context.desk.ledger.tenants.in_force().playbooks {
            let owners = owners(playbook, tenant, number);
            if owners.is_empty() {
                continue;
            }
            for alert in self.untaken(&playbook.tenant).await? {
                let told = told_to(&alert, &owners);
                last = last.into_iter().chain(told).max_by_key(|told| told.at);
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
            let known = owners(playbook, reply.tenant.as_ref(), &reply.from).first().copied();
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
fn owners<'a>(playbook: &'a Playbook, tenant: Option<&TenantId>, number: &PhoneNumber) -> Vec<&'a Contact> {
    let meant = tenant.is_none_or(|tenant| *tenant == playbook.tenant);
    playbook.contacts.iter().filter(|contact| meant && contact.phone == *number).collect()
}

fn told_to(alert: &Alert, owners: &[&Contact]) -> Option<Told> {
    alert.told.iter().rev().find_map(|telling| {
        let contact = owners.iter().find(|contact| contact.name == telling.contact)?;
        let (contact, language) = (contact.name.clone(), contact.language);
        Some(Told { at: telling.at, alert: alert.id, contact, language })
    })
}

fn on_call_until(language: Language, minutes: u16) -> String {
    let (hour, minute) = (minutes / 60, minutes % 60);
    match language {
        Language::Fr => format!("C'est noté: vous êtes de garde jusqu'à {hour} h {minute:02}."),
        Language::En => format!("Noted: you are on call until {hour}:{minute:02}."),
    }
}
