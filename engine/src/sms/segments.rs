//! How many segments a body costs, counted as carriers bill it.
//!
//! One letter outside the GSM alphabet (`ç`, `ê`, an emoji) turns the whole body into UCS-2 and more than halves what
//! fits. What a reader sees as one character is never cut in two: neither an escape pair, nor a surrogate pair, nor a
//! letter and its accent.

use unicode_segmentation::UnicodeSegmentation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Seven bits a character; the nine of the extension table cost two.
    Gsm7,
    /// Sixteen bits; what is outside the Basic Multilingual Plane costs two.
    Ucs2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    pub encoding: Encoding,
    /// At least 1: an empty body is sent, and billed, too.
    pub count: u16,
}

/// Segments of `body`, without any rewriting of look-alike letters.
pub fn segments(body: &str) -> Segments {
    let (encoding, count) = match body.chars().map(gsm_units).collect::<Option<Vec<_>>>() {
        Some(units) => (Encoding::Gsm7, parts(&units, 160, 153)),
        None => (Encoding::Ucs2, parts(&ucs2_units(body), 70, 67)),
    };
    Segments { encoding, count: u16::try_from(count).unwrap_or(u16::MAX) }
}

/// What one character costs in GSM 03.38, or `None` when it is not in it.
pub(super) fn gsm_units(letter: char) -> Option<usize> {
    match letter {
        '\n' | '\r' | ' '..='Z' | '_' | 'a'..='z' => Some(1),
        '¡' | '£' | '¤' | '¥' | '§' | '¿' | 'Ä' | 'Å' | 'Æ' | 'Ç' | 'É' | 'Ñ' | 'Ö' | 'Ø' | 'Ü' => {
            Some(1)
        }
        'ß' | 'à' | 'ä' | 'å' | 'æ' | 'è' | 'é' | 'ì' | 'ñ' | 'ò' | 'ö' | 'ø' | 'ù' | 'ü' => Some(1),
        'Γ' | 'Δ' | 'Θ' | 'Λ' | 'Ξ' | 'Π' | 'Σ' | 'Φ' | 'Ψ' | 'Ω' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

/// UTF-16 units of each character a reader sees. A line break of two characters may be cut between them.
fn ucs2_units(body: &str) -> Vec<usize> {
    let pieces = body.split_inclusive('\r').flat_map(|piece| piece.graphemes(true));
    pieces.map(|grapheme| grapheme.encode_utf16().count()).collect()
}

/// How many parts hold `units` in order, none of them cut. A body of several parts loses room to their numbering.
fn parts(units: &[usize], single: usize, part: usize) -> usize {
    if units.iter().sum::<usize>() <= single {
        return 1;
    }
    let (full, _) =
        units.iter().fold(
            (1, 0),
            |(count, used), unit| {
                if used + unit <= part { (count, used + unit) } else { (count + 1, *unit) }
            },
        );
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_costs_what_the_carrier_bills() {
        use Encoding::{Gsm7, Ucs2};
        for (body, encoding, count) in [
            (String::new(), Gsm7, 1),
            ("k".repeat(160), Gsm7, 1),
            ("k".repeat(161), Gsm7, 2),
            ("k".repeat(2 * 153), Gsm7, 2),
            ("k".repeat(2 * 153 + 1), Gsm7, 3),
            ("Égout refoulé à 8 h, prévenir M. Noël".replace('ë', "e"), Gsm7, 1),
            ("]".repeat(80), Gsm7, 1),
            ("]".repeat(81), Gsm7, 2),
            ("\u{c}".repeat(80), Gsm7, 1),
            ("ç".to_owned(), Ucs2, 1),
            ("`".to_owned(), Ucs2, 1),
            ("\u{a0}".to_owned(), Ucs2, 1),
            ("ô".repeat(70), Ucs2, 1),
            ("ô".repeat(71), Ucs2, 2),
            ("ô".repeat(2 * 67), Ucs2, 2),
            ("ô".repeat(2 * 67 + 1), Ucs2, 3),
            ("🚨".repeat(35), Ucs2, 1),
            ("🚨".repeat(36), Ucs2, 2),
        ] {
            assert_eq!(segments(&body), Segments { encoding, count }, "{body:?}");
        }
    }

    #[test]
    fn no_pair_is_cut_between_two_parts() {
        for (pair, filler, room) in [("€", "k", 153), ("🚨", "ô", 67), ("o\u{302}", "ô", 67), ("⚠\u{fe0f}", "ô", 67)]
        {
            let fits = |before: usize| format!("{}{pair}{}", filler.repeat(before), filler.repeat(room));
            assert_eq!(segments(&fits(room - 2)).count, 2, "{pair} at the end of the first part");
            assert_eq!(segments(&fits(room - 1)).count, 3, "{pair} moves over and pushes the last one out");
        }
    }

    #[test]
    fn a_line_break_of_two_characters_may_be_cut() {
        let body = |before: usize| format!("{}\r\n{}", "ô".repeat(before), "ô".repeat(67 - 1));
        assert_eq!(segments(&body(66)).count, 2);
        assert_eq!(segments(&body(67)).count, 3);
    }

    #[test]
    fn a_family_stays_together() {
        let family = "👩\u{200d}👩\u{200d}👧";
        let body = format!("{}{family}{}", "ô".repeat(60), "ô".repeat(60));
        assert_eq!(segments(&body).count, 3, "60, then 8 + 59, then 1");
    }
}
