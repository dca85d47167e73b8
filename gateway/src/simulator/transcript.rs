//! What was said in one simulated call, in the three forms the platform repeats in every body. Only appended to.

use serde_json::{Value, json};

use super::script::Speaker;

pub struct Artifact {
    /// The platform's own form, with times and the confidence of every word.
    messages: Vec<u8>,
    /// The form of the model's API.
    formatted: Vec<u8>,
    /// `AI: …\nUser: …\n`
    pub transcript: String,
    began_ms: u64,
    /// A tool call whose result the next message tells.
    awaiting: Option<(String, &'static str)>,
}

impl Artifact {
    pub fn new(prompt: &str, began_ms: u64) -> Artifact {
        let mut artifact = Artifact {
            messages: Vec::with_capacity(32 * 1024),
            formatted: Vec::with_capacity(16 * 1024),
            transcript: String::new(),
            began_ms,
            awaiting: None,
        };
        artifact.append(
            &json!({"role": "system", "message": prompt, "time": began_ms, "secondsFromStart": 0}),
            &json!({"role": "system", "content": prompt}),
        );
        artifact
    }

    pub fn say(&mut self, speaker: Speaker, text: &str, at_ms: u64, confidence: f64) {
        self.settle(at_ms);
        let words: Vec<&str> = text.split_whitespace().collect();
        let duration = words.len() as u64 * 350;
        let seconds = self.seconds(at_ms);
        let (role, name, who) = match speaker {
            Speaker::Agent => ("bot", "assistant", "AI"),
            Speaker::Caller => ("user", "user", "User"),
        };
        let mut message = json!({"role": role, "message": text, "time": at_ms.saturating_sub(duration),
            "endTime": at_ms, "secondsFromStart": seconds, "duration": duration, "source": ""});
        if speaker == Speaker::Caller {
            message["metadata"] = json!({"wordLevelConfidence": word_confidences(&words, seconds, confidence)});
        }
        self.append(&message, &json!({"role": name, "content": text}));
        self.transcript.push_str(&format!("{who}: {text}\n"));
    }

    pub fn call_tool(&mut self, id: &str, name: &'static str, arguments: &Value, at_ms: u64) {
        self.settle(at_ms);
        let seconds = self.seconds(at_ms);
        // Here, and only here, arguments are a string.
        let call =
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}});
        self.append(
            &json!({"role": "tool_calls", "message": "", "time": at_ms, "secondsFromStart": seconds, "toolCalls": [call]}),
            &json!({"role": "assistant", "content": "", "tool_calls": [call]}),
        );
        self.awaiting = Some((id.to_owned(), name));
    }

    /// The result of the tool call before, as the model saw it.
    fn settle(&mut self, at_ms: u64) {
        let Some((id, name)) = self.awaiting.take() else { return };
        let result = "{\"ok\":true}";
        let seconds = self.seconds(at_ms);
        self.append(
            &json!({"role": "tool_call_result", "name": name, "toolCallId": id, "result": result, "time": at_ms,
                "secondsFromStart": seconds}),
            &json!({"role": "tool", "content": result, "tool_call_id": id}),
        );
    }

    fn seconds(&self, at_ms: u64) -> f64 {
        at_ms.saturating_sub(self.began_ms) as f64 / 1000.0
    }

    fn append(&mut self, message: &Value, formatted: &Value) {
        for (list, value) in [(&mut self.messages, message), (&mut self.formatted, formatted)] {
            if !list.is_empty() {
                list.push(b',');
            }
            serde_json::to_writer(list, value).expect("a Vec takes all");
        }
    }

    pub fn messages(&self) -> &str {
        std::str::from_utf8(&self.messages).expect("JSON is UTF-8")
    }

    pub fn formatted(&self) -> &str {
        std::str::from_utf8(&self.formatted).expect("JSON is UTF-8")
    }

    /// What every artifact holds.
    pub fn fields(&self) -> String {
        format!(r#""messages":[{}],"messagesOpenAIFormatted":[{}]"#, self.messages(), self.formatted())
    }

    /// What a conversation-update repeats outside the artifact.
    pub fn conversation(&self) -> String {
        format!(r#""conversation":[{}],{},"#, self.formatted(), self.fields())
    }
}

fn word_confidences(words: &[&str], began_s: f64, confidence: f64) -> Vec<Value> {
    let word = |(at, word): (usize, &&str)| {
        let start = began_s + at as f64 * 0.35;
        json!({"word": word.to_lowercase(), "start": start, "end": start + 0.35, "confidence": confidence,
            "punctuated_word": word})
    };
    words.iter().enumerate().map(word).collect()
}
