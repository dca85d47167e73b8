//! Postal codes as people and models write them: `J4Z 1A1`, `j4z1a1`, `J 4 Z 1 A 1`, `J4Z`, alone or in an address.

use std::ops::Range;

/// Characters of a text that are looked at. An address is shorter.
const MAX_CHARS: usize = 400;
/// A whole Canadian code.
const WHOLE: usize = 6;

pub fn bounded(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

/// Every code in a text, in order, upper case and without spaces. Whole ones first; beginnings (`J4Z`) and American
/// five digits only where there is no whole one.
pub fn codes_in(text: &str) -> Vec<Box<str>> {
    let whole: Vec<Box<str>> = whole_in(text).into_iter().map(|(_, code)| code).collect();
    if whole.is_empty() { tokens(text).filter_map(|token| beginning(&token)).collect() } else { whole }
}

/// Every whole Canadian code in a text: where it stands, in bytes, and what it says.
pub fn whole_in(text: &str) -> Vec<(Range<usize>, Box<str>)> {
    let (places, letters): (Vec<usize>, Vec<char>) =
        text.char_indices().map(|(place, letter)| (place, letter.to_ascii_uppercase())).unzip();
    let end = |place: usize| places.get(place).copied().unwrap_or(text.len());
    let found = |start| whole_at(&letters, start).map(|(after, code)| (places[start]..end(after), code));
    (0..letters.len()).filter_map(found).collect()
}

/// Six letters and digits in turn, at most one space, dash or dot between two of them, and nothing glued to them; with
/// the place behind them.
fn whole_at(letters: &[char], start: usize) -> Option<(usize, Box<str>)> {
    if start > 0 && letters[start - 1].is_alphanumeric() {
        return None;
    }
    let mut code = String::with_capacity(WHOLE);
    let mut place = start;
    while code.len() < WHOLE {
        let letter = *letters.get(place)?;
        if let Some(read) = in_code(letter, code.len()) {
            code.push(read);
        } else if code.is_empty() || !matches!(letter, ' ' | '-' | '.' | '\u{a0}') || !follows(letters, place) {
            return None;
        }
        place += 1;
    }
    let is_glued = letters.get(place).is_some_and(|letter| letter.is_alphanumeric());
    let has_digit = letters[start..place].iter().any(char::is_ascii_digit);
    (!is_glued && has_digit).then(|| (place, code.into()))
}

/// Whether something of the code comes right behind this separator.
fn follows(letters: &[char], separator: usize) -> bool {
    letters.get(separator + 1).is_some_and(char::is_ascii_alphanumeric)
}

/// Letters and digits take turns; a zero is often heard as the letter O, which no code has.
/// Source: Canada Post; D, F, I, O, Q and U are never used, W and Z never first.
fn in_code(letter: char, place: usize) -> Option<char> {
    match (place.is_multiple_of(2), letter) {
        (true, 'W' | 'Z') if place == 0 => None,
        (true, 'A'..='Z') if !"DFIOQU".contains(letter) => Some(letter),
        (false, '0'..='9') => Some(letter),
        (false, 'O') => Some('0'),
        _ => None,
    }
}

/// `J4Z` or `12345`.
fn beginning(token: &str) -> Option<Box<str>> {
    let letters: Vec<char> = token.chars().collect();
    let is_area = letters.len() == 3
        && letters[1].is_ascii_digit()
        && [0, 2]
            .iter()
            .all(|place| letters[*place].is_ascii_alphabetic() && in_code(letters[*place], *place).is_some());
    let is_zip = letters.len() == 5 && letters.iter().all(char::is_ascii_digit);
    (is_area || is_zip).then(|| token.into())
}

/// An American code, or a house number: only a listed prefix tells.
pub fn is_number(code: &str) -> bool {
    code.bytes().all(|byte| byte.is_ascii_digit())
}

fn tokens(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).map(str::to_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_every_writing_and_inside_an_address() {
        for (text, codes) in [
            ("J4Z 1A1", &["J4Z1A1"][..]),
            ("j4z1a1", &["J4Z1A1"]),
            ("J4Z-1A1", &["J4Z1A1"]),
            ("J 4 Z 1 A 1", &["J4Z1A1"]),
            ("j4z.1a1.", &["J4Z1A1"]),
            ("12 rue Exemple, Brossard (QC) J4Z 1A1, Canada", &["J4Z1A1"]),
            ("J4Z 1AO", &["J4Z1A0"]),
            ("J4Z 1A0", &["J4Z1A0"]),
            ("H2X O1O", &["H2X"]),
            ("HOH 0H0", &["H0H0H0"]),
            ("J4Z", &["J4Z"]),
            ("mon code commence par h7n", &["H7N"]),
            ("H7N 3W2 ou J4Z 1A1", &["H7N3W2", "J4Z1A1"]),
            ("12345 Main St, Springfield 02139", &["12345", "02139"]),
            ("J4Z1A12", &[]),
            ("AJ4Z1A1", &[]),
            ("bonobo", &[]),
            ("oui non moi", &[]),
            ("D4Z 1A1", &[]),
            ("W4Z 1A1, Z4Z", &[]),
            ("514 555 0142", &[]),
            ("", &[]),
        ] {
            assert_eq!(codes_in(text).iter().map(|code| &**code).collect::<Vec<_>>(), codes, "{text}");
        }
    }

    #[test]
    fn hostile_text_is_cut_and_never_split_inside_a_letter() {
        let long = "é".repeat(100_000);
        assert_eq!(bounded(&long).chars().count(), MAX_CHARS);
        assert!(codes_in(&bounded(&long)).is_empty());
        assert_eq!(codes_in("ﬁ J4Z1A1 ß").len(), 1);
    }
}
