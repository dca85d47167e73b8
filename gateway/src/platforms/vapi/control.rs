//! Where a call stands, asked of Vapi's own API when its webhooks have gone silent.

use async_trait::async_trait;
use engine::call::Phase;
use engine::failure::Failure;
use engine::ids::CallKey;
use engine::ports::CallControl;
use secrecy::SecretString;
use serde::Deserialize;

use super::api::{Api, ApiError};

pub struct VapiControl(Api);

/// The one field that is read. A call's snapshot is stale inside webhooks, but not when asked for.
#[derive(Deserialize)]
struct CallStatus {
    status: Option<String>,
}

impl VapiControl {
    /// `base_url` without a path, such as `https://api.vapi.ai`.
    pub fn new(base_url: &str, api_key: SecretString) -> Result<VapiControl, Failure> {
        Ok(VapiControl(Api::new(base_url, api_key)?))
    }
}

#[async_trait]
impl CallControl for VapiControl {
    async fn phase_of(&self, call: &CallKey) -> Result<Option<Phase>, Failure> {
        match self.0.get::<CallStatus>(&["call", call.call.as_str()], &[]).await {
            Ok(call) => Ok(call.status.as_deref().and_then(phase)),
            Err(ApiError::NotFound(_)) => Ok(None),
            Err(error) => Err(Failure::retry(error.to_string())),
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
    use super::*;

    #[test]
    fn a_hostile_call_id_stays_one_path_segment() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let api = Api::new("https://api.example.com", "key".into()).unwrap();
        let url = api.url_of(&["call", "../../org?x=1#y"]);
        assert_eq!(url.as_str(), "https://api.example.com/call/..%2F..%2Forg%3Fx=1%23y");
    }
}
