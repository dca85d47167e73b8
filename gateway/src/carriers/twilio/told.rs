//! What Twilio tells by webhook, in our words: what became of a message, and what somebody texts us. Everything is taken
//! as hostile: bounded, and ignored when it is not what it should be.

use engine::phone::PhoneNumber;
use engine::playbook::Language;
use engine::sms::{AttemptToken, DeliveryReport, Said, Wish};
use engine::time::Timestamp;

use super::errors::Heard;
use super::posted::Fields;
use super::{Errors, status};

/// Longer than any id of Twilio's.
const LONGEST_SID: usize = 64;
/// Longest body Twilio delivers, in characters.
const LONGEST_BODY: usize = 1_600;
const LONGEST_SENDER: usize = 32;

/// What became of a message, told to the URL of an attempt. `None`: nothing that says anything.
pub fn report(token: &str, fields: &Fields<'_>, errors: &Errors, now: Timestamp) -> Option<DeliveryReport> {
    let provider_id = sid(fields, "MessageSid").or_else(|| sid(fields, "SmsSid"))?;
    let told = fields.get("MessageStatus").or_else(|| fields.get("SmsStatus"))?;
    let status = status(told)?;
    let error_code = fields.get("ErrorCode").and_then(|code| code.parse().ok()).filter(|code| *code != 0);
    if let Some(code) = error_code {
        errors.class_of(code, Heard::InAReport);
    }
    Some(DeliveryReport { token: AttemptToken::parse(token), provider_id, status, error_code, at: now })
}

/// A text somebody sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    pub id: Box<str>,
    pub from: PhoneNumber,
    pub to: Box<str>,
    pub body: Box<str>,
    /// What Twilio itself has taken it for, and has answered.
    pub understood: Option<Wish>,
}

/// `None`: from something that has no telephone number, or without a name.
pub fn inbound(fields: &Fields<'_>) -> Option<Inbound> {
    let id = sid(fields, "MessageSid").or_else(|| sid(fields, "SmsSid"))?;
    let from = fields.get("From")?.parse().ok()?;
    let to = fields.get("To").unwrap_or_default().chars().take(LONGEST_SENDER).collect::<String>().into();
    let body: String = fields.get("Body").unwrap_or_default().chars().take(LONGEST_BODY).collect();
    Some(Inbound { id, from, to, understood: fields.get("OptOutType").and_then(understood), body: body.into() })
}

fn understood(opt_out_type: &str) -> Option<Wish> {
    match opt_out_type.to_ascii_uppercase().as_str() {
        "STOP" => Some(Wish::Stop(Said::Keyword)),
        "START" => Some(Wish::Start),
        "HELP" => Some(Wish::Help(None::<Language>)),
        _ => None,
    }
}

fn sid(fields: &Fields<'_>, name: &str) -> Option<Box<str>> {
    let sid = fields.get(name)?;
    let is_one = sid.len() <= LONGEST_SID && sid.bytes().all(|b| b.is_ascii_alphanumeric());
    is_one.then(|| sid.into())
}

#[cfg(test)]
mod tests {
    use engine::sms::DeliveryStatus;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    const TOKEN: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_report_is_what_its_status_says() {
        let errors = Errors::new("").unwrap();
        let heard = |body: &str| report(TOKEN, &Fields::read(body.as_bytes()), &errors, NOW);
        for (body, status, code) in [
            ("MessageSid=SM1&MessageStatus=queued", DeliveryStatus::Accepted, None),
            ("MessageSid=SM1&MessageStatus=sent", DeliveryStatus::Sent, None),
            ("SmsSid=SM1&SmsStatus=Delivered", DeliveryStatus::Delivered, None),
            ("MessageSid=SM1&MessageStatus=read", DeliveryStatus::Delivered, None),
            ("MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003", DeliveryStatus::Undelivered, Some(30003)),
            ("MessageSid=SM1&MessageStatus=failed&ErrorCode=", DeliveryStatus::Failed, None),
            ("MessageSid=SM1&MessageStatus=failed&ErrorCode=99999999999", DeliveryStatus::Failed, None),
            ("MessageSid=SM1&MessageStatus=failed&ErrorCode=-7", DeliveryStatus::Failed, None),
        ] {
            let expected = DeliveryReport {
                token: AttemptToken::parse(TOKEN),
                provider_id: "SM1".into(),
                status,
                error_code: code,
                at: NOW,
            };
            assert_eq!(heard(body), Some(expected), "{body}");
        }
        let endless = format!("MessageSid={}&MessageStatus=sent", "S".repeat(65));
        for body in [
            "",
            "MessageSid=SM1",
            "MessageStatus=sent",
            "MessageSid=&MessageStatus=sent",
            &endless,
            "MessageSid=../SM1&MessageStatus=sent",
            "MessageSid=SM1&MessageStatus=received",
        ] {
            assert_eq!(heard(body), None, "{body}");
        }
    }

    #[test]
    fn a_text_that_comes_in_is_bounded_and_has_a_sender_we_could_answer() {
        let heard = |body: &str| inbound(&Fields::read(body.as_bytes()));
        let text =
            heard("MessageSid=SM1&From=%2B15145550110&To=%2B15145550199&Body=ARR%C3%8AT&OptOutType=STOP").unwrap();
        assert_eq!((&*text.body, text.understood), ("ARRÊT", Some(Wish::Stop(Said::Keyword))));
        assert_eq!((text.from.as_str(), &*text.to), ("+15145550110", "+15145550199"));
        let long = heard(&format!("MessageSid=SM1&From=%2B15145550110&Body={}", "é".repeat(5_000))).unwrap();
        assert_eq!(long.body.chars().count(), 1_600);
        for body in [
            "",
            "MessageSid=SM1&From=22255&Body=hi",
            "MessageSid=SM1&From=whatsapp:%2B15145550110",
            "From=%2B15145550110",
        ] {
            assert_eq!(heard(body), None, "{body}");
        }
    }
}
