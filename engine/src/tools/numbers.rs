//! Telephone numbers in what a model wrote: which there are, and which are taken out.

use super::plain_text::REMOVED;
use crate::phone::DIALABLE_DIGITS;

/// What may open a number before its first digit: `+ (`.
const MAX_OPENING: usize = 4;

/// The text without every number that can be dialled, but for those that are `known`.
pub fn without_numbers(text: &str, known: &[&str]) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut place = 0;
    while place < letters.len() {
        let (end, digits) = number_at(&letters, place);
        let count = digits.chars().count();
        if count >= DIALABLE_DIGITS && !known.iter().any(|known| begins_with(&digits, known)) {
            kept.push_str(REMOVED);
        } else {
            kept.extend(&letters[place..end]);
        }
        place = end;
    }
    kept
}

/// Every number in the text that can be dialled, in digits.
pub fn numbers_in(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut numbers = Vec::new();
    let mut place = 0;
    while place < letters.len() {
        let (end, digits) = number_at(&letters, place);
        if digits.chars().count() >= DIALABLE_DIGITS {
            numbers.push(digits);
        }
        place = end;
    }
    numbers
}

/// Where the run that starts here ends, and its digits; one letter and no digits if it is not a number.
fn number_at(letters: &[char], start: usize) -> (usize, String) {
    let mut digits = String::new();
    let mut end = start + 1;
    if !(letters[start].is_numeric() || matches!(letters[start], '+' | '(')) {
        return (end, digits);
    }
    for (place, letter) in letters.iter().enumerate().skip(start) {
        if let Some(digit) = digit_at(letters, place) {
            digits.push(digit);
            end = place + 1;
        } else if !is_separator(*letter) || (digits.is_empty() && place >= start + MAX_OPENING) {
            break;
        }
    }
    (if digits.is_empty() { start + 1 } else { end }, digits)
}

/// A digit of any script, or a letter that stands for one among digits: `555-O1l9`.
fn digit_at(letters: &[char], place: usize) -> Option<char> {
    let letter = letters[place];
    if letter.is_numeric() {
        return Some(letter);
    }
    let digit = match letter {
        'o' | 'O' => '0',
        'l' | 'I' | '|' => '1',
        _ => return None,
    };
    let before = place.checked_sub(1).map(|before| letters[before]);
    let is_among =
        |near: Option<char>| near.is_none_or(|near| !near.is_alphabetic() || matches!(near, 'o' | 'O' | 'l' | 'I'));
    let next = letters.get(place + 1).copied();
    let touches = [before, next].into_iter().flatten().any(|near| near.is_numeric());
    (touches && is_among(before) && is_among(next)).then_some(digit)
}

/// Anything but a word, and the letter that is drawn between groups of digits: somebody who reads `438!555!0199` dials
/// it. A line break is the business's own, of its template: a model's text is one line.
fn is_separator(letter: char) -> bool {
    matches!(letter, 'x' | 'X') || !(letter.is_alphanumeric() || letter == '\n')
}

/// Country codes are said or left out: ten digits decide. What follows is an extension, a house number, but no number.
fn begins_with(digits: &str, known: &str) -> bool {
    let known: String = known.chars().filter(char::is_ascii_digit).collect();
    let local = known.get(known.len().saturating_sub(10)..).unwrap_or_default();
    let rest = [known.as_str(), local].into_iter().find_map(|known| digits.strip_prefix(known));
    let rest = rest.or_else(|| digits.strip_prefix('1').and_then(|digits| digits.strip_prefix(local)));
    known.len() >= DIALABLE_DIGITS && rest.is_some_and(|rest| rest.chars().count() < DIALABLE_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_number_may_stay_and_nothing_may_hide_behind_it() {
        let known = ["+15145550142"];
        for (text, sent) in [
            ("514-555-0142 1234 rue Exemple", "514-555-0142 1234 rue Exemple"),
            ("1 514 555 0142", "1 514 555 0142"),
            ("514-555-0142 438-555-0199", "[...]"),
            ("0044 514 555 0142", "[...]"),
            ("514 555 0143", "[...]"),
        ] {
            assert_eq!(without_numbers(text, &known), sent, "{text}");
        }
    }

    #[test]
    fn letters_among_digits_are_read_as_digits() {
        for text in ["438-555-O199", "438-555-0l99", "438-555-019O", "438555|199", "4,3,8,5,5,5,0,1,9,9"] {
            assert_eq!(without_numbers(text, &[]), "[...]", "{text}");
        }
        for text in ["450 litres, 300 l, 20 Ohm", "H2X 1Y4", "3 ou 4 lavabos", "10 pi. l'eau"] {
            assert_eq!(without_numbers(text, &[]), text);
        }
    }
}
