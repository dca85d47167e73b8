//! Vapi's own API: JSON out, JSON in, every request with a deadline, the key never in a log.

use std::time::Duration;

use engine::failure::Failure;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest wait for an answer. Nobody is on the line for it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes kept of what the API says about a refusal.
const MAX_REASON_BYTES: usize = 300;

#[derive(Clone, Debug)]
pub struct Api {
    client: reqwest::Client,
    base: Url,
    key: SecretString,
}

/// What the API could not or would not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    #[error("the platform refuses the API key")]
    Unauthorized,
    #[error("the platform does not know {0}")]
    NotFound(String),
    #[error("the platform answered {0}: {1}")]
    Refused(u16, String),
    /// No connection, no answer in time, or no JSON.
    #[error("the platform cannot be reached: {0}")]
    Unreachable(String),
}

impl Api {
    /// `base_url` without a path, such as `https://api.vapi.ai`.
    pub fn new(base_url: &str, key: SecretString) -> Result<Api, Failure> {
        let base = Url::parse(base_url).map_err(|e| Failure::fail(format!("platforms.vapi.base_url: {e}")))?;
        if base.cannot_be_a_base() {
            return Err(Failure::fail("platforms.vapi.base_url has no path"));
        }
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Failure::fail(format!("http client: {e}")))?;
        Ok(Api { client, base, key })
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, ApiError> {
        let mut url = self.url_of(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.ask(self.client.request(Method::GET, url), path).await
    }

    pub async fn patch(&self, path: &[&str], body: &Value) -> Result<Value, ApiError> {
        self.ask(self.client.request(Method::PATCH, self.url_of(path)).json(body), path).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder, path: &[&str]) -> Result<T, ApiError> {
        let unreachable = |error: reqwest::Error| ApiError::Unreachable(error.without_url().to_string());
        let answer = request.bearer_auth(self.key.expose_secret()).send().await.map_err(unreachable)?;
        match answer.status() {
            status if status.is_success() => answer.json().await.map_err(unreachable),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ApiError::Unauthorized),
            StatusCode::NOT_FOUND => Err(ApiError::NotFound(path.join("/"))),
            status => Err(ApiError::Refused(status.as_u16(), reason(&answer.text().await.unwrap_or_default()))),
        }
    }

    /// An id is hostile text: one path segment, whatever it contains.
    pub(super) fn url_of(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("a base was checked when this was made").pop_if_empty().extend(path);
        url
    }
}

/// What the API says is wrong, shortened.
fn reason(body: &str) -> String {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let message = match &json["message"] {
        Value::Null => body.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let end = message.floor_char_boundary(MAX_REASON_BYTES);
    message[..end].replace(char::is_control, " ")
}
