//! Whether what a caller dictated can be right: a telephone number, an address, a postal code, an e-mail address.

use std::ops::Range;

use crate::phone::{PhoneNumber, dialable};
use crate::playbook::territories::postal_codes;

/// Source: RFC 5321, 4.5.3.1.3, without its angle brackets.
const MAX_EMAIL_CHARS: usize = 254;

/// Ten digits, or eleven with the 1, in any spelling: E.164. Or E.164 of another country.
pub fn phone_number(text: &str) -> Option<PhoneNumber> {
    let number = dialable(text)?;
    if number.starts_with('+') && !number.starts_with("+1") {
        return number.parse().ok();
    }
    let digits = number.trim_start_matches('+');
    let national = if digits.len() == 11 { digits.strip_prefix('1')? } else { digits };
    let opens = |place: usize| national.as_bytes().get(place).is_some_and(|digit| (b'2'..=b'9').contains(digit));
    let fits = national.len() == 10 && opens(0) && opens(3);
    fits.then(|| format!("+1{national}").parse().ok()).flatten()
}

/// Two letters at least: a number alone is no name.
pub fn is_said(text: &str) -> bool {
    text.chars().filter(|letter| letter.is_alphabetic()).count() >= 2
}

/// A house has a number, besides the digits of its postal code.
pub fn is_address(text: &str) -> bool {
    let without_code = match postal_code(text) {
        Some(code) => format!("{} {}", &text[..code.start], &text[code.end..]),
        None => text.to_owned(),
    };
    is_said(&without_code) && without_code.contains(|c: char| c.is_ascii_digit())
}

/// Where the first whole postal code stands in the text, in bytes; read as territories read it.
pub fn postal_code(text: &str) -> Option<Range<usize>> {
    postal_codes(text).into_iter().next().map(|(place, _)| place)
}

/// Plausible by RFC 5322, as it is used: one name, one domain with a dot, nothing quoted. Also as it is spoken:
/// `ana arobase example point com`.
pub fn is_email(text: &str) -> bool {
    let written = written_email(text);
    let Some((name, domain)) = written.split_once('@') else { return false };
    let of_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let name_fits = (1..=64).contains(&name.len()) && name.chars().all(of_name) && dots_fit(name);
    let of_label = |c: char| c.is_alphanumeric() || c == '-';
    let label_fits = |label: &str| label.chars().all(of_label) && !label.starts_with('-') && !label.ends_with('-');
    let last = domain.rsplit('.').next().unwrap_or_default();
    let is_top = last.chars().count() >= 2 && last.chars().all(char::is_alphabetic);
    written.len() <= MAX_EMAIL_CHARS
        && name_fits
        && domain.contains('.')
        && dots_fit(domain)
        && domain.split('.').all(label_fits)
        && is_top
}

fn dots_fit(text: &str) -> bool {
    !(text.starts_with('.') || text.ends_with('.') || text.contains(".."))
}

fn written_email(text: &str) -> String {
    let spoken = |word: &str| match word {
        "arobase" | "at" => "@".to_owned(),
        "point" | "dot" => ".".to_owned(),
        word => word.to_owned(),
    };
    let trimmed = text.trim().trim_matches(['<', '>', '.']);
    match trimmed.contains('@') {
        true => trimmed.to_owned(),
        false => trimmed.to_lowercase().split_whitespace().take(20).map(spoken).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_digits_in_any_spelling_are_a_number() {
        for (text, number) in [
            ("514-555-0142", Some("+15145550142")),
            ("(514) 555.0142", Some("+15145550142")),
            ("1 514 555 0142", Some("+15145550142")),
            ("+1 514 555 0142", Some("+15145550142")),
            ("+33 1 23 45 67 89", Some("+33123456789")),
            ("555-0142", None),
            ("514 555 01424", None),
            ("014-555-0142", None),
            ("514-155-0142", None),
            ("+0145550142", None),
            ("mon numéro", None),
        ] {
            assert_eq!(phone_number(text).as_ref().map(PhoneNumber::as_str), number, "{text}");
        }
    }

    #[test]
    fn a_postal_code_is_found_in_an_address() {
        for (text, code) in [
            ("J4Z 1A1", Some("J4Z 1A1")),
            ("10 rue Exemple, Brossard, j4z1a1", Some("j4z1a1")),
            ("10 rue Exemple (H2X-1Y4)", Some("H2X-1Y4")),
            ("é H2X 1Y4 Montréal", Some("H2X 1Y4")),
            ("H 2 X 1 Y 4", Some("H 2 X 1 Y 4")),
            ("10 rue Exemple, J4Z.1A1, Brossard", Some("J4Z.1A1")),
            ("H2X 1YO", Some("H2X 1YO")),
            ("J4Z", None),
            ("D4Z 1A1", None),
            ("H2O 1Y4", None),
            ("AH2X 1Y4", None),
            ("H2X 1Y45", None),
            ("12345", None),
        ] {
            assert_eq!(postal_code(text).map(|place| &text[place]), code, "{text}");
        }
    }

    #[test]
    fn a_plausible_address_of_mail_has_one_name_and_a_domain_with_a_dot() {
        for good in [
            "ana@example.com",
            "Ana.B+drains@mail.example.com",
            " <ana@example.com>",
            "ana arobase example point com",
            "ana dot b at example dot com",
        ] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "ana",
            "ana@",
            "@example.com",
            "ana@example",
            "a@b@example.com",
            "ana..b@example.com",
            "ana @example.com",
            "ana@-example.com",
            "ana@example.c",
            "ana@example.42",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_has_a_house_number() {
        assert!(is_address("10 rue Exemple, Brossard"));
        for bad in ["Brossard", "Brossard J4Z 1A1", "10", ""] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
