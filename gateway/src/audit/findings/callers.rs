//! Callers who had to call again: the same number, less than a day after.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::call::{Direction, Role};
use engine::phone::dialable;
use serde::Serialize;

use super::super::history::What;
use super::{Evidence, Studied};

/// Between one call and the next.
const AGAIN_WITHIN: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug, Serialize)]
pub struct Again {
    pub caller: String,
    /// Each call, with the caller's first words.
    pub calls: Vec<Evidence>,
}

/// In the order of the first call.
pub fn again(studied: &[Studied]) -> Vec<Again> {
    let mut by_number: BTreeMap<&str, Vec<&Studied>> = BTreeMap::new();
    for call in studied.iter().filter(|call| call.past.parties.direction != Some(Direction::Outbound)) {
        let known = |number: &&str| dialable(number).is_some();
        if let Some(number) = call.past.caller().filter(known) {
            by_number.entry(number).or_default().push(call);
        }
    }
    let mut again: Vec<(usize, Again)> = Vec::new();
    for (number, calls) in by_number {
        let near = |one: &&Studied, other: &&Studied| {
            one.past.began().zip(other.past.began()).is_some_and(|(one, other)| other.since(one) <= AGAIN_WITHIN)
        };
        for run in calls.chunk_by(near).filter(|run| run.len() > 1) {
            let calls = run.iter().map(|call| first_words(call)).collect();
            again.push((run[0].index, Again { caller: run[0].numbers.caller(number), calls }));
        }
    }
    again.sort_by_key(|(first, _)| *first);
    again.into_iter().map(|(_, again)| again).collect()
}

fn first_words(call: &Studied) -> Evidence {
    let turns = &call.past.turns;
    let spoke = turns.iter().position(|turn| matches!(turn.what, What::Said { role: Role::Caller, .. }));
    spoke.map_or_else(|| call.whole(), |turn| call.at(turn))
}
