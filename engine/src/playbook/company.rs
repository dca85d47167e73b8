//! `[company.topics]`: what people ask about the business, and the owner's own answers.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Check, Checked};
use super::names::Names;
use super::words::Words;
use super::{Language, names};

const MAX_TOPICS: usize = 60;
const MAX_ANSWER_CHARS: usize = 600;
const MAX_NAMES: usize = 60;

/// Other names that models have for topics, per id a playbook may use; the playbook's own words come first.
#[rustfmt::skip]
const KNOWN_NAMES: [(&str, &[&str]); 11] = [
    (
        "hours",
        &[
            "horaire", "heures d'ouverture", "heures", "ouvert", "ouverte", "ouvrez", "fermé", "fermez", "schedule",
            "open", "opening hours", "business hours", "closed", "close",
        ],
    ),
    ("zones", &["zone", "territories", "territoires", "secteurs", "service area", "areas"]),
    ("contact", &["coordonnées", "contact info"]),
    ("address", &["adresse", "location", "où êtes-vous"]),
    ("certifications", &["certification", "licence", "license", "licences"]),
    ("warranty", &["garantie", "garanties", "warranties", "guarantee", "guarantees"]),
    ("payment", &["paiement", "paiements", "payments", "modes de paiement"]),
    ("process", &["processus", "déroulement"]),
    ("prices", &["tarifs", "prix", "pricing", "rates"]),
    ("testimonials", &["avis", "reviews", "témoignages"]),
    ("about", &["à propos", "entreprise", "company"]),
];

#[derive(Clone, Debug)]
pub struct Company {
    topics: Vec<Topic>,
    ids: Names,
    words: Names,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub id: Box<str>,
    pub answer: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompanyTable {
    topics: Spanned<BTreeMap<Spanned<String>, TopicTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicTable {
    answer: Spanned<Words>,
    /// What people say when they mean it, in every language.
    #[serde(default)]
    words: Vec<Spanned<String>>,
}

impl Company {
    /// The topic of this id, or of one of its usual names.
    pub fn topic(&self, id: &str) -> Option<&Topic> {
        self.ids.exactly(&names::words(id)).map(|place| &self.topics[place])
    }

    /// The first topic whose words are said.
    pub fn topic_of(&self, said: &str) -> Option<&Topic> {
        self.words.first_in(said).map(|place| &self.topics[place])
    }

    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// After all of the playbook's own words, so that they never take one of them away.
    fn add_usual_names(&mut self) {
        for (place, topic) in self.topics.iter().enumerate() {
            let usual = KNOWN_NAMES.iter().filter(|(id, _)| *id == &*topic.id).flat_map(|(_, names)| *names);
            for name in usual.copied().chain([&*topic.id]) {
                self.ids.add(name, place);
                self.words.add(name, place);
            }
        }
    }
}

/// Whether this is the id or a usual name of a topic, also where the playbook has no such topic.
pub fn is_named(id: &str, asked: &str) -> bool {
    usual_names(id).exactly(&names::words(asked)).is_some()
}

/// Whether a usual name of a topic is said.
pub fn is_meant(id: &str, said: &str) -> bool {
    usual_names(id).first_in(said).is_some()
}

fn usual_names(id: &str) -> Names {
    let usual = KNOWN_NAMES.iter().find(|(known, _)| *known == id).map_or(&[][..], |(_, names)| names);
    let mut names = Names::default();
    for name in std::iter::once(&id).chain(usual) {
        names.add(name, 0);
    }
    names
}

impl Check<'_> {
    pub(super) fn company(&self, table: CompanyTable, languages: &[Language]) -> Checked<Company> {
        let topics = table.topics.get_ref().len();
        if topics == 0 || topics > MAX_TOPICS {
            let fix = "add [company.topics.payment] with answer and words, or leave [company] out";
            return Err(self.refuse(&table.topics, "company.topics", format!("not 1 to {MAX_TOPICS} topics"), fix));
        }
        let mut company = Company { topics: Vec::new(), ids: Names::default(), words: Names::default() };
        for (id, table) in table.topics.into_inner() {
            self.topic(id, table, languages, &mut company)?;
        }
        company.add_usual_names();
        Ok(company)
    }

    fn topic(
        &self,
        id: Spanned<String>,
        table: TopicTable,
        languages: &[Language],
        company: &mut Company,
    ) -> Checked<()> {
        let (key, place) = (format!("company.topics.{}", id.get_ref()), company.topics.len());
        if !company.ids.add(id.get_ref(), place) || id.get_ref().len() > 40 {
            return Err(self.refuse(&id, &key, "a topic's name has 1 to 40 letters", "name it payment, process, faq"));
        }
        let answer = self.words(table.answer, &format!("{key}.answer"), languages, MAX_ANSWER_CHARS)?;
        let words_key = format!("{key}.words");
        if let Some(over) = table.words.get(MAX_NAMES) {
            return Err(self.refuse(over, &words_key, format!("more than {MAX_NAMES}"), "take the rarest out"));
        }
        if let Some(empty) = table.words.iter().find(|words| !company.words.add(words.get_ref(), place)) {
            return Err(self.refuse(empty, &words_key, "no word in it", "remove it, or write a word"));
        }
        company.topics.push(Topic { id: id.get_ref().as_str().into(), answer });
        Ok(())
    }
}
