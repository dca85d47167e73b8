//! Which server a command speaks to, and with which webhook secret: what was said, else what the server on this
//! machine would use.

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::Overrides;
use super::exit::{Exit, Failed};
use crate::settings::{self, Settings};
use crate::{data_dir, simulator};

const WEBHOOKS: &str = "/webhooks/vapi";

/// Where webhooks go, and what proves them.
pub struct Target {
    pub url: Url,
    pub secret: SecretString,
}

impl Target {
    /// The settings are read only for what was not said.
    pub fn find(to: Option<&str>, secret: Option<SecretString>, overrides: &Overrides) -> Result<Target, Failed> {
        if let (Some(to), Some(secret)) = (to, &secret) {
            return Ok(Target { url: webhook_url(to)?, secret: secret.clone() });
        }
        let settings = settings::load(&overrides.layers())?.settings;
        let url = webhook_url(&to.map_or_else(|| local_url(&settings), str::to_owned))?;
        let secret = secret.or_else(|| known_secret(&settings)).ok_or_else(|| no_secret(&settings))?;
        Ok(Target { url, secret })
    }

    pub fn signer(&self, proof: simulator::Proof) -> Result<simulator::Signer, Failed> {
        Ok(simulator::Signer::new(proof, self.secret.clone())?)
    }
}

/// The configured secret, else the one a server made in the data directory.
pub fn known_secret(settings: &Settings) -> Option<SecretString> {
    let secret = &settings.platforms.vapi.secret;
    match secret.expose_secret().is_empty() {
        true => data_dir::read_vapi_secret(&settings.data_dir),
        false => Some(secret.clone()),
    }
}

fn no_secret(settings: &Settings) -> Failed {
    let dir = settings.data_dir.display();
    let message = format!("no webhook secret: give --secret, or the --data-dir of the server ({dir} has none)");
    Failed::configuration(message)
}

/// How this machine reaches the server of these settings.
pub fn local_url(settings: &Settings) -> String {
    let address = settings.listen_address().expect("settings with another address are refused");
    match address.ip().is_unspecified() {
        true => format!("http://127.0.0.1:{}", address.port()),
        false => format!("http://{address}"),
    }
}

/// A base URL gets the webhooks' path; one with a path is taken as it is.
pub fn webhook_url(text: &str) -> Result<Url, Failed> {
    let mut url = base_url(text)?;
    if url.path() == "/" {
        url.set_path(WEBHOOKS);
    }
    Ok(url)
}

pub fn base_url(text: &str) -> Result<Url, Failed> {
    let url = Url::parse(text).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| Failed::new(Exit::Usage, format!("{text:?} is not an http or https URL")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_and_a_full_one_lead_to_the_same_place() {
        for (text, url) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/webhooks/vapi"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/webhooks/vapi"),
            ("https://calls.example.com/webhooks/vapi", "https://calls.example.com/webhooks/vapi"),
            ("https://example.com/elsewhere", "https://example.com/elsewhere"),
        ] {
            assert_eq!(webhook_url(text).unwrap().as_str(), url);
        }
        for text in ["127.0.0.1:8080", "ftp://example.com", "", "localhost:8080"] {
            assert!(webhook_url(text).is_err(), "{text}");
        }
    }
}
