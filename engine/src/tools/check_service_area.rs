//! `checkServiceArea`: does the business go there, and what does the way cost? A place nobody listed is never promised.

use serde::Serialize;

use super::arguments::{ADDRESS, POSTAL_CODE};
use super::plain_text::plain;
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::playbook::territories::{Finding, Place, Zone};
use crate::playbook::{Language, Playbook};

const CITY: [&str; 7] = ["city", "ville", "clientcity", "customercity", "municipality", "municipalite", "town"];
const LOCATION: [&str; 9] =
    ["location", "zone", "area", "secteur", "region", "territory", "territoire", "query", "place"];
/// Of what the caller named, repeated in the answer.
const MAX_CITY_CHARS: usize = 60;

const MISSING_PLACE: Sentence = Sentence {
    fr: "Dans quelle ville êtes-vous, et quel est le code postal?",
    en: "Which city are you in, and what is the postal code?",
};
const NO_TERRITORIES: Sentence = Sentence {
    fr: "Je ne peux pas vérifier le secteur moi-même; on vous rappelle pour le confirmer.",
    en: "I cannot check the area myself; somebody calls you back to confirm it.",
};
const ASK_CODE: Sentence = Sentence {
    fr: "Je ne reconnais pas l'endroit. Quel est le code postal? Sinon, on peut vous rappeler pour le confirmer.",
    en: "I do not recognise the place. What is the postal code? Otherwise, somebody can call you back to confirm it.",
};
const UNKNOWN_CODE: Sentence = Sentence {
    fr: "Ce code postal n'est pas dans nos secteurs connus. Est-il exact? Si oui, on peut vous rappeler pour le vérifier.",
    en: "That postal code is not in the areas we know. Is it right? If so, somebody can call you back to check it.",
};

#[derive(Debug)]
pub struct CheckServiceArea;

#[derive(Serialize)]
struct Area<'a> {
    serviced: bool,
    city: String,
    /// `unknown` where the business does not go, and where nobody knows.
    zone: &'a str,
    surcharge: u32,
    #[serde(rename = "responseTime", skip_serializing_if = "Option::is_none")]
    response_time: Option<&'a str>,
    message: String,
}

impl Tool for CheckServiceArea {
    fn name(&self) -> &str {
        "checkServiceArea"
    }

    fn definition(&self, playbook: &Playbook, language: Language) -> Option<Definition> {
        playbook.territories.as_ref()?;
        let say = |fr, en| Sentence { fr, en }.in_language(language);
        let definition = Definition::new(say(
            "Dit si l'entreprise se rend à un endroit, et le supplément. Le code postal est le plus sûr.",
            "Tells whether the company goes to a place, and the surcharge. The postal code is the surest.",
        ));
        let definition = definition
            .text("city", say("La ville.", "The city."))
            .text("postalCode", say("Le code postal, entier ou son début.", "The postal code, whole or its beginning."))
            .text("address", say("L'adresse, si elle est connue.", "The address, if known."))
            .required(["city"]);
        Some(definition)
    }

    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let Some(territories) = &context.playbook.territories else { return context.refuse(NO_TERRITORIES) };
        let city = args.text(&CITY);
        let places = [args.text(&POSTAL_CODE), city.clone(), args.text(&ADDRESS)];
        // A zone that a model picks from a list says less than any place the caller names; beside a street alone it is
        // all there is.
        let location = args.text(&LOCATION).filter(|_| places[1].is_none());
        let texts: Vec<String> = places.into_iter().chain([location]).flatten().collect();
        let Some(first) = texts.first() else { return context.refuse(MISSING_PLACE) };
        let named = city.as_ref().unwrap_or(first);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        ToolOutcome::result(&Area::of(&territories.find(&texts), named, context.language()))
    }
}

impl<'a> Area<'a> {
    /// `named` is what the caller called the place, repeated where nobody knows it.
    fn of(finding: &Finding<'a>, named: &str, language: Language) -> Area<'a> {
        match finding.place {
            Some(Place::Served { zone, city }) => {
                let city = city.map_or(&zone.names, |city| &city.name).in_language(language);
                Area {
                    serviced: true,
                    zone: &zone.id,
                    surcharge: zone.surcharge,
                    response_time: Some(zone.response.in_language(language)),
                    ..Area::elsewhere(city, served(zone, city, finding, language))
                }
            }
            Some(Place::Unserved { city }) => {
                let city = city.name.in_language(language);
                Area::elsewhere(city, unserved(city, finding, language))
            }
            None => {
                let question = if finding.code.is_some() { UNKNOWN_CODE } else { ASK_CODE };
                Area::elsewhere(&plain(named, MAX_CITY_CHARS, None), question.in_language(language).to_owned())
            }
        }
    }

    fn elsewhere(city: &str, message: String) -> Area<'a> {
        let city = city.to_owned();
        Area { serviced: false, city, zone: "unknown", surcharge: 0, response_time: None, message }
    }
}

fn served(zone: &Zone, city: &str, finding: &Finding, language: Language) -> String {
    let comes = match language {
        Language::Fr => format!("{}Oui, nous desservons ce secteur: {city}.", by_code(finding, language)),
        Language::En => format!("{}Yes, we serve this area: {city}.", by_code(finding, language)),
    };
    match (zone.surcharge, language) {
        (0, _) => comes,
        (amount, Language::Fr) => format!("{comes} Un supplément de {amount} $ s'y applique."),
        (amount, Language::En) => format!("{comes} A surcharge of ${amount} applies there."),
    }
}

fn unserved(city: &str, finding: &Finding, language: Language) -> String {
    match language {
        Language::Fr => format!("{}Nous ne desservons pas ce secteur: {city}.", by_code(finding, language)),
        Language::En => format!("{}We do not serve this area: {city}.", by_code(finding, language)),
    }
}

/// Said when the code and the city that was named are two places: whoever hears it can put it right.
fn by_code(finding: &Finding, language: Language) -> String {
    let Some((city, code)) = finding.overruled.zip(finding.code.as_deref()) else { return String::new() };
    let city = city.name.in_language(language);
    match language {
        Language::Fr => format!("Le code postal {code} n'est pas celui de {city}; je me fie au code. "),
        Language::En => format!("The postal code {code} is not in {city}; I go by the code. "),
    }
}
