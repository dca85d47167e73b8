//! How long callers heard nothing because a tool ran: from the tool call to its answer, less whatever was said meanwhile.

use engine::time::Timestamp;

use super::history::{Exchange, PastCall, What, seconds};

/// One wait: tools that ran at the same time make one.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// Turns of the tool calls.
    pub calls: Vec<usize>,
    pub silence_s: f64,
    pub waited_s: f64,
}

/// In the order they happened. A tool call without an answer, or without times, is no measurable wait.
pub fn waits(past: &PastCall, exchanges: &[Exchange]) -> Vec<Wait> {
    let mut spans: Vec<(Timestamp, Timestamp, Vec<usize>)> = Vec::new();
    for exchange in exchanges {
        let at = |turn: usize| past.turns.get(turn).and_then(|turn| turn.at);
        let Some((from, to)) = at(exchange.called).zip(exchange.answered.and_then(at)) else { continue };
        match spans.last_mut() {
            Some((_, end, calls)) if from <= *end => {
                *end = to.max(*end);
                calls.push(exchange.called);
            }
            _ => spans.push((from, to.max(from), vec![exchange.called])),
        }
    }
    let speech = speech(past);
    let wait = |(from, to, calls): (Timestamp, Timestamp, Vec<usize>)| {
        let spoken: i64 = speech.iter().map(|said| overlap((from, to), *said)).sum();
        let silence = (to.as_millis() - from.as_millis() - spoken).max(0);
        Wait { calls, silence_s: tenths(silence), waited_s: seconds(to.since(from)) }
    };
    spans.into_iter().map(wait).collect()
}

/// When somebody spoke, each moment once.
fn speech(past: &PastCall) -> Vec<(Timestamp, Timestamp)> {
    let said = past.turns.iter().filter(|turn| matches!(turn.what, What::Said { .. }));
    let mut spans: Vec<(Timestamp, Timestamp)> = said.filter_map(|turn| turn.at.zip(turn.until)).collect();
    spans.sort();
    let mut apart: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match apart.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => apart.push((from, to)),
        }
    }
    apart
}

/// In milliseconds.
fn overlap(one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)) -> i64 {
    (one.1.min(other.1).as_millis() - one.0.max(other.0).as_millis()).max(0)
}

fn tenths(millis: i64) -> f64 {
    (millis as f64 / 100.0).round() / 10.0
}

/// The value that `percent` of them do not exceed; nearest rank. `None` of nothing.
pub fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use engine::call::{Parties, Role, ToolCall};
    use engine::ids::CallId;

    use super::super::history::Turn;
    use super::*;

    fn turn(from: i64, to: Option<i64>, what: What) -> Turn {
        let at = |millis| Timestamp::from_millis(1_700_000_000_000 + millis);
        Turn { at: Some(at(from)), until: to.map(at), what }
    }

    fn called(from: i64, id: &str) -> Turn {
        turn(from, None, What::Called(ToolCall { id: id.into(), name: "t".into(), arguments: Default::default() }))
    }

    fn answered(from: i64, id: &str) -> Turn {
        turn(from, None, What::Answered { call: id.into(), name: "t".into(), text: "ok".into() })
    }

    fn said(from: i64, to: i64) -> Turn {
        turn(from, Some(to), What::Said { role: Role::Agent, text: "one moment".into() })
    }

    fn measured(turns: Vec<Turn>) -> Vec<(usize, f64, f64)> {
        let past = PastCall {
            id: CallId::parse("c").unwrap(),
            platform: "vapi",
            parties: Parties::default(),
            started_at: None,
            ended_at: None,
            ended: None,
            summary: None,
            reported: true,
            turns,
        };
        let waits = waits(&past, &past.exchanges());
        waits.into_iter().map(|wait| (wait.calls.len(), wait.silence_s, wait.waited_s)).collect()
    }

    #[test]
    fn silence_is_the_wait_less_what_was_said_in_it() {
        assert_eq!(measured(vec![called(0, "a"), answered(4_000, "a")]), [(1, 4.0, 4.0)]);
        assert_eq!(measured(vec![said(-500, 1_000), called(0, "a"), answered(4_000, "a")]), [(1, 3.0, 4.0)]);
        let twice = vec![called(0, "a"), said(500, 1_500), said(1_000, 2_000), answered(4_000, "a")];
        assert_eq!(measured(twice), [(1, 2.5, 4.0)]);
    }

    #[test]
    fn tools_at_the_same_time_make_one_wait_and_tools_in_a_row_two() {
        let parallel = vec![called(0, "a"), called(0, "b"), answered(1_000, "a"), answered(3_000, "b")];
        assert_eq!(measured(parallel), [(2, 3.0, 3.0)]);
        let in_a_row = vec![called(0, "a"), answered(1_000, "a"), called(2_000, "b"), answered(2_500, "b")];
        assert_eq!(measured(in_a_row), [(1, 1.0, 1.0), (1, 0.5, 0.5)]);
        assert!(measured(vec![called(0, "a")]).is_empty());
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values = [1.0, 2.0, 3.0, 9.0];
        assert_eq!((percentile(&values, 50), percentile(&values, 95)), (Some(2.0), Some(9.0)));
        assert_eq!(percentile(&[], 50), None);
    }
}
