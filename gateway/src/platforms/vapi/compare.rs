//! Two answers to one webhook, side by side: what another server answered, and what we would have.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// Characters kept of one value.
const MAX_VALUE_CHARS: usize = 160;
/// Characters kept of what a difference is about. Its names are the other server's, who may name things as it likes.
const MAX_NAME_CHARS: usize = 80;
/// Differences kept of one answer; the first ones say enough.
const MAX_DIFFERENCES: usize = 16;

/// One thing the two answers do not agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// A tool's name and a field of its result, or a field of the body.
    pub what: String,
    /// `None` where an answer has nothing.
    pub ours: Option<String>,
    pub theirs: Option<String>,
}

/// Empty when they agree. Results of tools are matched by their ids, in whatever order they come.
pub fn compare(ours: &[u8], theirs: &[u8]) -> Vec<Difference> {
    let (ours, theirs) = (parsed(ours), parsed(theirs));
    let labels = labels(&ours);
    let (ours, theirs) = (flat(&ours, &labels), flat(&theirs, &labels));
    let names = ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
    let differs = names.filter(|name| ours.get(*name) != theirs.get(*name));
    let difference = |name: &String| Difference {
        what: clipped(name, MAX_NAME_CHARS),
        ours: ours.get(name).map(text),
        theirs: theirs.get(name).map(text),
    };
    differs.take(MAX_DIFFERENCES).map(difference).collect()
}

/// A body that is no JSON is a text.
fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

/// What people call each of our results: the tool, and a number from the second call of the same tool on.
fn labels(ours: &Value) -> HashMap<String, String> {
    let mut calls: HashMap<&str, u32> = HashMap::new();
    let mut labels = HashMap::new();
    for result in results(ours) {
        let name = result["name"].as_str().unwrap_or_default();
        let count = calls.entry(name).or_default();
        *count += 1;
        let label = if *count == 1 { name.to_owned() } else { format!("{name} {count}") };
        labels.insert(id(result), label);
    }
    labels
}

/// The answer as names and values, results opened.
fn flat(answer: &Value, labels: &HashMap<String, String>) -> Map<String, Value> {
    let Value::Object(fields) = answer else { return Map::from_iter([("body".to_owned(), answer.clone())]) };
    let mut flat: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| *name != "results")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for result in results(answer) {
        let id = id(result);
        let label = labels.get(&id).unwrap_or(&id);
        flat.extend(opened(result).into_iter().map(|(name, value)| (format!("{label}: {name}"), value)));
    }
    flat
}

/// A result is text, and where that text is JSON, its fields: the order of keys makes no other answer.
fn opened(result: &Value) -> Map<String, Value> {
    let mut opened = Map::new();
    for field in ["result", "error"] {
        match inner(&result[field]) {
            Value::Null => {}
            Value::Object(fields) => opened.extend(fields),
            value => drop(opened.insert(field.to_owned(), value)),
        }
    }
    opened
}

fn inner(value: &Value) -> Value {
    let json = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()).filter(Value::is_object);
    json.unwrap_or_else(|| value.clone())
}

fn results(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["results"].as_array().into_iter().flatten()
}

fn id(result: &Value) -> String {
    result["toolCallId"].as_str().unwrap_or_default().to_owned()
}

/// As JSON: a number and its text are not the same answer.
fn text(value: &Value) -> String {
    clipped(&value.to_string(), MAX_VALUE_CHARS)
}

fn clipped(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ours: &str, theirs: &str) -> Vec<String> {
        let side = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let differences = compare(ours.as_bytes(), theirs.as_bytes());
        differences.into_iter().map(|it| format!("{} {} | {}", it.what, side(it.ours), side(it.theirs))).collect()
    }

    #[test]
    fn answers_that_mean_the_same_agree() {
        for (ours, theirs) in [
            ("{}", " { } "),
            (
                r#"{"results":[{"name":"a","toolCallId":"1","result":"{\"x\":1,\"y\":2}"},{"name":"b","toolCallId":"2","result":"ok"}]}"#,
                r#"{"results":[{"toolCallId":"2","result":"ok"},{"toolCallId":"1","result":{"y":2,"x":1}}]}"#,
            ),
        ] {
            assert_eq!(shown(ours, theirs), [""; 0], "{theirs}");
        }
    }

    #[test]
    fn a_difference_names_the_tool_and_the_field() {
        let ours = r#"{"results":[{"name":"a","toolCallId":"1","result":"{\"x\":1,\"y\":2}"},{"name":"a","toolCallId":"2","error":"no"}]}"#;
        let theirs =
            r#"{"results":[{"toolCallId":"1","result":"{\"x\":3,\"y\":2}"},{"toolCallId":"9","result":"late"}]}"#;
        assert_eq!(shown(ours, theirs), [r#"a 2: error "no" | -"#, "a: x 1 | 3", r#"9: result - | "late""#]);
        assert_eq!(shown("{}", "gateway timeout"), [r#"body - | "gateway timeout""#]);
        assert_eq!(shown(r#"{"a":1}"#, r#"{"a":"1","b":null}"#), [r#"a 1 | "1""#, "b - | null"]);
    }

    #[test]
    fn what_is_kept_of_an_answer_is_bounded() {
        let many: Map<String, Value> =
            (0..99).map(|n| (format!("{n}{}", "é".repeat(999)), "x".repeat(999).into())).collect();
        let differences = compare(b"{}", &serde_json::to_vec(&many).unwrap());
        assert_eq!(differences.len(), MAX_DIFFERENCES);
        assert!(differences.iter().all(|it| it.theirs.as_ref().unwrap().len() == MAX_VALUE_CHARS));
        assert!(differences.iter().all(|it| it.what.chars().count() == MAX_NAME_CHARS));
    }
}
