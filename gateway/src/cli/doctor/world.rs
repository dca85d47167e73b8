//! The way from the world to the server: is it reached, and does it take webhooks from the right sender only?

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use reqwest::header::{DATE, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::report::Check;
use crate::cli::exit::{Failed, innermost};
use crate::cli::target::base_url;
use crate::settings::{Settings, is_loopback};
use crate::simulator::load::{self, Options};

/// Of no call and of no known type: answered and not recorded.
const PROBE: &str = r#"{"message":{"type":"cordboard.doctor"}}"#;

const WITHIN: Duration = Duration::from_secs(10);

/// Between our clock and the one on the way. Signatures are good for some minutes only.
const CLOCKS_APART: Duration = Duration::from_secs(60);

pub async fn examine(url: &str, settings: &Settings, secret: Option<SecretString>) -> Result<Vec<Check>, Failed> {
    let base = base_url(url)?;
    let options = Options { timeout: WITHIN, ..Options::default() };
    let world = World { client: load::client(&base, &options)?, base };
    let reached = world.reached().await;
    let mut checks = vec![world.encrypted(), reached.0];
    // What does not answer at all would only fail thrice.
    if reached.1 {
        checks.push(world.refuses_strangers().await);
        checks.push(world.takes_ours(settings, secret).await);
    }
    Ok(checks)
}

struct World {
    client: Client,
    base: Url,
}

impl World {
    fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("a base and a path make a URL")
    }

    fn is_private(&self) -> bool {
        self.base.scheme() == "https" || is_loopback(&self.base)
    }

    fn encrypted(&self) -> Check {
        match self.is_private() {
            true => Check::ok("public url", &self.base),
            false => {
                let found = format!("{} is plain http", self.base);
                Check::warn("public url", found, "use https: webhooks carry the secret and what callers say")
            }
        }
    }

    /// Also whether there was any answer.
    async fn reached(&self) -> (Check, bool) {
        const CHECK: &str = "reachable";
        let response = match self.client.get(self.url("/healthz")).send().await {
            Ok(response) => response,
            Err(error) => return (unreached(CHECK, &error), false),
        };
        let check = match response.status() {
            StatusCode::OK => healthy(CHECK, &response),
            status if status.is_redirection() => redirected(CHECK, &response),
            status => {
                let found = format!("GET /healthz is {status}");
                Check::fail(CHECK, found, "point the proxy or tunnel at this server, all paths of it")
            }
        };
        (check, true)
    }

    async fn refuses_strangers(&self) -> Check {
        const CHECK: &str = "refuses strangers";
        match self.client.post(self.url("/webhooks/vapi")).body(PROBE).send().await {
            Ok(response) if response.status() == StatusCode::UNAUTHORIZED => Check::ok(CHECK, "401 without the secret"),
            Ok(response) => {
                let todo = "another server or a proxy answers there: it must pass /webhooks/vapi on as it is";
                unexpected(CHECK, &response, "without the secret", todo)
            }
            Err(error) => unreached(CHECK, &error),
        }
    }

    async fn takes_ours(&self, settings: &Settings, secret: Option<SecretString>) -> Check {
        const CHECK: &str = "takes ours";
        let Some(secret) = secret else {
            return Check::warn(CHECK, "no secret is known here", "give the --data-dir of the server, or the secret");
        };
        if !self.is_private() {
            return Check::warn(CHECK, "not tried: the secret would be sent in the clear", "use https");
        }
        let header = settings.platforms.vapi.secret_header.as_str();
        let request = self.client.post(self.url("/webhooks/vapi")).header(header, secret.expose_secret()).body(PROBE);
        match request.send().await {
            Ok(response) if response.status() == StatusCode::OK => Check::ok(CHECK, "200 with the secret"),
            Ok(response) => {
                let todo = format!("use the same secret on both sides; a proxy must keep the header {header}");
                unexpected(CHECK, &response, "with the secret", &todo)
            }
            Err(error) => unreached(CHECK, &error),
        }
    }
}

fn healthy(check: &'static str, response: &Response) -> Check {
    match clocks_apart(response).filter(|apart| *apart > CLOCKS_APART) {
        None => Check::ok(check, "GET /healthz is 200"),
        Some(apart) => {
            let found = format!("its clock and ours are {} s apart", apart.as_secs());
            Check::warn(check, found, "set both by NTP: signed webhooks are refused by a clock that is off")
        }
    }
}

/// `None` when the answer is not dated.
fn clocks_apart(response: &Response) -> Option<Duration> {
    let dated: HttpDate = response.headers().get(DATE)?.to_str().ok()?.parse().ok()?;
    let (theirs, ours) = (SystemTime::from(dated), SystemTime::now());
    Some(ours.duration_since(theirs).unwrap_or_else(|theirs_is_ahead| theirs_is_ahead.duration()))
}

fn unexpected(check: &'static str, response: &Response, proven: &str, todo: &str) -> Check {
    match response.status().is_redirection() {
        true => redirected(check, response),
        false => Check::fail(check, format!("{} {proven}", response.status()), todo),
    }
}

/// Platforms do not follow redirects of a POST.
fn redirected(check: &'static str, response: &Response) -> Check {
    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
    Check::fail(
        check,
        format!("{} to {to}", response.status()),
        "give the URL it leads to: webhooks are not redirected",
    )
}

fn unreached(check: &'static str, error: &reqwest::Error) -> Check {
    let found = innermost(error);
    match is_tls(error) {
        true => Check::fail(check, format!("TLS: {found}"), "renew or complete the certificate of this name"),
        false => Check::unreachable(check, found, "start the server, the tunnel or the proxy, and check the name"),
    }
}

/// The certificate or the handshake, not the network.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    // An io::Error passes over the error it wraps when asked for its source.
    let within = within.map(|within| within as &(dyn Error + 'static));
    error.is::<rustls::Error>() || within.or_else(|| error.source()).is_some_and(is_tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_is_found_however_deep_it_is_wrapped() {
        let refused = || rustls::Error::General("refused".to_owned());
        assert!(is_tls(&refused()));
        assert!(is_tls(&io::Error::other(refused())));
        assert!(is_tls(&io::Error::other(io::Error::other(refused()))));
        assert!(!is_tls(&io::Error::other("refused")));
        assert!(!is_tls(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
