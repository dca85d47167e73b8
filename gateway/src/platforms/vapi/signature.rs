//! Signed webhooks: how a credential of type HMAC signs, and whether a request is signed like that.
//!
//! Everything about it can be configured at Vapi, so everything can be here: algorithm, headers, encoding, and what is
//! signed, written as a format over `{body} {timestamp} {method} {url} {svix-id}`. The body is never copied.
//! Defaults: Vapi's `HMACAuthenticationPlan`, OpenAPI document read 2026-08.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use engine::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use super::auth::Request;
use crate::settings::{self, HmacAlgorithm, SignatureEncoding};

/// Most signatures one header may list: senders that rotate keys sign with each of them.
const MAX_SIGNATURES: usize = 8;

/// Written before a signature by other senders of webhooks, and by people who copy their settings.
const KNOWN_PREFIXES: [&str; 7] = ["sha1=", "sha256=", "sha512=", "hmac-sha1=", "hmac-sha256=", "hmac-sha512=", "v1,"];

/// Unix timestamps above this are milliseconds: as seconds they would lie after the year 5100.
const MILLIS_ABOVE: f64 = 1e11;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub struct Plan {
    settings: settings::Hmac,
    format: Vec<Piece>,
}

enum Piece {
    Text(String),
    Body,
    Timestamp,
    Method,
    Url,
    MessageId,
}

/// What a request claims to be signed with, and what was signed.
pub struct Signed<'a> {
    signatures: Vec<Vec<u8>>,
    payload: Vec<&'a [u8]>,
}

impl Plan {
    pub fn new(settings: &settings::Hmac) -> Plan {
        Plan { settings: settings.clone(), format: pieces(&settings.payload_format) }
    }

    /// The key a secret stands for. `None` when it cannot be one.
    pub fn key(&self, secret: &str) -> Option<Vec<u8>> {
        let key = if self.settings.secret_is_base64 {
            decode_base64(secret.trim().trim_start_matches("whsec_"))?
        } else {
            secret.as_bytes().to_vec()
        };
        (!key.is_empty()).then_some(key)
    }

    /// `None`: not signed, malformed, or not of our time.
    pub fn read<'s>(&'s self, request: &'s Request<'_>) -> Option<Signed<'s>> {
        let written = text(request.header_of(&self.settings.signature_header)?)?;
        let signatures: Vec<_> =
            written.split_ascii_whitespace().take(MAX_SIGNATURES).filter_map(|one| self.decode(one)).collect();
        if signatures.is_empty() || (self.signs_time() && !self.is_recent(request)) {
            return None;
        }
        let payload = self.format.iter().map(|piece| self.fill(piece, request)).collect::<Option<_>>()?;
        Some(Signed { signatures, payload })
    }

    /// Whether one of the signatures was made with `key`. Takes as long for a wrong one as for a right one.
    pub fn verifies(&self, key: &[u8], signed: &Signed<'_>) -> bool {
        match self.settings.algorithm {
            HmacAlgorithm::Sha1 => matches::<Hmac<Sha1>>(key, signed),
            HmacAlgorithm::Sha256 => matches::<Hmac<Sha256>>(key, signed),
            HmacAlgorithm::Sha512 => matches::<Hmac<Sha512>>(key, signed),
        }
    }

    fn decode(&self, written: &str) -> Option<Vec<u8>> {
        let own = Some(self.settings.signature_prefix.as_str()).filter(|prefix| !prefix.is_empty());
        let bare =
            own.into_iter().chain(KNOWN_PREFIXES).find_map(|prefix| written.strip_prefix(prefix)).unwrap_or(written);
        match self.settings.signature_encoding {
            SignatureEncoding::Hex => hex::decode(bare).ok(),
            SignatureEncoding::Base64 => decode_base64(bare),
        }
    }

    /// A timestamp that is not signed could be anybody's: it is neither wanted nor believed.
    fn signs_time(&self) -> bool {
        self.settings.include_timestamp && self.format.iter().any(|piece| matches!(piece, Piece::Timestamp))
    }

    fn is_recent(&self, request: &Request<'_>) -> bool {
        let sent = request.header_of(&self.settings.timestamp_header).and_then(text).and_then(|sent| unix(sent.trim()));
        sent.is_some_and(|sent| {
            let apart = sent.since(request.now).max(request.now.since(sent));
            apart.as_secs_f64() <= self.settings.tolerance_s as f64
        })
    }

    fn fill<'s>(&'s self, piece: &'s Piece, request: &'s Request<'_>) -> Option<&'s [u8]> {
        match piece {
            Piece::Text(text) => Some(text.as_bytes()),
            Piece::Body => Some(request.body),
            Piece::Timestamp => request.header_of(&self.settings.timestamp_header),
            Piece::Method => Some(request.method.as_bytes()),
            Piece::Url => Some(request.url.as_bytes()),
            Piece::MessageId => [self.settings.message_id_header.as_str(), "svix-id", "webhook-id"]
                .into_iter()
                .find_map(|header| request.header_of(header)),
        }
    }
}

/// Compares in constant time and never stops at the first that fits.
fn matches<M: Mac + KeyInit>(key: &[u8], signed: &Signed<'_>) -> bool {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in &signed.payload {
        mac.update(part);
    }
    let expected = mac.finalize().into_bytes();
    let equal = signed.signatures.iter().fold(Choice::from(0), |equal, one| equal | expected[..].ct_eq(one));
    bool::from(equal)
}

/// Splits a format at its placeholders; what is no placeholder stays text.
fn pieces(format: &str) -> Vec<Piece> {
    let placeholders = ["{body}", "{timestamp}", "{method}", "{url}", "{svix-id}"];
    let mut pieces = Vec::new();
    let mut rest = format;
    let next = |rest: &str| placeholders.iter().filter_map(|name| Some((rest.find(name)?, *name))).min();
    while let Some((at, name)) = next(rest) {
        if at > 0 {
            pieces.push(Piece::Text(rest[..at].to_owned()));
        }
        pieces.push(match name {
            "{body}" => Piece::Body,
            "{timestamp}" => Piece::Timestamp,
            "{method}" => Piece::Method,
            "{url}" => Piece::Url,
            _ => Piece::MessageId,
        });
        rest = &rest[at + name.len()..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    pieces
}

/// Both alphabets, with padding or without.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let standard = if text.contains(['-', '_']) {
        Cow::Owned(text.replace('-', "+").replace('_', "/"))
    } else {
        Cow::Borrowed(text)
    };
    BASE64.decode(standard.as_bytes()).ok()
}

/// Seconds or milliseconds since 1970, the unit is not documented; or RFC 3339.
fn unix(text: &str) -> Option<Timestamp> {
    match text.parse::<f64>() {
        Ok(number) if !number.is_finite() || number <= 0.0 => None,
        Ok(millis) if millis > MILLIS_ABOVE => Some(Timestamp::from_millis(millis as i64)),
        Ok(seconds) => Some(Timestamp::from_millis((seconds * 1e3) as i64)),
        Err(_) => text.parse().ok(),
    }
}

fn text(header: &[u8]) -> Option<&str> {
    std::str::from_utf8(header).ok()
}
