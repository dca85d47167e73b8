//! Past calls: what `GET /call` answers and what webhooks left behind, as calls in our words.
//!
//! The same call may come several times, as an object of the API and as any number of its webhooks: all of it is joined
//! under its id. The longest history that any of them carries is the conversation; what is missing in it, a tool call
//! that came alone or a line said after it, is added.

use std::collections::{BTreeMap, HashSet};

use engine::call::{EndedReason, Event, EventKind, Parties, ToolCall};
use engine::ids::CallId;
use engine::time::Timestamp;

use super::envelope::Envelope;
use super::json::{Raw, moment, pick, short, text};
use super::subject::Subject;
use super::{MAX_NESTING, ended_reasons, message, nesting};
use crate::audit::history::{PastCall, Turn, What};
use crate::platforms::Asks;

pub use asked::{Wanted, recorded};

mod asked;
#[cfg(test)]
mod tests;
mod turns;

const PLATFORM: &str = "vapi";
const MAX_SUMMARY_BYTES: usize = 16 * 1024;
const MAX_TRANSCRIPT_BYTES: usize = 256 * 1024;

/// Whether a text is nested deeper than any export: skipping it would have no end.
pub fn too_deep(text: &str) -> bool {
    nesting::deeper_than(text, MAX_NESTING)
}

/// Calls put together from everything that tells of them.
#[derive(Debug, Default)]
pub struct Histories(BTreeMap<CallId, Draft>);

impl Histories {
    /// Adds a call of the API or a webhook's body. `false`: it is neither, or names no call.
    pub fn add(&mut self, json: Raw<'_>) -> bool {
        let [message, id, created, org, status, artifact] =
            pick(Some(json), ["message", "id", "createdAt", "orgId", "status", "artifact"]);
        if message.is_some_and(|raw| raw.get().starts_with('{')) {
            return self.add_webhook(json.get());
        }
        let like_a_call = id.is_some() && [created, org, status, artifact].iter().any(Option::is_some);
        like_a_call && self.add_call(json)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every call, by its start; those without one last.
    pub fn finish(self) -> Vec<PastCall> {
        let mut calls: Vec<PastCall> = self.0.into_iter().map(|(id, draft)| draft.finish(id)).collect();
        calls.sort_by(|one, other| {
            let order = |call: &PastCall| (call.began().unwrap_or(Timestamp::MAX), call.id.clone());
            order(one).cmp(&order(other))
        });
        calls
    }

    fn add_call(&mut self, json: Raw<'_>) -> bool {
        let subject = Subject::of_call(json);
        let Some(id) = subject.call else { return false };
        let draft = self.0.entry(id).or_default();
        draft.meet(subject.parties);
        draft.read_call(json);
        true
    }

    /// A message that belongs to no call is a webhook all the same.
    fn add_webhook(&mut self, body: &str) -> bool {
        let Ok(message) = Envelope::read(body) else { return false };
        let subject = Subject::read(&message);
        let Some(id) = subject.call else { return true };
        let draft = self.0.entry(id).or_default();
        draft.meet(subject.parties);
        let told = message::Told::new(&message, Parties::default(), Timestamp::EPOCH);
        if let Asks::Record(events) = message::asks(message::kind_of(&message), &told) {
            events.into_iter().for_each(|event| draft.hear(event));
        }
        draft.read_history([message.get("artifact"), message.get("messages"), message.get("messagesOpenAIFormatted")]);
        true
    }
}

#[derive(Debug, Default)]
struct Draft {
    parties: Parties,
    created_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    ended: Option<EndedReason>,
    summary: Option<Box<str>>,
    transcript: Option<Box<str>>,
    reported: bool,
    history: Vec<Turn>,
    /// Of webhooks that tell one thing each.
    loose: Vec<Turn>,
    heard: HashSet<Box<str>>,
}

impl Draft {
    fn meet(&mut self, told: Parties) {
        let known = &mut self.parties;
        known.direction = known.direction.or(told.direction);
        known.from = known.from.take().or(told.from);
        known.to = known.to.take().or(told.to);
        known.caller_name = known.caller_name.take().or(told.caller_name);
    }

    fn read_call(&mut self, json: Raw<'_>) {
        let [created, started, ended, reason, status, artifact, messages, root_transcript, analysis, root_summary] =
            pick(
                Some(json),
                [
                    "createdAt",
                    "startedAt",
                    "endedAt",
                    "endedReason",
                    "status",
                    "artifact",
                    "messages",
                    "transcript",
                    "analysis",
                    "summary",
                ],
            );
        let [summary] = pick(analysis, ["summary"]);
        let [transcript] = pick(artifact, ["transcript"]);
        self.created_at = self.created_at.or_else(|| moment(created));
        self.started_at = moment(started).or(self.started_at);
        self.ended_at = moment(ended).or(self.ended_at);
        self.ended = text(reason).map(|reason| ended_reasons::ended(&reason)).or(self.ended.take());
        self.reported |= self.ended.is_some() || text(status).as_deref() == Some("ended");
        self.summary =
            [summary, root_summary].into_iter().find_map(|raw| short(raw, MAX_SUMMARY_BYTES)).or(self.summary.take());
        self.transcript = [transcript, root_transcript]
            .into_iter()
            .find_map(|raw| short(raw, MAX_TRANSCRIPT_BYTES))
            .or(self.transcript.take());
        self.read_history([artifact, messages, None]);
    }

    /// The report carries the whole history too; what it says of the end is the last word.
    fn hear(&mut self, event: Event) {
        if !self.heard.insert(event.key.as_str().into()) {
            return;
        }
        let at = (event.at != Timestamp::EPOCH).then_some(event.at);
        let what = match event.kind {
            EventKind::Spoke { role, text } => What::Said { role, text },
            EventKind::ToolCalled(call) => What::Called(call),
            EventKind::Ended(reason) => {
                self.ended_at = self.ended_at.or(at);
                self.ended = self.ended.take().or(Some(reason));
                return;
            }
            EventKind::Reported(report) => {
                self.started_at = report.started_at.or(self.started_at);
                self.ended_at = report.ended_at.or(self.ended_at);
                self.ended = report.ended.or(self.ended.take());
                self.summary = report.summary.or(self.summary.take());
                self.transcript = report.transcript.or(self.transcript.take());
                self.reported = true;
                return;
            }
            _ => return,
        };
        self.loose.push(Turn { at, until: None, what });
    }

    fn read_history(&mut self, [artifact, messages, formatted]: [Option<Raw<'_>>; 3]) {
        let [own_messages, own_formatted] = pick(artifact, ["messages", "messagesOpenAIFormatted"]);
        for list in [own_messages, messages, own_formatted, formatted] {
            let turns = turns::turns(list, self.started_at.or(self.created_at));
            // With times before without, then the longest: histories grow with the call.
            let worth = |turns: &[Turn]| (turns.iter().any(|turn| turn.at.is_some()), turns.len());
            if worth(&turns) > worth(&self.history) {
                self.history = turns;
            }
        }
    }

    fn finish(self, id: CallId) -> PastCall {
        let mut turns = self.history;
        add_missing(&mut turns, self.loose);
        if turns.is_empty() {
            turns = self.transcript.as_deref().map(turns::spoken).unwrap_or_default();
        }
        PastCall {
            id,
            platform: PLATFORM,
            parties: self.parties,
            started_at: self.started_at.or(self.created_at),
            ended_at: self.ended_at,
            ended: self.ended,
            summary: self.summary,
            reported: self.reported,
            turns,
        }
    }
}

/// Tool calls the history does not have, and what was said after it ends.
fn add_missing(turns: &mut Vec<Turn>, loose: Vec<Turn>) {
    let known: HashSet<Box<str>> = turns.iter().filter_map(|turn| tool_call_id(turn).map(Box::from)).collect();
    let last = turns.iter().filter_map(|turn| turn.at).max();
    let missing = |turn: &Turn| match tool_call_id(turn) {
        Some(id) => !known.contains(id),
        None => last.is_none_or(|last| turn.at.is_some_and(|at| at > last)),
    };
    turns.extend(loose.into_iter().filter(missing));
    // A turn without a time stays where it stands: behind the one before it.
    let mut latest = Timestamp::EPOCH;
    turns.sort_by_cached_key(|turn| {
        latest = turn.at.unwrap_or(latest);
        latest
    });
}

fn tool_call_id(turn: &Turn) -> Option<&str> {
    match &turn.what {
        What::Called(ToolCall { id, .. }) => Some(id),
        _ => None,
    }
}
