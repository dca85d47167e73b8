//! What is shown of numbers: masked, unless whoever asks has the right to see them and says so.

use engine::phone::mask;

/// Digits in a row, spaces and dashes between them, that are taken for a telephone number.
const NUMBER_DIGITS: usize = 7;

/// Whether numbers are shown whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    pub whole: bool,
}

impl Numbers {
    pub fn caller(self, number: &str) -> String {
        if self.whole { number.to_owned() } else { mask(number) }
    }

    /// What somebody said, with the numbers in it masked.
    pub fn words(self, text: &str) -> String {
        if self.whole {
            return text.to_owned();
        }
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let length = number_at(&rest[start..]);
            let number = &rest[start..start + length];
            let digits = number.bytes().filter(u8::is_ascii_digit).count();
            shown.push_str(&rest[..start]);
            match digits {
                NUMBER_DIGITS.. => shown.push_str(&masked(number)),
                _ => shown.push_str(number),
            }
            rest = &rest[start + length..];
        }
        shown + rest
    }
}

/// Length of the digits at the start, with single separators between them.
fn number_at(text: &str) -> usize {
    let mut end = 0;
    let mut separators = 0;
    for (place, letter) in text.char_indices() {
        match letter {
            '0'..='9' => (end, separators) = (place + 1, 0),
            ' ' | '-' | '.' | '(' | ')' | '\u{a0}' if separators < 2 => separators += 1,
            _ => break,
        }
    }
    end
}

fn masked(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let tail: String = digits[digits.len() - 4..].iter().collect();
    format!("•••{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_wherever_they_stand_and_addresses_are_not() {
        for (text, expected) in [
            ("rappelez au 514 555-0142 svp", "rappelez au •••0142 svp"),
            ("call (514) 555.0142.", "call (•••0142."),
            ("at 1204 Maple Street, 2 floors", "at 1204 Maple Street, 2 floors"),
            (r#"{"phone":"+15145550142","n":350}"#, r#"{"phone":"+•••0142","n":350}"#),
            ("", ""),
        ] {
            assert_eq!(Numbers::default().words(text), expected);
            assert_eq!(Numbers { whole: true }.words(text), text);
        }
        assert_eq!(Numbers::default().caller("+15145550142"), "+1514•••0142");
    }
}
