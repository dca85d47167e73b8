//! `trigger`: one signed sample webhook, and what came back.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use engine::ports::{Clock, SystemClock};
use engine::priority::Priority;
use serde::Serialize;
use serde_json::Value;

use super::client::{local_url, wanted_secret, webhook_url};
use super::exit::{Exit, Failure};
use super::options::{Output, SettingsArgs};
use super::table::{print_json, print_rows};
use crate::simulator::load::{self, Options};
use crate::simulator::{Message, Proof, Signer, SimulatedCall, Subscription, of_priority};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_enum)]
    event: Event,
    /// The server, or its webhook URL [default: the server of these settings].
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// How urgent the caller is.
    #[arg(long, default_value = "P1", value_parser = priority)]
    priority: Priority,
    /// The webhook secret [default: the configured one, else that of the data directory].
    #[arg(long)]
    secret: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
}

fn priority(text: &str) -> Result<Priority, String> {
    text.parse().map_err(|_| "expected P1, P2, P3 or P4".to_owned())
}

/// Which webhook of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Event {
    AssistantRequest,
    /// The call rings.
    Ringing,
    /// The call is answered.
    StatusUpdate,
    #[value(name = "assistant.started", alias = "assistant-started")]
    AssistantStarted,
    SpeechUpdate,
    Transcript,
    ConversationUpdate,
    /// The agent sends an alert, or classifies where it sends none.
    ToolCalls,
    /// The call is over.
    Ended,
    EndOfCallReport,
}

impl Event {
    /// The type of the message, and what its body must say besides.
    fn picks(self) -> (&'static str, &'static str) {
        match self {
            Event::AssistantRequest => ("assistant-request", ""),
            Event::Ringing => ("status-update", "\"endedReason\":null,\"status\":\"ringing\""),
            Event::StatusUpdate => ("status-update", "\"status\":\"in-progress\""),
            Event::AssistantStarted => ("assistant.started", ""),
            Event::SpeechUpdate => ("speech-update", ""),
            Event::Transcript => ("transcript", "\"transcriptType\":\"final\""),
            Event::ConversationUpdate => ("conversation-update", ""),
            Event::ToolCalls => ("tool-calls", ""),
            Event::Ended => ("status-update", "\"status\":\"ended\""),
            Event::EndOfCallReport => ("end-of-call-report", ""),
        }
    }

    /// The last of its kind: for tool calls that is the alert, for transcripts the caller's last word.
    fn of(self, priority: Priority, now_ms: u64) -> Message {
        let mut call = SimulatedCall::new(of_priority(priority), Subscription::All, rand::random(), now_ms);
        let messages = std::iter::from_fn(|| call.advance(now_ms));
        let (kind, saying) = self.picks();
        let fits = |message: &Message| message.kind == kind && contains(&message.body, saying);
        messages.filter(fits).last().expect("every dialogue has every kind of message; a test tries them")
    }
}

fn contains(body: &[u8], saying: &str) -> bool {
    saying.is_empty() || memchr::memmem::find(body, saying.as_bytes()).is_some()
}

#[derive(Serialize)]
struct Answered {
    event: &'static str,
    status: u16,
    latency_ms: f64,
    body_bytes: usize,
    /// Is it what the platform can use?
    right: bool,
    answer: Value,
}

pub async fn run(args: Args, output: Output) -> Result<Exit, Failure> {
    let settings = || Ok(args.settings.load()?.settings);
    let to = match &args.to {
        Some(to) => to.clone(),
        None => local_url(settings()?.listen_address().expect("the settings were checked")).to_string(),
    };
    let url = webhook_url(&to)?;
    let secret = wanted_secret(args.secret.as_deref(), settings)?;
    let signer = Signer::new(Proof::Header, secret).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let now_ms = u64::try_from(SystemClock.now().as_millis()).unwrap_or_default();
    let message = args.event.of(args.priority, now_ms);
    let answered = send(url, &signer, &message).await?;
    print(&answered, output)?;
    Ok(match answered.status {
        200 if answered.right => Exit::Ok,
        401 | 403 => Exit::Authentication,
        404 => Exit::NotFound,
        _ => Exit::FailedCheck,
    })
}

async fn send(url: reqwest::Url, signer: &Signer, message: &Message) -> Result<Answered, Failure> {
    let unreachable =
        |error: reqwest::Error| Failure::new(Exit::Unreachable, format!("no answer: {}", error.without_url()));
    let options = Options { connections: 1, timeout: Duration::from_secs(20), ..Options::default() };
    let client = load::client(&url, &options).map_err(unreachable)?;
    let sent = Instant::now();
    let request = client.post(url).headers(signer.headers(&message.body)).body(message.body.clone());
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(unreachable)?;
    Ok(Answered {
        event: message.kind,
        status,
        latency_ms: (sent.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        body_bytes: message.body.len(),
        right: message.wanted.is(&body),
        answer: serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body))),
    })
}

fn print(answered: &Answered, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => print_json(answered),
        Output::Table => {
            let row = |name: &str, value: String| [name.to_owned(), value];
            print_rows(&[
                row("event", answered.event.to_owned()),
                row("sent", format!("{} bytes", answered.body_bytes)),
                row("status", answered.status.to_string()),
                row("latency", format!("{} ms", answered.latency_ms)),
                row("answer", answered.answer.to_string()),
            ])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_every_priority_has_a_sample() {
        for event in Event::value_variants() {
            for priority in Priority::ALL {
                let message = event.of(priority, 1_790_000_000_000);
                let body: Value = serde_json::from_slice(&message.body).unwrap();
                assert_eq!(body["message"]["type"], message.kind, "{event:?} {priority}");
            }
        }
    }

    #[test]
    fn statuses_are_told_apart_and_an_urgent_tool_call_is_the_alert() {
        let field = |event: Event, pointer: &str| {
            let body: Value = serde_json::from_slice(&event.of(Priority::P1, 1_790_000_000_000).body).unwrap();
            body.pointer(pointer).unwrap().clone()
        };
        assert_eq!(field(Event::Ringing, "/message/status"), "ringing");
        assert_eq!(field(Event::StatusUpdate, "/message/status"), "in-progress");
        assert_eq!(field(Event::Ended, "/message/status"), "ended");
        assert_eq!(field(Event::ToolCalls, "/message/toolCallList/0/function/name"), "sendSMSAlert");
    }
}
