//! What is posted to have a message sent.

use std::borrow::Cow;

use engine::sms::{AttemptToken, Sms};
use engine::time::Timestamp;

/// Seconds a message may wait at Twilio. Source: error 90007.
const VALIDITY_S: std::ops::RangeInclusive<u64> = 1..=36_000;

/// How Twilio is to call us: five more times, whatever went wrong. By default it tries once more, and only when it could
/// not connect. It keeps the fragment to itself. Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
const INSISTENTLY: &str = "#rc=5&rp=all";

/// Where what becomes of an attempt is told.
#[derive(Clone, Debug)]
pub(super) struct Callbacks {
    /// Without a trailing slash.
    pub public_url: String,
}

impl Callbacks {
    pub fn status(&self, token: &AttemptToken) -> String {
        format!("{}/webhooks/twilio/status/{}{INSISTENTLY}", self.public_url, token.as_str())
    }
}

/// `sender` is a messaging service when it is one's id, else a number or a name. `callback`: none is asked for when
/// Twilio could not reach us.
pub(super) fn message<'a>(
    sms: &'a Sms,
    sender: &'a str,
    callback: Option<String>,
    now: Timestamp,
) -> Vec<(&'static str, Cow<'a, str>)> {
    let from = if is_messaging_service(sender) { "MessagingServiceSid" } else { "From" };
    let validity_s = sms.expires_at.since(now).as_secs().clamp(*VALIDITY_S.start(), *VALIDITY_S.end());
    let mut form = vec![
        ("To", sms.to.as_str().into()),
        (from, sender.into()),
        ("Body", (&*sms.body).into()),
        ("ValidityPeriod", validity_s.to_string().into()),
    ];
    form.extend(callback.map(|url| ("StatusCallback", url.into())));
    form
}

/// `MG` and 32 hexadecimal digits.
pub(super) fn is_messaging_service(sender: &str) -> bool {
    is_sid(sender, "MG")
}

pub(super) fn is_sid(text: &str, kind: &str) -> bool {
    let digits = text.strip_prefix(kind).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_services_id_is_a_service() {
        assert!(is_messaging_service(&format!("MG{}", "0a".repeat(16))));
        assert!(!is_messaging_service("+15145550199"));
        assert!(!is_messaging_service("MGARAGE"));
    }
}
