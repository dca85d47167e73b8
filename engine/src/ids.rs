//! Names of things, parsed once at the edge and then trusted: tenants, calls, events, text messages, alerts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    #[error("a call id is a string of 1 to 128 characters")]
    Call,
    #[error("a tenant id is 1 to 64 of a-z, 0-9, - and _, got {0:?}")]
    Tenant(String),
    #[error("a text message id is 32 hexadecimal digits")]
    Sms,
    #[error("an alert id is 32 hexadecimal digits")]
    Alert,
}

/// The platform's own name of a call, unchanged: 1 to 128 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallId(Arc<str>);

impl CallId {
    pub const MAX_CHARS: usize = 128;

    pub fn parse(text: &str) -> Result<CallId, BadId> {
        let fits = !text.is_empty() && text.chars().nth(Self::MAX_CHARS).is_none();
        if fits { Ok(CallId(text.into())) } else { Err(BadId::Call) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One business. Everything stored, cached, published or shown belongs to exactly one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

impl TenantId {
    pub fn parse(text: &str) -> Result<TenantId, BadId> {
        let letters = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if letters && (1..=64).contains(&text.len()) {
            Ok(TenantId(text.into()))
        } else {
            Err(BadId::Tenant(text.chars().take(70).collect()))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A call is known by its tenant and its id together: no tenant can reach another's call by guessing an id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey {
    pub tenant: TenantId,
    pub call: CallId,
}

/// What makes two deliveries the same event of one call, as readable text: `tc:sendSMSAlert:call_7f3`, `st:ringing`, `eocr`.
/// At most 128 bytes; longer natural keys are replaced by their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventKey(Box<str>);

impl EventKey {
    pub const MAX_BYTES: usize = 128;

    pub fn new(natural: impl Into<String>) -> EventKey {
        let natural = natural.into();
        if natural.len() <= Self::MAX_BYTES {
            return EventKey(natural.into());
        }
        let kind: String = natural.chars().take_while(|c| *c != ':').take(16).collect();
        EventKey(format!("{kind}:sha256:{}", hex(&Sha256::digest(&natural))).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 64 bits of the key, for sets held in memory. Stable across runs and machines.
    pub fn digest(&self) -> u64 {
        digest64(&[self.as_str()])
    }
}

/// A text message. Made from its reason and its recipient, so that the same reason to text the same person in the
/// same call always is the same message: the primary key is the guard against telling somebody twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SmsId([u8; 16]);

impl SmsId {
    /// `reason` is the key of the event that owes it, or the digest of the effect.
    pub fn derive(call: &CallKey, reason: &str, recipient: &str) -> SmsId {
        let digest = sha256_of(&[call.tenant.as_str(), call.call.as_str(), reason, recipient]);
        SmsId(digest[..16].try_into().expect("a SHA-256 has 32 bytes"))
    }

    /// One that nobody's reason made: of 128 random bits.
    pub const fn from_bits(bits: [u8; 16]) -> SmsId {
        SmsId(bits)
    }
}

impl SmsId {
    /// Of a text that an alert's own clock owes: `place` tells one telling from another.
    pub fn of_alert(alert: AlertId, place: &str, recipient: &str) -> SmsId {
        let digest = sha256_of(&[&alert.to_string(), place, recipient]);
        SmsId(digest[..16].try_into().expect("a SHA-256 has 32 bytes"))
    }
}

/// An alert. Made from its call and its reason, so that the same reason in the same call always is the same alert.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlertId([u8; 16]);

impl AlertId {
    pub fn derive(call: &CallKey, reason: &str) -> AlertId {
        AlertId::of(&["call", call.tenant.as_str(), call.call.as_str(), reason])
    }

    /// Of an alert without a call; `nonce` tells it from others of its tenant.
    pub fn without_call(tenant: &TenantId, nonce: &str) -> AlertId {
        AlertId::of(&["none", tenant.as_str(), nonce])
    }

    fn of(parts: &[&str]) -> AlertId {
        AlertId(sha256_of(parts)[..16].try_into().expect("a SHA-256 has 32 bytes"))
    }
}

/// First 64 bits of the SHA-256 over the parts, each prefixed by its length.
pub fn digest64(parts: &[&str]) -> u64 {
    u64::from_be_bytes(sha256_of(parts)[..8].try_into().expect("a SHA-256 has 32 bytes"))
}

fn sha256_of(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.call)
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SmsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for SmsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsId({self})")
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlertId({self})")
    }
}

fn sixteen_bytes(text: &str) -> Option<[u8; 16]> {
    let fits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| fits).map(u128::to_be_bytes)
}

impl FromStr for SmsId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        sixteen_bytes(text).map(SmsId).ok_or(BadId::Sms)
    }
}

impl FromStr for AlertId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        sixteen_bytes(text).map(AlertId).ok_or(BadId::Alert)
    }
}

impl TryFrom<String> for AlertId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<AlertId> for String {
    fn from(id: AlertId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for CallId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        CallId::parse(&text)
    }
}

impl From<CallId> for String {
    fn from(id: CallId) -> String {
        id.0.as_ref().to_owned()
    }
}

impl TryFrom<String> for TenantId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        TenantId::parse(&text)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> String {
        id.0.as_ref().to_owned()
    }
}

impl TryFrom<String> for SmsId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<SmsId> for String {
    fn from(id: SmsId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_is_1_to_128_characters_of_anything() {
        assert!(CallId::parse("019a9046-121e-766d-bd1f-84f3ccc309c1").is_ok());
        assert!(CallId::parse(&"é".repeat(128)).is_ok());
        assert_eq!(CallId::parse(""), Err(BadId::Call));
        assert_eq!(CallId::parse(&"x".repeat(129)), Err(BadId::Call));
    }

    #[test]
    fn a_long_event_key_is_shortened_and_stays_distinct() {
        let key = |tail: &str| EventKey::new(format!("tc:{}{tail}", "x".repeat(300)));
        assert!(key("a").as_str().len() <= EventKey::MAX_BYTES);
        assert!(key("a").as_str().starts_with("tc:sha256:"));
        assert_ne!(key("a"), key("b"));
    }

    #[test]
    fn the_same_reason_for_the_same_person_is_the_same_message() {
        let key = CallKey { tenant: TenantId::parse("acme").unwrap(), call: CallId::parse("c1").unwrap() };
        let id = SmsId::derive(&key, "fx:1", "+15145550110");
        assert_eq!(id, SmsId::derive(&key, "fx:1", "+15145550110"));
        assert_ne!(id, SmsId::derive(&key, "fx:1", "+15145550111"));
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
