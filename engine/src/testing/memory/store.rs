//! Calls and texts in memory. Strict where the real stores are: guarded, all of a group or nothing, one history per call.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use super::lock;
use crate::alert::{Alert, Entry};
use crate::call::{Answer, Call, Frame};
use crate::failure::Failure;
use crate::ids::{AlertId, CallKey, EventKey, SmsId, TenantId};
use crate::playbook::Shift;
use crate::ports::{AppendError, IdempotencyKey, InboundSms, LearnedPace, Position, StoredFrame};
use crate::sms::{Attempt, NewSms, Sms};
use crate::time::Timestamp;

#[derive(Default)]
pub struct MemoryStore {
    pub(super) records: Mutex<Records>,
    faults: Mutex<Faults>,
}

/// An event put aside for people to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    pub call: CallKey,
    pub key: EventKey,
    pub raw: String,
    pub why: String,
    pub at: Timestamp,
}

#[derive(Default)]
pub(super) struct Records {
    pub calls: BTreeMap<CallKey, Record>,
    /// The frame at `position` is at `position - 1`.
    pub log: Vec<Logged>,
    pub texts: BTreeMap<SmsId, Message>,
    /// Of senders that go slower than configured.
    pub paces: Vec<LearnedPace>,
    /// By tenant and key.
    pub asked: BTreeMap<(TenantId, Box<str>), Asked>,
    pub quarantined: BTreeMap<(CallKey, String), Quarantined>,
    pub opt_outs: Vec<super::opt_outs::Line>,
    pub inbox: Vec<InboundSms>,
    pub alerts: BTreeMap<AlertId, StoredAlert>,
    pub shifts: BTreeMap<TenantId, Shift>,
    pub counted: super::analytics::Counted,
    pub noted: super::bus_cursor::Noted,
}

pub(super) struct StoredAlert {
    pub alert: Alert,
    pub receipt: Vec<Entry>,
}

pub(super) struct Record {
    pub state: Arc<Call>,
    /// Places in the log; as many as the call's last `seq`.
    pub frames: Vec<usize>,
    pub keys: HashMap<EventKey, usize>,
}

pub(super) struct Logged {
    pub frame: StoredFrame,
    pub answer: Answer,
}

pub(super) struct Message {
    pub sms: Sms,
    /// The first one first.
    pub attempts: Vec<Attempt>,
}

impl Message {
    pub fn new(text: &NewSms) -> Message {
        Message { sms: Sms::owed(text), attempts: Vec::new() }
    }

    /// Number of the newest attempt; 0 before the first.
    pub fn last_attempt(&self) -> u32 {
        self.attempts.last().map_or(0, |attempt| attempt.number)
    }
}

/// A request made under an idempotency key.
pub(super) struct Asked {
    pub key: IdempotencyKey,
    pub answer: Sms,
}

#[derive(Default)]
struct Faults {
    lose_next_acknowledgement: bool,
    refused: BTreeSet<CallKey>,
    read_only: bool,
    unreadable: BTreeSet<Position>,
}

impl MemoryStore {
    /// The next batch is written, and its writer told that nobody knows.
    pub fn lose_next_acknowledgement(&self) {
        lock(&self.faults).lose_next_acknowledgement = true;
    }

    /// Frames of this call are refused from now on.
    pub fn refuse_frames_of(&self, call: &CallKey) {
        lock(&self.faults).refused.insert(call.clone());
    }

    pub fn quarantined(&self) -> Vec<Quarantined> {
        lock(&self.records).quarantined.values().cloned().collect()
    }

    /// Nobody can read the frame at this place any more.
    pub fn spoil(&self, position: Position) {
        lock(&self.faults).unreadable.insert(position);
    }

    pub(super) fn read(&self, mut positions: impl Iterator<Item = Position>) -> Result<(), Failure> {
        let unreadable = &lock(&self.faults).unreadable;
        let spoiled = positions.any(|position| unreadable.contains(&position));
        if spoiled { Err(Failure::fail("a frame cannot be read")) } else { Ok(()) }
    }

    /// Says that nothing can be written, or that it can again.
    pub fn cannot_write(&self, cannot: bool) {
        lock(&self.faults).read_only = cannot;
    }

    pub(super) fn is_read_only(&self) -> bool {
        lock(&self.faults).read_only
    }

    pub(super) fn append_now(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>> {
        let mut faults = lock(&self.faults);
        let mut records = lock(&self.records);
        let mut verdicts = Vec::with_capacity(frames.len());
        for group in frames.chunk_by(|a, b| a.call == b.call) {
            let verdict = if faults.refused.contains(&group[0].call) {
                Err(AppendError::Refused("told to refuse this call".to_owned()))
            } else {
                records.append(group)
            };
            verdicts.extend(vec![verdict; group.len()]);
        }
        if std::mem::take(&mut faults.lose_next_acknowledgement) {
            let lost = AppendError::Unavailable(Failure::retry("the acknowledgement was lost"));
            return vec![Err(lost); frames.len()];
        }
        verdicts
    }
}

impl Records {
    /// All frames of one call, or none of them.
    fn append(&mut self, group: &[Frame]) -> Result<(), AppendError> {
        let call = &group[0].call;
        let known = self.calls.get(call);
        let next = known.map_or(0, |record| record.frames.len() as u64) + 1;
        let mut keys = BTreeSet::new();
        let in_order = group.iter().zip(next..).all(|(frame, seq)| frame.seq == seq);
        let all_new = group.iter().all(|frame| {
            keys.insert(frame.key.as_str()) && known.is_none_or(|record| !record.keys.contains_key(&frame.key))
        });
        if !in_order || !all_new {
            return Err(AppendError::Conflict);
        }
        let texts = || group.iter().flat_map(|frame| &frame.texts);
        if !texts().all(|text| text.tenant == call.tenant && text.call.as_ref().is_none_or(|id| *id == call.call)) {
            return Err(AppendError::Refused("a text belongs to another call".to_owned()));
        }
        for text in texts() {
            self.owe(text);
        }
        for frame in group {
            self.push(frame);
            self.note_alerts(frame);
        }
        Ok(())
    }

    /// Unless it is there already. What nobody wants is written down only.
    pub fn owe(&mut self, text: &NewSms) -> &Message {
        let unwanted = self.is_opted_out(Some(&text.tenant), &text.to);
        let message = self.texts.entry(text.id).or_insert_with(|| Message::new(text));
        if unwanted {
            message.suppress(text.created_at);
        }
        message
    }

    fn push(&mut self, frame: &Frame) {
        let place = self.log.len();
        let record = self.calls.entry(frame.call.clone()).or_insert_with(|| Record {
            state: frame.state.clone(),
            frames: Vec::new(),
            keys: HashMap::new(),
        });
        record.state = frame.state.clone();
        record.frames.push(place);
        record.keys.insert(frame.key.clone(), place);
        let stored = StoredFrame {
            position: place as u64 + 1,
            call: frame.call.clone(),
            seq: frame.seq,
            at: frame.at,
            decided_at: frame.decided_at,
            facts: frame.facts.clone(),
        };
        self.log.push(Logged { frame: stored, answer: frame.answer.clone() });
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = lock(&self.records);
        f.debug_struct("MemoryStore")
            .field("calls", &records.calls.len())
            .field("frames", &records.log.len())
            .field("texts", &records.texts.len())
            .finish_non_exhaustive()
    }
}
