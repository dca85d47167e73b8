//! Lists of small expressions the grammar looks for: `l an passe`, `# years ago`. One table, written to be read.

use std::collections::HashMap;

use super::words::{Gap, Word};

/// Expressions under their first word.
pub struct Markers(HashMap<&'static str, Vec<Vec<&'static str>>>);

/// Stands for a number or a vague quantity.
const QUANTITY: &str = "#";
#[rustfmt::skip]
const QUANTITIES: [&str; 42] = [
    "un", "une", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "quelques", "plusieurs",
    "couple", "douze", "quinze", "vingt", "trente",
    "a", "an", "one", "two", "three", "four", "five", "seven", "eight", "nine", "ten", "few", "some", "several", "many",
    "twelve", "fifteen", "twenty", "thirty", "of", "bon", "bonne", "good", "about",
];

impl Markers {
    /// Expressions are separated by `|` or lines; a word that ends in `*` is a stem.
    pub fn new(table: &'static str) -> Markers {
        let mut markers: HashMap<_, Vec<_>> = HashMap::new();
        for expression in table.split(['|', '\n']) {
            let words: Vec<&str> = expression.split_whitespace().collect();
            if let Some(first) = words.first() {
                markers.entry(*first).or_default().push(words);
            }
        }
        markers.values_mut().for_each(|expressions| expressions.sort_by_key(|words| std::cmp::Reverse(words.len())));
        Markers(markers)
    }

    /// How many words the longest expression that begins at `at` has. No pause interrupts one.
    pub fn at(&self, words: &[Word], at: usize) -> Option<usize> {
        let expressions = self.0.get(words[at].text.as_ref())?;
        expressions.iter().find_map(|expression| length(expression, &words[at..]))
    }

    pub fn begins(&self, words: &[Word], at: usize) -> bool {
        self.at(words, at).is_some()
    }
}

/// Words of `said` the expression covers, if it begins there. A quantity may be several words: `a couple of`.
fn length(expression: &[&str], said: &[Word]) -> Option<usize> {
    let mut at = 0;
    for part in expression {
        if at > 0 && said.get(at).is_some_and(|word| word.gap != Gap::None) {
            return None;
        }
        if *part == QUANTITY {
            let quantity = said[at..].iter().take(4).take_while(|word| is_quantity(&word.text)).count();
            at += (quantity > 0).then_some(quantity)?;
        } else {
            at += said.get(at).is_some_and(|word| is(part, &word.text)).then_some(1)?;
        }
    }
    Some(at)
}

fn is(part: &str, word: &str) -> bool {
    part.strip_suffix('*').map_or(part == word, |stem| word.starts_with(stem))
}

pub fn is_quantity(word: &str) -> bool {
    QUANTITIES.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognition::words::split;

    #[test]
    fn the_longest_expression_counts() {
        let markers = Markers::new("l an | l an passe\ny a # an*");
        let at = |text: &str| markers.at(&split(text), 0);
        assert_eq!(at("l'an passé, on a"), Some(3));
        assert_eq!(at("l'an, passé"), Some(2));
        assert_eq!(at("y a deux ans"), Some(4));
        assert_eq!(at("y a plusieurs années"), Some(4));
        assert_eq!(at("y a un bruit"), None);
        assert_eq!(at("an"), None);
    }
}
