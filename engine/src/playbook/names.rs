//! Names of things in what people say: whole words, with accents, case, apostrophes and plurals folded away.

use std::collections::HashMap;
use std::ops::Range;

use super::fold;

/// Characters looked at in one text.
const MAX_CHARS: usize = 2_000;

/// Names, each of which stands for something: its place in a list of the owner's.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_first: HashMap<Box<str>, Vec<Name>>,
}

#[derive(Clone, Debug)]
struct Name {
    words: Vec<Box<str>>,
    of: usize,
}

/// A name that was found, as the words it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub at: Range<usize>,
    pub of: usize,
}

impl Names {
    /// False, and nothing added, when the name has no word. The first owner of a name keeps it.
    pub fn add(&mut self, name: &str, of: usize) -> bool {
        self.add_words(words(name), of)
    }

    pub fn add_words(&mut self, words: Vec<Box<str>>, of: usize) -> bool {
        let Some(first) = words.first().cloned() else { return false };
        let same_first = self.by_first.entry(first).or_default();
        if same_first.iter().all(|known| known.words != words) {
            same_first.push(Name { words, of });
            same_first.sort_by_key(|name| std::cmp::Reverse(name.words.len()));
        }
        true
    }

    /// Every name in these words, from left to right, none inside another: the longest from each word on.
    pub fn all_in(&self, words: &[Box<str>]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut place = 0;
        while place < words.len() {
            let name = self.at(&words[place..]);
            if let Some(name) = name {
                found.push(Found { at: place..place + name.words.len(), of: name.of });
            }
            place += name.map_or(1, |name| name.words.len());
        }
        found
    }

    /// Whom the first name in this text belongs to.
    pub fn first_in(&self, text: &str) -> Option<usize> {
        self.all_in(&words(text)).first().map(|found| found.of)
    }

    /// Whose name these words are, with nothing before or behind it.
    pub fn exactly(&self, words: &[Box<str>]) -> Option<usize> {
        self.at(words).filter(|name| name.words.len() == words.len()).map(|name| name.of)
    }

    /// The longest name these words begin with.
    fn at(&self, words: &[Box<str>]) -> Option<&Name> {
        let same_first = self.by_first.get(words.first()?)?;
        same_first.iter().find(|name| words.starts_with(&name.words))
    }
}

/// The folded words of a text; ids are text too: `drain_francais` is two words.
pub fn words(text: &str) -> Vec<Box<str>> {
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(end, _)| end);
    let folded = fold(&text[..end]);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(singular).map(Box::from).collect()
}

/// Without the mark of a plural; both sides lose it, so it need not be right.
pub fn singular(word: &str) -> &str {
    if word.len() > 3 { word.strip_suffix(['s', 'x']).unwrap_or(word) } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Names {
        let mut names = Names::default();
        for (of, name) in list.iter().enumerate() {
            names.add(name, of);
        }
        names
    }

    #[test]
    fn the_first_and_then_the_longest_name_counts() {
        let names = names(&["inspection", "inspection caméra", "drain français", "débouchage"]);
        for (text, of) in [
            ("INSPECTION par caméra", Some(0)),
            ("des inspections-caméras", Some(1)),
            ("drain_francais", Some(2)),
            ("débouchage (inspection caméra incluse)", Some(3)),
            ("inspections", Some(0)),
            ("reinspection", None),
            ("drain", None),
            ("", None),
        ] {
            assert_eq!(names.first_in(text), of, "{text}");
        }
    }

    #[test]
    fn a_name_is_exact_when_nothing_else_is_said() {
        let names = names(&["rive_sud", "Rive-Sud de Montréal"]);
        for (text, of) in
            [("Rive-Sud", Some(0)), ("rive sud de montreal", Some(1)), ("sur la Rive-Sud", None), ("", None)]
        {
            assert_eq!(names.exactly(&words(text)), of, "{text}");
        }
    }
}
