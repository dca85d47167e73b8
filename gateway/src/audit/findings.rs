//! What is worth saying about past calls, each with its evidence. Serialised, this is the JSON of an audit.

use std::collections::BTreeMap;

use engine::call::Fault;
use engine::ids::TenantId;
use engine::playbook::Playbook;
use engine::priority::Priority;
use engine::time::Timestamp;
use serde::Serialize;

use super::before::{Alert, AlertTools, Before, Failure};
use super::export::Unreadable;
use super::history::{Exchange, PastCall, What};
use super::replay::Replay;
use super::shown::Numbers;
use super::waits::{self, Wait, percentile};

mod callers;
mod recognised;
mod tools;

pub use callers::Again;
pub use recognised::{FalseAlarm, Outcome, Recognised, Then, Told};
pub use tools::{FailedTool, Repeat, Silence};

/// Longest quotation, in characters.
const MAX_QUOTE_CHARS: usize = 280;

/// How an audit is made and shown.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub alert_tools: AlertTools,
    pub show_numbers: bool,
}

#[derive(Debug, Serialize)]
pub struct Audit {
    pub tenant: TenantId,
    pub business: Box<str>,
    /// Start of the first and of the last call.
    pub window: Option<[Timestamp; 2]>,
    pub totals: Totals,
    pub emergencies: Vec<Recognised>,
    /// Less than an emergency, more than routine.
    pub others: Vec<Recognised>,
    pub false_alarms: Vec<FalseAlarm>,
    /// Longest first.
    pub silences: Vec<Silence>,
    pub failed_tools: Vec<FailedTool>,
    pub repeats: Vec<Repeat>,
    pub without_report: Vec<Evidence>,
    pub endings: Vec<Ending>,
    pub called_again: Vec<Again>,
    pub unjudged: Vec<Unjudged>,
    /// Tools of the old webhook alone, and those that ask somebody: a replay does not run them.
    pub tools_not_run: Vec<Box<str>>,
    pub unreadable: Vec<Unreadable>,
    pub calls: Vec<Row>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    pub calls: usize,
    pub judged: usize,
    pub emergencies: usize,
    /// Emergencies of which no tool told anybody.
    pub untold: usize,
    /// Emergencies of which somebody would have been told during the call.
    pub texted: usize,
    pub false_alarms: usize,
    pub tool_calls: usize,
    pub failed_tool_calls: usize,
    pub repeated_tool_calls: usize,
    /// Seconds of silence while tools ran, and their distribution over the waits.
    pub silence_s: f64,
    pub silence_worst_s: f64,
    pub silence_p50_s: f64,
    pub silence_p95_s: f64,
    pub without_report: usize,
    pub without_summary: usize,
    pub transferred: usize,
    pub transfers_failed: usize,
    pub callers_again: usize,
}

/// Where it can be looked up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    pub call: Box<str>,
    /// Second of the conversation.
    pub at_s: Option<f64>,
    /// Which turn of the call, from 0.
    pub turn: Option<usize>,
    pub quote: Option<String>,
    /// Which of the audited calls.
    #[serde(skip)]
    pub index: usize,
}

/// A group of reasons why calls ended.
#[derive(Clone, Debug, Serialize)]
pub struct Ending {
    pub group: Box<str>,
    pub fault: Fault,
    pub calls: usize,
    /// Only where something went wrong.
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Unjudged {
    pub evidence: Evidence,
    pub why: WhyUnjudged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyUnjudged {
    /// It never became a conversation.
    NotConnected,
    /// The export has no words of the caller.
    NoWords,
}

/// One line per call.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub call: Box<str>,
    pub started_at: Option<Timestamp>,
    pub duration_s: Option<u64>,
    pub caller: Option<String>,
    pub priority: Option<Priority>,
    pub priority_before: Option<Priority>,
    pub told_before: bool,
    pub silence_s: f64,
    pub tool_calls: usize,
    pub ended_reason: Option<Box<str>>,
    pub reported: bool,
}

/// Everything known of one call.
pub(super) struct Studied<'a> {
    pub index: usize,
    pub past: &'a PastCall,
    pub exchanges: Vec<Exchange>,
    pub replay: Replay,
    pub before: Before,
    pub waits: Vec<Wait>,
    pub numbers: Numbers,
}

impl Audit {
    /// `calls` in the order of their start.
    pub fn of(calls: &[PastCall], unreadable: Vec<Unreadable>, playbook: &Playbook, options: &Options) -> Audit {
        let study = |(index, past)| Studied::of(index, past, playbook, options);
        let studied: Vec<Studied> = calls.iter().enumerate().map(study).collect();
        let (emergencies, others) = recognised::recognised(&studied, playbook);
        let mut audit = Audit {
            tenant: playbook.tenant.clone(),
            business: playbook.name.clone(),
            window: window(calls),
            totals: Totals::default(),
            emergencies,
            others,
            false_alarms: recognised::false_alarms(&studied),
            silences: tools::silences(&studied),
            failed_tools: tools::failures(&studied),
            repeats: tools::repeats(&studied),
            without_report: studied.iter().filter(|call| !call.past.reported).map(Studied::whole).collect(),
            endings: endings(&studied),
            called_again: callers::again(&studied),
            unjudged: studied.iter().filter_map(unjudged).collect(),
            tools_not_run: tools::not_run(&studied),
            unreadable,
            calls: studied.iter().map(Studied::row).collect(),
        };
        audit.totals = audit.count(&studied);
        audit
    }

    fn count(&self, studied: &[Studied]) -> Totals {
        let mut silences: Vec<f64> = self.silences.iter().map(|silence| silence.silence_s).collect();
        silences.reverse();
        let ended = |group: &str| self.endings.iter().filter(|e| &*e.group == group).map(|e| e.calls).sum();
        Totals {
            calls: studied.len(),
            judged: studied.len() - self.unjudged.len(),
            emergencies: self.emergencies.len(),
            untold: self.emergencies.iter().filter(|call| call.nobody_told()).count(),
            texted: self.emergencies.iter().filter(|call| call.asked).count(),
            false_alarms: self.false_alarms.len(),
            tool_calls: studied.iter().map(|call| call.exchanges.len()).sum(),
            failed_tool_calls: self.failed_tools.len(),
            repeated_tool_calls: self.repeats.iter().map(|repeat| repeat.times - 1).sum(),
            silence_s: (silences.iter().sum::<f64>() * 10.0).round() / 10.0,
            silence_worst_s: silences.last().copied().unwrap_or(0.0),
            silence_p50_s: percentile(&silences, 50).unwrap_or(0.0),
            silence_p95_s: percentile(&silences, 95).unwrap_or(0.0),
            without_report: self.without_report.len(),
            without_summary: studied.iter().filter(|call| call.past.summary.is_none()).count(),
            transferred: ended("transferred"),
            transfers_failed: ended("transfer.failed"),
            callers_again: self.called_again.len(),
        }
    }
}

impl<'a> Studied<'a> {
    fn of(index: usize, past: &'a PastCall, playbook: &Playbook, options: &Options) -> Studied<'a> {
        let exchanges = past.exchanges();
        Studied {
            index,
            past,
            replay: Replay::of(past, playbook, &options.alert_tools),
            before: Before::read(past, &exchanges, &options.alert_tools),
            waits: waits::waits(past, &exchanges),
            exchanges,
            numbers: Numbers { whole: options.show_numbers },
        }
    }

    /// The call as such, without a turn.
    pub fn whole(&self) -> Evidence {
        Evidence { call: self.past.id.as_str().into(), at_s: None, turn: None, quote: None, index: self.index }
    }

    pub fn at(&self, turn: usize) -> Evidence {
        Evidence { at_s: self.past.second_of(turn), turn: Some(turn), quote: self.quote(turn), ..self.whole() }
    }

    /// What was said there; of a tool call, what the caller had said last.
    fn quote(&self, turn: usize) -> Option<String> {
        let text = match &self.past.turns.get(turn)?.what {
            What::Said { text, .. } | What::Answered { text, .. } => text,
            What::Called(_) => return self.quote(self.past.heard_before(turn)?),
        };
        let shown: String = self.numbers.words(text).chars().take(MAX_QUOTE_CHARS + 1).collect();
        Some(match shown.char_indices().nth(MAX_QUOTE_CHARS) {
            Some((end, _)) => format!("{}…", &shown[..end]),
            None => shown,
        })
    }

    fn row(&self) -> Row {
        Row {
            call: self.past.id.as_str().into(),
            started_at: self.past.began(),
            duration_s: self.past.duration_s(),
            caller: self.past.caller().map(|number| self.numbers.caller(number)),
            priority: self.replay.verdict().map(|raised| raised.priority),
            priority_before: self.before.priority.map(|(priority, _)| priority),
            told_before: matches!(self.before.alert, Alert::Told { .. }),
            silence_s: (self.waits.iter().map(|wait| wait.silence_s).sum::<f64>() * 10.0).round() / 10.0,
            tool_calls: self.exchanges.len(),
            ended_reason: self.past.ended.as_ref().map(|ended| ended.reason.clone()),
            reported: self.past.reported,
        }
    }
}

fn window(calls: &[PastCall]) -> Option<[Timestamp; 2]> {
    let began = || calls.iter().filter_map(PastCall::began);
    Some([began().min()?, began().max()?])
}

fn unjudged(call: &Studied) -> Option<Unjudged> {
    if call.past.has_caller_words() {
        return None;
    }
    let group = call.past.ended.as_ref().map_or("", |ended| &ended.group);
    let silent = ["not-connected", "no-answer", "busy", "voicemail", "account", "config.invalid"];
    let why = if silent.contains(&group) { WhyUnjudged::NotConnected } else { WhyUnjudged::NoWords };
    Some(Unjudged { evidence: call.whole(), why })
}

/// Most calls first.
fn endings(studied: &[Studied]) -> Vec<Ending> {
    let mut groups: BTreeMap<&str, Ending> = BTreeMap::new();
    for (call, ended) in studied.iter().filter_map(|call| Some((call, call.past.ended.as_ref()?))) {
        let group = groups.entry(&ended.group).or_insert_with(|| Ending {
            group: ended.group.clone(),
            fault: ended.fault,
            calls: 0,
            evidence: Vec::new(),
        });
        group.calls += 1;
        if ended.fault != Fault::None || group.group.starts_with("transfer") {
            group.evidence.push(call.whole());
        }
    }
    let mut endings: Vec<Ending> = groups.into_values().collect();
    endings.sort_by_key(|ending| std::cmp::Reverse(ending.calls));
    endings
}
