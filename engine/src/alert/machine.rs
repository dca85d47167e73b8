//! The alert machine: what is there and one event in, one change out. Pure: asks no clock, dials nobody.

use super::acknowledgement::{Acknowledgement, How};
use super::notice::Notice;
use super::receipt::{Entry, What};
use super::reply::Answer;
use super::state::{Alert, AlertState, Fate, Place, Telling, Way};
use super::{step, words};
use crate::call::{Fact, Frame};
use crate::ids::{CallId, SmsId, TenantId};
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

/// What happens to an alert after it was opened.
#[derive(Clone, Debug, PartialEq)]
pub enum AlertEvent {
    /// The clock has come to `next_at`.
    StepDue,
    /// The wall clock was set by this much while the machine ran: deadlines move with it.
    ClockMoved {
        by_ms: i64,
    },
    /// This call is about to be dialled.
    /// `whom`: their own name, where `contact` is whoever has the turn.
    Dialling {
        contact: Box<str>,
        place: Place,
        whom: Box<str>,
    },
    /// What became of a call.
    Called {
        contact: Box<str>,
        place: Place,
        fate: Fate,
        why: Option<Box<str>>,
    },
    /// What became of a text.
    Texted {
        sms: SmsId,
        fate: Fate,
        why: Option<Box<str>>,
    },
    /// At start: calls that were being dialled were cut, and nobody knows how they ended.
    Restarted,
    /// Somebody who was told says something.
    Replied {
        contact: Box<str>,
        answer: Answer,
        how: How,
    },
    Acknowledged {
        by: Box<str>,
        how: How,
    },
    Resolved {
        by: Box<str>,
        how: How,
    },
}

/// What one event made of an alert; written whole, and only where `alert.version - 1` is the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub alert: Alert,
    pub entries: Vec<Entry>,
    /// Written in the same transaction.
    pub texts: Vec<NewSms>,
}

impl Change {
    /// What a frame says of alerts, in order, each with the texts it owes for it.
    pub fn noticed_in(frame: &Frame) -> impl Iterator<Item = (&Notice, Vec<&NewSms>)> {
        frame.facts.iter().filter_map(|fact| match fact {
            Fact::AlertOpened(notice) | Fact::AlertUpdated(notice) => {
                let owed = frame.texts.iter().filter(|text| text.alert == Some(notice.alert));
                Some((&**notice, owed.collect()))
            }
            _ => None,
        })
    }

    /// What becomes of the alert as it stands, if there is one yet.
    pub fn of_notice(known: Option<&Alert>, notice: &Notice, texts: &[&NewSms], frame: &Frame) -> Change {
        let owner = Owner { tenant: frame.call.tenant.clone(), call: Some(frame.call.call.clone()) };
        match known {
            Some(alert) => alert.noticed(notice, texts, frame.decided_at),
            None => Alert::opened(notice, owner, texts, frame.decided_at),
        }
    }
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
        let again = notice.priority < alert.priority
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
            AlertEvent::Restarted => draft.restarted(),
            AlertEvent::Replied { contact, answer, how } => draft.replied(contact, *answer, *how, desk),
            AlertEvent::Acknowledged { by, how } => draft.acknowledged(by, *how, desk),
            AlertEvent::Resolved { by, how } => draft.resolved(by, *how),
        }
        let changed = draft.alert != *self;
        changed.then(|| draft.done())
    }
}

/// A change in the making.
pub(super) struct Draft {
    pub alert: Alert,
    pub now: Timestamp,
    entries: Vec<Entry>,
    pub texts: Vec<NewSms>,
}

impl Draft {
    fn of(alert: Alert, now: Timestamp) -> Draft {
        Draft { alert, now, entries: Vec::new(), texts: Vec::new() }
    }

    fn done(mut self) -> Change {
        self.alert.version += 1;
        self.alert.updated_at = self.now;
        Change { alert: self.alert, entries: self.entries, texts: self.texts }
    }

    pub fn note(&mut self, what: What) {
        self.alert.entries += 1;
        self.entries.push(Entry { seq: self.alert.entries, at: self.now, what });
    }

    pub fn tell(&mut self, telling: Telling) {
        let Telling { contact, by, place, sms, .. } = &telling;
        self.note(What::Told { contact: contact.clone(), by: *by, place: *place, sms: *sms });
        self.alert.told.push(telling);
    }

    /// The texts of the first step are the frame's; its calls are the alert's. A business that only watches has nobody
    /// told, and no clock.
    fn first_told(&mut self, texts: &[&NewSms]) {
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
            self.alert.next_at = Some(self.now.plus(self.alert.plan.wait()));
        }
    }

    fn step_due(&mut self, desk: &Desk) {
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
            }
        }
    }

    fn clock_moved(&mut self, by_ms: i64) {
        if let Some(at) = self.alert.next_at.filter(|_| by_ms != 0) {
            self.alert.next_at = Some(Timestamp::from_millis(at.as_millis().saturating_add(by_ms)));
            self.note(What::ClockMoved { by_ms });
        }
    }

    fn texted(&mut self, sms: SmsId, fate: Fate, why: Option<&str>) {
        let mine = |telling: &Telling| telling.sms == Some(sms);
        if let Some(index) = self.alert.told.iter().position(mine) {
            self.reach(index, fate, why);
        }
    }

    fn called(&mut self, contact: &str, place: Place, fate: Fate, why: Option<&str>) {
        let mine =
            |telling: &Telling| telling.by == Way::Call && telling.place == place && &*telling.contact == contact;
        if let Some(index) = self.alert.told.iter().position(mine) {
            self.reach(index, fate, why);
        }
    }

    fn dialling(&mut self, contact: &str, place: Place, whom: &str) {
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

    fn restarted(&mut self) {
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

    fn replied(&mut self, contact: &str, answer: Answer, how: How, desk: &Desk) {
        let mine = |telling: &&mut Telling| &*telling.contact == contact;
        let Some(telling) = self.alert.told.iter_mut().rev().find(mine) else { return };
        let repeated = telling.answer.replace(answer) == Some(answer);
        if !repeated {
            self.note(What::Replied { contact: contact.into(), answer });
        }
        match answer {
            Answer::Take => self.acknowledged(contact, how, desk),
            Answer::Pass if repeated => {}
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

    fn acknowledged(&mut self, by: &str, how: How, desk: &Desk) {
        if matches!(self.alert.state, AlertState::Acknowledged | AlertState::Resolved) {
            return;
        }
        let late = self.alert.state == AlertState::Unanswered;
        self.end(AlertState::Acknowledged);
        self.alert.acknowledged = Some(Acknowledgement { by: by.into(), how, at: self.now });
        self.note(What::Acknowledged { by: by.into(), how, late });
        step::reassure(self, by, desk);
    }

    fn resolved(&mut self, by: &str, how: How) {
        if self.alert.state != AlertState::Resolved {
            self.end(AlertState::Resolved);
            self.alert.resolved = Some(Acknowledgement { by: by.into(), how, at: self.now });
            self.note(What::Resolved { by: by.into(), how });
        }
    }

    /// Nobody is told any more: what is owed and not begun is not owed any longer.
    fn end(&mut self, state: AlertState) {
        self.alert.state = state;
        self.alert.next_at = None;
        let owed = |telling: &&mut Telling| telling.by == Way::Call && telling.fate == Fate::Owed;
        for telling in self.alert.told.iter_mut().filter(owed) {
            (telling.fate, telling.fate_at) = (Fate::Failed, Some(self.now));
            telling.why = Some("not needed any more".into());
        }
    }
}
