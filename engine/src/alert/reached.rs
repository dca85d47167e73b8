//! What became of those who were told.

use super::draft::Draft;
use super::receipt::What;
use super::state::{Fate, Place, Telling, Way, Word};
use super::step;
use crate::ids::SmsId;

impl Draft {
    pub fn texted(&mut self, sms: SmsId, fate: Fate, why: Option<&str>) {
        if let Some(index) = self.find(|telling| telling.sms == Some(sms)) {
            self.reach(index, fate, why);
        }
    }

    /// It may still leave, and nobody can wait for that.
    pub fn held(&mut self, sms: SmsId, why: &str) {
        let waits = |telling: &Telling| telling.sms == Some(sms) && telling.fate == Fate::Owed;
        if self.find(waits).is_some_and(|index| self.is_current(index)) {
            step::fall_back(self, why);
        }
    }

    pub fn called(&mut self, contact: &str, place: Place, fate: Fate, why: Option<&str>) {
        if let Some(index) = self.find(is_call(contact, place)) {
            self.reach(index, fate, why);
        }
    }

    pub fn pushed(&mut self, place: Place, word: Word, fate: Fate, why: Option<&str>) {
        let mine = |telling: &Telling| telling.by == Way::Push && telling.place == place && telling.word == word;
        if let Some(index) = self.find(mine) {
            self.reach(index, fate, why);
        }
    }

    pub fn dialling(&mut self, contact: &str, place: Place, whom: &str) {
        let Some(index) = self.find(is_call(contact, place)) else { return };
        if contact != whom && self.find(is_call(whom, place)).is_some() {
            self.settle(index, Fate::Failed, Some("phoned already, by their own name"));
            self.stop_waiting_in_vain();
        } else if self.alert.told[index].fate.leads_to(Fate::Dialling) {
            self.alert.told[index].contact = whom.into();
            self.settle(index, Fate::Dialling, None);
        }
    }

    pub fn restarted(&mut self) {
        let told = &self.alert.told;
        let cut: Vec<usize> = (0..told.len()).filter(|n| told[*n].fate == Fate::Dialling).collect();
        for index in cut {
            self.reach(index, Fate::Unknown, Some("cut by a crash while being dialled"));
        }
    }

    fn find(&self, is_meant: impl Fn(&Telling) -> bool) -> Option<usize> {
        self.alert.told.iter().position(is_meant)
    }

    fn is_current(&self, index: usize) -> bool {
        let telling = &self.alert.told[index];
        telling.place == self.alert.place && telling.word.is_open()
    }

    fn reach(&mut self, index: usize, fate: Fate, why: Option<&str>) {
        if !self.settle(index, fate, why) {
            return;
        }
        let by = self.alert.told[index].by;
        if let Some(fault) = fault_of_the_carrier(by, fate).filter(|_| self.is_current(index)) {
            step::fall_back(self, fault);
        }
        self.stop_waiting_in_vain();
    }

    /// False when it is no news.
    fn settle(&mut self, index: usize, fate: Fate, why: Option<&str>) -> bool {
        let telling = &mut self.alert.told[index];
        if !telling.fate.leads_to(fate) {
            return false;
        }
        (telling.fate, telling.fate_at, telling.why) = (fate, Some(self.now), why.map(Box::from));
        let Telling { contact, by, place, word, .. } = telling.clone();
        self.note(What::Reached { contact, by, place, word, fate, why: why.map(Box::from) });
        true
    }

    /// Nobody of this step can answer any more: waiting for them would be waiting for nothing.
    fn stop_waiting_in_vain(&mut self) {
        if self.alert.state.is_running() && self.alert.has_begun() && step::was_in_vain(&self.alert) {
            self.alert.next_at = Some(self.now);
        }
    }
}

fn is_call(contact: &str, place: Place) -> impl Fn(&Telling) -> bool {
    move |telling| telling.by == Way::Call && telling.place == place && &*telling.contact == contact
}

/// That nobody picks up is none.
const fn fault_of_the_carrier(by: Way, fate: Fate) -> Option<&'static str> {
    match (by, fate) {
        (Way::Sms, fate) if fate.is_in_vain() => Some("a text failed"),
        (Way::Call, Fate::Failed) => Some("a call failed"),
        _ => None,
    }
}
