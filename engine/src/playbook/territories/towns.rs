//! Which city an address is in, among all the names it holds: "1200, rue Sherbrooke, Laval, Québec" is Laval.

use crate::playbook::fold;
use crate::playbook::names::{Found, Names, singular};

/// Stand before the name of a street: "boulevard de Laval".
#[rustfmt::skip]
const STREETS: [&str; 26] = [
    "rue", "boulevard", "boul", "bd", "blvd", "avenue", "av", "ave", "chemin", "ch", "rang", "route", "rte", "montee",
    "place", "croissant", "autoroute", "pont", "universite", "cegep", "hopital", "gare", "metro", "station", "parc",
    "terrasse",
];
const ARTICLES: [&str; 10] = ["de", "du", "des", "la", "le", "les", "l", "d", "of", "a"];
/// Stand behind the name of a street, whatever follows: "Sherbrooke Street".
const ENGLISH_STREETS: [&str; 12] =
    ["street", "st", "road", "rd", "drive", "dr", "lane", "ln", "crescent", "court", "west", "east"];
/// Stand behind the name of a street only at the end of its part: "Laval boulevard Exemple" names a city.
const OTHER_STREETS: [&str; 13] =
    ["avenue", "ave", "boulevard", "blvd", "place", "est", "ouest", "nord", "sud", "e", "o", "w", "n"];
/// "apt 4 Laval" is no house number.
const FLATS: [&str; 8] = ["apt", "app", "appartement", "suite", "unit", "unite", "bureau", "local"];
/// What may stand before a city that shares its name with its province, so that the city is meant.
#[rustfmt::skip]
const TOWARDS: [&str; 17] = [
    "ville", "city", "a", "de", "in", "to", "of", "from", "near", "vers", "pres", "dans", "region", "is", "est", "c",
    "downtown",
];
/// After a saint, a longer name of another place: "Saint-Lambert de Lauzon".
const OF_ELSEWHERE: [&str; 4] = ["de", "du", "des", "d"];

/// A text as folded words, and what stands between them.
pub struct Address {
    words: Vec<Box<str>>,
    /// As written: `st` is `saint` among the words, and may still be a street.
    raw: Vec<Box<str>>,
    /// Before each word.
    gaps: Vec<Gap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    Space,
    /// A dash that joins: "Montréal-Nord".
    Joined,
    /// A comma, a bracket, the end of a line: another part of the address.
    Part,
}

impl Address {
    pub fn new(text: &str) -> Address {
        let folded = fold(text);
        let mut address = Address { words: Vec::new(), raw: Vec::new(), gaps: Vec::new() };
        let mut rest = folded.as_str();
        while let Some(start) = rest.find(char::is_alphanumeric) {
            let gap = gap(&rest[..start]);
            rest = &rest[start..];
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            address.push(&rest[..end], gap);
            rest = &rest[end..];
        }
        address
    }

    fn push(&mut self, word: &str, gap: Gap) {
        let name = match word {
            "st" => "saint",
            "ste" => "sainte",
            _ => singular(word),
        };
        self.words.push(name.into());
        self.raw.push(word.into());
        self.gaps.push(gap);
    }

    /// The first place named, as its number in the owner's list. A province's name counts only for want of another.
    pub fn place(&self, names: &Names, is_province_too: impl Fn(usize) -> bool) -> Option<usize> {
        let found = names.all_in(&self.words);
        let counts = |found: &&Found| !(self.is_part_of_a_name(found) || self.is_street(found));
        let (provinces, cities): (Vec<&Found>, Vec<&Found>) =
            found.iter().filter(counts).partition(|found| is_province_too(found.of));
        let province = provinces.into_iter().find(|found| !self.is_province(found));
        cities.first().copied().or(province).map(|found| found.of)
    }

    /// "Saint-Lambert-de-Lauzon", "Université-Laval": another name, of which this one is a piece.
    fn is_part_of_a_name(&self, found: &Found) -> bool {
        let behind = self.raw.get(found.at.end);
        let is_joined = self.gaps[found.at.start] == Gap::Joined
            || behind.is_some_and(|word| self.gaps[found.at.end] == Gap::Joined && !word.starts_with(is_digit));
        let is_saint = ["saint", "sainte"].contains(&&*self.words[found.at.start]);
        let goes_on =
            behind.is_some_and(|word| OF_ELSEWHERE.contains(&&**word)) && self.gaps[found.at.end] == Gap::Space;
        is_joined || (is_saint && goes_on)
    }

    fn is_street(&self, found: &Found) -> bool {
        self.has_street_before(found.at.start) || self.has_street_behind(found.at.end)
    }

    /// "rue Sherbrooke", "chemin de Chambly", "1200 Sherbrooke".
    fn has_street_before(&self, start: usize) -> bool {
        let mut place = start;
        while place > 0 && self.gaps[place] != Gap::Part {
            place -= 1;
            let word = &*self.raw[place];
            if !ARTICLES.contains(&word) {
                let is_house = word.chars().all(is_digit) && !self.is_flat(place);
                return STREETS.contains(&word) || (is_house && place + 1 == start);
            }
        }
        false
    }

    fn is_flat(&self, number: usize) -> bool {
        number > 0 && FLATS.contains(&&*self.raw[number - 1])
    }

    /// "Sherbrooke Street", "Sherbrooke Ouest, Montréal".
    fn has_street_behind(&self, end: usize) -> bool {
        let Some(word) = self.raw.get(end).filter(|_| self.gaps[end] != Gap::Part) else { return false };
        let is_saint = &**word == "st" && self.raw.get(end + 1).is_some() && self.gaps[end + 1] == Gap::Joined;
        let closes = self.gaps.get(end + 1).is_none_or(|gap| *gap == Gap::Part);
        (ENGLISH_STREETS.contains(&&**word) && !is_saint) || (OTHER_STREETS.contains(&&**word) && closes)
    }

    /// "Sainte-Exemple, Québec": a place that is not listed, and its province. "Quebec City" is never one.
    fn is_province(&self, found: &Found) -> bool {
        let Some(before) = found.at.start.checked_sub(1).filter(|_| found.at.len() == 1) else { return false };
        let is_named_so = before > 0 && ["province", "provincia"].contains(&&*self.raw[before - 1]);
        is_named_so || self.gaps[found.at.start] == Gap::Part || !TOWARDS.contains(&&*self.raw[before])
    }
}

fn gap(between: &str) -> Gap {
    match between {
        "-" | "\u{2010}" | "\u{2011}" | "\u{2013}" => Gap::Joined,
        _ if between.contains([',', ';', '(', ')', '\n', '/', ':', '–', '—']) || between.contains(" - ") => {
            Gap::Part
        }
        _ => Gap::Space,
    }
}

fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit()
}

/// The words of a place's name as an address has them: "St-Lambert" and "Saint-Lambert" are one.
pub fn words(name: &str) -> Vec<Box<str>> {
    Address::new(name).words
}
