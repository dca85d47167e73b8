//! Telephone numbers we send to: E.164, parsed once. What a caller's platform reports stays free text, of which it can
//! be asked whether it is a number at all.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A run of so many digits can be dialled somewhere. It takes dates and ranges with it: the call has them.
pub const DIALABLE_DIGITS: usize = 7;
/// What networks send for a number that is withheld, in letters or spelled on a keypad: nobody's number, and shared by
/// everybody who hides theirs.
const WITHHELD: [&str; 6] = ["anonymous", "restricted", "blocked", "unavailable", "unknown", "private"];

/// `+` and 7 to 15 digits, the first not zero. Source: ITU-T E.164.
/// `Debug` prints it masked: a full number never reaches a log by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(Arc<str>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an E.164 number (+ and 7 to 15 digits, like +15145550110): {0:?}")]
pub struct NotAPhoneNumber(String);

impl PhoneNumber {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country's calling code: `1` for North America, `33` for France. Source: ITU-T E.164, zones 1 to 9.
    pub fn calling_code(&self) -> &str {
        let digits = &self.0[1..];
        let length = match digits.as_bytes() {
            [b'1' | b'7', ..] => 1,
            [b'2', b'0' | b'7', ..] => 2,
            [b'3', b'0'..=b'4' | b'6' | b'9', ..] => 2,
            [b'4', b'0' | b'1' | b'3'..=b'9', ..] => 2,
            [b'5', b'1'..=b'8', ..] => 2,
            [b'6', b'0'..=b'6', ..] => 2,
            [b'8', b'1' | b'2' | b'4' | b'6', ..] => 2,
            [b'9', b'0'..=b'5' | b'8', ..] => 2,
            _ => 3,
        };
        &digits[..length]
    }

    /// `+1514•••0142`: enough to recognise, not enough to dial.
    pub fn masked(&self) -> String {
        mask(&self.0)
    }
}

/// A telephone number as a network, a platform or a model writes it, in digits: `+15145550142`. `None` for what cannot
/// be dialled: `anonymous` in letters or in digits, an address of another kind, a link.
pub fn dialable(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text.strip_prefix("sip:").or_else(|| text.strip_prefix("tel:")).unwrap_or(text);
    let number = bare.split(['@', ';']).next().unwrap_or_default().trim();
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let written = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')'));
    let fits = written && (DIALABLE_DIGITS..=15).contains(&digits.len());
    let is_withheld = || WITHHELD.iter().any(|word| keypad(word) == digits);
    let plus = if number.starts_with('+') { "+" } else { "" };
    (fits && !is_withheld()).then(|| format!("{plus}{digits}"))
}

/// A word as the keys of a telephone that carry its letters.
fn keypad(word: &str) -> String {
    let key = |letter: char| match letter {
        'a'..='c' => '2',
        'd'..='f' => '3',
        'g'..='i' => '4',
        'j'..='l' => '5',
        'm'..='o' => '6',
        'p'..='s' => '7',
        't'..='v' => '8',
        _ => '9',
    };
    word.chars().map(key).collect()
}

/// Masks any dialable text: all but the first five and the last four characters.
pub fn mask(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    if characters.len() < 10 {
        return "•••".to_owned();
    }
    let head: String = characters[..5].iter().collect();
    let tail: String = characters[characters.len() - 4..].iter().collect();
    format!("{head}•••{tail}")
}

/// A message of somebody else's without the numbers it may quote, however they are written; short codes stay.
pub fn without_numbers(message: &str) -> String {
    let mut clean = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let length = digits_at(&rest[start..]);
        let number = &rest[start..start + length];
        clean.push_str(&rest[..start]);
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        clean.push_str(if digits >= DIALABLE_DIGITS { "•••" } else { number });
        rest = &rest[start + length..];
    }
    clean.push_str(rest);
    clean
}

/// Length of the digits at the start, in bytes, with what people write between the groups of a number.
pub(crate) fn digits_at(text: &str) -> usize {
    let mut end = 0;
    for (place, letter) in text.char_indices() {
        match letter {
            '0'..='9' => end = place + 1,
            ' ' | '-' | '.' | '(' | ')' | '/' | '_' | '\u{a0}' | '\u{2010}'..='\u{2015}' => {}
            _ => break,
        }
    }
    end
}

impl FromStr for PhoneNumber {
    type Err = NotAPhoneNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let plausible =
            (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        if plausible { Ok(PhoneNumber(text.into())) } else { Err(NotAPhoneNumber(text.chars().take(24).collect())) }
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NotAPhoneNumber;
    fn try_from(text: String) -> Result<Self, NotAPhoneNumber> {
        text.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> String {
        number.0.as_ref().to_owned()
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_e164_is_a_number() {
        for good in ["+15145550110", "+33123456789", "+1234567"] {
            assert!(good.parse::<PhoneNumber>().is_ok(), "{good}");
        }
        for bad in ["", "+", "15145550110", "+0145550110", "+1514555011a", "+1234567890123456", "+1 514 555 0110"] {
            assert!(bad.parse::<PhoneNumber>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_can_be_dialled_is_a_number_to_call_back() {
        for (text, number) in [
            ("+15145550142", Some("+15145550142")),
            ("514-555-0142", Some("5145550142")),
            ("sip:+15145550142@carrier.example", Some("+15145550142")),
            ("anonymous", None),
            ("+266696687", None),
            ("sip:266696687@carrier.example", None),
            ("+86282452253", None),
            ("sip:alice@example.com", None),
            ("911", None),
            ("+1514555014200000000", None),
            ("", None),
        ] {
            assert_eq!(dialable(text).as_deref(), number, "{text}");
        }
    }

    #[test]
    fn a_number_begins_with_the_code_of_its_country() {
        for (number, code) in
            [("+15145550110", "1"), ("+33123456789", "33"), ("+35312345678", "353"), ("+7123456789", "7")]
        {
            assert_eq!(number.parse::<PhoneNumber>().unwrap().calling_code(), code);
        }
    }

    #[test]
    fn a_number_is_masked_wherever_it_is_debugged() {
        let number: PhoneNumber = "+15145550142".parse().unwrap();
        assert_eq!(format!("{number:?}"), "+1514•••0142");
        assert_eq!(mask("911"), "•••");
    }

    #[test]
    fn a_message_loses_its_numbers_and_keeps_its_codes() {
        assert_eq!(without_numbers("The 'To' number +15145550110 is not valid."), "The 'To' number +••• is not valid.");
        assert_eq!(without_numbers("error 21211 numéro 5145550110"), "error 21211 numéro •••");
        assert_eq!(without_numbers("21610: +1 514 555-0110."), "21610: +•••.");
        for number in ["514-555-0110", "(514) 555 - 0110", "514.555.0110", "514–555–0110", "514\u{a0}555\u{a0}0110"]
        {
            let clean = without_numbers(&format!("{number} is no number"));
            assert!(clean.contains("•••") && !clean.contains("0110"), "{clean}");
        }
    }
}
