//! The alert machine: what is there and one event in, one change out. Pure: asks no clock, dials nobody.

use super::change::Change;
use super::draft::Draft;
use super::event::AlertEvent;
use super::notice::{Notice, Reason};
use super::receipt::What;
use super::state::{Alert, AlertState, Place};
use super::words;
use crate::ids::{CallId, TenantId};
use crate::playbook::Playbook;
use crate::sms::NewSms;
use crate::time::Timestamp;

/// What an alert is decided with.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// The business as it is now; `None` when it is not served any more. Then nobody new can be told.
    pub playbook: Option<&'a Playbook>,
    pub now: Timestamp,
}

/// Whose an alert is.
#[derive(Clone, Debug)]
pub struct Owner {
    pub tenant: TenantId,
    pub call: Option<CallId>,
}

impl Alert {
    /// The alert that this notice opens, with the texts its frame owes for it.
    pub fn opened(notice: &Notice, of: Owner, texts: &[&NewSms], now: Timestamp) -> Change {
        let alert = Alert {
            id: notice.alert,
            tenant: of.tenant,
            call: of.call,
            reason: notice.reason,
            priority: notice.priority,
            state: AlertState::Open,
            by: notice.by.clone(),
            words: notice.words.clone(),
            plan: notice.plan.clone(),
            place: Place::default(),
            next_at: Some(notice.first_at),
            opened_at: now,
            updated_at: now,
            acknowledged: None,
            resolved: None,
            told: Vec::new(),
            watching: notice.watching,
            reassured: 0,
            version: 0,
            entries: 0,
        };
        let mut draft = Draft::of(alert, now);
        let (by, priority, words) = (notice.by.clone(), notice.priority, notice.words.clone());
        draft.note(What::Opened { by, priority, words });
        draft.first_told(texts);
        draft.done()
    }

    /// The same alert after one more notice, with the texts its frame owes. More urgent than before, or over already:
    /// it begins again, with the roster of this notice. Else the words are appended and the walk goes on.
    pub fn noticed(&self, notice: &Notice, texts: &[&NewSms], now: Timestamp) -> Change {
        let mut draft = Draft::of(self.clone(), now);
        let alert = &mut draft.alert;
        // Whoever has taken it knows nothing of another text that was lost.
        let lost_again = notice.reason == Reason::Undelivered && !alert.state.is_running();
        let again = lost_again
            || notice.priority < alert.priority
            || matches!(alert.state, AlertState::Unanswered | AlertState::Resolved) && !texts.is_empty();
        words::newer(&mut alert.words, &notice.words);
        if again {
            alert.priority = alert.priority.min(notice.priority);
            alert.plan = notice.plan.clone();
            alert.place = Place { walk: alert.place.walk + 1, ..Place::default() };
            alert.state = AlertState::Open;
            (alert.acknowledged, alert.resolved) = (None, None);
            alert.next_at = Some(notice.first_at);
        } else if !alert.has_begun() && alert.state.is_running() {
            alert.plan = notice.plan.clone();
            alert.next_at = alert.next_at.map(|at| at.min(notice.first_at));
        }
        alert.words.priority = alert.priority;
        let (by, priority, words) = (notice.by.clone(), notice.priority, notice.words.clone());
        draft.note(What::Updated { by, priority, words, again });
        draft.first_told(texts);
        draft.done()
    }

    /// `None`: it changes nothing.
    pub fn decide(&self, event: &AlertEvent, desk: &Desk) -> Option<Change> {
        let mut draft = Draft::of(self.clone(), desk.now);
        match event {
            AlertEvent::StepDue => draft.step_due(desk),
            AlertEvent::ClockMoved { by_ms } => draft.clock_moved(*by_ms),
            AlertEvent::Dialling { contact, place, whom } => draft.dialling(contact, *place, whom),
            AlertEvent::Called { contact, place, fate, why } => draft.called(contact, *place, *fate, why.as_deref()),
            AlertEvent::Texted { sms, fate, why } => draft.texted(*sms, *fate, why.as_deref()),
            AlertEvent::Held { sms, why } => draft.held(*sms, why),
            AlertEvent::Pushed { place, word, fate, why } => draft.pushed(*place, *word, *fate, why.as_deref()),
            AlertEvent::Restarted => draft.restarted(),
            AlertEvent::Replied { contact, place, answer, how } => {
                draft.replied((contact, *place), *answer, *how, desk)
            }
            AlertEvent::Acknowledged { by, how } => draft.acknowledged(by, *how, desk),
            AlertEvent::Resolved { by, how } => draft.resolved(by, *how),
        }
        let changed = draft.alert != *self;
        changed.then(|| draft.done())
    }
}
