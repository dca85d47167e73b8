//! A past call in our words: who spoke with whom, what was said, which tools were called and what they answered.
//! A platform makes it of what it exported; everything else here only reads it.

use std::time::Duration;

use engine::call::{Direction, EndedReason, Parties, Role, ToolCall};
use engine::ids::CallId;
use engine::time::Timestamp;

/// Beyond this, a start and the first words belong to different clocks.
const MAX_BEFORE_FIRST_WORDS: Duration = Duration::from_secs(120);

/// One call that is over. Turns stand in the order they happened.
#[derive(Clone, Debug)]
pub struct PastCall {
    pub id: CallId,
    pub platform: &'static str,
    pub parties: Parties,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub ended: Option<EndedReason>,
    pub summary: Option<Box<str>>,
    /// The platform said that, and how, it ended.
    pub reported: bool,
    pub turns: Vec<Turn>,
}

#[derive(Clone, Debug)]
pub struct Turn {
    /// Missing where only a transcript was kept.
    pub at: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Said {
        role: Role,
        text: Box<str>,
    },
    Called(ToolCall),
    /// `call`: the id of the tool call. Empty where the platform gave none.
    Answered {
        call: Box<str>,
        name: Box<str>,
        text: Box<str>,
    },
}

/// A tool call and its answer, as places in the turns of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub called: usize,
    pub answered: Option<usize>,
}

impl PastCall {
    /// Where the clock of the conversation starts.
    pub fn origin(&self) -> Option<Timestamp> {
        let first = self.turns.iter().find_map(|turn| turn.at);
        match (self.started_at, first) {
            (Some(start), Some(first)) if start <= first && first.since(start) <= MAX_BEFORE_FIRST_WORDS => Some(start),
            (start, first) => first.or(start),
        }
    }

    /// Seconds into the conversation, to a tenth.
    pub fn second_of(&self, turn: usize) -> Option<f64> {
        let at = self.turns.get(turn)?.at?;
        Some(seconds(at.since(self.origin()?)))
    }

    /// For sorting, windows and the gaps between calls.
    pub fn began(&self) -> Option<Timestamp> {
        self.started_at.or_else(|| self.origin())
    }

    pub fn duration_s(&self) -> Option<u64> {
        let end = self.ended_at.or_else(|| self.turns.iter().rev().find_map(|turn| turn.until.or(turn.at)))?;
        Some(end.since(self.began()?).as_secs())
    }

    /// The other end, as the platform saw it: free text.
    pub fn caller(&self) -> Option<&str> {
        match self.parties.direction {
            Some(Direction::Outbound) => self.parties.to.as_deref(),
            _ => self.parties.from.as_deref(),
        }
    }

    pub fn tool_call(&self, turn: usize) -> Option<&ToolCall> {
        match &self.turns.get(turn)?.what {
            What::Called(call) => Some(call),
            _ => None,
        }
    }

    pub fn answer(&self, turn: usize) -> Option<&str> {
        match &self.turns.get(turn)?.what {
            What::Answered { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn has_caller_words(&self) -> bool {
        self.turns.iter().any(|turn| matches!(turn.what, What::Said { role: Role::Caller, .. }))
    }

    /// What the caller said last before this turn: what made the agent do what it did.
    pub fn heard_before(&self, turn: usize) -> Option<usize> {
        (0..turn).rev().find(|place| matches!(self.turns[*place].what, What::Said { role: Role::Caller, .. }))
    }

    /// Each answer belongs to one call: by its id, where there is none by its tool's name.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let mut exchanges: Vec<Exchange> = Vec::new();
        for (place, turn) in self.turns.iter().enumerate() {
            match &turn.what {
                What::Called(_) => exchanges.push(Exchange { called: place, answered: None }),
                What::Answered { call, name, .. } => {
                    let asked = exchanges.iter_mut().filter(|exchange| exchange.answered.is_none());
                    let belongs = |exchange: &&mut Exchange| self.asked(exchange.called, call, name);
                    if let Some(exchange) = asked.into_iter().find(belongs) {
                        exchange.answered = Some(place);
                    }
                }
                What::Said { .. } => {}
            }
        }
        exchanges
    }

    fn asked(&self, turn: usize, call: &str, name: &str) -> bool {
        let Some(tool_call) = self.tool_call(turn) else { return false };
        if call.is_empty() { *tool_call.name == *name } else { *tool_call.id == *call }
    }
}

/// To a tenth: what a transcript's clock is good for.
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
