//! An app under test, and what a platform, an operator and a stranger may do to it.
//! Everything is asserted through HTTP; the app ends with its test.

mod answered;
pub mod bodies;
mod build;
mod stream;

use std::time::Duration;

use gateway::settings::Settings;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

pub use answered::Answered;
pub use build::Running;
pub use stream::Stream;

/// The deployment's webhook secret.
pub const SECRET: &str = "secret-of-the-deployment";
/// The webhook secret of the tenant `harbour` alone.
pub const HARBOUR_SECRET: &str = "secret-of-harbour";
/// Longest anything awaited may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two tenants: `boreal`, the default, and `harbour`, with a secret of its own.
fn playbooks_dir() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories/playbooks").to_owned()
}

pub struct App {
    running: Running,
    client: reqwest::Client,
}

impl App {
    pub async fn start() -> App {
        App::start_with(|_| ()).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> App {
        let mut settings: Settings = toml::from_str(include_str!("../../../../config/default.toml")).unwrap();
        settings.listen = "127.0.0.1:0".to_owned();
        settings.sms.sandbox.latency_ms = 1;
        settings.sms.sandbox.delivery_ms = 1;
        change(&mut settings);
        // The other tests of this process may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        App { running: build::build(settings).await, client }
    }

    // --- what the platform does

    pub async fn rings(&self, call: &str) -> Answered {
        self.webhook(&bodies::status(call, "ringing")).await
    }

    pub async fn answers(&self, call: &str) -> Answered {
        self.webhook(&bodies::status(call, "in-progress")).await
    }

    pub async fn says(&self, call: &str, text: &str) -> Answered {
        self.webhook(&bodies::transcript(call, text)).await
    }

    /// The answer is the tool's own, as the model gets it.
    pub async fn asks_for(&self, call: &str, tool: &str, arguments: Value) -> Answered {
        self.webhook(&bodies::tool_call(call, "tool_1", tool, arguments)).await
    }

    pub async fn hangs_up(&self, call: &str) -> Answered {
        self.webhook(&bodies::status(call, "ended")).await
    }

    pub async fn reports(&self, call: &str) -> Answered {
        self.webhook(&bodies::report(call)).await
    }

    pub async fn webhook(&self, body: &Value) -> Answered {
        self.webhook_as(SECRET, body.to_string()).await
    }

    pub async fn webhook_as(&self, secret: &str, body: impl Into<reqwest::Body>) -> Answered {
        let request = self.request(Method::POST, "/webhooks/vapi").header("x-vapi-secret", secret);
        Answered::to(request.header("content-type", "application/json").body(body)).await
    }

    // --- what an operator does

    pub async fn get(&self, path: &str) -> Answered {
        Answered::to(self.as_admin(Method::GET, path)).await
    }

    pub fn as_admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&self.running.admin_token)
    }

    pub fn admin_token(&self) -> &str {
        &self.running.admin_token
    }

    /// A code as the banner's login link carries it.
    pub fn login_code(&self) -> String {
        self.running.login_code()
    }

    pub async fn live(&self) -> Stream {
        Stream::open(self.as_admin(Method::GET, "/api/live/sse")).await
    }

    /// Looks at `path` again after every change of the live feed, until it shows what is awaited.
    pub async fn eventually(&self, path: &str, shows: impl Fn(&Value) -> bool) -> Value {
        let mut live = self.live().await;
        let mut last = Value::Null;
        let looking = async {
            loop {
                last = self.get(path).await.json();
                if shows(&last) {
                    return;
                }
                live.next().await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, looking).await;
        assert!(found.is_ok(), "{path} never showed what was awaited; at last it showed {last:#}");
        last
    }

    // --- what anybody does

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.running.address))
    }

    pub async fn anybody(&self, method: Method, path: &str) -> Answered {
        Answered::to(self.request(method, path)).await
    }

    /// Host and port, for those who speak TCP.
    pub fn address(&self) -> std::net::SocketAddr {
        self.running.address
    }

    /// Told to stop; returns when it has.
    pub async fn stops(&mut self) {
        tokio::time::timeout(PATIENCE, self.running.stop()).await.expect("an app that is told to stop stops");
    }
}
