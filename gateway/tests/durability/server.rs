//! The real binary, started on a free port with a data directory of its own, and killed by process id.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

pub const SECRET: &str = "a-secret-of-the-tests";

/// After so long nobody is served any more.
pub const STALLED: Duration = Duration::from_secs(180);

pub struct Server {
    child: Child,
    /// Its own process, where the child only watches it.
    inner: Option<i32>,
    pub url: String,
}

/// The shipped binary, or the one `BINARY_UNDER_TEST` names: an optimised one, an older one.
pub fn binary() -> PathBuf {
    let named = std::env::var_os("BINARY_UNDER_TEST").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_cordboard").into())
}

/// The binary that breaks durability on purpose, when `scripts/test` built one.
pub fn sabotaged_binary() -> Option<PathBuf> {
    std::env::var_os("SABOTAGED_CORDBOARD").map(PathBuf::from)
}

impl Server {
    pub fn start(mut command: Command, data: &Path, settings: &[(&str, &str)]) -> Server {
        command.arg("serve").args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.env("CORDBOARD_PLATFORMS__VAPI__SECRET", SECRET).env("CORDBOARD_LOG", "error");
        command.envs(settings.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let url = url_in(BufReader::new(child.stdout.take().expect("piped")));
        Server { child, inner: None, url }
    }

    /// `kill -9`, and gone when this returns.
    pub fn kill(mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
    }

    /// The same for a server that runs inside another program, which ends with it.
    pub fn kill_inner(self, pid: i32) {
        self.end_inner(pid, Signal::SIGKILL);
    }

    pub fn stop_inner(self, pid: i32) {
        self.end_inner(pid, Signal::SIGTERM);
    }

    fn end_inner(mut self, pid: i32, signal: Signal) {
        kill(Pid::from_raw(pid), signal).expect("the process is ours");
        self.child.wait().expect("the process is ours");
        self.inner = None;
    }

    /// What runs inside does not outlive a test that fails.
    pub fn runs_inside(&mut self, pid: i32) {
        self.inner = Some(pid);
    }

    /// What an operator's Ctrl-C does; returns the exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.child.wait().expect("the process is ours").code()
    }
}

impl Server {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.id()).expect("a pid"));
        kill(pid, signal).expect("the process is ours");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = self.inner {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The banner names the URL; the rest of the output is read and dropped, so that the pipe never fills.
fn url_in(output: impl BufRead + Send + 'static) -> String {
    let (found, url) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(start) = line.find("http://127.0.0.1:")
                && let Some(end) = line.find("/webhooks/vapi")
            {
                let _ = found.send(line[start..end].to_owned());
            }
        }
    });
    url.recv_timeout(Duration::from_secs(60)).expect("the banner names the webhook URL")
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client")
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: String,
}

/// Sends one message under this request id; `None` when no answer came, as when the server was killed.
pub async fn send(client: &reqwest::Client, url: &str, request: &str, message: &Value) -> Option<Answer> {
    let post = client.post(format!("{url}/webhooks/vapi")).header("x-vapi-secret", SECRET);
    let post = post.header("x-request-id", request).json(&json!({ "message": message }));
    let answer = post.send().await.ok()?;
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get("retry-after").and_then(|after| after.to_str().ok()).map(str::to_owned);
    Some(Answer { status, retry_after, body: answer.text().await.ok()? })
}

pub fn status(call: &str, status: &str, timestamp: u64) -> Value {
    json!({ "type": "status-update", "status": status, "timestamp": timestamp, "call": { "id": call } })
}

pub fn spoken(call: &str, text: &str, timestamp: u64) -> Value {
    json!({ "type": "transcript", "transcriptType": "final", "role": "user", "transcript": text,
            "timestamp": timestamp, "call": { "id": call } })
}

/// The agent asks for an alert; `story` makes it recognisable at the carrier.
pub fn alert(call: &str, tool_call: &str, story: &str) -> Value {
    json!({ "type": "tool-calls", "timestamp": 1_787_000_000_000_u64, "call": { "id": call }, "toolCallList": [{
        "id": tool_call, "type": "function",
        "function": { "name": "sendSMSAlert", "arguments": { "priority": "P1", "message": story } } }] })
}

pub fn report(call: &str, timestamp: u64) -> Value {
    json!({ "type": "end-of-call-report", "endedReason": "customer-ended-call", "timestamp": timestamp,
            "call": { "id": call } })
}

/// Waits until no message is queued or being sent any more. The queue is looked at twice: one that was being sent may be
/// back in it.
pub async fn settled(url: &str, data: &Path) {
    let token = std::fs::read_to_string(data.join("admin-token")).expect("written at the first start");
    let client = client();
    let any = async |state: &str| {
        let request = client.get(format!("{url}/api/sms?limit=1&state={state}")).bearer_auth(token.trim());
        let page: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        // Nobody can say while a store far away is late.
        page["items"].as_array().is_none_or(|items| !items.is_empty())
    };
    let asked_at = Instant::now();
    while any("queued").await || any("sending").await || any("queued").await {
        assert!(asked_at.elapsed() < STALLED, "texts wait for ever");
        tokio::task::yield_now().await;
    }
}

/// Waits until nothing acknowledged is on this node's disk alone: a store far away may have been late for a moment.
pub async fn until_all_is_home(url: &str) {
    let (client, asked_at) = (client(), Instant::now());
    loop {
        let request = client.get(format!("{url}/readyz")).send();
        let told: Value = request.await.expect("an answer").json().await.expect("JSON");
        if told["dependencies"]["store"]["state"] == "ok" {
            return;
        }
        assert!(asked_at.elapsed() < STALLED, "never home: {told}");
        tokio::task::yield_now().await;
    }
}
