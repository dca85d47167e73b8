//! The link of a text: it names an alert and who was told, and nobody can make one up. Opening it changes nothing; what
//! the page behind it asks for does.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::state::Alert;
use crate::ids::AlertId;

/// Digits of the id, and of the proof behind it: 64 bits, tried over the network only.
const ID_DIGITS: usize = 32;
const PROOF_DIGITS: usize = 16;

/// Makes links, and reads them.
#[derive(Clone)]
pub struct Links {
    /// How the world reaches us, without a slash at the end.
    base: Arc<str>,
    key: Arc<[u8]>,
}

impl Links {
    pub fn new(public_url: &str, key: &[u8]) -> Links {
        Links { base: public_url.trim_end_matches('/').into(), key: key.into() }
    }

    pub fn link(&self, alert: AlertId, contact: &str) -> String {
        format!("{}/a/{}", self.base, self.token(alert, contact))
    }

    pub fn token(&self, alert: AlertId, contact: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(alert.to_string().as_bytes());
        mac.update(contact.as_bytes());
        let proof: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{alert}{}", &proof[..PROOF_DIGITS])
    }

    /// Which alert a token names; proved by [`Links::whose`].
    pub fn alert_of(token: &str) -> Option<AlertId> {
        let fits = token.len() == ID_DIGITS + PROOF_DIGITS && token.bytes().all(|byte| byte.is_ascii_hexdigit());
        if fits { token[..ID_DIGITS].parse().ok() } else { None }
    }

    /// Who of those told holds this token.
    pub fn whose<'a>(&self, token: &str, alert: &'a Alert) -> Option<&'a str> {
        let mut told = alert.told.iter().map(|telling| &*telling.contact);
        told.find(|contact| same(&self.token(alert.id, contact), token))
    }
}

/// In time that does not tell where they differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("base", &self.base).finish_non_exhaustive()
    }
}
