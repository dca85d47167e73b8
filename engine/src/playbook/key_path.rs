//! Which key of a playbook's text a place belongs to: `priorities.P2.text_within_s`. Read from the lines themselves,
//! since a text that cannot be read has no tables yet. Only names are ever taken, never a value: it may be a secret.

use std::ops::Range;

/// The path as far as it is written; empty above everything.
pub(super) fn at(text: &str, place: &Range<usize>) -> String {
    let start = line_start(text, place.start);
    let line = text[start..].lines().next().unwrap_or_default();
    if let Some(header) = header(line) {
        return header.to_owned();
    }
    let above = text[..start].lines().rev();
    let table = above.clone().find_map(header);
    let own = key(line).or_else(|| above.take_while(|line| header(line).is_none()).find_map(key));
    let inside = inner_key(text, place).filter(|_| !starts_line(text, start, place.start));
    [table, own, inside].into_iter().flatten().collect::<Vec<_>>().join(".")
}

/// `[name]` and `[[name]]`.
pub(super) fn header(line: &str) -> Option<&str> {
    let name = without_comment(line).strip_prefix('[')?.trim_matches(['[', ']', ' ']);
    is_key(name).then_some(name)
}

/// What stands before the equals sign.
fn key(line: &str) -> Option<&str> {
    let name = without_comment(line).split('=').next()?.trim();
    is_key(name).then_some(name)
}

/// The key at this place itself, in a table written on one line.
fn inner_key<'a>(text: &'a str, place: &Range<usize>) -> Option<&'a str> {
    let name = text.get(place.clone()).filter(|name| is_key(name))?;
    text[place.end..].trim_start().starts_with('=').then_some(name)
}

fn starts_line(text: &str, start: usize, at: usize) -> bool {
    text[start..at].chars().all(|c| c.is_whitespace() || c == '.' || c.is_alphanumeric())
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

/// Bare and dotted names, their parts in quotes or not.
fn is_key(name: &str) -> bool {
    let is_part = |part: &str| {
        let part = part.trim();
        let bare = part.strip_prefix('"').map_or(Some(part), |rest| rest.strip_suffix('"'));
        bare.is_some_and(|bare| {
            !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || ['_', '-'].contains(&c))
        })
    };
    name.split('.').all(is_part)
}

fn line_start(text: &str, offset: usize) -> usize {
    let end = text.floor_char_boundary(offset.min(text.len()));
    text[..end].rfind('\n').map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_by_its_table_and_its_key() {
        for (text, mark, wanted) in [
            ("a = 1", "1", "a"),
            ("[x]\na = 1\n[y.z] # here\nb = 2", "2", "y.z.b"),
            ("[[x.list]]\na = 1", "1", "x.list.a"),
            ("[x]\na = [\n  \"b\",\n  7,\n]", "7", "x.a"),
            ("[x]\na = [\n  { name = \"b\" },\n  { nmae = 7 },\n]", "nmae", "x.a.nmae"),
            ("[x]\na = { b = 7 }", "b", "x.a.b"),
            ("[x]\n\"12-24\" = 7", "7", "x.\"12-24\""),
            ("[x]\na = [\n  \"hush=hush\" \"again\",\n]", "\"again", "x.a"),
            ("[x.P9]\na = 1", "P9", "x.P9"),
        ] {
            let start = text.find(mark).unwrap();
            assert_eq!(at(text, &(start..start + mark.len())), wanted, "{text}");
        }
    }
}
