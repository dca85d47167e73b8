//! A message as this identity may see it.

use engine::phone::{mask, without_numbers};
use engine::sms::{Attempt, Sms};
use serde_json::{Value, json};

use crate::http::auth::{Identity, Role};

/// Who may only look sees no number it could call.
pub fn shown(identity: &Identity, sms: &Sms) -> Value {
    let mut shown = serde_json::to_value(sms).expect("a message is text and numbers");
    if identity.role < Role::Operator {
        shown["to"] = mask(sms.to.as_str()).into();
        shown["from"] = sms.from.as_deref().map(mask).into();
        shown["body"] = without_numbers(&sms.body).into();
    }
    shown
}

/// One attempt to send a message, without the token its carrier reports with.
pub fn shown_attempt(identity: &Identity, attempt: &Attempt) -> Value {
    let may_see = identity.role >= Role::Operator;
    let sender = if may_see { attempt.sender.to_string() } else { mask(&attempt.sender) };
    json!({
        "attempt": attempt.number,
        "from": sender,
        "state": attempt.outcome,
        "counts": attempt.counts,
        "http_status": attempt.http_status,
        "provider_id": attempt.provider_id,
        "error_code": attempt.error_code,
        "error": attempt.error,
        "started_at": attempt.started_at,
        "answered_at": attempt.answered_at,
    })
}

#[cfg(test)]
mod tests {
    use engine::priority::Priority;
    use engine::sms::NewSms;
    use engine::testing::frames::{call, text};

    use super::*;

    #[test]
    fn a_viewer_sees_masked_numbers_and_an_operator_whole_ones() {
        let owed = text(&call("acme", "c1"), "call 5145550142 back", Priority::P1);
        let sms = Sms { from: Some("+15145550199".into()), ..Sms::owed(&NewSms { to: number(), ..owed }) };
        let viewer = shown(&Identity { role: Role::Viewer, tenant: None }, &sms);
        assert_eq!((&viewer["to"], &viewer["from"]), (&"+1514•••0110".into(), &"+1514•••0199".into()));
        assert_eq!(viewer["body"], "P1: call ••• back");
        let operator = shown(&Identity { role: Role::Operator, tenant: None }, &sms);
        assert_eq!(operator, serde_json::to_value(&sms).unwrap());
    }

    fn number() -> engine::phone::PhoneNumber {
        "+15145550110".parse().unwrap()
    }
}
