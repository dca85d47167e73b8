//! Tools: how long callers waited for them in silence, which failed, and which were called again for nothing.

use std::collections::{BTreeMap, BTreeSet};

use engine::call::Call;
use engine::tools::effect_of;
use serde::Serialize;

use super::super::before::failure_of;
use super::{Evidence, Failure, Studied};

#[derive(Clone, Debug, Serialize)]
pub struct Silence {
    pub evidence: Evidence,
    pub tools: Vec<Box<str>>,
    pub silence_s: f64,
    /// The whole wait, with what was said in it.
    pub waited_s: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct FailedTool {
    pub evidence: Evidence,
    pub tool: Box<str>,
    pub failure: Failure,
}

/// The same tool with the same arguments, within the time an effect is remembered.
#[derive(Clone, Debug, Serialize)]
pub struct Repeat {
    /// Each time.
    pub evidence: Vec<Evidence>,
    pub tool: Box<str>,
    pub times: usize,
    /// Whether the playbook would have done it once and answered the rest from memory.
    pub done_once: bool,
}

/// Longest first; those of equal length in the order of the calls.
pub fn silences(studied: &[Studied]) -> Vec<Silence> {
    let of = |call: &Studied| -> Vec<Silence> {
        let silence = |wait: &super::Wait| Silence {
            evidence: call.at(wait.calls[0]),
            tools: wait.calls.iter().filter_map(|turn| Some(call.past.tool_call(*turn)?.name.clone())).collect(),
            silence_s: wait.silence_s,
            waited_s: wait.waited_s,
        };
        call.waits.iter().map(silence).collect()
    };
    let mut silences: Vec<Silence> = studied.iter().flat_map(of).collect();
    silences.sort_by(|one, other| other.silence_s.total_cmp(&one.silence_s));
    silences
}

pub fn failures(studied: &[Studied]) -> Vec<FailedTool> {
    let mut failed = Vec::new();
    for call in studied {
        for exchange in &call.exchanges {
            let failure = failure_of(call.past, exchange);
            let Some((failure, tool)) = failure.zip(call.past.tool_call(exchange.called)) else { continue };
            let evidence = call.at(exchange.answered.unwrap_or(exchange.called));
            failed.push(FailedTool { evidence, tool: tool.name.clone(), failure });
        }
    }
    failed
}

pub fn repeats(studied: &[Studied]) -> Vec<Repeat> {
    studied.iter().flat_map(repeats_in).collect()
}

fn repeats_in(call: &Studied) -> Vec<Repeat> {
    let mut alike: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for exchange in &call.exchanges {
        if let Some(tool_call) = call.past.tool_call(exchange.called) {
            alike.entry(effect_of(&tool_call.name, &tool_call.arguments)).or_default().push(exchange.called);
        }
    }
    let mut repeated: Vec<Vec<usize>> = alike.into_values().map(|turns| within_window(call, turns)).collect();
    repeated.retain(|turns| turns.len() > 1);
    repeated.sort();
    repeated.into_iter().filter_map(|turns| repeat(call, &turns)).collect()
}

/// Those near enough to the first to be taken for it.
fn within_window(call: &Studied, turns: Vec<usize>) -> Vec<usize> {
    let at = |turn: usize| call.past.turns[turn].at;
    let first = turns[0];
    let near =
        |turn: &usize| at(first).zip(at(*turn)).is_none_or(|(one, other)| other.since(one) <= Call::EFFECT_WINDOW);
    turns.into_iter().filter(near).collect()
}

fn repeat(call: &Studied, turns: &[usize]) -> Option<Repeat> {
    Some(Repeat {
        evidence: turns.iter().map(|turn| call.at(*turn)).collect(),
        tool: call.past.tool_call(turns[0])?.name.clone(),
        times: turns.len(),
        done_once: turns[1..].iter().all(|turn| call.replay.answered_again.contains(turn)),
    })
}

pub fn not_run(studied: &[Studied]) -> Vec<Box<str>> {
    let names: BTreeSet<Box<str>> = studied.iter().flat_map(|call| call.replay.not_run.iter().cloned()).collect();
    names.into_iter().collect()
}
