//! A server of the real binary on a directory of its own, what a platform tells it, and what an operator asks it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::command::{Running, cordboard};

/// Longest anything awaited may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "secret-of-these-tests";
const PLAYBOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories/playbooks");

pub struct Server {
    running: Running,
    base: String,
    token: String,
    client: Client,
}

impl Server {
    pub fn start(dir: &Path, settings: &[(&str, &str)]) -> Server {
        let mut command = cordboard();
        command.env("CORDBOARD_PLAYBOOKS__DIR", PLAYBOOKS).env("CORDBOARD_PLATFORMS__VAPI__SECRET", SECRET);
        command.env("CORDBOARD_SMS__SANDBOX__LATENCY_MS", "1").env("CORDBOARD_SMS__SANDBOX__DELIVERY_MS", "1");
        settings.iter().for_each(|(name, value)| _ = command.env(name, value));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir);
        let running = Running::start(command);
        let base = running.webhook_url().trim_end_matches("/webhooks/vapi").to_owned();
        let token = std::fs::read_to_string(dir.join("admin-token")).unwrap().trim().to_owned();
        let _ = rustls::crypto::ring::default_provider().install_default();
        Server { running, base, token, client: Client::new() }
    }

    /// Another one that speaks to the same server.
    pub fn client(&self) -> (Client, String) {
        (self.client.clone(), self.base.clone())
    }

    pub async fn hears(&self, body: &Value) {
        assert!(tell(&self.client, &self.base, body).await, "{body}");
    }

    pub async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.client.request(Method::POST, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let answered = request.json(body).send().await.unwrap();
        (answered.status(), answered.json().await.unwrap_or_default())
    }

    pub async fn as_a_stranger(&self, path: &str) -> StatusCode {
        self.client.post(format!("{}{path}", self.base)).body("{}").send().await.unwrap().status()
    }

    /// Asks again and again until it shows what is awaited.
    pub async fn eventually(&self, path: &str, shows: impl Fn(&Value) -> bool) -> Value {
        let asked_at = Instant::now();
        loop {
            let found = self.get(path).await;
            if shows(&found) {
                return found;
            }
            assert!(asked_at.elapsed() < PATIENCE, "{path} never showed what was awaited; at last {found:#}");
        }
    }

    /// A command that speaks to this server.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = cordboard();
        command.args(arguments).args(["--to", &self.base, "--token", &self.token]);
        command.stdin(Stdio::null()).output().unwrap()
    }

    pub fn terminate(self) {
        assert_eq!(self.running.terminate().code(), Some(0));
    }
}

/// Whether the webhook was acknowledged.
pub async fn tell(client: &Client, base: &str, body: &Value) -> bool {
    let request = client.post(format!("{base}/webhooks/vapi")).header("x-vapi-secret", SECRET);
    request.json(body).send().await.is_ok_and(|answered| answered.status() == StatusCode::OK)
}

/// A command on a directory.
pub fn run_in(dir: &Path, arguments: &[&str]) -> Output {
    cordboard().args(arguments).arg("--data-dir").arg(dir).stdin(Stdio::null()).output().unwrap()
}

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
