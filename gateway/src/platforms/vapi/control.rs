//! Vapi's own API, asked where a call stands when its webhooks have gone silent.

use std::time::Duration;

use async_trait::async_trait;
use engine::call::Phase;
use engine::failure::Failure;
use engine::ids::CallKey;
use engine::ports::CallControl;
use reqwest::StatusCode;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Longest wait for an answer. Nobody is on the line for it.
const TIMEOUT: Duration = Duration::from_secs(5);

pub struct VapiControl {
    client: reqwest::Client,
    base: Url,
    api_key: SecretString,
}

/// The one field that is read. A call's snapshot is stale inside webhooks, but not when asked for.
#[derive(Deserialize)]
struct CallStatus {
    status: Option<String>,
}

impl VapiControl {
    /// `base_url` without a path, such as `https://api.vapi.ai`.
    pub fn new(base_url: &str, api_key: SecretString) -> Result<VapiControl, Failure> {
        let base = Url::parse(base_url).map_err(|e| Failure::fail(format!("platforms.vapi.base_url: {e}")))?;
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Failure::fail(format!("http client: {e}")))?;
        Ok(VapiControl { client, base, api_key })
    }

    /// The id is hostile text: one path segment, whatever it contains.
    fn url_of(&self, call: &CallKey) -> Result<Url, Failure> {
        let mut url = self.base.clone();
        let mut segments =
            url.path_segments_mut().map_err(|()| Failure::fail("platforms.vapi.base_url has no path"))?;
        segments.pop_if_empty().push("call").push(call.call.as_str());
        drop(segments);
        Ok(url)
    }
}

#[async_trait]
impl CallControl for VapiControl {
    async fn phase_of(&self, call: &CallKey) -> Result<Option<Phase>, Failure> {
        let request = self.client.get(self.url_of(call)?).bearer_auth(self.api_key.expose_secret());
        let answer = request.send().await.map_err(|e| Failure::retry(format!("vapi: {}", e.without_url())))?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let call: CallStatus =
                    answer.json().await.map_err(|e| Failure::retry(format!("vapi: {}", e.without_url())))?;
                Ok(call.status.as_deref().and_then(phase))
            }
            status => Err(Failure::retry(format!("vapi answered {status}"))),
        }
    }
}

fn phase(status: &str) -> Option<Phase> {
    Some(match status {
        "scheduled" => Phase::Scheduled,
        "queued" => Phase::Queued,
        "ringing" => Phase::Ringing,
        "in-progress" => Phase::InProgress,
        "forwarding" => Phase::Forwarding,
        "ended" => Phase::Ended,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use engine::ids::{CallId, TenantId};

    use super::*;

    #[test]
    fn a_hostile_call_id_stays_one_path_segment() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let control = VapiControl::new("https://api.example.com", "key".into()).unwrap();
        let call = CallId::parse("../../org?x=1#y").unwrap();
        let url = control.url_of(&CallKey { tenant: TenantId::parse("t").unwrap(), call }).unwrap();
        assert_eq!(url.as_str(), "https://api.example.com/call/..%2F..%2Forg%3Fx=1%23y");
    }
}
