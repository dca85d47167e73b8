//! The call machine: one event in, one decision out. Pure: the same call, event, playbook and time always give the
//! same decision, so a death between deciding and committing costs nothing.

use std::borrow::Cow;

use super::decision::{Answer, Decision, Fact, ToolAnswer};
use super::event::{ErrandReturn, Event, EventKind, Note, Parties, Phase, Role, ToolCall};
use super::state::Call;
use crate::alert;
use crate::ids::CallKey;
use crate::playbook::{Playbook, SUPPRESSED};
use crate::priority::Priority;
use crate::time::Timestamp;
use crate::tools::{self, Args, Errand, ErrandOutcome, Tool, ToolContext, ToolOutcome};

/// Longest turn recorded, in characters. The whole conversation is in the report.
const MAX_TURN_CHARS: usize = 8_000;
/// How much of a conversation is listened to: some twenty minutes of it.
const MAX_HEARD_CHARS: usize = 16_000;
/// Longest tool arguments recorded, in bytes of JSON; longer ones are recorded as `{"truncated":true}`.
const MAX_ARGUMENT_BYTES: usize = 4 * 1024;
/// Levels of arrays and objects recorded of a tool's arguments.
const MAX_ARGUMENT_DEPTH: usize = 32;
/// A caller's number, address or name: free text of the network.
const MAX_PARTY_CHARS: usize = 256;
/// Who raised a priority that no tool did.
const TRANSCRIPT: &str = "transcript";
const MAX_TOOL_NAME_CHARS: usize = 64;
const MAX_TOOL_CALL_ID_CHARS: usize = 128;

impl Call {
    /// Decides what `event` means for this call. `now` is our clock.
    ///
    /// No facts means that nothing happened and nothing needs recording: somebody is still speaking, or the reaper
    /// gave up a call that has been heard of since, or nobody understands what was said of a call never heard of.
    pub fn decide(&self, key: &CallKey, event: &Event, playbook: &Playbook, now: Timestamp) -> Decision {
        self.discreetly(self.decide_openly(key, event, playbook, now))
    }

    fn decide_openly(&self, key: &CallKey, event: &Event, playbook: &Playbook, now: Timestamp) -> Decision {
        let introduction = self.introduction(&event.parties);
        let mut decision = match &event.kind {
            EventKind::ToolCalled(tool_call) => {
                let known = self.after_introduction(introduction.as_ref(), event.at);
                let context = ToolContext { call: &known, key, event, playbook, now };
                answer_tool(tool_call, &context)
            }
            EventKind::ErrandReturned(back) => conclude(back, &ToolContext { call: self, key, event, playbook, now }),
            EventKind::TransferAsked => {
                let destination = playbook.transfer_at(now).cloned();
                answered(Fact::TransferAnswered { destination: destination.clone() }, Answer::Transfer(destination))
            }
            EventKind::HandoffAsked => {
                let destination = playbook.handoff.clone();
                answered(Fact::HandoffAnswered { destination: destination.clone() }, Answer::Handoff(destination))
            }
            kind => {
                let mut decision = self.decide_fact(event, now);
                decision.facts.extend(self.overheard(kind, playbook));
                decision.facts.extend(alert::by_rule(self, key, event, playbook, (&decision, now)));
                return decision;
            }
        };
        decision.facts.splice(0..0, introduction);
        decision.facts.extend(alert::by_rule(self, key, event, playbook, (&decision, now)));
        if playbook.shadow.is_some() {
            decision.texts.iter_mut().for_each(|text| text.suppressed = Some(SUPPRESSED.into()));
        }
        decision
    }

    /// Decides an event that asks nothing, so that no playbook is needed for it: anything but a
    /// synchronous one.
    pub fn decide_fact(&self, event: &Event, now: Timestamp) -> Decision {
        let mut decision = Decision { facts: Vec::new(), texts: Vec::new(), answer: Answer::Ack };
        if !self.learns_nothing(event, now) {
            decision.facts.extend(self.introduction(&event.parties));
            decision.facts.extend(recorded(&event.kind));
        }
        self.discreetly(decision)
    }

    /// What the caller's own words make of the call, whether or not the agent asks: each final turn as it is said, and
    /// the whole conversation if the call ended with nothing known. A routine call is left to the agent.
    fn overheard(&self, kind: &EventKind, playbook: &Playbook) -> Option<Fact> {
        let said = match kind {
            EventKind::Spoke { role: Role::Caller, text } => text,
            EventKind::Reported(report) if self.priority.is_none() => report.transcript.as_ref()?,
            _ => return None,
        };
        let heard = playbook.recognise(&clipped(said, MAX_HEARD_CHARS), None);
        let is_special = heard.rule.priority != Priority::P4;
        self.raised_to(heard.rule.priority, heard.reason(), TRANSCRIPT).filter(|_| is_special)
    }

    /// The reaper read the store some time ago: what it took for silence may be over. Nor can a call that is not live
    /// be given up, a status of ours is not the platform's to report, and what nobody understands opens no call.
    fn learns_nothing(&self, event: &Event, now: Timestamp) -> bool {
        match &event.kind {
            EventKind::Speaking { .. } | EventKind::Status(Phase::Lost) => true,
            EventKind::Noted(note) => self.seq == 0 && matches!(note.what.as_ref(), Note::UNKNOWN | Note::STATUS),
            EventKind::WentSilent { idle } => !self.phase.is_live() || now.since(self.updated_at) < *idle,
            _ => false,
        }
    }

    /// On first contact, and whenever an event tells something that was not known. The first to say it is believed.
    fn introduction(&self, told: &Parties) -> Option<Fact> {
        let news = Parties {
            direction: told.direction.filter(|_| self.direction.is_none()),
            from: unheard(&self.from, &told.from),
            to: unheard(&self.to, &told.to),
            caller_name: unheard(&self.caller_name, &told.caller_name),
        };
        let first_contact = self.seq == 0;
        (first_contact || news != Parties::default())
            .then(|| Fact::Introduced { platform: self.platform.clone(), parties: news })
    }

    /// What a tool may know: a tool call can be the first thing heard of a call, and names the caller itself.
    fn after_introduction(&self, introduction: Option<&Fact>, at: Timestamp) -> Cow<'_, Call> {
        let Some(fact) = introduction else { return Cow::Borrowed(self) };
        let mut known = self.clone();
        known.evolve(fact, at);
        Cow::Owned(known)
    }
}

fn unheard(known: &Option<Box<str>>, told: &Option<Box<str>>) -> Option<Box<str>> {
    told.as_deref().filter(|_| known.is_none()).map(|text| clipped(text, MAX_PARTY_CHARS))
}

/// The one fact of an event that is recorded as it came.
fn recorded(kind: &EventKind) -> Option<Fact> {
    match kind {
        EventKind::Requested => Some(Fact::Requested),
        EventKind::Status(phase) => Some(Fact::Status { phase: *phase }),
        EventKind::Ended(reason) => Some(Fact::Ended(reason.clone())),
        EventKind::Spoke { role, text } => Some(spoke(*role, text)),
        EventKind::Noted(note) => Some(Fact::Noted(note.clone())),
        EventKind::Reported(report) => Some(Fact::Reported(report.clone())),
        EventKind::WentSilent { idle } => Some(Fact::WentSilent { idle_s: idle.as_secs() }),
        EventKind::Speaking { .. }
        | EventKind::ToolCalled(_)
        | EventKind::ErrandReturned(_)
        | EventKind::TransferAsked
        | EventKind::HandoffAsked => None,
    }
}

fn spoke(role: Role, text: &str) -> Fact {
    Fact::Spoke { role, text: clipped(text, MAX_TURN_CHARS) }
}

fn answered(fact: Fact, answer: Answer) -> Decision {
    Decision { facts: vec![fact], texts: Vec::new(), answer }
}

/// A tool call always gets an answer that can be spoken, even late, unknown or repeated; and a text promised is a text
/// owed, even after the call has ended.
fn answer_tool(tool_call: &ToolCall, context: &ToolContext) -> Decision {
    let tool = tools::find(&tool_call.name, context.playbook);
    let effect_at = |priority| tool.and_then(|tool| tool.effect(&tool_call.arguments, priority));
    let effect = effect_at(context.call.priority);
    if let Some(first) = effect.and_then(|digest| context.call.recent_effect(digest, context.event.at)) {
        let facts = vec![tool_call.recorded(), tool_answered(&tool_call.id, &tool_call.name, first, effect, true)];
        return Decision { facts, texts: Vec::new(), answer: Answer::Tool(first.clone()) };
    }
    let mut outcome = run(tool, tool_call, context);
    if let (Some(tool), Some(inquiry)) = (tool, outcome.errand.take()) {
        let (id, otherwise) = (errand_id(tool, effect, tool_call, context), outcome.answer.clone());
        return begun(Errand { id, tool: tool.name().into(), effect, inquiry, otherwise }, outcome, tool_call);
    }
    // An error changed nothing: asked again, it is tried again. What was done, it was done to the call as it is now.
    let effect = effect_at(raised(&outcome.facts).or(context.call.priority));
    let effect = effect.filter(|_| matches!(outcome.answer, ToolAnswer::Result(_)));
    let mut facts = vec![tool_call.recorded()];
    facts.extend(outcome.facts);
    facts.push(tool_answered(&tool_call.id, &tool_call.name, &outcome.answer, effect, false));
    Decision { facts, texts: outcome.texts, answer: Answer::Tool(outcome.answer) }
}

/// The priority that these facts give the call.
fn raised(facts: &[Fact]) -> Option<Priority> {
    facts.iter().rev().find_map(|fact| match fact {
        Fact::PrioritySet { priority, .. } => Some(*priority),
        _ => None,
    })
}

fn run(tool: Option<&dyn Tool>, tool_call: &ToolCall, context: &ToolContext) -> ToolOutcome {
    match tool {
        Some(tool) => tool.run(&Args::new(&tool_call.arguments), context),
        None => context.refuse(tools::Sentence::UNKNOWN_TOOL),
    }
}

/// The answer is another event's.
fn begun(errand: Errand, outcome: ToolOutcome, tool_call: &ToolCall) -> Decision {
    let mut facts = vec![tool_call.recorded()];
    facts.extend(outcome.facts);
    facts.push(Fact::ErrandBegun {
        tool_call_id: clipped(&tool_call.id, MAX_TOOL_CALL_ID_CHARS),
        errand: errand.id.clone(),
        effect: errand.effect,
    });
    Decision { facts, texts: outcome.texts, answer: Answer::Errand(Box::new(errand)) }
}

/// Tool and tool call, since models give one id twice: also to one tool under two spellings, and then only the event
/// tells them apart. An effect that may have happened already keeps its first name.
fn errand_id(tool: &dyn Tool, effect: Option<u64>, tool_call: &ToolCall, context: &ToolContext) -> Box<str> {
    if let Some(first) = effect.and_then(|digest| context.call.unsettled_errand(digest, context.event.at)) {
        return first.into();
    }
    let is_own_name = *tool_call.name == *tool.name();
    let fits = is_own_name && (1..=MAX_TOOL_CALL_ID_CHARS).contains(&tool_call.id.chars().count());
    let id = if fits { &tool_call.id } else { context.event.key.as_str() };
    format!("{}/{id}", tool.name()).into()
}

fn conclude(back: &ErrandReturn, context: &ToolContext) -> Decision {
    let ErrandReturn { tool_call_id, name, errand, returned, took } = back;
    let answer = errand.conclude(returned, context);
    let known = errand.effect.is_some_and(|digest| context.call.recent_effect(digest, context.event.at).is_some());
    let effect = errand.effect.filter(|_| matches!(answer, ToolAnswer::Result(_)));
    let ended = Fact::ErrandEnded {
        tool_call_id: clipped(tool_call_id, MAX_TOOL_CALL_ID_CHARS),
        errand: errand.id.clone(),
        outcome: returned.as_ref().map_or_else(|lost| lost.how.into(), |_| ErrandOutcome::Answered),
        why: returned.as_ref().err().map(|lost| lost.why.clone()),
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    };
    let facts = vec![ended, tool_answered(tool_call_id, name, &answer, effect, known)];
    Decision { facts, texts: Vec::new(), answer: Answer::Tool(answer) }
}

impl ToolCall {
    /// What is recorded of it: bounded, so two calls with very long arguments may look the same.
    pub fn recorded(&self) -> Fact {
        Fact::ToolCalled {
            tool_call_id: clipped(&self.id, MAX_TOOL_CALL_ID_CHARS),
            name: clipped(&self.name, MAX_TOOL_NAME_CHARS),
            arguments: bounded(&self.arguments),
        }
    }
}

fn tool_answered(tool_call_id: &str, name: &str, answer: &ToolAnswer, effect: Option<u64>, repeated: bool) -> Fact {
    Fact::ToolAnswered {
        tool_call_id: clipped(tool_call_id, MAX_TOOL_CALL_ID_CHARS),
        name: clipped(name, MAX_TOOL_NAME_CHARS),
        answer: answer.clone(),
        effect,
        repeated,
    }
}

fn bounded(arguments: &serde_json::Map<String, serde_json::Value>) -> serde_json::Value {
    let small = serde_json::to_vec(arguments).is_ok_and(|json| json.len() <= MAX_ARGUMENT_BYTES);
    let flat = arguments.values().all(|value| no_deeper_than(value, MAX_ARGUMENT_DEPTH));
    if small && flat { serde_json::Value::Object(arguments.clone()) } else { serde_json::json!({ "truncated": true }) }
}

/// What is recorded lies a few levels deeper than it came, and must still be readable.
fn no_deeper_than(value: &serde_json::Value, levels: usize) -> bool {
    match value {
        serde_json::Value::Array(items) => levels > 0 && items.iter().all(|item| no_deeper_than(item, levels - 1)),
        serde_json::Value::Object(fields) => {
            levels > 0 && fields.values().all(|field| no_deeper_than(field, levels - 1))
        }
        _ => true,
    }
}

pub(super) fn clipped(text: &str, max_chars: usize) -> Box<str> {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => text[..end].into(),
        None => text.into(),
    }
}
