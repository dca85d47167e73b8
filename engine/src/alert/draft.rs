//! A change in the making: the alert as it will be, the lines of its receipt, the texts it owes. Who is told by which
//! step is `step`'s; what became of it, `reached`'s; what people say, `answers`'.

use super::acknowledgement::{Acknowledgement, How};
use super::change::Change;
use super::machine::Desk;
use super::receipt::{Entry, What};
use super::state::{Alert, AlertState, Fate, Place, Telling, Way, Word};
use super::step;
use crate::sms::NewSms;
use crate::time::Timestamp;

/// Lines of a receipt, but for what can only happen so often.
const MAX_ENTRIES: u64 = 1_000;

/// A change in the making.
pub(super) struct Draft {
    pub alert: Alert,
    pub now: Timestamp,
    entries: Vec<Entry>,
    pub texts: Vec<NewSms>,
}

impl Draft {
    pub fn of(alert: Alert, now: Timestamp) -> Draft {
        Draft { alert, now, entries: Vec::new(), texts: Vec::new() }
    }

    pub fn done(mut self) -> Change {
        self.alert.version += 1;
        self.alert.updated_at = self.now;
        Change { alert: self.alert, entries: self.entries, texts: self.texts }
    }

    /// What may go on for ever is written down only so often; it still counts.
    pub fn note(&mut self, what: What) {
        let endless = matches!(what, What::Replied { .. } | What::ClockMoved { .. } | What::Updated { .. });
        if endless && self.alert.entries >= MAX_ENTRIES {
            return;
        }
        self.alert.entries += 1;
        self.entries.push(Entry { seq: self.alert.entries, at: self.now, what });
    }

    pub fn tell(&mut self, telling: Telling) {
        let Telling { contact, by, place, word, sms, .. } = &telling;
        self.note(What::Told { contact: contact.clone(), by: *by, place: *place, word: *word, sms: *sms });
        self.alert.told.push(telling);
    }

    /// The texts of the first step are the frame's; its calls are the alert's. A business that only watches has nobody
    /// told, and no clock.
    pub fn first_told(&mut self, texts: &[&NewSms]) {
        if self.alert.watching {
            self.end(AlertState::Resolved);
            return;
        }
        if texts.is_empty() {
            return;
        }
        let begins = !self.alert.has_begun();
        let place = Place { walk: self.alert.place.walk, ..Place::default() };
        for text in texts {
            self.tell(step::telling(&text.contact, Way::Sms, place, self.now, Some(text.id)));
        }
        if begins && self.alert.state.is_running() {
            step::owe_calls(self);
            step::owe_push(self);
            self.alert.next_at = Some(self.now.plus(self.alert.plan.wait()));
        }
    }

    pub fn step_due(&mut self, desk: &Desk) {
        if !self.alert.state.is_running() {
            return;
        }
        match step::next(&self.alert) {
            Some(place) => step::tell(self, place, desk),
            None if self.alert.plan.acknowledge_within_s.is_none() && !step::was_in_vain(&self.alert) => {
                self.end(AlertState::Resolved);
                self.alert.resolved = Some(Acknowledgement { by: "clock".into(), how: How::Clock, at: self.now });
                self.note(What::Resolved { by: "clock".into(), how: How::Clock });
            }
            None => {
                self.end(AlertState::Unanswered);
                self.note(What::Unanswered);
                step::push_last(self, Word::Unanswered);
            }
        }
    }

    pub fn clock_moved(&mut self, by_ms: i64) {
        if let Some(at) = self.alert.next_at.filter(|_| by_ms != 0) {
            self.alert.next_at = Some(Timestamp::from_millis(at.as_millis().saturating_add(by_ms)));
            self.note(What::ClockMoved { by_ms });
        }
    }

    /// Nobody is told any more: what is owed and not begun is not owed any longer.
    pub fn end(&mut self, state: AlertState) {
        self.alert.state = state;
        self.alert.next_at = None;
        let owed = |telling: &&mut Telling| telling.by == Way::Call && telling.fate == Fate::Owed;
        for telling in self.alert.told.iter_mut().filter(owed) {
            (telling.fate, telling.fate_at) = (Fate::Failed, Some(self.now));
            telling.why = Some("not needed any more".into());
        }
    }
}
