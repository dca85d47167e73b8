//! What people say of an alert.

use super::acknowledgement::{Acknowledgement, How};
use super::draft::Draft;
use super::machine::Desk;
use super::receipt::What;
use super::reply::Answer;
use super::state::{AlertState, Place, Telling, Word};
use super::step;

impl Draft {
    pub fn replied(&mut self, (contact, place): (&str, Option<Place>), answer: Answer, how: How, desk: &Desk) {
        let is_meant = |telling: &Telling| place.is_none_or(|place| telling.place == place);
        let mine = |telling: &&mut Telling| &*telling.contact == contact && is_meant(telling);
        let Some(telling) = self.alert.told.iter_mut().rev().find(mine) else { return };
        let repeated = telling.answer.replace(answer) == Some(answer);
        if !repeated {
            self.note(What::Replied { contact: contact.into(), answer });
        }
        match answer {
            Answer::Take => self.acknowledged(contact, how, desk),
            Answer::Pass if repeated => {}
            // A key of an earlier step says nothing of this one.
            Answer::Pass if place.is_some_and(|place| place != self.alert.place) => {}
            Answer::Pass => self.passed(contact),
        }
    }

    /// The next step at once, if it was this step's turn.
    fn passed(&mut self, contact: &str) {
        let asked = self.alert.current().any(|telling| &*telling.contact == contact);
        if asked && self.alert.state.is_running() && self.alert.plan.acknowledge_within_s.is_some() {
            self.alert.next_at = Some(self.now);
        }
    }

    pub fn acknowledged(&mut self, by: &str, how: How, desk: &Desk) {
        if matches!(self.alert.state, AlertState::Acknowledged | AlertState::Resolved) {
            return;
        }
        let late = self.alert.state == AlertState::Unanswered;
        self.end(AlertState::Acknowledged);
        self.alert.acknowledged = Some(Acknowledgement { by: by.into(), how, at: self.now });
        self.note(What::Acknowledged { by: by.into(), how, late });
        step::reassure(self, by, desk);
        step::push_last(self, Word::Taken);
    }

    pub fn resolved(&mut self, by: &str, how: How) {
        if self.alert.state != AlertState::Resolved {
            self.end(AlertState::Resolved);
            self.alert.resolved = Some(Acknowledgement { by: by.into(), how, at: self.now });
            self.note(What::Resolved { by: by.into(), how });
        }
    }
}
