//! The invariants, one function each.

use std::collections::{HashMap, HashSet};

use engine::call::Fact;
use serde_json::Value;

use super::verdict::{Invariant, Verdict};
use super::{Frame, History, Said, Text, Told};

pub const ALL: [fn(&History, &mut Verdict); 10] = [
    acknowledged_is_recorded,
    frames_are_gapless,
    calls_are_folds,
    texts_are_owed,
    texts_are_asked_for_once,
    answers_are_the_same,
    calls_never_go_back,
    subscribers_miss_nothing,
    tenants_are_walls,
    opted_out_is_left_alone,
];

type Key<'a> = (&'a str, &'a str);

impl History {
    /// In order of their numbers.
    fn frames_by_call(&self) -> HashMap<Key<'_>, Vec<&Frame>> {
        let mut calls: HashMap<Key<'_>, Vec<&Frame>> = HashMap::new();
        for frame in &self.book.frames {
            calls.entry((&frame.tenant, &frame.call)).or_default().push(frame);
        }
        calls.values_mut().for_each(|frames| frames.sort_by_key(|frame| frame.seq));
        calls
    }
}

fn is(fact: &Value, kind: &str) -> bool {
    fact["type"] == kind
}

fn facts<'a>(frames: &'a [&Frame]) -> impl Iterator<Item = &'a Value> {
    frames.iter().flat_map(|frame| &frame.facts)
}

fn acknowledged_is_recorded(history: &History, verdict: &mut Verdict) {
    let calls = history.frames_by_call();
    for told in &history.told {
        let frames = calls.get(&(told.tenant.as_str(), told.call.as_str())).map_or(&[][..], Vec::as_slice);
        let recorded = facts(frames).any(|fact| match &told.said {
            Said::Status("ended") => is(fact, "ended") || is(fact, "reported") || fact["phase"] == "ended",
            Said::Status(phase) => is(fact, "status") && fact["phase"] == *phase,
            Said::Spoke(text) => is(fact, "spoke") && fact["text"] == text.as_str(),
            Said::Tool(id) => is(fact, "tool_called") && fact["tool_call_id"] == id.as_str(),
            Said::Report => is(fact, "reported"),
        });
        verdict.holds(Invariant::I1, recorded, || {
            format!("{} {:?} was acknowledged ({}) and is not recorded", told.call, told.said, told.request)
        });
    }
}

fn frames_are_gapless(history: &History, verdict: &mut Verdict) {
    let frames = history.frames_by_call();
    for call in &history.book.calls {
        let of_call = frames.get(&(call.tenant.as_str(), call.id.as_str())).map_or(&[][..], Vec::as_slice);
        let seqs: Vec<u64> = of_call.iter().map(|frame| frame.seq).collect();
        let gapless = seqs.iter().copied().eq(1..=call.last_seq);
        verdict.holds(Invariant::I2, gapless, || {
            format!("{} stands at {}, its frames are {seqs:?}", call.id, call.last_seq)
        });
        let keys: HashSet<&str> = of_call.iter().map(|frame| frame.key.as_str()).collect();
        verdict.holds(Invariant::I2, keys.len() == of_call.len(), || format!("{} has an event twice", call.id));
    }
    let known: HashSet<Key<'_>> = history.book.calls.iter().map(|call| (&*call.tenant, &*call.id)).collect();
    for key in frames.keys() {
        verdict.holds(Invariant::I2, known.contains(key), || format!("{} has frames and is no call", key.1));
    }
}

fn calls_are_folds(history: &History, verdict: &mut Verdict) {
    let frames = history.frames_by_call();
    for call in &history.book.calls {
        let Some(of_call) = frames.get(&(call.tenant.as_str(), call.id.as_str())) else { continue };
        let folded = folded(&call.state, of_call);
        let same = folded.as_ref().is_ok_and(|folded| *folded == call.state && folded["phase"] == call.phase.as_str());
        verdict.holds(Invariant::I3, same, || match folded {
            Ok(folded) => format!("{} is {} ({}), its frames make {folded}", call.id, call.state, call.phase),
            Err(why) => format!("{} cannot be folded: {why}", call.id),
        });
    }
}

/// The call its frames make. When it began is no fact where nobody reported it, so that is believed.
fn folded(state: &Value, frames: &[&Frame]) -> Result<Value, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let time = |text: &str| text.parse().map_err(|_| format!("{text} is no time"));
    let mut call = engine::call::Call::new(&text(&state["platform"]), time(&text(&state["started_at"]))?);
    for frame in frames {
        let facts: Vec<Fact> =
            serde_json::from_value(Value::Array(frame.facts.clone())).map_err(|error| error.to_string())?;
        call.advance(&facts, time(&frame.at)?, time(&frame.decided_at)?);
    }
    serde_json::to_value(&call).map_err(|error| error.to_string())
}

fn texts_are_owed(history: &History, verdict: &mut Verdict) {
    let texts: HashMap<&str, &Text> = history.book.texts.iter().map(|text| (text.id.as_str(), text)).collect();
    let mut owed = HashSet::new();
    for frame in &history.book.frames {
        for id in frame.facts.iter().filter(|fact| is(fact, "sms_owed")).filter_map(|fact| fact["sms"].as_str()) {
            owed.insert(id);
            let there = texts.get(id).is_some_and(|text| text.call.as_deref() == Some(&frame.call));
            verdict.holds(Invariant::I4, there, || {
                format!("{} frame {} owes {id}, which is not there", frame.call, frame.seq)
            });
        }
    }
    // What an alert's roster owes later is in the alert's own record.
    let records: HashMap<&str, &str> =
        history.book.alerts.iter().map(|alert| (alert.id.as_str(), alert.record.as_str())).collect();
    let told = |text: &Text| {
        let record = text.alert.as_ref().and_then(|alert| records.get(alert.as_str()));
        record.is_some_and(|record| record.contains(&text.id))
    };
    for text in history.book.texts.iter().filter(|text| text.call.is_some()) {
        let is_owed = owed.contains(text.id.as_str()) || told(text);
        verdict.holds(Invariant::I4, is_owed, || format!("{} is owed by nothing that is recorded", text.id));
    }
    let frames = history.frames_by_call();
    for told in &history.told {
        let of_call = frames.get(&(told.tenant.as_str(), told.call.as_str())).map_or(&[][..], Vec::as_slice);
        promised_texts_are_there(told, of_call, &texts, verdict);
    }
}

fn promised_texts_are_there(told: &Told, of_call: &[&Frame], texts: &HashMap<&str, &Text>, verdict: &mut Verdict) {
    let (Said::Tool(id), promised @ 1..) = (&told.said, told.promised()) else { return };
    let answering = of_call.iter().filter(|frame| {
        frame.facts.iter().any(|fact| is(fact, "tool_answered") && fact["tool_call_id"] == id.as_str())
    });
    for frame in answering.filter(|frame| !frame.facts.iter().any(|fact| fact["repeated"] == true)) {
        let owed = frame.facts.iter().filter(|fact| is(fact, "sms_owed")).filter_map(|fact| fact["sms"].as_str());
        let people: HashSet<&str> = owed.filter_map(|id| texts.get(id)).map(|text| text.to.as_str()).collect();
        verdict.holds(Invariant::I4, people.len() as u64 == promised, || {
            format!("{}: {promised} people were to be told by {id}, {} will be", told.call, people.len())
        });
    }
}

/// A request names no text, so those that read alike are counted together.
fn texts_are_asked_for_once(history: &History, verdict: &mut Verdict) {
    if history.asked.is_empty() {
        return;
    }
    let mut attempts: HashMap<&str, usize> = HashMap::new();
    history.book.attempts.iter().for_each(|attempt| *attempts.entry(&attempt.text).or_default() += 1);
    let mut asked: HashMap<Key<'_>, usize> = HashMap::new();
    history.asked.iter().for_each(|request| *asked.entry((&request.to, &request.body)).or_default() += 1);
    let mut alike: HashMap<Key<'_>, Vec<&Text>> = HashMap::new();
    history.book.texts.iter().for_each(|text| alike.entry((&text.to, &text.body)).or_default().push(text));
    for (key, texts) in &alike {
        let claimed = |text: &&Text| attempts.get(text.id.as_str()).copied().unwrap_or(0);
        let is_taken = |text: &&&Text| matches!(text.state.as_str(), "accepted" | "sent" | "delivered");
        let least = texts.iter().filter(is_taken).count();
        let most: usize = texts.iter().map(|text| claimed(text).min(if text.possible_duplicate { 2 } else { 1 })).sum();
        let times = asked.get(key).copied().unwrap_or(0);
        verdict.holds(Invariant::I5, (least..=most).contains(&times), || {
            let states: Vec<_> = texts.iter().map(|text| (&text.id, &text.state, claimed(text))).collect();
            format!("asked for {times} times, not {least} to {most}: {states:?}")
        });
    }
    for (to, body) in asked.keys().filter(|key| !alike.contains_key(*key)) {
        verdict.holds(Invariant::I5, false, || format!("nobody owes {to} {body:?}"));
    }
}

fn answers_are_the_same(history: &History, verdict: &mut Verdict) {
    let mut first: HashMap<(&str, &str, &str), &str> = HashMap::new();
    let calls = history.frames_by_call();
    for told in &history.told {
        let Said::Tool(id) = &told.said else { continue };
        let key = (told.tenant.as_str(), told.call.as_str(), id.as_str());
        let before = *first.entry(key).or_insert(&told.answer);
        verdict.holds(Invariant::I6, before == told.answer, || {
            format!("{} {id} was answered {before} and then {}", told.call, told.answer)
        });
        let frames = calls.get(&(key.0, key.1)).map_or(&[][..], Vec::as_slice);
        let recorded = facts(frames).find(|fact| is(fact, "tool_answered") && fact["tool_call_id"] == id.as_str());
        // That there is one at all is I1's affair.
        if let (Some(recorded), Some(result)) = (recorded, told.tool_result()) {
            verdict.holds(Invariant::I6, recorded["result"] == result.as_str(), || {
                format!("{} {id} was answered {result}, and {recorded} is recorded", told.call)
            });
        }
    }
}

/// Where a call stands that has said so; a call that was given up may come back.
fn rank(phase: &str) -> u8 {
    ["scheduled", "queued", "ringing", "in_progress", "forwarding", "lost", "ended"]
        .iter()
        .position(|known| *known == phase)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

fn calls_never_go_back(history: &History, verdict: &mut Verdict) {
    let frames = history.frames_by_call();
    for call in &history.book.calls {
        let of_call = frames.get(&(call.tenant.as_str(), call.id.as_str())).map_or(&[][..], Vec::as_slice);
        let said = facts(of_call).filter(|fact| is(fact, "status")).filter_map(|fact| fact["phase"].as_str());
        let said = said.filter(|phase| !matches!(*phase, "forwarding" | "lost"));
        let furthest = said.max_by_key(|phase| rank(phase)).unwrap_or("scheduled");
        let over = facts(of_call).any(|fact| is(fact, "ended") || is(fact, "reported"));
        let least = if over { "ended" } else { furthest };
        let stands = call.phase.as_str();
        verdict.holds(Invariant::I7, stands == "lost" && !over || rank(stands) >= rank(least), || {
            format!("{} was {least} and is {stands}", call.id)
        });
        let reported = call.state["reported"] == true;
        verdict.holds(Invariant::I7, !reported || stands == "ended", || {
            format!("{} is reported and is {stands}", call.id)
        });
    }
}

/// Any frame may be heard again; none is heard before its predecessor.
fn subscribers_miss_nothing(history: &History, verdict: &mut Verdict) {
    let mut heard: HashMap<Key<'_>, u64> = HashMap::new();
    for one in &history.heard {
        let last = heard.entry((&one.tenant, &one.call)).or_default();
        verdict
            .holds(Invariant::I8, one.seq <= *last + 1, || format!("{} {} was heard after {last}", one.call, one.seq));
        *last = one.seq.max(*last);
    }
    for call in history.book.calls.iter().filter(|_| history.heard_all) {
        let last = heard.get(&(call.tenant.as_str(), call.id.as_str())).copied().unwrap_or(0);
        verdict.holds(Invariant::I8, last == call.last_seq, || {
            format!("{} stands at {}, and {last} was heard", call.id, call.last_seq)
        });
    }
}

fn tenants_are_walls(history: &History, verdict: &mut Verdict) {
    let mut owners: HashMap<&str, HashSet<&str>> = HashMap::new();
    history.told.iter().for_each(|told| {
        owners.entry(&told.call).or_default().insert(&told.tenant);
    });
    let may = |call: &str, tenant: &str| owners.get(call).is_none_or(|tenants| tenants.contains(tenant));
    for frame in &history.book.frames {
        verdict.holds(Invariant::I9, may(&frame.call, &frame.tenant), || {
            format!("{} has a frame of {}", frame.tenant, frame.call)
        });
    }
    for text in &history.book.texts {
        let call = text.call.as_deref().unwrap_or_default();
        verdict.holds(Invariant::I9, may(call, &text.tenant), || format!("{} texts for {call}", text.tenant));
    }
    for one in &history.heard {
        verdict.holds(Invariant::I9, may(&one.call, &one.tenant), || format!("{} heard of {}", one.tenant, one.call));
    }
    let mut hearers: HashMap<&str, HashSet<&str>> = HashMap::new();
    for frame in &history.book.frames {
        for words in frame.facts.iter().filter_map(|fact| fact["text"].as_str()) {
            hearers.entry(words).or_default().insert(&frame.tenant);
        }
    }
    for told in &history.told {
        let Said::Spoke(words) = &told.said else { continue };
        let elsewhere = hearers.get(words.as_str()).is_some_and(|hearers| hearers.iter().any(|it| *it != told.tenant));
        verdict.holds(Invariant::I9, !elsewhere, || format!("words of {} are another's", told.call));
    }
}

/// Times are text that sorts as they do.
fn opted_out_is_left_alone(history: &History, verdict: &mut Verdict) {
    let book = &history.book;
    for out in book.opt_outs.iter().filter(|said| said.action == "out") {
        let concerns =
            |tenant: &str, number: &str| number == out.number && (out.tenant.is_empty() || tenant == out.tenant);
        let back = book.opt_outs.iter().filter(|said| said.action == "in" && said.at >= out.at);
        let back =
            back.filter(|said| said.number == out.number && said.tenant == out.tenant).map(|said| &said.at).min();
        for text in book.texts.iter().filter(|text| concerns(&text.tenant, &text.to)) {
            let after = book.attempts.iter().find(|attempt| {
                attempt.text == text.id
                    && attempt.started_at > out.at
                    && back.is_none_or(|back| attempt.started_at < *back)
            });
            verdict.holds(Invariant::I10, after.is_none(), || {
                format!("{} left although {} wants no texts since {}", text.id, out.number, out.at)
            });
        }
    }
}
