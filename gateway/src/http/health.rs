//! `/healthz` (the process lives), `/readyz` (it is useful, dependency by dependency), `/metrics`.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use engine::failure::Failure;
use futures_util::future::{BoxFuture, join_all};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::auth::{bearer, same_secret};
use super::figures::hundredths;
use super::{Problem, State};
use crate::metrics;

/// A dependency that takes longer to say that it is well is not.
const PROBE_WITHIN: Duration = Duration::from_secs(1);

/// Asks one dependency how it is.
#[derive(Clone)]
pub struct Probe {
    /// `store`, `bus`, `cache`, `sms`, `playbooks`.
    name: &'static str,
    ask: Ask,
    /// Where somebody should look though it answers.
    troubles: Option<Arc<dyn Fn() -> Vec<String> + Send + Sync>>,
}

#[derive(Clone)]
enum Ask {
    /// It may be away: which one is in use (`sqlite`), and how to ask it.
    World(String, Arc<dyn Fn() -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>),
    /// It lives in this process and cannot be away.
    Ourselves(Arc<dyn Fn() -> Condition + Send + Sync>),
}

/// How something of this process is. Anybody may read it.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    /// Which one is in use: `in process`, `sandbox`, `2 in force`.
    pub kind: String,
    /// Where somebody should look. It works all the same: we are ready.
    pub troubles: Vec<String>,
}

impl Probe {
    pub fn new<F, A>(name: &'static str, kind: impl Into<String>, ask: F) -> Probe
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Probe { name, ask: Ask::World(kind.into(), Arc::new(move || Box::pin(ask()))), troubles: None }
    }

    /// A dependency that can do without what it stands on for a while, and says so.
    pub fn troubled(self, troubles: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Probe {
        Probe { troubles: Some(Arc::new(troubles)), ..self }
    }

    /// A dependency that is always the same.
    pub fn always(name: &'static str, kind: impl Into<String>) -> Probe {
        let condition = Condition { kind: kind.into(), troubles: Vec::new() };
        Probe::telling(name, move || condition.clone())
    }

    /// A dependency of this process that can be better or worse, and never away.
    pub fn telling(name: &'static str, tell: impl Fn() -> Condition + Send + Sync + 'static) -> Probe {
        Probe { name, ask: Ask::Ourselves(Arc::new(tell)), troubles: None }
    }

    async fn run(&self) -> (&'static str, Dependency) {
        let dependency = match &self.ask {
            Ask::World(kind, ask) => self.away_or_not(kind, ask()).await,
            Ask::Ourselves(tell) => {
                let Condition { kind, troubles } = tell();
                let state = if troubles.is_empty() { OK } else { DEGRADED };
                Dependency { state, kind, latency_ms: None, troubles }
            }
        };
        (self.name, dependency)
    }

    /// Anybody may ask whether we are ready, so why we are not is for the log.
    async fn away_or_not(&self, kind: &str, answer: BoxFuture<'static, Result<(), Failure>>) -> Dependency {
        let asked = Instant::now();
        let answer = tokio::time::timeout(PROBE_WITHIN, answer).await;
        let failure = answer.unwrap_or_else(|_| Err(Failure::retry("no answer"))).err();
        if let Some(failure) = &failure {
            tracing::warn!(dependency = self.name, error = %failure, "not ready");
        }
        let troubles = self.troubles.as_ref().map(|tell| tell()).unwrap_or_default();
        let state = match failure {
            Some(_) => UNAVAILABLE,
            None if troubles.is_empty() => OK,
            None => DEGRADED,
        };
        let latency_ms = Some(hundredths(asked.elapsed().as_secs_f64() * 1000.0));
        Dependency { state, kind: kind.to_owned(), latency_ms, troubles }
    }
}

const OK: &str = "ok";
const DEGRADED: &str = "degraded";
const UNAVAILABLE: &str = "unavailable";

#[derive(Serialize)]
struct Dependency {
    /// `ok`, `degraded` or `unavailable`.
    state: &'static str,
    kind: String,
    /// To hundredths; none when nobody had to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    troubles: Vec<String>,
}

#[derive(Serialize)]
struct Readiness {
    /// `ready`, `stopping` or `unavailable`.
    status: &'static str,
    dependencies: BTreeMap<&'static str, Dependency>,
}

pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

pub async fn ready(state: Data<State>) -> HttpResponse {
    let dependencies = ask_all(&state).await;
    let status = if state.stopping.begun() {
        "stopping"
    } else if dependencies.values().any(|dependency| dependency.state == UNAVAILABLE) {
        UNAVAILABLE
    } else {
        "ready"
    };
    let mut response = if status == "ready" { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(Readiness { status, dependencies })
}

async fn ask_all(state: &State) -> BTreeMap<&'static str, Dependency> {
    join_all(state.probes.iter().map(Probe::run)).await.into_iter().collect()
}

/// Prometheus text. Wants a token only when one is set.
pub async fn scrape(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let wanted = state.metrics_token.expose_secret();
    let given = bearer(request.headers()).unwrap_or_default();
    if !wanted.is_empty() && !same_secret(given, wanted) {
        return Err(Problem::unauthenticated("the metrics token is missing or wrong"));
    }
    for (name, dependency) in ask_all(&state).await {
        metrics::dependency(name, dependency.state == OK);
    }
    let text = state.metrics.text();
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
