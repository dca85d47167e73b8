//! What the TOML reader says, for whoever writes playbooks: what is wrong without the parser's words, and what to
//! write. Values are never repeated: one may be a secret or somebody's number.

/// What is wrong, and what to do about it; the fix may be empty.
pub(super) type Told = (String, String);

/// Names of a table that are listed when none is near.
const MOST_LISTED: usize = 40;
/// How alike two names are of which one was meant.
const ALIKE: f64 = 0.6;

/// `path` is the key's, `value` what stands at the place of the error.
pub(super) fn tell(message: &str, path: &str, value: &str) -> Told {
    unknown_name(message)
        .or_else(|| missing(message, path))
        .or_else(|| wrong_kind(message, value))
        .or_else(|| syntax(message, value))
        .unwrap_or_else(|| (message.to_owned(), String::new()))
}

/// ``unknown field `x`, expected one of `a`, `b` ``: the nearest first.
fn unknown_name(message: &str) -> Option<Told> {
    let kind = ["field", "variant"].into_iter().find(|kind| message.starts_with(&format!("unknown {kind} `")))?;
    let mut quoted = message.split('`').skip(1).step_by(2);
    let written = quoted.next()?;
    let mut known: Vec<&str> = quoted.collect();
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(written, name);
    known.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    let problem = format!("unknown {kind} `{written}`");
    let fix = match known.split_first() {
        None => "take it out".to_owned(),
        Some((nearest, [])) => format!("write `{nearest}`, or take it out"),
        Some((nearest, others)) if likeness(nearest) >= ALIKE => {
            format!("did you mean `{nearest}`? The others are: {}", listed(others))
        }
        Some(_) => format!("write one of: {}", listed(&known)),
    };
    Some((problem, fix))
}

fn listed(names: &[&str]) -> String {
    let more = if names.len() > MOST_LISTED { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(MOST_LISTED)].join(", "))
}

fn missing(message: &str, path: &str) -> Option<Told> {
    let name = message.strip_prefix("missing field `")?.strip_suffix('`')?;
    let is_table = ["contacts", "priorities", "reception", "templates"].contains(&name);
    Some(match path {
        "" if is_table => (format!("the table [{name}] is missing"), format!("add [{name}] at the end of the file")),
        "" => (format!("`{name}` is missing"), format!("add {name} = … above the first table")),
        path => (format!("`{name}` is missing"), format!("add {name} = … in {path}")),
    })
}

/// `invalid type: string "1", expected u64`.
fn wrong_kind(message: &str, value: &str) -> Option<Told> {
    let rest = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let is_out_of_range = message.starts_with("invalid value: integer") || found.contains(" as i128");
    let found = match found.split([' ', '"', '`']).next()? {
        "integer" if is_out_of_range => "a number below or above all that fit",
        "string" => "a text",
        "integer" => "a whole number",
        "floating" => "a number with decimals",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        _ => "something else",
    };
    let wanted = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" => "a text in quotes",
        "a sequence" => "a list in brackets",
        "a boolean" => "true or false",
        "a map" => "a table",
        expected if expected.starts_with("struct ") => "a table",
        expected => expected,
    };
    let inside = value.trim_matches(['"', '\'']);
    let fix = match (found, wanted) {
        ("a text", "true or false") => "write true or false, without quotes",
        ("a text", wanted) if wanted.contains("number") && inside.parse::<f64>().is_ok() => "write it without quotes",
        (_, "a list in brackets") if found != "a table" => "put it in brackets: […]",
        (_, "a text in quotes") if found.contains("number") => "put it in quotes",
        _ => "",
    };
    Some((format!("{wanted} is wanted here, not {found}"), fix.to_owned()))
}

fn syntax(message: &str, value: &str) -> Option<Told> {
    let begins = |start: &str| message.starts_with(start);
    let told = |problem: &str, fix: &str| Some((problem.to_owned(), fix.to_owned()));
    if begins("duplicate key") {
        told("it is written twice", "take one out, or join them")
    } else if begins("invalid basic string") || begins("invalid literal string") {
        told("the text has no end on this line", "close its quotes")
    } else if begins("invalid multi-line") {
        told("a text of several lines has no end", "close it with three quotes")
    } else if begins("string values must be quoted") && value.is_empty() {
        told("nothing stands behind the equals sign", "write a value, or take the line out")
    } else if begins("string values must be quoted") {
        told("a text stands without straight quotes", "write it like \"this\"")
    } else if begins("key with no value") {
        told("a name without a value", "write it like name = \"value\"")
    } else if begins("missing comma") {
        told("a comma is missing between two values of a list, or its end is", "write [\"a\", \"b\"]")
    } else if begins("missing escaped value") {
        told("a backslash in a text has a meaning of its own", "write two, or put the text in single quotes")
    } else if begins("unexpected key or value") {
        told("something stands behind the value", "write one name = value on a line, and \\\" for a quote in a text")
    } else if begins("invalid unquoted key") {
        told("a name is letters without accents, digits, - and _", "write another, or put it in quotes")
    } else {
        let unclosed = message.strip_prefix("unclosed ")?;
        let (what, end) = unclosed.split_once(", expected ")?;
        Some((format!("the {what} has no end"), format!("close it with {}", end.trim_matches('`'))))
    }
}
