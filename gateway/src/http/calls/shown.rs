//! A call as this identity may see it.

use engine::call::CallView;
use engine::phone::{mask, without_numbers};
use serde_json::Value;

use crate::http::auth::{Identity, Role};

/// Whether nothing of a call is kept from them.
pub fn sees_all(identity: &Identity) -> bool {
    identity.role >= Role::Operator
}

/// Who may only look sees no number it could call, and nothing that was said.
pub fn shown(identity: &Identity, call: &CallView) -> Value {
    let mut shown = serde_json::to_value(call).expect("a call is text and numbers");
    if sees_all(identity) {
        return shown;
    }
    shown["last_line"] = Value::Null;
    for number in ["from", "to"] {
        change(&mut shown[number], mask);
    }
    for words in ["caller_name", "summary", "priority_reason"] {
        change(&mut shown[words], without_numbers);
    }
    shown
}

fn change(value: &mut Value, how: fn(&str) -> String) {
    if let Some(text) = value.as_str() {
        *value = how(text).into();
    }
}

#[cfg(test)]
mod tests {
    use engine::call::{Call, Line, Phase, Role as Speaker, SmsCounts};
    use engine::testing::frames;

    use super::*;

    #[test]
    fn a_viewer_sees_masked_numbers_and_nothing_that_was_said() {
        let call = Call {
            caller_name: Some("Zoé".into()),
            summary: Some("Call 514-555-0177 back.".into()),
            last_line: Some(Line { role: Speaker::Caller, text: "my number is".into() }),
            ..frames::state(1, Phase::InProgress)
        };
        let key = frames::call("acme", "c1");
        let call = call.view(&key.tenant, &key.call, SmsCounts::default(), None);
        let viewer = shown(&Identity { role: Role::Viewer, tenant: None }, &call);
        assert_eq!((&viewer["from"], &viewer["to"]), (&"+1514•••0142".into(), &"+1514•••0100".into()));
        assert_eq!((&viewer["summary"], &viewer["last_line"]), (&"Call ••• back.".into(), &Value::Null));
        assert_eq!(viewer["caller_name"], "Zoé");
        let operator = shown(&Identity { role: Role::Operator, tenant: None }, &call);
        assert_eq!(operator, serde_json::to_value(&*call).unwrap());
    }
}
