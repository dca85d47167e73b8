//! What commands need that speak to a server: its webhook URL and the secret it wants.

use std::net::SocketAddr;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::exit::{Exit, Failure};
use crate::data_dir;
use crate::settings::Settings;

pub const WEBHOOK_PATH: &str = "/webhooks/vapi";

/// A server's address stands for its webhook URL; a URL with a path is taken as it is.
pub fn webhook_url(text: &str) -> Result<Url, Failure> {
    let mut url = http_url(text)?;
    if url.path() == "/" {
        url.set_path(WEBHOOK_PATH);
    }
    Ok(url)
}

pub fn http_url(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| Failure::new(Exit::Usage, format!("{text:?} is not a URL; write it like http://127.0.0.1:8080")))
}

/// Where a client on this machine reaches a server that listens there.
pub fn local_url(mut listen: SocketAddr) -> Url {
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    Url::parse(&format!("http://{listen}/")).expect("an address is a host and a port")
}

/// The one that is configured, else the one a server made in the data directory.
pub fn known_secret(settings: &Settings) -> Option<SecretString> {
    let configured = &settings.platforms.vapi.secret;
    if configured.expose_secret().is_empty() {
        data_dir::read_vapi_secret(&settings.data_dir)
    } else {
        Some(configured.clone())
    }
}

pub fn wanted_secret(
    flag: Option<&str>,
    settings: impl FnOnce() -> Result<Settings, Failure>,
) -> Result<SecretString, Failure> {
    if let Some(secret) = flag {
        return Ok(SecretString::from(secret.to_owned()));
    }
    let settings = settings()?;
    known_secret(&settings).ok_or_else(|| {
        let dir = settings.data_dir.display();
        let message = format!("no webhook secret: give --secret, or --data-dir of the server (there is none in {dir})");
        Failure::new(Exit::Authentication, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_the_webhook_url() {
        for (given, url) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/webhooks/vapi"),
            ("https://calls.example.com/", "https://calls.example.com/webhooks/vapi"),
            ("http://127.0.0.1:9/other", "http://127.0.0.1:9/other"),
        ] {
            assert_eq!(webhook_url(given).unwrap().as_str(), url);
        }
        assert_eq!(webhook_url("127.0.0.1:8080").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_server_on_every_address_is_reached_on_loopback() {
        assert_eq!(local_url("0.0.0.0:80".parse().unwrap()).host_str(), Some("127.0.0.1"));
        assert_eq!(local_url("[::]:81".parse().unwrap()).as_str(), "http://[::1]:81/");
    }
}
