//! The shipped binary with servers somewhere: running, or refusing to start; and what it says of them.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::server::{Server, binary, client};

/// Longest anything awaited may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(180);

/// That a machine is busy is not what is tried.
const PATIENT: &[(&str, &str)] = &[
    ("CORDBOARD_STORE__SPOOL__PATIENCE_MS", "10000"),
    ("CORDBOARD_STORE__ACQUIRE_TIMEOUT_MS", "10000"),
    ("CORDBOARD_STORE__STATEMENT_TIMEOUT_MS", "10000"),
    ("CORDBOARD_STORE__CONNECTIONS", "4"),
    ("CORDBOARD_CACHE__TIMEOUT_MS", "2000"),
    ("CORDBOARD_LOG", "warn,gateway=info"),
];

/// A server that runs, with its log in a file.
pub struct Node {
    pub server: Server,
    folder: TempDir,
}

impl Node {
    pub fn start(settings: &[(&str, &str)]) -> Node {
        Node::start_with(command(), settings)
    }

    pub fn start_with(mut command: Command, settings: &[(&str, &str)]) -> Node {
        let folder = tempfile::tempdir().expect("a temporary folder");
        command.stderr(File::create(folder.path().join("log")).expect("made"));
        let settings = [PATIENT, settings].concat();
        let server = Server::start(command, &folder.path().join("data"), &settings);
        Node { server, folder }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("it writes one")
    }

    /// What `/readyz` says of one dependency.
    pub async fn dependency(&self, name: &str) -> Value {
        let answer = client().get(format!("{}/readyz", self.server.url)).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")["dependencies"][name].take()
    }

    pub async fn get(&self, path: &str) -> String {
        let token = std::fs::read_to_string(self.folder.path().join("data/admin-token")).expect("made at the start");
        let request = client().get(format!("{}{path}", self.server.url)).bearer_auth(token.trim());
        request.send().await.expect("an answer").text().await.expect("a body")
    }

    /// Waits until `/readyz` says this of it, and returns its first trouble.
    pub async fn until(&self, name: &str, state: &str, trouble: &str) -> String {
        let begun = Instant::now();
        loop {
            let told = self.dependency(name).await;
            let first = told["troubles"][0].as_str().unwrap_or_default();
            if told["state"] == state && first.contains(trouble) {
                return first.to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "never {state} with {trouble:?}: {told}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Without the settings of whoever runs the tests.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    let foreign = |name: &str| name.starts_with("CORDBOARD_") || name.starts_with("PG") || name.starts_with("SSL_CERT");
    for (variable, _) in std::env::vars().filter(|(variable, _)| foreign(variable)) {
        command.env_remove(variable);
    }
    // Reading all whom a machine trusts takes a debug build half a second of every connection.
    command.env("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/stranger.pem"));
    command
}

/// What a server says that ends instead of starting.
pub async fn refuses_to_start(settings: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("log");
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path().join("data"));
    command.envs(settings.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(File::create(&log).expect("made")).spawn().expect("the binary starts");
    let begun = Instant::now();
    let ended = loop {
        match child.try_wait().expect("ours") {
            None if begun.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(10)).await,
            ended => break ended,
        }
    };
    let _ = child.kill();
    let _ = child.wait();
    let said = std::fs::read_to_string(&log).expect("it writes one");
    let ended = ended.unwrap_or_else(|| panic!("it started with {settings:?} and said {said}"));
    assert!(!ended.success(), "{said}");
    said
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}
