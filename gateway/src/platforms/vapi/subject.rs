//! Whose call a message is about: the call's id, who speaks with whom, and what tells the tenant.
//!
//! `call.status` is a snapshot from the call's creation, `ringing` even in the final report: it is not read at all.

use engine::call::{Direction, Parties};
use engine::ids::CallId;

use super::envelope::Envelope;
use super::json::{Raw, pick, short, text};
use crate::platforms::Route;

/// Longest number, name or id that is kept, in bytes.
const MAX_BYTES: usize = 128;

pub struct Subject {
    /// Without one, a message belongs to no call and is only acknowledged.
    pub call: Option<CallId>,
    pub route: Route,
    pub parties: Parties,
}

impl Subject {
    pub fn read(message: &Envelope<'_>) -> Subject {
        let beside = ["phoneNumber", "customer", "assistant"].map(|key| message.get(key));
        Subject::of(message.get("call"), beside)
    }

    /// Of a call as the API gives it, where nothing stands beside it.
    pub fn of_call(call: Raw<'_>) -> Subject {
        Subject::of(Some(call), [None; 3])
    }

    fn of(call: Option<Raw<'_>>, [near_number, near_customer, near_assistant]: [Option<Raw<'_>>; 3]) -> Subject {
        let [id, kind, assistant_id, assistant, number_id, number, customer] =
            pick(call, ["id", "type", "assistantId", "assistant", "phoneNumberId", "phoneNumber", "customer"]);
        let lines = [Line::read(near_number), Line::read(number)];
        let customers = [Customer::read(near_customer), Customer::read(customer)];
        Subject {
            call: text(id).and_then(|id| CallId::parse(&id).ok()),
            route: Route {
                assistants: distinct([
                    short(assistant_id, MAX_BYTES),
                    id_of(near_assistant),
                    id_of(assistant),
                    lines[0].assistant.clone(),
                ]),
                numbers: distinct([
                    lines[0].number.clone(),
                    lines[0].id.clone(),
                    short(number_id, MAX_BYTES),
                    lines[1].number.clone(),
                    lines[1].id.clone(),
                ]),
            },
            parties: parties(text(kind).as_deref(), customers, lines),
        }
    }
}

/// Our end of the call: a number kept at the platform.
struct Line {
    id: Option<Box<str>>,
    number: Option<Box<str>>,
    assistant: Option<Box<str>>,
}

impl Line {
    fn read(raw: Option<Raw<'_>>) -> Line {
        let [id, number, assistant] = pick(raw, ["id", "number", "assistantId"]);
        Line { id: short(id, MAX_BYTES), number: short(number, MAX_BYTES), assistant: short(assistant, MAX_BYTES) }
    }
}

/// The other end. A number is free text: a SIP address, not E.164, or forged.
struct Customer {
    number: Option<Box<str>>,
    name: Option<Box<str>>,
}

impl Customer {
    fn read(raw: Option<Raw<'_>>) -> Customer {
        let [number, sip, name] = pick(raw, ["number", "sipUri", "name"]);
        Customer { number: short(number, MAX_BYTES).or_else(|| short(sip, MAX_BYTES)), name: short(name, MAX_BYTES) }
    }
}

fn parties(call_type: Option<&str>, customers: [Customer; 2], lines: [Line; 2]) -> Parties {
    let direction = match call_type {
        Some("inboundPhoneCall") => Some(Direction::Inbound),
        Some("outboundPhoneCall") => Some(Direction::Outbound),
        Some("webCall" | "vapi.websocketCall") => Some(Direction::Web),
        _ => None,
    };
    let [near, far] = customers;
    let [line, call_line] = lines;
    let customer = near.number.or(far.number);
    let ours = line.number.or(call_line.number);
    let (from, to) = if direction == Some(Direction::Outbound) { (ours, customer) } else { (customer, ours) };
    Parties { direction, from, to, caller_name: near.name.or(far.name) }
}

fn id_of(raw: Option<Raw<'_>>) -> Option<Box<str>> {
    let [id] = pick(raw, ["id"]);
    short(id, MAX_BYTES)
}

fn distinct<const N: usize>(found: [Option<Box<str>>; N]) -> Vec<Box<str>> {
    let mut distinct = Vec::new();
    for text in found.into_iter().flatten() {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(message: &str) -> Subject {
        let body = format!("{{\"message\":{message}}}");
        Subject::read(&Envelope::read(&body).unwrap())
    }

    #[test]
    fn a_call_is_known_by_a_string_of_1_to_128_characters() {
        let longest = "é".repeat(128);
        for (id, known) in [
            (r#""c-1""#.to_owned(), true),
            (format!("\"{longest}\""), true),
            (format!("\"{longest}x\""), false),
            (r#""""#.to_owned(), false),
            ("17".to_owned(), false),
            ("null".to_owned(), false),
            (r#"["c-1"]"#.to_owned(), false),
        ] {
            assert_eq!(subject(&format!(r#"{{"call":{{"id":{id}}}}}"#)).call.is_some(), known, "{id}");
        }
        assert_eq!(subject(r#"{"call":"c-1"}"#).call, None);
    }

    #[test]
    fn who_speaks_with_whom_follows_the_direction() {
        for (call_type, direction, from, to) in [
            ("inboundPhoneCall", Some(Direction::Inbound), "caller", "line"),
            ("outboundPhoneCall", Some(Direction::Outbound), "line", "caller"),
            ("webCall", Some(Direction::Web), "caller", "line"),
            ("vapi.websocketCall", Some(Direction::Web), "caller", "line"),
            ("carrierPigeon", None, "caller", "line"),
        ] {
            let told = subject(&format!(
                r#"{{"call":{{"type":"{call_type}","customer":{{"number":"caller","name":" Ada "}},"phoneNumber":{{"number":"line"}}}}}}"#
            ));
            let expected =
                Parties { direction, from: Some(from.into()), to: Some(to.into()), caller_name: Some("Ada".into()) };
            assert_eq!(told.parties, expected, "{call_type}");
        }
    }

    #[test]
    fn every_place_that_names_an_assistant_or_a_number_is_looked_at_once() {
        let told = subject(
            r#"{"call":{"assistantId":"a1","assistant":{"id":"a2"},"phoneNumberId":"n1","phoneNumber":{"id":"n2","number":"+1"}},
                "assistant":{"id":"a1"},"phoneNumber":{"id":"n1","number":"+2","assistantId":"a3"},
                "customer":{"sipUri":"sip:ada@example.com"}}"#,
        );
        let texts = |list: &[&str]| list.iter().map(|text| Box::from(*text)).collect::<Vec<Box<str>>>();
        assert_eq!(told.route.assistants, texts(&["a1", "a2", "a3"]));
        assert_eq!(told.route.numbers, texts(&["+2", "n1", "+1", "n2"]));
        assert_eq!(told.parties.from.as_deref(), Some("sip:ada@example.com"));
    }
}
