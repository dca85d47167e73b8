//! The way to Twilio's REST interface: one pool of connections, one account, nothing repeated.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};

use crate::carriers::BadCarrier;
use crate::settings;

/// Idle connections are dropped before Twilio drops them: a request on one that is being closed would be unknown.
const IDLE: Duration = Duration::from_secs(20);

pub(super) struct Account {
    http: Client,
    /// `…/2010-04-01/Accounts/AC…/`
    base: Url,
    /// The account with its token, or an API key with its secret.
    user: String,
    password: SecretString,
}

impl Account {
    pub fn new(settings: &settings::Twilio) -> Result<Account, BadCarrier> {
        if settings.account_sid.is_empty() {
            return Err(BadCarrier::Missing { setting: "sms.twilio.account_sid" });
        }
        let (user, password) = credentials(settings)?;
        let base = base_url(&settings.base_url)?;
        let http = client(settings, is_loopback(&base))
            .map_err(|error| BadCarrier::Bad { setting: "sms.twilio", why: error.to_string() })?;
        Ok(Account { http, base: account_url(base, &settings.account_sid)?, user, password })
    }

    /// `Messages.json`, or one message: `Messages`, `SM….json`.
    pub fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("the base has a path").pop_if_empty().extend(path);
        url
    }

    pub fn post(&self, url: Url) -> RequestBuilder {
        self.http.post(url).basic_auth(&self.user, Some(self.password.expose_secret()))
    }

    pub fn get(&self, url: Url) -> RequestBuilder {
        self.http.get(url).basic_auth(&self.user, Some(self.password.expose_secret()))
    }
}

/// An API key is preferred: it can be taken back alone. Webhooks are signed with the account's token all the same.
fn credentials(settings: &settings::Twilio) -> Result<(String, SecretString), BadCarrier> {
    match (settings.api_key_sid.is_empty(), settings.api_key_secret.expose_secret().is_empty()) {
        (false, false) => Ok((settings.api_key_sid.clone(), settings.api_key_secret.clone())),
        (false, true) => Err(BadCarrier::Missing { setting: "sms.twilio.api_key_secret" }),
        (true, _) if settings.auth_token.expose_secret().is_empty() => {
            Err(BadCarrier::Missing { setting: "sms.twilio.auth_token" })
        }
        (true, _) => Ok((settings.account_sid.clone(), settings.auth_token.clone())),
    }
}

fn client(settings: &settings::Twilio, loopback: bool) -> reqwest::Result<Client> {
    // Whoever comes first installs it; there is only one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("cordboard/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(settings.connect_timeout_s))
        .timeout(Duration::from_secs(settings.timeout_s))
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    if loopback { builder.no_proxy().build() } else { builder.build() }
}

/// Credentials and bodies leave in clear only to this very machine.
fn base_url(text: &str) -> Result<Url, BadCarrier> {
    let bad = |why: &str| BadCarrier::Bad { setting: "sms.twilio.base_url", why: why.to_owned() };
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(bad("http:// is for this machine only, use https://")),
        _ => Err(bad("not an https:// URL")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn account_url(mut base: Url, account_sid: &str) -> Result<Url, BadCarrier> {
    let mut path = base
        .path_segments_mut()
        .map_err(|()| BadCarrier::Bad { setting: "sms.twilio.base_url", why: "has no path".to_owned() })?;
    path.pop_if_empty().extend(["2010-04-01", "Accounts", account_sid]);
    drop(path);
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_in_clear_only_to_this_machine() {
        for (text, taken) in [
            ("https://api.example.com", true),
            ("http://127.0.0.1:4010", true),
            ("http://[::1]:4010", true),
            ("http://localhost:4010", true),
            ("http://api.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.8", false),
            ("ftp://127.0.0.1", false),
            ("api.example.com", false),
            ("", false),
        ] {
            assert_eq!(base_url(text).is_ok(), taken, "{text}");
        }
    }

    #[test]
    fn the_url_keeps_the_path_of_its_base() {
        for base in ["https://proxy.example.com/sms", "https://proxy.example.com/sms/"] {
            let url = account_url(Url::parse(base).unwrap(), "AC0").unwrap();
            assert_eq!(url.as_str(), "https://proxy.example.com/sms/2010-04-01/Accounts/AC0");
        }
    }
}
