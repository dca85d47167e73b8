//! Which metrics and labels a PromQL expression names. Reads words, braces and brackets; whether the expression is a good
//! one is `promtool`'s affair.

use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    pub metric: String,
    /// Label, operator, value.
    pub matchers: Vec<(String, String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Named {
    pub selectors: Vec<Selector>,
    /// Labels of `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`.
    pub grouped: BTreeSet<String>,
}

const OPERATORS: [&str; 6] = ["and", "or", "unless", "bool", "offset", "atan2"];
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const AGGREGATIONS: [&str; 11] =
    ["sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile"];

pub fn named(expression: &str) -> Named {
    let mut named = Named::default();
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric() || "_:[\"$".contains(c)) {
        rest = &rest[start..];
        if rest.starts_with('[') {
            rest = after(rest, ']');
            continue;
        }
        assert!(!rest.starts_with('"'), "a string outside of braces in {expression}");
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_:.$".contains(c))).unwrap_or(rest.len());
        let (word, tail) = (&rest[..end], rest[end..].trim_start());
        rest = tail;
        if word.starts_with(|c: char| c.is_ascii_digit()) || OPERATORS.contains(&word) || AGGREGATIONS.contains(&word) {
            continue;
        }
        if GROUPINGS.contains(&word) {
            if let Some(labels) = tail.strip_prefix('(') {
                let (labels, _) = labels.split_once(')').expect("a list of labels ends");
                named.grouped.extend(labels.split(',').map(|label| label.trim().to_owned()).filter(|l| !l.is_empty()));
                rest = after(tail, ')');
            }
            continue;
        }
        if tail.starts_with('(') {
            continue;
        }
        let mut selector = Selector { metric: word.to_owned(), matchers: Vec::new() };
        if tail.starts_with('{') {
            let end = tail.find('}').expect("braces are closed");
            selector.matchers = tail[1..end].split("\",").filter_map(matcher).collect();
            rest = &tail[end + 1..];
        }
        named.selectors.push(selector);
    }
    named
}

/// `label=~"value`, its last quote gone or not.
fn matcher(text: &str) -> Option<(String, String, String)> {
    let text = text.trim().trim_end_matches('"');
    let at = text.find(['=', '!'])?;
    let (operator, value) = text[at..].split_once('"').expect("a value is quoted");
    Some((text[..at].trim().to_owned(), operator.trim().to_owned(), value.to_owned()))
}

fn after(text: &str, end: char) -> &str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

#[test]
fn metrics_matchers_and_groupings_are_told_from_functions() {
    let read = named(
        r#"histogram_quantile(0.9, sum by (le, kind) (rate(a_bucket{x="1", y=~"2|3"}[5m])))
           / ignoring (kind) group_left count(b) > 1e3 and c offset 5m"#,
    );
    let metrics: Vec<_> = read.selectors.iter().map(|selector| selector.metric.as_str()).collect();
    assert_eq!(metrics, ["a_bucket", "b", "c"]);
    let owned = |label: &str, operator: &str, value: &str| (label.to_owned(), operator.to_owned(), value.to_owned());
    assert_eq!(read.selectors[0].matchers, [owned("x", "=", "1"), owned("y", "=~", "2|3")]);
    assert_eq!(read.grouped.iter().map(String::as_str).collect::<Vec<_>>(), ["kind", "le"]);
}
