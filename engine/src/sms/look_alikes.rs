//! Letters of the GSM alphabet that may stand for those that are not in it.
//!
//! French loses little by it: `é è à ù` are in the alphabet; `ê ô î û ë ï ç` and the curved quotes are not.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::segments::gsm_units;

/// Whether a body may hold this letter and still be counted by seven bits a character.
pub fn is_seven_bit(letter: char) -> bool {
    gsm_units(letter).is_some()
}

/// What to write instead; empty where nothing is missed. `None` where nothing looks like it: an emoji.
pub fn look_alike(letter: char) -> Option<&'static str> {
    Some(match letter {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | 'ʼ' | '`' | '´' => "'",
        '“' | '”' | '„' | '«' | '»' | '″' => "\"",
        '‹' => "<",
        '›' => ">",
        '\u{2010}'..='\u{2015}' | '−' | '•' | '·' => "-",
        '…' => "...",
        '→' | '➜' | '⇒' => "->",
        '×' => "x",
        'œ' => "oe",
        'Œ' => "OE",
        'ç' => "c",
        '\u{a0}' | '\u{202f}' | '\u{2009}' | '\t' => " ",
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe0f}' => "",
        letter => return base(letter),
    })
}

/// The body with every look-alike taken.
pub fn with_look_alikes(body: &str) -> String {
    let mut plain = String::with_capacity(body.len());
    for letter in body.chars() {
        match look_alike(letter).filter(|_| !is_seven_bit(letter)) {
            Some(other) => plain.push_str(other),
            None => plain.push(letter),
        }
    }
    plain
}

/// The letter without its accent.
fn base(letter: char) -> Option<&'static str> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if is_combining_mark(letter) {
        return Some("");
    }
    let bare = letter.nfd().next().filter(|bare| *bare != letter)?;
    LETTERS.find(bare).map(|place| &LETTERS[place..=place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_french_letters_of_the_alphabet_are_known_from_the_others() {
        for letter in "éèàùìòÉÇÄÖÜñ'\"-£".chars() {
            assert!(is_seven_bit(letter), "{letter}");
        }
        for (letter, other) in [
            ('ê', "e"),
            ('î', "i"),
            ('ô', "o"),
            ('û', "u"),
            ('ë', "e"),
            ('ï', "i"),
            ('ç', "c"),
            ('â', "a"),
            ('À', "A"),
            ('È', "E"),
            ('Ê', "E"),
            ('œ', "oe"),
            ('’', "'"),
            ('«', "\""),
            ('–', "-"),
            ('…', "..."),
            ('\u{a0}', " "),
        ] {
            assert!(!is_seven_bit(letter), "{letter}");
            assert_eq!(look_alike(letter), Some(other), "{letter}");
            assert!(other.chars().all(is_seven_bit), "{other}");
        }
        assert_eq!(look_alike('🚨'), None);
    }

    #[test]
    fn a_body_is_rewritten_only_where_it_must_be() {
        assert_eq!(with_look_alikes("Égout bouché – l’hôtel, ça coûte 40 €"), "Égout bouché - l'hotel, ca coute 40 €");
    }
}
