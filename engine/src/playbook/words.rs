//! A text in every language a business speaks.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use toml::Spanned;

use super::Language;

/// One text per language. Written as `{ fr = "…", en = "…" }`, or as one text that is good in every language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    fr: Option<Box<str>>,
    en: Option<Box<str>>,
}

impl Words {
    pub fn same(text: &str) -> Words {
        Words { fr: Some(text.into()), en: Some(text.into()) }
    }

    /// The text in this language, else in the other one: half a sentence is better than none.
    pub fn in_language(&self, language: Language) -> &str {
        self.get(language).or(self.fr.as_deref()).or(self.en.as_deref()).unwrap_or_default()
    }

    pub fn get(&self, language: Language) -> Option<&str> {
        match language {
            Language::Fr => self.fr.as_deref(),
            Language::En => self.en.as_deref(),
        }
    }

    /// Every text there is, whatever its language.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&self.fr, &self.en].into_iter().filter_map(Option::as_deref)
    }
}

/// Why these words are refused: the problem, and what to do.
pub(super) type Objection = (String, &'static str);

/// Each language spoken has a text of 1 to `max_chars` visible characters, on one line.
pub(super) fn check(words: &Spanned<Words>, languages: &[Language], max_chars: usize) -> Result<(), Objection> {
    for language in languages {
        let Some(text) = words.get_ref().get(*language) else {
            let problem = format!("there are no words in `{}`, which this business speaks", language.as_str());
            return Err((problem, "write { fr = \"…\", en = \"…\" }, or take the language out of `languages`"));
        };
        let chars = text.trim().chars().count();
        if chars == 0 || chars > max_chars || text.contains(char::is_control) {
            return Err((format!("not 1 to {max_chars} characters on one line"), ""));
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Words, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or one per language: { fr = \"…\", en = \"…\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words::same(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words, A::Error> {
        let mut words = Words::default();
        while let Some((language, text)) = map.next_entry::<Language, Box<str>>()? {
            match language {
                Language::Fr => words.fr = Some(text),
                Language::En => words.en = Some(text),
            }
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Page {
        it: Spanned<Words>,
    }

    fn read(toml: &str) -> Result<Spanned<Words>, toml::de::Error> {
        toml::from_str::<Page>(&format!("it = {toml}")).map(|page| page.it)
    }

    #[test]
    fn one_text_is_good_in_every_language_and_a_missing_one_falls_back() {
        let same = read("\"Drains\"").unwrap().into_inner();
        assert_eq!((same.in_language(Language::Fr), same.in_language(Language::En)), ("Drains", "Drains"));
        let french = read(r#"{ fr = "bonjour" }"#).unwrap().into_inner();
        assert_eq!((french.in_language(Language::En), french.get(Language::En)), ("bonjour", None));
    }

    #[test]
    fn words_are_refused_for_a_language_without_any_and_for_what_cannot_be_said() {
        let both = [Language::Fr, Language::En];
        for (toml, languages, good) in [
            (r#"{ fr = "oui", en = "yes" }"#, &both[..], true),
            (r#"{ fr = "oui" }"#, &both[..1], true),
            (r#"{ fr = "oui" }"#, &both[..], false),
            (r#"" ""#, &both[..1], false),
            (r#""a\nb""#, &both[..1], false),
            (r#""123456""#, &both[..1], false),
        ] {
            assert_eq!(check(&read(toml).unwrap(), languages, 5).is_ok(), good, "{toml}");
        }
        for toml in [r#"{ de = "ja" }"#, "7", "[]"] {
            assert!(read(toml).is_err(), "{toml}");
        }
    }
}
