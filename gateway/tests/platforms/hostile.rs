//! Bodies nobody would send on purpose: any JSON, any bytes, cut and flipped ones. None may panic, and none that is JSON
//! with a `message` object may be refused.

use engine::playbook::Language;
use gateway::platforms::vapi::parse;
use proptest::prelude::*;

use super::received;

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let keys = prop::sample::select(vec![
        "id",
        "type",
        "call",
        "role",
        "function",
        "arguments",
        "content",
        "artifact",
        "toolCall",
        "name",
        "é",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
        prop::sample::select(vec!["tool-calls", "c-1", "status-update", "user", "ended", "{}"]).prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec((keys.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_message_object_is_taken_and_nothing_else(value in any_json()) {
        let body = serde_json::json!({ "message": value }).to_string();
        prop_assert_eq!(parse(body.as_bytes(), received()).is_ok(), value.is_object());
    }

    /// A message of every type, with one of its fields replaced by anything.
    #[test]
    fn no_field_of_any_type_can_make_a_message_fail(pick in any::<prop::sample::Index>(), field in any::<prop::sample::Index>(), value in any_json()) {
        let fixtures: Vec<Vec<u8>> = super::fixtures().into_values().collect();
        let body: &Vec<u8> = pick.get(&fixtures);
        let mut json: serde_json::Value = serde_json::from_slice(body).unwrap();
        let message = json["message"].as_object_mut().unwrap();
        let key = field.get(&message.keys().cloned().collect::<Vec<_>>()).clone();
        message.insert(key, value);
        let delivery = parse(json.to_string().as_bytes(), received()).unwrap();
        delivery.render(&[], Language::Fr);
        delivery.apology(Language::Fr);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes, received());
    }

    #[test]
    fn no_cut_and_no_flipped_byte_makes_the_parser_panic(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let fixtures: Vec<Vec<u8>> = super::fixtures().into_values().collect();
        let mut body = pick.get(&fixtures).clone();
        let at = at.index(body.trim_ascii_end().len());
        prop_assert!(parse(&body[..at], received()).is_err(), "half a body is not JSON");
        body[at] = byte;
        let _ = parse(&body, received());
    }
}
