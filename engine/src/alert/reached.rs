//! What became of those who were told.

use super::draft::Draft;
use super::receipt::What;
use super::state::{Fate, Place, Telling, Way};
use super::step;
use crate::ids::SmsId;

impl Draft {
    pub fn texted(&mut self, sms: SmsId, fate: Fate, why: Option<&str>) {
        let mine = |telling: &Telling| telling.sms == Some(sms);
        if let Some(index) = self.alert.told.iter().position(mine) {
            self.reach(index, fate, why);
        }
    }

    pub fn called(&mut self, contact: &str, place: Place, fate: Fate, why: Option<&str>) {
        let mine =
            |telling: &Telling| telling.by == Way::Call && telling.place == place && &*telling.contact == contact;
        if let Some(index) = self.alert.told.iter().position(mine) {
            self.reach(index, fate, why);
        }
    }

    pub fn dialling(&mut self, contact: &str, place: Place, whom: &str) {
        let mine =
            |telling: &Telling| telling.by == Way::Call && telling.place == place && &*telling.contact == contact;
        let Some(index) = self.alert.told.iter().position(mine) else { return };
        let phoned = |told: &Telling| told.by == Way::Call && told.place == place && &*told.contact == whom;
        if contact != whom && self.alert.told.iter().any(phoned) {
            return self.reach(index, Fate::Failed, Some("phoned already, by their own name"));
        }
        if self.alert.told[index].fate.leads_to(Fate::Dialling) {
            self.alert.told[index].contact = whom.into();
            self.reach(index, Fate::Dialling, None);
        }
    }

    pub fn restarted(&mut self) {
        let cut: Vec<usize> =
            (0..self.alert.told.len()).filter(|n| self.alert.told[*n].fate == Fate::Dialling).collect();
        cut.into_iter().for_each(|index| self.reach(index, Fate::Unknown, Some("cut by a crash while being dialled")));
    }

    fn reach(&mut self, index: usize, fate: Fate, why: Option<&str>) {
        let telling = &mut self.alert.told[index];
        if !telling.fate.leads_to(fate) {
            return;
        }
        (telling.fate, telling.fate_at, telling.why) = (fate, Some(self.now), why.map(Box::from));
        let Telling { contact, by, place, .. } = telling.clone();
        self.note(What::Reached { contact, by, place, fate, why: why.map(Box::from) });
        // Nobody of this step can answer any more: waiting for them would be waiting for nothing.
        if self.alert.state.is_running() && self.alert.has_begun() && step::was_in_vain(&self.alert) {
            self.alert.next_at = Some(self.now);
        }
    }
}
