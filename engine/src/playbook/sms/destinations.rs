//! Which callers may be texted: by the first digits of their numbers.
//!
//! `+1` alone is not one country. Area codes of the Caribbean and the Pacific share it at many times the price, and are
//! where pumped messages go; they are meant only when they are written.

use crate::phone::PhoneNumber;
use crate::playbook::Contact;

/// Why a message to a number outside of them is written down and not sent, as the API shows it.
pub const NOT_ALLOWED: &str = "destination not allowed";

/// Area codes of `+1` outside Canada and the United States proper, and premium numbers.
/// Source: North American Numbering Plan, read 2026-11.
const ELSEWHERE: [&str; 29] = [
    "242", "246", "264", "268", "284", "340", "345", "441", "473", "649", "658", "664", "670", "671", "684", "721",
    "758", "767", "784", "787", "809", "829", "849", "868", "869", "876", "900", "939", "976",
];

/// `+1514`, `+33`: never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destinations(Box<[Box<str>]>);

impl Destinations {
    /// Each is `+` and digits.
    pub fn new(prefixes: impl IntoIterator<Item = Box<str>>) -> Destinations {
        Destinations(prefixes.into_iter().collect())
    }

    /// The countries the team lives in, and each of its own area codes.
    pub fn around(contacts: &[Contact]) -> Destinations {
        let country = |contact: &Contact| format!("+{}", contact.phone.calling_code()).into();
        let area = |contact: &Contact| is_elsewhere(&contact.phone).then(|| contact.phone.as_str()[..5].into());
        let mut prefixes: Vec<Box<str>> =
            contacts.iter().map(country).chain(contacts.iter().filter_map(area)).collect();
        prefixes.sort();
        prefixes.dedup();
        Destinations::new(prefixes)
    }

    pub fn allow(&self, number: &PhoneNumber) -> bool {
        let fits = |prefix: &&str| number.as_str().starts_with(*prefix);
        let longest = self.0.iter().map(|prefix| &**prefix).filter(fits).max_by_key(|prefix| prefix.len());
        longest.is_some_and(|prefix| prefix.len() > "+1".len() || !is_elsewhere(number))
    }
}

fn is_elsewhere(number: &PhoneNumber) -> bool {
    number.as_str().strip_prefix("+1").and_then(|rest| rest.get(..3)).is_some_and(|area| ELSEWHERE.contains(&area))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Language;

    fn contact(phone: &str) -> Contact {
        Contact { name: "owner".into(), phone: phone.parse().unwrap(), language: Language::Fr }
    }

    #[test]
    fn a_prefix_allows_what_begins_with_it_and_plus_one_is_two_countries() {
        for (prefixes, number, allowed) in [
            (&["+1514", "+1438"][..], "+15145550142", true),
            (&["+1514", "+1438"], "+14165550142", false),
            (&["+1"], "+14165550142", true),
            (&["+1"], "+18765550142", false),
            (&["+1"], "+19005550142", false),
            (&["+1", "+1876"], "+18765550142", true),
            (&["+33"], "+33123456789", true),
            (&["+33"], "+15145550142", false),
            (&["+7"], "+79005550142", true),
        ] {
            let destinations = Destinations::new(prefixes.iter().map(|prefix| (*prefix).into()));
            assert_eq!(destinations.allow(&number.parse().unwrap()), allowed, "{prefixes:?} {number}");
        }
    }

    #[test]
    fn without_a_list_it_is_the_countries_of_the_team() {
        let montreal = Destinations::around(&[contact("+15145550110"), contact("+33123456789")]);
        for (number, allowed) in
            [("+16045550142", true), ("+33612345678", true), ("+18765550142", false), ("+441632960142", false)]
        {
            assert_eq!(montreal.allow(&number.parse().unwrap()), allowed, "{number}");
        }
        let kingston = Destinations::around(&[contact("+18765550110")]);
        assert!(kingston.allow(&"+18765550142".parse().unwrap()));
        assert!(!kingston.allow(&"+12465550142".parse().unwrap()));
    }
}
