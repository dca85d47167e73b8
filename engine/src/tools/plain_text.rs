//! What of a model's text may be sent to a person's phone: no invisible letters, no links, and no number to call but
//! the caller's own. A caller who talks the agent into a message must not be able to make staff dial or open anything.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::number_words::without_spelled_numbers;
use super::numbers::without_numbers;

/// Stands where something was taken out, so that the reader knows to look at the call. Of the GSM alphabet: it must not
/// make the text cost twice as much.
pub const REMOVED: &str = "[...]";
/// Characters looked at for each that may stay: what is taken out makes room for what follows.
const READ_AHEAD: usize = 4;
/// A link by its mark, wherever it stands in a word.
const SCHEMES: [&str; 13] = [
    "://",
    "www.",
    "tel:",
    "sms:",
    "smsto:",
    "callto:",
    "sip:",
    "sips:",
    "mailto:",
    "whatsapp:",
    "facetime:",
    "skype:",
    "javascript:",
];

/// One line of at most `max_chars` characters. `own` is the caller's number, the only one that may stay.
pub fn plain(text: &str, max_chars: usize, own: Option<&str>) -> String {
    let visible: String = marked(text.nfkc().filter_map(visible)).take(max_chars * READ_AHEAD).collect();
    let words: Vec<String> = visible.split_whitespace().map(without_links).collect();
    let known: Vec<&str> = own.into_iter().collect();
    let unspelled = without_spelled_numbers(&words.join(" "));
    clip(&without_numbers(&unspelled, &known), max_chars)
}

/// Control characters become spaces; what is not seen (directions, joiners, selectors, tags) disappears.
fn visible(letter: char) -> Option<char> {
    match letter {
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' => None,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => None,
        '\u{20d0}'..='\u{20ff}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' => None,
        '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}' => None,
        '\u{2028}' | '\u{2029}' => Some(' '),
        letter if letter.is_control() => Some(' '),
        letter => Some(letter),
    }
}

/// Marks stay on the letters they belong to. On a digit they say nothing, and only keep it from being read as one.
fn marked(letters: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    let kept = |is_on_letter: &mut bool, letter: char| {
        let is_mark = is_combining_mark(letter);
        *is_on_letter = if is_mark { *is_on_letter } else { letter.is_alphabetic() };
        Some((!is_mark || *is_on_letter).then_some(letter))
    };
    letters.scan(false, kept).flatten()
}

/// A link is taken out. A word that a phone might only take for one (`fuite.au`) keeps its letters and loses its shape.
fn without_links(word: &str) -> String {
    let lower = word.to_lowercase();
    let scheme = SCHEMES.iter().any(|mark| lower.contains(mark));
    let domain = lower.split(['/', '?', '#']).next().unwrap_or_default();
    let has_path = domain.len() < lower.len() && has_inner_dot(domain);
    if scheme || has_path { REMOVED.to_owned() } else { with_open_dots(word) }
}

fn has_inner_dot(word: &str) -> bool {
    word.trim_matches('.').contains('.')
}

fn with_open_dots(word: &str) -> String {
    let mut open = String::with_capacity(word.len());
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        open.push(letter);
        if letter == '.' && letters.peek().is_some_and(|next| next.is_alphabetic()) {
            open.push(' ');
        }
    }
    open
}

fn clip(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max_chars.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_but_the_callers_own_is_sent() {
        let own = Some("+15145550142");
        for (text, sent) in [
            ("rappelez au 514-555-0142 svp", "rappelez au 514-555-0142 svp"),
            ("+1 (514) 555-0142", "+1 (514) 555-0142"),
            ("appelez 438 555 0199 vite", "appelez [...] vite"),
            ("appelez (438) 555.0199", "appelez [...]"),
            ("４３８５５５０１９９", "[...]"),
            ("4\u{200b}3\u{200b}85550199", "[...]"),
            ("٤٣٨٥٥٥٠١٩٩", "[...]"),
            ("4️⃣3️⃣8️⃣5️⃣5️⃣5️⃣0️⃣1️⃣9️⃣9️⃣", "[...]"),
            ("438555 - 0199", "[...]"),
            ("555-0199", "[...]"),
            ("4\u{300}385550199, ca\u{f0}a\u{331} de\u{331}borde", "[...], ca\u{f0}a\u{331} de\u{331}borde"),
            ("514 555 0142 514 555 0142 9", "[...]"),
            ("2 pieds d'eau, 100 rue Exemple, H2X 1Y4", "2 pieds d'eau, 100 rue Exemple, H2X 1Y4"),
        ] {
            assert_eq!(plain(text, 320, own), sent, "{text}");
        }
        assert_eq!(plain("514-555-0142", 320, None), "[...]");
    }

    #[test]
    fn no_link_is_sent() {
        for (text, sent) in [
            ("voir https://example.com/a maintenant", "voir [...] maintenant"),
            ("WWW.example.com", "[...]"),
            ("example.com/pay", "[...]"),
            ("example.com", "example. com"),
            ("tel:911", "[...]"),
            ("au sous-sol.Vite", "au sous-sol. Vite"),
            ("1.5 pied d'eau / sec", "1.5 pied d'eau / sec"),
        ] {
            assert_eq!(plain(text, 320, None), sent, "{text}");
        }
    }

    #[test]
    fn text_becomes_one_bounded_line_that_shows_all_it_holds() {
        assert_eq!(plain("a\n\nb\tc\u{202e}d\u{0}e", 320, None), "a b cd e");
        assert_eq!(plain("abcdef", 5, None), "ab...");
        assert_eq!(plain(&"é".repeat(400), 320, None).chars().count(), 320);
        assert_eq!(plain("", 320, None), "");
    }
}
