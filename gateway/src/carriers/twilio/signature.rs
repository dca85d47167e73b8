//! Proof that a webhook comes from Twilio: `X-Twilio-Signature`, made over the URL as Twilio called it and everything it
//! posted.
//!
//! Two schemes. The old one is HMAC-SHA1 with an account's token. The newer one names itself in
//! `X-Twilio-Webhooks-Signature-Settings: key=…,algorithm=HMAC_SHA256` and is made with a key for webhooks alone; once
//! such a key is configured the old one proves nothing any more. A form is signed name by name, value by value; any
//! other body by its SHA-256 in the URL (`bodySHA256`). The URL is signed with its port or without: both are tried.
//! Facts: twilio.com/docs/usage/security and PyPI `twilio` 9.13.0, read 2026-11.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::posted::Fields;

pub const SIGNATURE_HEADER: &str = "x-twilio-signature";
pub const SETTINGS_HEADER: &str = "x-twilio-webhooks-signature-settings";

/// A webhook as it came in. `url` is the one Twilio knows, with its query, never what the Host header says.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    pub url: &'a str,
    pub signature: &'a str,
    /// The header that names a newer scheme; empty when it is not there.
    pub settings: &'a str,
    pub body: &'a [u8],
}

/// The secrets of one account that may have signed. Several are live while one is being rotated.
#[derive(Clone, Default)]
pub struct SigningKeys {
    /// Tokens of the account; an empty one proves nothing.
    pub tokens: Vec<SecretString>,
    /// Keys for webhooks alone.
    pub shared: Vec<SecretString>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha1,
    Sha256,
}

impl SigningKeys {
    /// Whether one of the keys made this signature. Takes as long for a wrong one as for a right one of its kind.
    pub fn verify(&self, signed: &Signed<'_>) -> bool {
        let Some(algorithm) = algorithm(signed.settings) else { return false };
        let Ok(signature) = STANDARD.decode(signed.signature.trim()) else { return false };
        let Some(posted) = posted_text(signed) else { return false };
        let urls = [signed.url.to_owned(), without_port(signed.url), with_port(signed.url)];
        let keys = self.keys(algorithm).filter(|key| !key.expose_secret().is_empty());
        keys.fold(false, |proven, key| {
            let key = key.expose_secret().as_bytes();
            urls.iter().fold(proven, |proven, url| proven | is_made_with(algorithm, key, url, &posted, &signature))
        })
    }

    /// With a key for webhooks configured, a token proves nothing: whoever has stolen one cannot fall back to it.
    fn keys(&self, algorithm: Algorithm) -> impl Iterator<Item = &SecretString> {
        let (tokens, shared) = match (algorithm, self.shared.is_empty()) {
            (Algorithm::Sha1, false) => (&[][..], &[][..]),
            (Algorithm::Sha256, false) => (&[][..], &self.shared[..]),
            (_, true) => (&self.tokens[..], &[][..]),
        };
        tokens.iter().chain(shared)
    }
}

/// `None`: one that nobody here knows, which proves nothing.
fn algorithm(settings: &str) -> Option<Algorithm> {
    let mut parts = settings.split(',').filter_map(|part| part.split_once('='));
    let named = parts.find(|(name, value)| name.trim() == "algorithm" && !value.trim().is_empty());
    match named.map(|(_, value)| value.trim().to_ascii_uppercase()).as_deref() {
        None | Some("HMAC_SHA1") => Some(Algorithm::Sha1),
        Some("HMAC_SHA256") => Some(Algorithm::Sha256),
        Some(_) => None,
    }
}

fn is_made_with(algorithm: Algorithm, key: &[u8], url: &str, posted: &str, signature: &[u8]) -> bool {
    fn made<M: Mac + KeyInit>(key: &[u8], url: &str, posted: &str, signature: &[u8]) -> bool {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("an HMAC takes keys of any length");
        mac.update(url.as_bytes());
        mac.update(posted.as_bytes());
        mac.verify_slice(signature).is_ok()
    }
    match algorithm {
        Algorithm::Sha1 => made::<Hmac<Sha1>>(key, url, posted, signature),
        Algorithm::Sha256 => made::<Hmac<Sha256>>(key, url, posted, signature),
    }
}

/// What is signed after the URL. `None`: a body that the URL vouches for and that is another one.
fn posted_text(signed: &Signed<'_>) -> Option<String> {
    match body_hash(signed.url) {
        Some(hash) => {
            let actual = hex::encode(Sha256::digest(signed.body));
            bool::from(actual.as_bytes().ct_eq(hash.to_ascii_lowercase().as_bytes())).then(String::new)
        }
        None => {
            let fields = Fields::read(signed.body);
            // Names in code-point order; of a name its different values, sorted.
            let sorted: BTreeSet<(&str, &str)> = fields.iter().collect();
            Some(sorted.into_iter().flat_map(|(name, value)| [name, value]).collect())
        }
    }
}

fn body_hash(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("bodySHA256="))
}

fn without_port(url: &str) -> String {
    let Some((head, host, rest)) = split(url) else { return url.to_owned() };
    match port(host) {
        Some(port) => format!("{head}{}{rest}", &host[..host.len() - port.len() - 1]),
        None => url.to_owned(),
    }
}

fn with_port(url: &str) -> String {
    let Some((head, host, rest)) = split(url) else { return url.to_owned() };
    match port(host) {
        Some(_) => url.to_owned(),
        None => format!("{head}{host}:{}{rest}", if head == "https://" { 443 } else { 80 }),
    }
}

/// `https://`, host and port, and whatever follows.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    Some((&url[..start], &url[start..end], &url[end..]))
}

fn port(host: &str) -> Option<&str> {
    let (name, port) = host.rsplit_once(':')?;
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    // The colons of an IPv6 address stand in brackets.
    (digits && (!name.contains(':') || name.ends_with(']'))).then_some(port)
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
