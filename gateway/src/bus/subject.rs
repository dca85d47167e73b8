//! Names as tokens of a subject. What could be taken for more than a name is written as in a URL: `a.b` is `a%2Eb`.
//!
//! A token holds ASCII letters, digits, `-` and `_`; every other byte of the name's UTF-8 is `%` and two hexadecimal
//! digits in upper case. No name at all is `%`. Any decoder of URLs reads the others back.

use std::fmt::Write;

use engine::ports::{Dispatch, Update};

/// One token, whatever the name.
pub fn escape(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => token.push(byte.into()),
            other => write!(token, "%{other:02X}").expect("a String takes everything"),
        }
    }
    token
}

/// The name; `None` where nothing escapes to this token.
pub fn unescape(token: &str) -> Option<String> {
    if token == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex::decode([rest.next()?, rest.next()?]).ok()?[0],
            plain => plain,
        });
    }
    let name = String::from_utf8(bytes).ok()?;
    (escape(&name) == token).then_some(name)
}

/// Without the prefix: `calls.acme.c1`. `None`: what is only shown, never told outside.
pub(super) fn path(update: &Update) -> Option<String> {
    let (kind, tenant, id) = match update {
        Update::Call { call, .. } => ("calls", &call.tenant, escape(call.id.as_str())),
        Update::Sms { sms } => ("sms", &sms.tenant, sms.id.to_string()),
        Update::Alert { alert } => ("alerts", &alert.tenant, alert.id.to_string()),
        // An erasure is told by the frame that records it.
        Update::Erased { .. } | Update::Speaking { .. } => return None,
    };
    Some(format!("{kind}.{}.{id}", escape(tenant.as_str())))
}

/// `Nats-Msg-Id`: the same whenever the same is told again.
pub(super) fn message_id(path: &str, dispatch: &Dispatch) -> String {
    format!("{path}.{}", dispatch.revision)
}

#[cfg(test)]
mod tests {
    use engine::testing::frames::{call, text};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_name_is_one_token_and_is_read_back(name in any::<String>()) {
            let token = escape(&name);
            prop_assert!(!token.is_empty());
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_%".contains(&b)), "{token}");
            prop_assert_eq!(unescape(&token), Some(name));
        }

        #[test]
        fn two_names_are_two_tokens(one in any::<String>(), other in any::<String>()) {
            prop_assert_eq!(one == other, escape(&one) == escape(&other));
        }

        #[test]
        fn what_is_no_token_is_read_as_nothing(token in any::<String>()) {
            if let Some(name) = unescape(&token) {
                prop_assert_eq!(escape(&name), token);
            }
        }
    }

    #[test]
    fn ordinary_names_are_told_as_they_are_and_others_as_in_a_url() {
        for (name, token) in [
            ("0193f2c4-5b7e-7d21-9a43-2f0f8f1a1e55", "0193f2c4-5b7e-7d21-9a43-2f0f8f1a1e55"),
            ("boreal_2", "boreal_2"),
            ("a.b", "a%2Eb"),
            ("*", "%2A"),
            (">", "%3E"),
            ("two words\r\n", "two%20words%0D%0A"),
            ("50%", "50%25"),
            ("é", "%C3%A9"),
            ("", "%"),
        ] {
            assert_eq!(escape(name), token);
        }
        for wrong in ["", "%2", "%2e", "%41", "a.b", "%FF", "%zz"] {
            assert_eq!(unescape(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn subjects_are_those_of_the_documentation() {
        let sms = engine::sms::Sms::owed(&text(&call("acme", "c.1"), "a", engine::priority::Priority::P2));
        let id = sms.id;
        let update = Update::Sms { sms: sms.into() };
        assert_eq!(path(&update), Some(format!("sms.acme.{id}")));
        assert_eq!(message_id("sms.acme.x", &Dispatch { revision: 7, update }), "sms.acme.x.7");
    }
}
