//! Telephone numbers spelled out: `four three eight, five five five, zero one nine nine`, in both languages, digits and
//! words mixed. An amount or a year of a few words stays.

use super::plain_text::REMOVED;
use crate::phone::DIALABLE_DIGITS;
use crate::playbook::fold;

#[rustfmt::skip]
const UNITS: [&str; 26] = [
    "zero", "un", "une", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf",
    "oh", "one", "two", "three", "four", "five", "seven", "eight", "nine",
    "naught", "nought", "nil", "niner", "fiver", "o",
];
#[rustfmt::skip]
const TENS: [&str; 35] = [
    "dix", "onze", "douze", "treize", "quatorze", "quinze", "seize",
    "vingt", "vingts", "trente", "quarante", "cinquante", "soixante", "septante", "octante", "nonante",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty", "thirty", "forty", "fourty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
/// They stand inside a number and add no digit of their own, or one that is not counted.
#[rustfmt::skip]
const FILLERS: [&str; 24] = [
    "cent", "cents", "hundred", "mille", "thousand", "double", "triple",
    "tiret", "trait", "point", "puis", "espace", "virgule", "barre", "moins",
    "dash", "hyphen", "dot", "then", "space", "comma", "slash", "plus", "minus",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digits(usize),
    Unit,
    Tens,
    Filler,
    Other,
}

struct Token {
    start: usize,
    end: usize,
    kind: Kind,
}

/// The text without runs of words and digits that can be dialled when written out.
pub fn without_spelled_numbers(text: &str) -> String {
    let tokens = tokens(text);
    let mut kept = String::with_capacity(text.len());
    let mut copied = 0;
    for run in tokens.split(|token| token.kind == Kind::Other) {
        if let ([first, ..], [.., last]) = (run, run)
            && is_spelled_number(run)
        {
            kept.push_str(&text[copied..first.start]);
            kept.push_str(REMOVED);
            copied = last.end;
        }
    }
    kept.push_str(&text[copied..]);
    kept
}

/// Digits alone are not spelled out: [`super::numbers`] knows which of those may stay.
fn is_spelled_number(run: &[Token]) -> bool {
    let digits: usize = run.iter().enumerate().map(|(place, token)| digits_of(token.kind, run.get(place + 1))).sum();
    digits >= DIALABLE_DIGITS && run.iter().any(|token| !matches!(token.kind, Kind::Digits(_)))
}

/// `trente-huit` is two digits, `trente` too.
fn digits_of(kind: Kind, next: Option<&Token>) -> usize {
    match kind {
        Kind::Digits(digits) => digits,
        Kind::Unit => 1,
        Kind::Tens if next.is_some_and(|next| matches!(next.kind, Kind::Unit | Kind::Tens)) => 1,
        Kind::Tens => 2,
        Kind::Filler | Kind::Other => 0,
    }
}

/// Words and groups of digits; what stands between them counts for nothing.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((start, first)) = letters.next() {
        if !first.is_alphanumeric() {
            continue;
        }
        let mut end = start + first.len_utf8();
        while let Some((place, letter)) =
            letters.next_if(|(_, letter)| letter.is_alphanumeric() && letter.is_numeric() == first.is_numeric())
        {
            end = place + letter.len_utf8();
        }
        tokens.push(Token { start, end, kind: kind(&text[start..end]) });
    }
    tokens
}

fn kind(word: &str) -> Kind {
    if word.starts_with(char::is_numeric) {
        return Kind::Digits(word.chars().count());
    }
    let word = fold(word);
    match word.as_str() {
        word if UNITS.contains(&word) => Kind::Unit,
        word if TENS.contains(&word) => Kind::Tens,
        word if FILLERS.contains(&word) => Kind::Filler,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_words_is_taken_out() {
        for text in [
            "four three eight five five five zero one nine nine",
            "quatre trois huit, cinq cinq cinq, zéro un neuf neuf",
            "quatre cent trente-huit cinq cent cinquante-cinq zéro un quatre-vingt-dix-neuf",
            "438 five five five 0199",
            "4three8five5five0one9nine",
            "438 tiret 555 tiret 0199",
            "FOUR-THREE-EIGHT-FIVE-FIVE-FIVE-OH-ONE-NINE-NINE",
        ] {
            assert_eq!(without_spelled_numbers(&format!("call {text} now")), "call [...] now", "{text}");
        }
    }

    #[test]
    fn amounts_years_and_addresses_stay() {
        for text in [
            "trois mille cinq cents dollars",
            "en deux mille vingt-six",
            "quarante-cinq mille six cent vingt-cinq",
            "ninety-nine steps, two baths and one sink",
            "une ou deux toilettes, trois lavabos",
            "1234 rue Un, H2X 1Y4",
            "514-555-0142",
            "",
        ] {
            assert_eq!(without_spelled_numbers(text), text);
        }
    }
}
