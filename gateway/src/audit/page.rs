//! An audit as one page: a file of its own, no script, every line a link to the words it rests on.

use std::collections::BTreeMap;

use engine::playbook::Playbook;
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::findings::{Audit, Evidence, Options};
use super::history::PastCall;
use super::shown::Numbers;
use super::wording::Wording;

mod evidence;
mod sections;

const TEMPLATE: &str = include_str!("page.html");

/// What the template may name.
#[derive(Serialize)]
struct Page<'a> {
    lang: &'a str,
    title: &'a str,
    business: &'a str,
    lead: Vec<String>,
    figures: Vec<Figure>,
    sections: Vec<Section>,
    limits_title: &'a str,
    limits: Vec<String>,
    evidence_title: &'a str,
    whole: &'a str,
    top: &'a str,
    cards: Vec<evidence::Card>,
}

/// A sentence with the words in it that were heard.
#[derive(Clone, Debug, Default, Serialize)]
struct Quote {
    before: String,
    heard: String,
    after: String,
}

#[derive(Serialize)]
struct Figure {
    value: String,
    label: &'static str,
    href: &'static str,
    bad: bool,
}

#[derive(Serialize)]
struct Section {
    id: &'static str,
    title: String,
    intro: String,
    lines: Vec<Line>,
    /// Said when there are more lines than shown.
    more: String,
}

#[derive(Serialize)]
struct Line {
    badge: String,
    when: String,
    at: String,
    href: String,
    quote: Option<Quote>,
    rows: Vec<Said>,
    /// One row, the place at its end.
    compact: bool,
}

#[derive(Serialize)]
struct Said {
    label: &'static str,
    text: String,
    tone: &'static str,
    /// Places this rests on, beside the line's own.
    links: Vec<Link>,
}

#[derive(Serialize)]
struct Link {
    href: String,
    text: String,
}

/// What the page links to: turns by call, none where the call as such is meant; of a turn the words that were heard.
type Cited = BTreeMap<usize, BTreeMap<usize, Option<Box<str>>>>;

pub fn render(audit: &Audit, calls: &[PastCall], playbook: &Playbook, options: &Options) -> String {
    let wording = Wording { language: playbook.language, time_zone: playbook.time_zone.clone() };
    let mut cited = Cited::new();
    let sections = sections::of(audit, calls, &wording, &mut cited);
    let cards = evidence::cards(&cited, calls, &wording, Numbers { whole: options.show_numbers });
    let mut environment = Environment::new();
    environment.add_template("page.html", TEMPLATE).expect("the page is a template");
    let page = environment.get_template("page.html").expect("it was just added");
    let words = Page {
        lang: wording.language.as_str(),
        title: wording.say("Ce qui se serait passé", "What would have happened"),
        business: &audit.business,
        lead: wording.lead(audit),
        figures: figures(audit, &wording),
        sections,
        limits_title: wording.say("Ce que cette page ne peut pas savoir", "What this page cannot know"),
        limits: wording.limits(audit),
        evidence_title: wording.say("Preuves", "Evidence"),
        whole: wording.say("Toute la conversation", "The whole conversation"),
        top: wording.say("Haut de la page", "Top of the page"),
        cards,
    };
    page.render(Serde(words)).expect("the page needs nothing it is not given") + "\n"
}

fn figures(audit: &Audit, wording: &Wording) -> Vec<Figure> {
    let totals = &audit.totals;
    let figure = |value: String, fr, en, href, bad| Figure { value, label: wording.say(fr, en), href, bad };
    vec![
        figure(totals.emergencies.to_string(), "urgences", "emergencies", "#emergencies", false),
        figure(
            totals.untold.to_string(),
            "sans que personne soit prévenu",
            "nobody was told of",
            "#emergencies",
            totals.untold > 0,
        ),
        figure(
            wording.duration(totals.silence_s),
            "de silence pendant des outils",
            "of silence while tools ran",
            "#silence",
            false,
        ),
        figure(totals.without_report.to_string(), "appels sans rapport", "calls without a report", "#reports", false),
    ]
}

/// `#c3-t5`, and remembers that it must be there.
fn cite(evidence: &Evidence, heard: Option<&str>, cited: &mut Cited) -> String {
    let turns = cited.entry(evidence.index).or_default();
    if let Some(turn) = evidence.turn {
        let known = turns.entry(turn).or_default();
        *known = known.take().or(heard.map(Box::from));
    }
    format!("#{}", anchor(evidence.index, evidence.turn))
}

fn anchor(call: usize, turn: Option<usize>) -> String {
    match turn {
        Some(turn) => format!("c{}-t{turn}", call + 1),
        None => format!("c{}", call + 1),
    }
}
