//! How the simulated platform proves itself, in the three ways the real one can.

use clap::ValueEnum;
use engine::ports::{Clock, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Proof {
    /// X-Vapi-Secret.
    #[default]
    Header,
    /// Authorization: Bearer.
    Bearer,
    /// x-signature over "{timestamp}.{body}".
    Hmac,
}

#[derive(Clone, Debug)]
pub struct Signer {
    pub proof: Proof,
    pub secret: SecretString,
}

/// The secret cannot be sent as a header.
#[derive(Debug, thiserror::Error)]
#[error("the secret cannot be sent in a header: it has a character that is not printable ASCII")]
pub struct Unsendable;

impl Signer {
    pub fn new(proof: Proof, secret: SecretString) -> Result<Signer, Unsendable> {
        let signer = Signer { proof, secret };
        HeaderValue::from_str(signer.secret.expose_secret()).map_err(|_| Unsendable)?;
        Ok(signer)
    }

    /// All headers of a webhook. A signature is dated now: it is made shortly before it is sent.
    pub fn headers(&self, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let secret = self.secret.expose_secret();
        match self.proof {
            Proof::Header => insert(&mut headers, "x-vapi-secret", secret),
            Proof::Bearer => insert(&mut headers, "authorization", &format!("Bearer {secret}")),
            Proof::Hmac => {
                let seconds = (SystemClock.now().as_millis() / 1000).to_string();
                insert(&mut headers, "x-signature", &signature(secret, &seconds, body));
                insert(&mut headers, "x-timestamp", &seconds);
            }
        }
        headers
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let mut value = HeaderValue::from_str(value).expect("the secret was tried when the signer was made");
    value.set_sensitive(true);
    headers.insert(HeaderName::from_static(name), value);
}

fn signature(secret: &str, seconds: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_the_timestamp_and_the_body() {
        // From another implementation: printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        let expected = "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163";
        assert_eq!(signature("secret", "1700000000", b"{}"), expected);
        assert_ne!(signature("secret", "1700000001", b"{}"), expected);
    }

    #[test]
    fn each_proof_is_in_its_header() {
        for (proof, header, value) in
            [(Proof::Header, "x-vapi-secret", "s3cret"), (Proof::Bearer, "authorization", "Bearer s3cret")]
        {
            let signer = Signer::new(proof, "s3cret".to_owned().into()).unwrap();
            assert_eq!(signer.headers(b"{}")[header], value);
        }
        assert!(Signer::new(Proof::Header, "two\nlines".to_owned().into()).is_err());
    }
}
