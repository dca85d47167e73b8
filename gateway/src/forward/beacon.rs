//! The other end of the dead man's switch: one GET, and any success will do.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::Beacon;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};

use super::{client, not_sent};

/// Its URL is a secret: whoever knows it can say that all is well.
pub struct HttpBeacon {
    client: Client,
    url: SecretString,
}

impl HttpBeacon {
    pub fn new(url: SecretString) -> Result<HttpBeacon, Failure> {
        let client = client().build().map_err(|error| Failure::fail(format!("http client: {error}")))?;
        Ok(HttpBeacon { client, url })
    }
}

#[async_trait]
impl Beacon for HttpBeacon {
    async fn ping(&self) -> Result<(), Failure> {
        let answer = self.client.get(self.url.expose_secret()).send().await;
        let status = answer.map_err(|error| Failure::retry(not_sent(&error).why))?.status();
        if status.is_success() { Ok(()) } else { Err(Failure::retry(format!("status {}", status.as_u16()))) }
    }
}
