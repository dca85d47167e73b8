//! `getCompanyInfo`: what the business says of itself, in its own words; its hours as they are at this moment.

use serde::Serialize;

use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::playbook::company::{self, Topic};
use crate::playbook::{Hours, Language, Playbook};

const HOURS: &str = "hours";
const ZONES: &str = "zones";
const TOPIC: [&str; 7] = ["infotype", "category", "topic", "type", "categorie", "sujet", "info"];
const QUESTION: [&str; 8] = ["query", "question", "text", "message", "demande", "requete", "description", "details"];
/// Categories that only say that somebody asks something.
const ANY: [&str; 4] = ["faq", "about", "other", "autre"];

const MISSING_TOPIC: Sentence =
    Sentence { fr: "Que voulez-vous savoir sur l'entreprise?", en: "What would you like to know about the company?" };
const NOT_KNOWN: Sentence = Sentence {
    fr: "Je n'ai pas cette information; je prends la question et on vous rappelle.",
    en: "I do not have that information; I will take the question and somebody calls you back.",
};

const WE_SERVE: Sentence = Sentence { fr: "Nous desservons:", en: "We serve:" };
const OUR_HOURS: Sentence = Sentence { fr: "Nos heures:", en: "Our hours:" };
const CLOSED_ON_HOLIDAYS: Sentence =
    Sentence { fr: "Nous sommes fermés les jours fériés.", en: "We are closed on holidays." };
const OPEN_NOW: Sentence = Sentence { fr: "En ce moment, nous sommes ouverts.", en: "We are open at the moment." };
const CLOSED_NOW: Sentence = Sentence { fr: "En ce moment, nous sommes fermés.", en: "We are closed at the moment." };

#[derive(Debug)]
pub struct GetCompanyInfo;

#[derive(Serialize)]
struct Info<'a> {
    #[serde(rename = "infoType")]
    info_type: &'a str,
    data: Answer<'a>,
}

#[derive(Serialize)]
struct Answer<'a> {
    /// To be spoken.
    text: String,
    #[serde(flatten)]
    hours: Option<HoursNow<'a>>,
}

#[derive(Serialize)]
struct HoursNow<'a> {
    #[serde(rename = "openNow")]
    open_now: bool,
    #[serde(rename = "timeZone", skip_serializing_if = "Option::is_none")]
    time_zone: Option<&'a str>,
    week: Vec<DaysOpen>,
}

#[derive(Serialize)]
struct DaysOpen {
    days: String,
    hours: String,
}

impl Tool for GetCompanyInfo {
    fn name(&self) -> &str {
        "getCompanyInfo"
    }

    fn older_names(&self) -> &[&str] {
        &["searchWebsiteInfo"]
    }

    fn definition(&self, playbook: &Playbook, language: Language) -> Option<Definition> {
        let topics = topics(playbook);
        if topics.is_empty() {
            return None;
        }
        let say = |fr, en| Sentence { fr, en }.in_language(language);
        let definition = Definition::new(say(
            "Donne une information sur l'entreprise. Ne rien ajouter à ce qu'elle dit.",
            "Gives information about the company. Add nothing to what it says.",
        ));
        let definition = definition
            .choice("infoType", say("Le sujet.", "The topic."), topics)
            .text("query", say("La question de l'appelant, telle quelle.", "The caller's own question."))
            .required(["infoType"]);
        Some(definition)
    }

    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let (topic, question) = (args.text(&TOPIC), args.text(&QUESTION));
        if topic.is_none() && question.is_none() {
            return context.refuse(MISSING_TOPIC);
        }
        match info(topic.as_deref(), question.as_deref(), context) {
            Some(info) => ToolOutcome::result(&info),
            None => context.refuse(NOT_KNOWN),
        }
    }
}

/// Hours first: they are always known when the playbook has them.
fn topics(playbook: &Playbook) -> Vec<&str> {
    let own = playbook.company.iter().flat_map(|company| company.topics()).map(|topic| topic.id.as_ref());
    let hours = playbook.hours.is_some().then_some(HOURS);
    hours.into_iter().chain(own.filter(move |id| hours != Some(*id))).collect()
}

/// By the topic's id; where that says nothing, by what the question is about; at last by any word of either.
fn info<'a>(topic: Option<&str>, question: Option<&str>, context: &ToolContext<'a>) -> Option<Info<'a>> {
    let precise = topic.filter(|topic| question.is_none() || !ANY.contains(topic));
    let by_id = |asked: Option<&str>| asked.and_then(|asked| named(asked, context));
    let by_words = |asked: Option<&str>| asked.and_then(|asked| about(asked, context));
    by_id(precise).or_else(|| by_words(question)).or_else(|| by_id(topic)).or_else(|| by_words(topic))
}

fn named<'a>(asked: &str, context: &ToolContext<'a>) -> Option<Info<'a>> {
    match context.playbook.company.as_ref().and_then(|company| company.topic(asked)) {
        Some(topic) => of_topic(topic, context),
        None if company::is_named(HOURS, asked) => hours(context),
        None if company::is_named(ZONES, asked) => zones(context),
        None => None,
    }
}

fn about<'a>(asked: &str, context: &ToolContext<'a>) -> Option<Info<'a>> {
    match context.playbook.company.as_ref().and_then(|company| company.topic_of(asked)) {
        Some(topic) => of_topic(topic, context),
        None => company::is_meant(HOURS, asked).then(|| hours(context)).flatten(),
    }
}

fn of_topic<'a>(topic: &'a Topic, context: &ToolContext<'a>) -> Option<Info<'a>> {
    if &*topic.id == HOURS && context.playbook.hours.is_some() {
        return hours(context);
    }
    let text = topic.answer.in_language(context.language()).to_owned();
    Some(Info { info_type: &topic.id, data: Answer { text, hours: None } })
}

/// Where the business goes, by its zones.
fn zones<'a>(context: &ToolContext<'a>) -> Option<Info<'a>> {
    let (territories, language) = (context.playbook.territories.as_ref()?, context.language());
    let names = territories.zones().iter().map(|zone| zone.names.in_language(language));
    let text = format!("{} {}.", WE_SERVE.in_language(language), names.collect::<Vec<_>>().join(", "));
    Some(Info { info_type: ZONES, data: Answer { text, hours: None } })
}

/// The week, the days off, the owner's own remark if there is a topic of that name, and how it is now.
fn hours<'a>(context: &ToolContext<'a>) -> Option<Info<'a>> {
    let (playbook, language) = (context.playbook, context.language());
    let hours = playbook.hours.as_ref()?;
    let week = hours.week_in_words(language);
    let days = week.iter().map(|(days, spans)| format!("{days}, {spans}")).collect::<Vec<_>>().join("; ");
    let holidays = hours.has_holidays().then(|| CLOSED_ON_HOLIDAYS.in_language(language).to_owned());
    let remark = playbook.company.as_ref().and_then(|company| company.topic(HOURS));
    let remark = remark.map(|topic| topic.answer.in_language(language).to_owned());
    let week_text = format!("{} {}.", OUR_HOURS.in_language(language), days.trim_end_matches('.'));
    let parts = [Some(week_text), holidays, remark, Some(now(hours, context))];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let week = week.into_iter().map(|(days, hours)| DaysOpen { days, hours }).collect();
    let open_now = hours.is_open(context.now, &playbook.time_zone);
    let hours = HoursNow { open_now, time_zone: playbook.time_zone.iana_name(), week };
    Some(Info { info_type: HOURS, data: Answer { text, hours: Some(hours) } })
}

fn now(hours: &Hours, context: &ToolContext) -> String {
    let (zone, language) = (&context.playbook.time_zone, context.language());
    if hours.is_open(context.now, zone) {
        return OPEN_NOW.in_language(language).to_owned();
    }
    match (language, hours.next_opening_in_words(context.now, zone, language)) {
        (_, None) => CLOSED_NOW.in_language(language).to_owned(),
        (Language::Fr, Some(opening)) => format!("En ce moment, nous sommes fermés; nous ouvrons {opening}."),
        (Language::En, Some(opening)) => {
            format!("We are closed at the moment; we open {}.", opening.trim_end_matches('.'))
        }
    }
}
