//! French or English, by the small words nobody speaks without.

use super::words;
use crate::playbook::Language;

#[rustfmt::skip]
const FRENCH: [&str; 78] = [
    "le", "la", "les", "un", "une", "des", "du", "de", "d", "l", "j", "je", "tu", "il", "elle", "nous", "vous", "ils", "mon", "ma", "mes",
    "notre", "votre", "ce", "cette", "c", "ca", "qu", "que", "qui", "et", "ou", "mais", "est", "sont", "ai", "avez", "avons", "ont", "suis", "y",
    "dans", "pour", "avec", "chez", "sur", "par", "pas", "plus", "bonjour", "allo", "oui", "non", "merci", "au", "aux", "en", "ne", "n", "se",
    "peux", "veux", "voudrais", "aimerais", "faire", "quand", "combien", "comment", "depuis", "encore", "tout", "toute", "besoin", "euh",
    "eau", "toilette", "bouche", "rue",
];
#[rustfmt::skip]
const ENGLISH: [&str; 76] = [
    "the", "a", "an", "of", "to", "in", "is", "are", "was", "it", "its", "i", "im", "ive", "my", "we", "our", "you", "your", "they", "this", "that",
    "there", "theres", "and", "or", "but", "have", "has", "had", "do", "does", "did", "dont", "not", "no", "yes", "hi", "hello", "please", "thanks",
    "for", "from", "with", "at", "by", "up", "out", "out", "can", "could", "would", "need", "want", "like", "how", "much", "what", "when", "get",
    "some", "somebody", "someone", "water", "been", "be", "just", "me", "so", "if", "thank", "street", "isnt", "cant", "wont", "doesnt",
];

/// What somebody speaks; `None` when it is not clear, or both. One word is enough if it is only one language's.
pub fn language_of(text: &str) -> Option<Language> {
    let said = words::split(text);
    let count = |list: &[&str]| said.iter().filter(|word| list.contains(&word.text.as_ref())).count();
    let (french, english) = (count(&FRENCH), count(&ENGLISH));
    match (french, english) {
        (french, english) if french > 0 && french >= 2 * english => Some(Language::Fr),
        (french, english) if english > 0 && english >= 2 * french => Some(Language::En),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_words_tell_the_language() {
        for (text, language) in [
            ("Bonjour, j'ai de l'eau dans le sous-sol", Some(Language::Fr)),
            ("ca refoule par la toilette", Some(Language::Fr)),
            ("hi there's water in my basement", Some(Language::En)),
            ("can you come", Some(Language::En)),
            ("yes please", Some(Language::En)),
            ("oui", Some(Language::Fr)),
            ("j'ai un backup dans mon basement, the whole place is flooded, can you come", None),
            ("514 555 0142", None),
            ("", None),
        ] {
            assert_eq!(language_of(text), language, "{text}");
        }
    }
}
