//! What is true afterwards: the database, read with SQL of our own, beside what callers were told and what the carrier
//! was asked.

use std::collections::HashMap;

use benches::carrier::Arrival;
use benches::table::Line;
use serde_json::Value;

use crate::checker::{Asked, Book, History, Invariant, Said, Told};

/// Of a server that has stopped.
pub async fn lines(url: &str, told: Vec<Told>, log: &[Arrival]) -> Vec<Line> {
    let asked = log.iter().map(|arrival| Asked { to: arrival.to.clone(), body: arrival.body.clone() }).collect();
    let history = History { told, asked, book: Book::read(url).await, ..History::default() };
    vec![acknowledged(&history), carrier(&history), invariants(&history)]
}

/// Every webhook that was acknowledged is one fact, not none and not two.
fn acknowledged(history: &History) -> Line {
    let mut facts: HashMap<(&str, String), usize> = HashMap::new();
    for frame in &history.book.frames {
        for name in frame.facts.iter().filter_map(recorded) {
            *facts.entry((&frame.call, name)).or_default() += 1;
        }
    }
    let times = |told: &Told| facts.get(&(told.call.as_str(), said(&told.said))).copied().unwrap_or(0);
    let lost = history.told.iter().filter(|told| times(told) == 0).count();
    let doubled = history.told.iter().filter(|told| times(told) > 1).count();
    let under = format!("{} in {} calls", history.told.len(), history.book.calls.len());
    let measured = format!("{lost} lost, {doubled} doubled in {} frames", history.book.frames.len());
    let kept = lost + doubled == 0 && !history.told.is_empty();
    Line::new("afterwards: what was acknowledged", under, measured).wants("0 lost, 0 doubled", kept)
}

/// A fact by what makes it one of its call's.
fn recorded(fact: &Value) -> Option<String> {
    let text = |key: &str| fact[key].as_str().unwrap_or_default();
    match text("type") {
        "status" => Some(said(&Said::Status(["ringing", "in_progress"].into_iter().find(|it| *it == text("phase"))?))),
        "ended" => Some(said(&Said::Status("ended"))),
        "spoke" => Some(said(&Said::Spoke(text("text").to_owned()))),
        "tool_called" => Some(said(&Said::Tool(text("tool_call_id").to_owned()))),
        "reported" => Some(said(&Said::Report)),
        _ => None,
    }
}

fn said(said: &Said) -> String {
    format!("{said:?}")
}

/// Texts that read alike are counted together: a request names none.
fn carrier(history: &History) -> Line {
    let mut texts: HashMap<(&str, &str), usize> = HashMap::new();
    history.book.texts.iter().for_each(|text| *texts.entry((&text.to, &text.body)).or_default() += 1);
    let mut asked: HashMap<(&str, &str), usize> = HashMap::new();
    history.asked.iter().for_each(|asking| *asked.entry((&asking.to, &asking.body)).or_default() += 1);
    let there = |key: &(&str, &str)| texts.get(key).copied().unwrap_or(0);
    let doubled: usize = asked.iter().map(|(key, times)| times.saturating_sub(there(key))).sum();
    let marked = history.book.texts.iter().filter(|text| text.possible_duplicate).count();
    let under = format!("{} texts, {} requests", history.book.texts.len(), history.asked.len());
    let measured = format!("{doubled} asked for twice, {marked} marked");
    Line::new("afterwards: what the carrier was asked", under, measured).wants("0 twice", doubled == 0)
}

/// Those of docs/reliability.md; what is broken is printed.
fn invariants(history: &History) -> Line {
    use Invariant::*;
    let verdict = history.verdict();
    let broken = verdict.violated();
    if !broken.is_empty() {
        println!("{verdict}");
    }
    let wanted = [I1, I2, I3, I4, I5, I6, I7, I9];
    let looked_at: u64 = wanted.iter().map(|invariant| verdict.looked_at(*invariant)).sum();
    let all = wanted.iter().all(|invariant| verdict.looked_at(*invariant) > 0);
    let measured = format!("{} broken {broken:?}", verdict.violations.len());
    Line::new("afterwards: invariants", format!("{looked_at} looked at"), measured)
        .wants("0 broken", broken.is_empty() && all)
}
