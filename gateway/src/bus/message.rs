//! Updates as JSON no longer than a server takes. What is left out, the message says.

use bytes::Bytes;
use engine::ports::Update;
use serde_json::Value;

/// Characters a text keeps when its message is too long: first these, then these.
const KEPT_CHARS: [usize; 2] = [1_000, 100];

pub struct Encoded {
    pub json: Bytes,
    /// It is not all of the update.
    pub clipped: bool,
}

/// `None`: it cannot be made to fit.
pub fn encode(update: &Update, limit: usize) -> Option<Encoded> {
    let json = serde_json::to_vec(update).ok()?;
    if json.len() <= limit {
        return Some(Encoded { json: json.into(), clipped: false });
    }
    drop(json);
    let whole = serde_json::to_value(update).ok()?;
    KEPT_CHARS.iter().find_map(|kept| clipped(whole.clone(), *kept, limit))
}

/// `"clipped": true`: texts end in `…`, and `events_left_out` of the last events are not there.
fn clipped(mut message: Value, kept: usize, limit: usize) -> Option<Encoded> {
    shorten(&mut message, kept);
    message["clipped"] = true.into();
    let events = message.get_mut("events").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
    message["events_left_out"] = events.len().into();
    let mut room = limit.checked_sub(serde_json::to_vec(&message).ok()?.len())?;
    let fits = events.iter().map_while(|event| {
        room = room.checked_sub(serde_json::to_vec(event).ok()?.len() + 1)?;
        Some(event.clone())
    });
    let fits: Vec<Value> = fits.collect();
    message["events_left_out"] = (events.len() - fits.len()).into();
    if message.get("events").is_some() {
        message["events"] = fits.into();
    }
    Some(Encoded { json: serde_json::to_vec(&message).ok()?.into(), clipped: true })
}

fn shorten(value: &mut Value, kept: usize) {
    match value {
        Value::String(text) => {
            if let Some((at, _)) = text.char_indices().nth(kept) {
                text.truncate(at);
                text.push('…');
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, kept)),
        Value::Object(fields) => fields.values_mut().for_each(|field| shorten(field, kept)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use engine::call::{Fact, Phase, Role, SmsCounts};
    use engine::testing::frames::{call, state};

    use super::*;

    fn update(events: usize, words: &str) -> Update {
        let key = call("acme", "c1");
        let view = state(3, Phase::InProgress).view(&key.tenant, &key.call, SmsCounts::default(), None);
        let spoke = Fact::Spoke { role: Role::Caller, text: words.into() };
        Update::Call { seq: 3, call: view, events: vec![spoke; events].into() }
    }

    fn read(encoded: &Encoded) -> Value {
        serde_json::from_slice(&encoded.json).expect("JSON")
    }

    #[test]
    fn what_fits_is_told_whole() {
        let encoded = encode(&update(2, "water"), 1 << 20).unwrap();
        let message = read(&encoded);
        assert!(!encoded.clipped && message.get("clipped").is_none());
        assert_eq!((&message["type"], &message["seq"]), (&"call.updated".into(), &3.into()));
        assert_eq!(message["call"]["id"], "c1");
        assert_eq!(message["events"][1]["text"], "water");
    }

    #[test]
    fn a_long_text_is_shortened_before_an_event_is_left_out() {
        let encoded = encode(&update(3, &"é".repeat(40_000)), 16_384).unwrap();
        let message = read(&encoded);
        assert_eq!((&message["clipped"], &message["events_left_out"]), (&true.into(), &0.into()));
        assert_eq!(message["events"].as_array().unwrap().len(), 3);
        assert_eq!(message["events"][0]["text"].as_str().unwrap().chars().count(), 1_001);
    }

    #[test]
    fn the_last_events_are_left_out_and_counted_and_the_rest_fits() {
        let encoded = encode(&update(500, &"x".repeat(900)), 65_536).unwrap();
        let message = read(&encoded);
        assert!(encoded.json.len() <= 65_536);
        let told = message["events"].as_array().unwrap().len();
        assert!(told > 50, "{told}");
        assert_eq!(message["events_left_out"], 500 - told);
    }

    #[test]
    fn whatever_the_limit_what_is_told_fits() {
        let update = update(40, &"\u{1}".repeat(300));
        for limit in (0..40_000).step_by(97) {
            if let Some(encoded) = encode(&update, limit) {
                assert!(encoded.json.len() <= limit, "{} > {limit}", encoded.json.len());
                read(&encoded);
            }
        }
        assert!(encode(&update, 100).is_none());
        assert!(encode(&update, 4_096).is_some());
    }
}
