//! The playbook of six answers, as its owner will read it.

use std::collections::BTreeMap;

use engine::playbook::{Language, Playbook};
use engine::priority::Priority;
use jiff::tz::TimeZone;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::answers::Answers;

const TEMPLATE: &str = include_str!("playbook.toml.jinja");
/// Seconds until somebody is texted, per priority.
const TEXT_WITHIN_S: [u32; 4] = [0, 120, 3600, 1800];

/// What a trade begins with.
#[derive(Deserialize)]
struct TradeWords {
    about: BTreeMap<String, String>,
    asks: BTreeMap<String, String>,
    #[serde(rename = "P1")]
    p1: RuleWords,
    #[serde(rename = "P2")]
    p2: RuleWords,
    #[serde(rename = "P3")]
    p3: RuleWords,
}

#[derive(Default, Deserialize)]
struct RuleWords {
    reason: String,
    #[serde(default)]
    fr: Vec<String>,
    #[serde(default)]
    en: Vec<String>,
    value_from: Option<u32>,
}

#[derive(Serialize)]
struct Rule {
    priority: Priority,
    reason: String,
    phrases: Vec<Words>,
    value_from: Option<u32>,
    text_within_s: u32,
}

#[derive(Serialize)]
struct Words {
    language: Language,
    phrases: Vec<String>,
}

/// A playbook that is accepted as it is.
pub fn write(answers: &Answers) -> Result<String, String> {
    let text = render(answers).map_err(|why| format!("the playbook cannot be written: {why}"))?;
    match Playbook::parse(&text, &format!("{}.toml", answers.tenant)) {
        Ok(_) => Ok(text),
        Err(refused) => Err(refused.to_string()),
    }
}

fn render(answers: &Answers) -> Result<String, minijinja::Error> {
    let trade: TradeWords = toml::from_str(answers.trade.words()).expect("the words of each trade are tested");
    let languages: Vec<&'static str> = answers.languages.iter().map(|language| language.as_str()).collect();
    let own = answers.languages[0];
    let prompt = prompt(answers, &trade.about[own.as_str()], &trade.asks[own.as_str()]);
    let mut environment = Environment::new();
    environment.add_filter("quoted", quoted);
    environment.render_str(
        TEMPLATE,
        context! {
            tenant => &answers.tenant,
            name => &answers.name,
            languages,
            time_zone => &answers.time_zone,
            assistants => answers.assistant.iter().cloned().collect::<Vec<_>>(),
            hours => Value::from(Serde(answers.week.open())),
            contact => &answers.contact,
            phone => &answers.phone,
            rules => Value::from(Serde(rules(trade, &answers.languages))),
            greeting => greeting(answers),
            prompt,
        },
    )
}

fn rules(trade: TradeWords, languages: &[Language]) -> Vec<Rule> {
    let standard = RuleWords { reason: "standard".to_owned(), ..RuleWords::default() };
    let words = [trade.p1, trade.p2, trade.p3, standard];
    let rule = |(priority, words): (Priority, RuleWords)| {
        let phrases = languages.iter().map(|language| Words {
            language: *language,
            phrases: match language {
                Language::Fr => words.fr.clone(),
                Language::En => words.en.clone(),
            },
        });
        Rule {
            priority,
            phrases: phrases.filter(|words| !words.phrases.is_empty()).collect(),
            reason: words.reason,
            value_from: words.value_from,
            text_within_s: TEXT_WITHIN_S[priority as usize],
        }
    };
    Priority::ALL.into_iter().zip(words).map(rule).collect()
}

fn greeting(answers: &Answers) -> String {
    match answers.languages[..] {
        [Language::Fr] => format!("{}, bonjour! Comment puis-je vous aider?", answers.name),
        [Language::Fr, ..] => {
            format!("{}, bonjour! Comment puis-je vous aider? You can also speak English.", answers.name)
        }
        [Language::En] => format!("{}, good day! How can I help you?", answers.name),
        _ => format!("{}, good day! How can I help you? Vous pouvez aussi parler français.", answers.name),
    }
}

/// The prompt's lines, without what would end a text in TOML.
fn prompt(answers: &Answers, about: &str, asks: &str) -> Vec<String> {
    let name = answers.name.replace(['"', '\\'], "");
    let both = answers.languages.len() > 1;
    let open = answers.week.in_words(answers.languages[0]);
    let lines = match answers.languages[0] {
        Language::Fr => [
            format!("Tu réponds au téléphone de {name}, {about}. Vouvoie l'appelant."),
            if both { "Parle français, ou anglais si l'appelant le fait.".to_owned() } else { String::new() },
            format!("Une courte question à la fois: {asks}."),
            "Appelle classifyPriority avec les mots de l'appelant. Quand tu sais l'essentiel, appelle sendSMSAlert."
                .to_owned(),
            "Ne promets ni heure, ni date, ni prix. Ne dis jamais le numéro de quelqu'un de l'équipe.".to_owned(),
            "Si on demande une personne, propose un rappel et appelle requestCallback.".to_owned(),
            if open.is_empty() { open } else { format!("Heures d'ouverture: {open}.") },
        ],
        Language::En => [
            format!("You answer the telephone of {name}, {about}."),
            if both { "Speak English, or French if the caller does.".to_owned() } else { String::new() },
            format!("One short question at a time: {asks}."),
            "Call classifyPriority with the caller's own words. Once you know the essentials, call sendSMSAlert."
                .to_owned(),
            "Promise no hour, no date and no price. Never say a telephone number of the team.".to_owned(),
            "If they ask for a person, offer a call back and call requestCallback.".to_owned(),
            if open.is_empty() { open } else { format!("Opening hours: {open}.") },
        ],
    };
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// A text, or a list of them, as TOML writes it.
fn quoted(value: Value) -> Result<String, minijinja::Error> {
    let text = |value: &Value| toml::Value::String(value.as_str().unwrap_or_default().to_owned()).to_string();
    match value.as_str() {
        Some(_) => Ok(text(&value)),
        None => Ok(format!("[{}]", value.try_iter()?.map(|item| text(&item)).collect::<Vec<_>>().join(", "))),
    }
}

/// Whether the tz database knows it; if not, why the engine refuses it.
pub fn check_time_zone(name: &str) -> Result<(), String> {
    TimeZone::get(name)
        .map(|_| ())
        .map_err(|_| format!("no time zone is called {name:?}; write it as America/Toronto, as the tz database does"))
}

/// Lower case, ligatures opened, accents dropped.
pub fn without_accents(text: &str) -> String {
    let bare = text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    bare.collect::<String>().replace('œ', "oe").replace('æ', "ae")
}
