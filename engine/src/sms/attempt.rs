//! One attempt to send a message: committed before the first byte leaves, kept for as long as somebody may still tell
//! what became of it.

use std::fmt;

use super::message::SmsState;
use super::outcome::DeliveryStatus;
use crate::ids::{SmsId, hex};
use crate::time::Timestamp;

/// 128 random bits nobody can guess, in hexadecimal: the name of an attempt in the URL its carrier reports to. `Debug`
/// hides it: whoever knows it may tell us what became of the message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptToken(Box<str>);

impl AttemptToken {
    const CHARS: usize = 32;

    pub fn from_bits(bits: [u8; 16]) -> AttemptToken {
        AttemptToken(hex(&bits).into())
    }

    /// `None` for what no attempt can be called.
    pub fn parse(text: &str) -> Option<AttemptToken> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (digits && text.len() == Self::CHARS).then(|| AttemptToken(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AttemptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptToken(…)")
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub sms: SmsId,
    /// 1 for the first.
    pub number: u32,
    /// The number or service it was to leave by.
    pub sender: Box<str>,
    pub token: AttemptToken,
    pub started_at: Timestamp,
    /// When its answer came, or when it was found to have none.
    pub answered_at: Option<Timestamp>,
    /// What it made of the message; none while in flight.
    pub outcome: Option<SmsState>,
    /// Whether it counts against the limit of attempts; none while in flight.
    pub counts: Option<bool>,
    /// The status of the carrier's HTTP answer; none where there was no answer.
    pub http_status: Option<u16>,
    /// The carrier's own id, by which it is known that the carrier took it.
    pub provider_id: Option<Box<str>>,
    pub error_code: Option<u32>,
    pub error: Option<Box<str>>,
    /// When the carrier is asked about it next.
    pub check_at: Option<Timestamp>,
    /// How often the carrier was asked.
    pub checks: u32,
    /// When the carrier was first asked and did not have it.
    pub absent_at: Option<Timestamp>,
}

impl Attempt {
    /// As it is committed before the first byte leaves.
    pub fn new(sms: SmsId, number: u32, sender: Box<str>, token: AttemptToken, now: Timestamp) -> Attempt {
        Attempt {
            sms,
            number,
            sender,
            token,
            started_at: now,
            answered_at: None,
            outcome: None,
            counts: None,
            http_status: None,
            provider_id: None,
            error_code: None,
            error: None,
            check_at: None,
            checks: 0,
            absent_at: None,
        }
    }

    /// Nobody has heard of it yet.
    pub fn is_in_flight(&self) -> bool {
        self.outcome.is_none() && self.provider_id.is_none()
    }

    /// It may have left, and the carrier has not been heard to have it.
    pub fn is_unknown(&self) -> bool {
        self.outcome == Some(SmsState::Unknown) && self.provider_id.is_none()
    }
}

/// A message in the carrier's own books.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub provider_id: Box<str>,
    pub status: DeliveryStatus,
    pub error_code: Option<u32>,
    /// When the carrier took it, by our clock.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_32_hexadecimal_digits_and_never_shown() {
        let token = AttemptToken::from_bits([0xab; 16]);
        assert_eq!(token.as_str(), "ab".repeat(16));
        assert_eq!(AttemptToken::parse(token.as_str()), Some(token.clone()));
        assert!(!format!("{token:?}").contains("ab"));
        for bad in ["", "ab", &"AB".repeat(16), &"zz".repeat(16), &"ab".repeat(17), "../../../../../../../../../../etc"]
        {
            assert_eq!(AttemptToken::parse(bad), None, "{bad}");
        }
    }
}
