//! What `/metrics` says, read as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

#[derive(Debug)]
pub struct Exposition {
    pub text: String,
    pub series: Vec<Series>,
    /// Names that have a HELP line, and their TYPE.
    pub helped: BTreeSet<String>,
    pub types: BTreeMap<String, String>,
}

impl Exposition {
    pub fn read(text: &str) -> Exposition {
        let mut read =
            Exposition { text: text.to_owned(), series: Vec::new(), helped: BTreeSet::new(), types: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(help) = line.strip_prefix("# HELP ") {
                read.helped.insert(help.split(' ').next().unwrap().to_owned());
            } else if let Some(of_type) = line.strip_prefix("# TYPE ") {
                let (name, kind) = of_type.split_once(' ').unwrap();
                read.types.insert(name.to_owned(), kind.to_owned());
            } else {
                read.series.push(series(line));
            }
        }
        read
    }

    /// Of every series: the name without a histogram's `_bucket`, `_sum` or `_count`.
    pub fn families(&self) -> BTreeMap<&str, usize> {
        let mut families = BTreeMap::new();
        for series in &self.series {
            *families.entry(self.family(&series.name)).or_default() += 1;
        }
        families
    }

    pub fn family<'a>(&self, name: &'a str) -> &'a str {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        base.filter(|base| self.types.get(*base).is_some_and(|kind| kind == "histogram")).unwrap_or(name)
    }

    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Series> {
        self.series.iter().filter(move |series| series.name == name)
    }
}

/// `name{label="value",…} 1`
fn series(line: &str) -> Series {
    let (name_and_labels, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = match name_and_labels.split_once('{') {
        None => (name_and_labels, BTreeMap::new()),
        Some((name, labels)) => (name, pairs(labels.strip_suffix('}').unwrap())),
    };
    Series { name: name.to_owned(), labels, value: value.parse().unwrap() }
}

/// `label="value",…`, where a value may hold an escaped quote.
fn pairs(mut text: &str) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    while let Some((label, rest)) = text.split_once("=\"") {
        let mut value = String::new();
        let mut letters = rest.char_indices();
        let end = loop {
            match letters.next().expect("a value ends") {
                (at, '"') => break at,
                (_, '\\') => value.push(match letters.next().expect("something is escaped").1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, letter) => value.push(letter),
            }
        };
        pairs.insert(label.trim_start_matches(',').to_owned(), value);
        text = &rest[end + 1..];
    }
    pairs
}

#[test]
fn labels_are_read_with_their_escapes() {
    let read = series(r#"calls_total{why="a \"b\", \\c",kind="x"} 2.5"#);
    assert_eq!((read.name.as_str(), read.value), ("calls_total", 2.5));
    assert_eq!(read.labels["why"], r#"a "b", \c"#);
    assert_eq!(read.labels["kind"], "x");
}
