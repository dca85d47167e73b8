//! What everybody but the server says happened.

use serde_json::Value;

use super::Book;

/// Everything there is to say about a run. What is empty is not looked at.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The client's log, in the order of the answers.
    pub told: Vec<Told>,
    /// The carrier's log.
    pub asked: Vec<Asked>,
    /// The log of one subscriber, in the order it heard.
    pub heard: Vec<Heard>,
    /// Whether the subscriber has been told everything by now.
    pub heard_all: bool,
    pub book: Book,
}

/// A webhook that was acknowledged: answered with 200, and with something else than that nothing could be done.
#[derive(Clone, Debug)]
pub struct Told {
    /// Recognisable in records of other kinds, as in a trace of the server's system calls.
    pub request: String,
    pub tenant: String,
    pub call: String,
    pub said: Said,
    /// The answer's body, byte for byte.
    pub answer: String,
}

/// What the webhook said, as far as it can be found again in what was recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// As the engine writes a phase: `in_progress`.
    Status(&'static str),
    /// Words that are nobody else's.
    Spoke(String),
    /// The tool call's id.
    Tool(String),
    Report,
}

/// A request to send a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub to: String,
    pub body: String,
}

/// A frame as a subscriber heard of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// By the channel it came on.
    pub tenant: String,
    pub call: String,
    pub seq: u64,
}

impl Told {
    /// What a webhook of Vapi's that was answered amounts to; `None` where nothing was acknowledged.
    pub fn of(request: &str, tenant: &str, message: &Value, status: u16, answer: &str) -> Option<Told> {
        let call = message["call"]["id"].as_str().filter(|_| status == 200)?.to_owned();
        let said = match message["type"].as_str()? {
            "status-update" => Said::Status(match message["status"].as_str()? {
                "in-progress" => "in_progress",
                "ringing" => "ringing",
                "ended" => "ended",
                _ => return None,
            }),
            "transcript" => Said::Spoke(message["transcript"].as_str()?.to_owned()),
            "tool-calls" => {
                let parsed: Value = serde_json::from_str(answer).ok()?;
                parsed["results"][0]["result"].as_str()?;
                Said::Tool(message["toolCallList"][0]["id"].as_str()?.to_owned())
            }
            "end-of-call-report" => Said::Report,
            _ => return None,
        };
        let (request, tenant, answer) = (request.to_owned(), tenant.to_owned(), answer.to_owned());
        Some(Told { request, tenant, call, said, answer })
    }

    /// The result the model was given.
    pub fn tool_result(&self) -> Option<String> {
        let answer: Value = serde_json::from_str(&self.answer).ok()?;
        answer["results"][0]["result"].as_str().map(str::to_owned)
    }

    /// How many texts the model was told are on their way.
    pub fn promised(&self) -> u64 {
        let result: Option<Value> = self.tool_result().and_then(|result| serde_json::from_str(&result).ok());
        result.filter(|result| result["sent"] == true).and_then(|result| result["messagesSent"].as_u64()).unwrap_or(0)
    }
}
