//! Who calls meanwhile: many calls at once, each telling something every two seconds, by a schedule that waits for no
//! answer. Writes down what they were told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use benches::server::SECRET;
use benches::words::word;
use bytes::Bytes;
use engine::ports::{Clock, SystemClock};
use gateway::simulator::load::{self, Answered, Options, Outcome, Shot, Stop, Wanted};
use gateway::simulator::{Proof, Signer};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::checker::Told;

/// The tenant of the shipped playbook.
const TENANT: &str = "boreal";
/// Webhooks of one call, and seconds between two of them.
const STEPS: u32 = 12;
const APART_S: f64 = 2.0;
/// The step at which the agent asks whether this number has called before.
const LOOK_UP: u32 = 3;
/// One call in so many is an emergency.
const EMERGENCIES: u32 = 10;
/// Size of a body.
const KILOBYTES: usize = 40;
/// Where a slot stands in the headers.
const SLOT: &str = "x-request-id";

/// What somebody waits for on the telephone, and what nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Tool,
    Fact,
}

/// What came of one webhook.
#[derive(Clone, Debug)]
pub struct Answer {
    pub due: Instant,
    pub class: Class,
    /// `None` when no answer came.
    pub status: Option<u16>,
    /// Since it was due.
    pub latency: Duration,
    /// The agent was told that nothing could be done.
    pub apology: bool,
    /// What was asked is what the store alone knows: without it, an honest answer is that nobody can look.
    pub asks_the_past: bool,
    /// Texts the agent was told are on their way, and the word in them.
    pub owed: Option<(String, u64)>,
}

#[derive(Default)]
pub struct Log {
    pub answers: Vec<Answer>,
    /// What was acknowledged.
    pub told: Vec<Told>,
}

pub struct Callers {
    log: Arc<Mutex<Log>>,
    stop: Stop,
    calling: JoinHandle<Result<Outcome, reqwest::Error>>,
}

impl Callers {
    /// So many webhooks a second, from now on.
    pub fn start(url: &str, rate: f64) -> anyhow::Result<Callers> {
        let log = Arc::new(Mutex::new(Log::default()));
        let (stop, heard, plan) = (Stop::default(), log.clone(), Plan { rate, lines: lines(rate) });
        let on_answer = Arc::new(move |answered: &Answered<'_>| plan.note(answered, &heard));
        let options = Options { connections: 1_024, stop: stop.clone(), on_answer, ..Options::default() };
        let signer = Signer::new(Proof::Header, SECRET.to_owned().into())?;
        let target = format!("{url}/webhooks/vapi").parse()?;
        let calling = tokio::spawn(load::run(plan.shots(signer), target, options));
        Ok(Callers { log, stop, calling })
    }

    /// Everybody hangs up; returns when all are answered.
    pub async fn hang_up(self) -> anyhow::Result<(Outcome, Log)> {
        self.stop.now();
        let outcome = self.calling.await.context("the callers lived")??;
        Ok((outcome, std::mem::take(&mut self.log.lock())))
    }
}

/// Calls at once: each tells something every two seconds.
fn lines(rate: f64) -> u64 {
    ((rate * APART_S) as u64).max(1)
}

#[derive(Clone, Copy)]
struct Plan {
    rate: f64,
    lines: u64,
}

impl Plan {
    fn shots(self, signer: Signer) -> impl Iterator<Item = Shot> + Send + 'static {
        let padding = "x".repeat(KILOBYTES * 1_024);
        (0..).map(move |slot| {
            let webhook = self.webhook(slot);
            let mut message = webhook.message();
            message["timestamp"] = json!(SystemClock.now().as_millis());
            message["artifact"] = json!({ "transcript": padding });
            let body = Bytes::from(json!({ "message": message }).to_string());
            let mut headers = signer.headers(&body);
            headers.insert(SLOT, slot.into());
            let kind = if webhook.class() == Class::Tool { "tool-calls" } else { "facts" };
            let due = Duration::from_secs_f64(slot as f64 / self.rate);
            Shot { due, kind, body, headers, wanted: Wanted::Object }
        })
    }

    /// The lines speak in turn. On each, one call follows another; they do not all ring at once.
    fn webhook(self, slot: u64) -> Webhook {
        let (line, turn) = (slot % self.lines, slot / self.lines + slot % self.lines % u64::from(STEPS));
        let call = turn / u64::from(STEPS) * self.lines + line;
        let small = |number: u64| u32::try_from(number).expect("nobody calls for years");
        Webhook { call: small(call), step: small(turn % u64::from(STEPS)) }
    }

    fn note(self, answered: &Answered<'_>, log: &Mutex<Log>) {
        let slot = answered.shot.headers.get(SLOT).and_then(|slot| slot.to_str().ok()).unwrap_or_default();
        let webhook = self.webhook(slot.parse().expect("a slot is a number"));
        let status = answered.answer.map(|(status, _)| status);
        let body = answered.answer.map_or_else(String::new, |(_, body)| String::from_utf8_lossy(body).into_owned());
        let told = Told::of(slot, TENANT, &webhook.message(), status.unwrap_or(0), &body);
        let answer = Answer {
            due: Instant::now().checked_sub(answered.latency).expect("it was due after the start"),
            class: webhook.class(),
            status,
            latency: answered.latency,
            apology: status == Some(200) && told.is_none(),
            asks_the_past: webhook.step == LOOK_UP,
            owed: told.as_ref().map(Told::promised).filter(|texts| *texts > 0).map(|texts| (word(webhook.call), texts)),
        };
        let mut log = log.lock();
        log.answers.push(answer);
        log.told.extend(told);
    }
}

/// One thing a call tells.
#[derive(Clone, Copy)]
struct Webhook {
    call: u32,
    step: u32,
}

impl Webhook {
    fn class(self) -> Class {
        if matches!(self.step, LOOK_UP | 6 | 9) { Class::Tool } else { Class::Fact }
    }

    /// Always the same but for its time: the words of a turn are nobody else's.
    fn message(self) -> Value {
        let Webhook { call, step } = self;
        let (name, is_emergency) = (word(call), call.is_multiple_of(EMERGENCIES));
        let subject = if is_emergency { "il y a de l'eau partout au sous-sol" } else { "une soumission pour un drain" };
        let mut message = match step {
            0 => status("ringing"),
            1 => status("in-progress"),
            LOOK_UP => tool("lookupCaller", json!({})),
            4 | 8 => spoken("bot", format!("je vous écoute, {name}, tour {step}")),
            6 if is_emergency => {
                let story = format!("refoulement d'égout {name}");
                tool("sendSMSAlert", json!({ "priority": "P1", "message": story }))
            }
            6 => tool("calculateQuote", json!({ "serviceType": "racines_alesage", "location": "rive_sud" })),
            9 => tool("checkServiceArea", json!({ "city": "Pointe-Claire" })),
            10 => status("ended"),
            11 => json!({ "type": "end-of-call-report", "endedReason": "customer-ended-call" }),
            _ => spoken("user", format!("{subject}, ici {name}, tour {step}")),
        };
        let number = format!("+151455501{:02}", call % 100);
        message["call"] = json!({ "id": format!("call-{call}"), "customer": { "number": number } });
        if self.class() == Class::Tool {
            message["toolCallList"][0]["id"] = json!(format!("tool-{call}-{step}"));
        }
        message
    }
}

fn status(status: &str) -> Value {
    json!({ "type": "status-update", "status": status })
}

fn spoken(role: &str, words: String) -> Value {
    json!({ "type": "transcript", "transcriptType": "final", "role": role, "transcript": words })
}

fn tool(name: &str, arguments: Value) -> Value {
    let function = json!({ "name": name, "arguments": arguments });
    json!({ "type": "tool-calls", "toolCallList": [{ "type": "function", "function": function }] })
}
