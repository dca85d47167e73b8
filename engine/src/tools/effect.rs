//! When two tool calls are the same effect: the same tool with the same arguments, whatever their order and their id.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::ids::digest64;

/// Digest of the tool's own name and its canonical arguments. Stable across runs and machines.
pub fn effect_of(tool: &str, arguments: &Map<String, Value>) -> u64 {
    let mut canonical = String::new();
    write_object(arguments, &mut canonical);
    digest64(&[tool, &canonical])
}

/// JSON without spaces, keys sorted at every level.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => write_object(object, out),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => write!(out, "{scalar}").expect("a string takes everything"),
    }
}

fn write_object(object: &Map<String, Value>, out: &mut String) {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    out.push('{');
    for (key, value) in entries {
        write!(out, "{}:", Value::from(key.as_str())).expect("a string takes everything");
        write_canonical(value, out);
        out.push(',');
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(tool: &str, arguments: &str) -> u64 {
        effect_of(tool, &serde_json::from_str(arguments).unwrap())
    }

    #[test]
    fn the_order_of_arguments_makes_no_other_effect_and_their_values_do() {
        let first = digest("alert", r#"{"a":1,"b":{"c":[1,2],"d":null}}"#);
        assert_eq!(first, digest("alert", r#"{ "b": {"d":null,"c":[1,2]}, "a": 1 }"#));
        assert_ne!(first, digest("alert", r#"{"a":1,"b":{"c":[2,1],"d":null}}"#));
        assert_ne!(first, digest("other", r#"{"a":1,"b":{"c":[1,2],"d":null}}"#));
        assert_ne!(digest("alert", r#"{"a":"1"}"#), digest("alert", r#"{"a":1}"#));
    }
}
