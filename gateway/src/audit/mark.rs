//! Where in a sentence the words stand that were heard: whatever their case and accents there.

use std::ops::Range;

/// The words quoted in a reason: `urgence_immediate: heard « refoule »`.
pub fn heard_in(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("heard « ")?;
    let (words, _) = rest.split_once(" »")?;
    (!words.is_empty()).then_some(words)
}

/// The first place where all of `words` stand in a row.
pub fn find(sentence: &str, words: &str) -> Option<Range<usize>> {
    let said = split(sentence);
    let wanted: Vec<String> = split(words).into_iter().map(|(word, _)| word).collect();
    if wanted.is_empty() {
        return None;
    }
    let found = said.windows(wanted.len()).find(|row| row.iter().map(|(word, _)| word).eq(&wanted))?;
    Some(found[0].1.start..found[found.len() - 1].1.end)
}

fn split(text: &str) -> Vec<(String, Range<usize>)> {
    let mut words = Vec::new();
    let mut start = None;
    for (place, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, letter.is_alphanumeric()) {
            (None, true) => start = Some(place),
            (Some(from), false) => {
                words.push((plain(&text[from..place]), from..place));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The letters of French and English, which is all that is spoken here.
fn plain(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for letter in word.chars().flat_map(char::to_lowercase) {
        match letter {
            'à' | 'â' | 'ä' => plain.push('a'),
            'ç' => plain.push('c'),
            'é' | 'è' | 'ê' | 'ë' => plain.push('e'),
            'î' | 'ï' => plain.push('i'),
            'ô' | 'ö' => plain.push('o'),
            'ù' | 'û' | 'ü' => plain.push('u'),
            'œ' => plain.push_str("oe"),
            _ => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_accent_and_only_whole() {
        for (sentence, words, expected) in [
            ("C'est un DÉGÂT d’eau, vite", "degat d'eau", Some("DÉGÂT d’eau")),
            ("j'habite Boucherville", "ville", None),
            ("le drain refoule, ça refoule", "refoule", Some("refoule")),
            ("rien", "", None),
        ] {
            assert_eq!(find(sentence, words).map(|range| &sentence[range]), expected, "{sentence}");
        }
    }

    #[test]
    fn a_reason_quotes_what_was_heard() {
        assert_eq!(heard_in("emergency: heard « water everywhere »"), Some("water everywhere"));
        assert_eq!(heard_in("municipal"), None);
    }
}
