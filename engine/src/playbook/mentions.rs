//! Which names of things a caller's words mention: whole words in any accent, case and number, small words skipped.
//!
//! A mention counts only when it is asked for: "not a pool", "behind the pool" and "rue de la Piscine" ask for nothing.

use super::fold;

/// Words read of one text. A caller's request is a sentence or two.
const MAX_WORDS: usize = 200;
/// Words that may stand where a name has `…`; small words are not counted.
const MAX_GAP: usize = 3;
/// Carry nothing in a request, in either language; skipped in names and in what is said.
#[rustfmt::skip]
const SMALL_WORDS: [&str; 74] = [
    "le", "la", "les", "l", "un", "une", "des", "du", "de", "d", "mon", "ma", "mes", "votre", "vos", "notre", "nos",
    "son", "sa", "ses", "leur", "leurs", "ce", "cet", "cette", "ces", "au", "aux", "a", "en", "dans", "par", "est",
    "sont", "qui", "que", "faire", "tres", "tout", "toute", "vraiment", "completement", "et", "the", "an", "my", "our",
    "your", "his", "her", "their", "this", "that", "of", "in", "to", "for", "with", "is", "are", "was", "which", "s",
    "ve", "really", "very", "all", "out", "up", "have", "got", "any", "and", "been",
];
/// What denies, and what may stand between it and the denied. No definite article: "ça marche pas la toilette est
/// bouchée"; and no "à": "j'arrive pas à déboucher".
const DENIALS: [(&[&str], &[&str]); 2] = [
    (&["pas", "aucun", "aucune", "sans", "jamais", "rien"], &["un", "une", "de", "d", "du", "vraiment"]),
    (
        &["not", "isn", "isnt", "aren", "arent", "don", "dont", "doesn", "doesnt", "without", "never"],
        &["a", "an", "any", "t", "have", "really"],
    ),
];
/// Deny only what follows at once: "no pool", but "no, a pool".
const BARE_DENIALS: [&str; 3] = ["no", "non", "ni"];
/// Behind "is", a denial reaches over any article: "ce n'est pas la fosse, c'est la toilette".
const IS: [&str; 6] = ["est", "is", "s", "etait", "was", "it"];
#[rustfmt::skip]
const ARTICLES: [&str; 16] =
    ["le", "la", "les", "l", "un", "une", "de", "du", "des", "d", "ma", "mon", "the", "a", "my", "of"];
/// What follows is only a place.
#[rustfmt::skip]
const PLACES: [&str; 17] = [
    "cote", "pres", "proche", "derriere", "devant", "rue", "avenue", "boulevard", "chemin", "near", "behind", "beside",
    "next", "by", "around", "autour", "loin",
];
/// Begin another statement behind "et" and "and": "… et on a une fosse", "… and my gutters".
#[rustfmt::skip]
const SUBJECTS: [&str; 20] = [
    "on", "nous", "j", "je", "il", "y", "c", "ca", "mon", "ma", "mes", "notre", "nos", "we", "i", "there", "it", "my",
    "our", "also",
];

/// A name as a playbook writes it: `fosse septique`, or `vider … bac`, where other words may stand between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Stems, and whether other words may stand before each.
    steps: Vec<(Box<str>, bool)>,
}

impl Pattern {
    /// `None` when no word is left that says anything.
    pub fn new(text: &str) -> Option<Pattern> {
        let mut steps: Vec<(Box<str>, bool)> = Vec::new();
        for (place, part) in text.replace("...", "…").split('…').enumerate() {
            let words = words(&fold(part));
            let stems = words.iter().filter(|word| !is_small(word)).map(|word| stem(word));
            steps.extend(stems.enumerate().map(|(n, stem)| (stem.into(), place > 0 && n == 0)));
        }
        (!steps.is_empty()).then_some(Pattern { steps })
    }

    pub fn first(&self) -> &str {
        &self.steps[0].0
    }

    pub fn words(&self) -> usize {
        self.steps.len()
    }

    /// Where other words may stand in between.
    pub fn gaps(&self) -> usize {
        self.steps.iter().filter(|(_, may_wait)| *may_wait).count()
    }

    pub fn letters(&self) -> usize {
        self.steps.iter().map(|(stem, _)| stem.len()).sum()
    }
}

/// What somebody said, statement by statement.
#[derive(Clone, Debug, Default)]
pub struct Statements(Vec<Statement>);

#[derive(Clone, Debug, Default)]
pub struct Statement {
    words: Vec<Box<str>>,
    /// Stems of the words that say something, and their place in `words`.
    stems: Vec<(Box<str>, usize)>,
}

impl Statements {
    pub fn new(text: &str) -> Statements {
        let folded = fold(text);
        let mut left = MAX_WORDS;
        let mut statements = Vec::new();
        for clause in folded.split(['.', ',', ';', ':', '!', '?', '(', ')', '\n', '…']) {
            let mut words = words(clause);
            words.truncate(left);
            left -= words.len();
            statements.extend(split_at_connectors(words).map(Statement::new));
        }
        statements.retain(|statement| !statement.stems.is_empty());
        Statements(statements)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Statement> {
        self.0.iter()
    }

    /// Whether any of these is mentioned and meant.
    pub fn mention(&self, patterns: &[Pattern]) -> bool {
        let mentions = |statement: &Statement, pattern: &Pattern| {
            (0..statement.len()).any(|start| statement.match_at(start, pattern).is_some() && statement.means(start))
        };
        self.iter().any(|statement| patterns.iter().any(|pattern| mentions(statement, pattern)))
    }
}

impl Statement {
    fn new(words: Vec<Box<str>>) -> Statement {
        let said = words.iter().enumerate().filter(|(_, word)| !is_small(word));
        let stems = said.map(|(place, word)| (stem(word).into(), place)).collect();
        Statement { words, stems }
    }

    pub fn said_words(&self) -> usize {
        self.words.len()
    }

    pub fn len(&self) -> usize {
        self.stems.len()
    }

    pub fn stem(&self, place: usize) -> &str {
        &self.stems[place].0
    }

    pub fn says(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(&word.as_ref()))
    }

    /// Where the pattern ends when it begins here; the nearest word is taken for each `…`.
    pub fn match_at(&self, start: usize, pattern: &Pattern) -> Option<usize> {
        let mut next = start;
        for (n, (stem, may_wait)) in pattern.steps.iter().enumerate() {
            let reach = if *may_wait && n > 0 { MAX_GAP } else { 0 };
            let found = (next..=next + reach).find(|place| self.stems.get(*place).is_some_and(|(it, _)| it == stem))?;
            next = found + 1;
        }
        Some(next)
    }

    /// Whether what begins here is asked for, and not denied or only a place.
    pub fn means(&self, start: usize) -> bool {
        let before = &self.words[..self.stems[start].1];
        !(is_denied(before) || is_place(before))
    }
}

fn is_denied(before: &[Box<str>]) -> bool {
    let denies = |word: &str| DENIALS.iter().any(|(denials, _)| denials.contains(&word));
    let bare = before.last().is_some_and(|word| BARE_DENIALS.contains(&word.as_ref()));
    let near = DENIALS.iter().any(|(denials, between)| {
        without_end(before, between).last().is_some_and(|word| denials.contains(&word.as_ref()))
    });
    let far = match without_end(before, &ARTICLES) {
        [.., is, denial] => IS.contains(&is.as_ref()) && denies(denial),
        _ => false,
    };
    bare || near || far
}

fn is_place(before: &[Box<str>]) -> bool {
    let rest = without_end(before, &ARTICLES);
    rest.last().is_some_and(|word| PLACES.contains(&word.as_ref()))
        || matches!(rest, [.., next, to] if &**next == "next" && &**to == "to")
}

fn without_end<'a>(words: &'a [Box<str>], small: &[&str]) -> &'a [Box<str>] {
    let kept = words.iter().rposition(|word| !small.contains(&word.as_ref())).map_or(0, |place| place + 1);
    &words[..kept]
}

/// "but" begins another statement, "and" only with a subject: "nettoyer le drain et la fosse" is one.
fn split_at_connectors(words: Vec<Box<str>>) -> impl Iterator<Item = Vec<Box<str>>> {
    let mut statements = vec![Vec::new()];
    let mut rest = words.into_iter().peekable();
    while let Some(word) = rest.next() {
        let with_subject = rest.peek().is_some_and(|next| SUBJECTS.contains(&next.as_ref()));
        match word.as_ref() {
            "mais" | "but" => statements.push(Vec::new()),
            "et" | "and" if with_subject => statements.push(Vec::new()),
            _ => statements.last_mut().expect("there is always one").push(word),
        }
    }
    statements.into_iter()
}

fn words(text: &str) -> Vec<Box<str>> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(Box::from).collect()
}

fn is_small(word: &str) -> bool {
    SMALL_WORDS.contains(&word)
}

/// Singular, and masculine of a participle: `bouchées`, `bouchée` and `bouchés` are `bouche`.
fn stem(word: &str) -> &str {
    if word.len() <= 3 {
        return word;
    }
    let singular = word.strip_suffix(['s', 'x']).unwrap_or(word);
    singular.strip_suffix('e').filter(|shorter| shorter.ends_with('e')).unwrap_or(singular)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str, name: &str) -> bool {
        Statements::new(text).mention(&[Pattern::new(name).unwrap()])
    }

    #[test]
    fn a_name_is_found_in_any_number_accent_and_case_and_across_small_words() {
        for (text, name) in [
            ("vidange de FOSSES SEPTIQUES", "fosse septique"),
            ("les toilettes sont bouchées", "toilette bouchée"),
            ("je veux faire vider mon vieux bac de garage", "vider … bac"),
            ("racines_alesage", "racines / alésage"),
            ("le drain du toit", "drain de toit"),
            ("ça marche pas la toilette est bouchée", "toilette bouchée"),
            ("non, une piscine", "piscine"),
            ("j'arrive pas à déboucher", "déboucher"),
            ("I can't unclog it", "unclog"),
        ] {
            assert!(mentions(text, name), "{name:?} in {text:?}");
        }
        for (text, name) in [
            ("water is pooling on the floor", "pool"),
            ("vider. Le bac est plein", "vider … bac"),
            ("vider deux trois quatre cinq bac", "vider … bac"),
            ("backyard", "bac"),
            ("", "pool"),
        ] {
            assert!(!mentions(text, name), "{name:?} not in {text:?}");
        }
    }

    #[test]
    fn what_is_denied_or_only_a_place_is_not_asked_for() {
        for (text, name) in [
            ("pas de fosse septique", "fosse septique"),
            ("ce n'est pas la fosse septique, c'est la toilette", "fosse septique"),
            ("we don't have a pool", "pool"),
            ("no pool here", "pool"),
            ("it's not the pool", "pool"),
            ("le drain derrière la piscine", "piscine"),
            ("j'habite rue de la Piscine", "piscine"),
            ("the drain next to the pool", "pool"),
        ] {
            assert!(!mentions(text, name), "{name:?} not in {text:?}");
        }
    }

    #[test]
    fn a_name_without_a_word_is_none() {
        for text in ["", "…", "de la", " !? "] {
            assert!(Pattern::new(text).is_none(), "{text:?}");
        }
    }
}
