//! `calculateQuote`: what the agent may say a service costs. The playbook has every amount; what the model says of
//! urgency, value or price changes none.

use serde::Serialize;

use super::arguments::{DESCRIPTION, SERVICE};
use super::quote_words;
use super::{Args, Definition, Sentence, Tool, ToolContext, ToolOutcome};
use crate::playbook::territories::{City, Place, Zone};
use crate::playbook::{
    Amounts, Basis, Found, Language, MAX_FEET, Playbook, Price, QuoteDuration, Quotes, Request, Service, Services,
    Status, Work, fold,
};

const FEET: [&str; 8] = ["feet", "pieds", "lengthfeet", "lengthft", "length", "longueur", "footage", "longueurpieds"];
const COMPLEXITY: [&str; 2] = ["complexity", "complexite"];
const ADD_ONS: [&str; 6] = ["addons", "addon", "extras", "options", "ajouts", "supplements"];
/// "Condo" may stand here.
const BUILDING: [&str; 4] = ["propertytype", "typepropriete", "buildingtype", "batiment"];
/// Where the work is, most precise first.
#[rustfmt::skip]
const PLACE: [&str; 12] = [
    "postalcode", "codepostal", "address", "adresse", "clientaddress", "city", "ville", "clientcity", "location",
    "zone", "secteur", "region",
];
const A_FOOT: [&str; 6] = ["pied", "pieds", "pi", "foot", "feet", "ft"];

const WHICH_SERVICE: Sentence =
    Sentence { fr: "Pour quel service voulez-vous un prix?", en: "Which service would you like a price for?" };
const NO_PRICES: Sentence = Sentence {
    fr: "Je ne peux pas donner de prix au téléphone; une personne vous rappelle.",
    en: "I cannot give prices on the phone; somebody will call you back.",
};

#[derive(Debug)]
pub struct CalculateQuote;

/// The first six are those of older agents, in their order.
#[derive(Serialize)]
struct Quote<'a> {
    min: u32,
    max: u32,
    currency: &'a str,
    message: String,
    factors: Factors,
    #[serde(rename = "estimatedDuration", skip_serializing_if = "Option::is_none")]
    estimated_duration: Option<QuoteDuration>,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    note: String,
}

/// What made the price. Urgency never does.
#[derive(Serialize)]
struct Factors {
    #[serde(rename = "basePrice")]
    base_price: u32,
    complexity: f64,
    urgency: f64,
    location: f64,
    /// Of the zone, in the currency; already in the price.
    surcharge: u32,
    add_ons: u32,
}

/// No amount may be said, and why.
#[derive(Serialize)]
struct NoQuote<'a> {
    quoted: bool,
    reason: &'static str,
    message: String,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refer_to: Option<&'a str>,
}

impl Tool for CalculateQuote {
    fn name(&self) -> &str {
        "calculateQuote"
    }

    fn older_names(&self) -> &[&str] {
        &["getQuote"]
    }

    fn definition(&self, playbook: &Playbook, language: Language) -> Option<Definition> {
        let quotes = playbook.quotes.as_ref()?;
        let say = |fr, en| Sentence { fr, en }.in_language(language);
        let definition = Definition::new(say(
            "Donne le prix approximatif d'un service. Dites seulement les montants de la réponse.",
            "Gives the approximate price of a service. Say only the amounts of the answer.",
        ));
        let services = quotes.iter().map(|price| price.service.as_ref());
        let definition = definition
            .choice("serviceType", say("Le service.", "The service."), services)
            .text(
                "description",
                say("Le problème, dans les mots de l'appelant.", "The problem, in the caller's words."),
            )
            .text("location", say("Ville ou code postal des travaux.", "City or postal code of the work."));
        let by_the_foot = quotes.iter().any(|price| matches!(price.basis, Basis::PerFoot { .. }));
        let definition = match by_the_foot {
            true => definition.number("feet", say("Longueur en pieds, si connue.", "Length in feet, if known.")),
            false => definition,
        };
        Some(definition.required(["serviceType"]))
    }

    fn run(&self, args: &Args, context: &ToolContext) -> ToolOutcome {
        let (Some(quotes), Some(services)) = (&context.playbook.quotes, &context.playbook.services) else {
            return context.refuse(NO_PRICES);
        };
        let request = read_request(args);
        let Some(found) = services.asked_for(&request) else {
            return context.refuse(WHICH_SERVICE);
        };
        let service = priced_first(&found, quotes);
        let written = services.limits(service, &request).find(|limit| limit.written_quote);
        let language = context.language();
        match (service.status, quotes.of(&service.id), written) {
            (Status::Accepted, Some(price), None) => {
                let work = Priced { quotes, services, service, price, found: &found };
                match place(args, context.playbook) {
                    Reached::Served(zone) => ToolOutcome::result(&work.quote(zone, args, context)),
                    Reached::NotServed(city) => {
                        let message = quote_words::not_served(city.name.in_language(language), language);
                        ToolOutcome::result(&NoQuote::of(service, "not_served", message))
                    }
                }
            }
            (Status::Accepted, _, Some(limit)) => {
                let message = limit.say.in_language(language).to_owned();
                ToolOutcome::result(&NoQuote::of(service, "written_quote_only", message))
            }
            (Status::Accepted, None, None) => {
                let message = quote_words::after_a_visit(service, language);
                ToolOutcome::result(&NoQuote::of(service, "no_price", message))
            }
            (Status::Referred, ..) => {
                let message = quote_words::by_the_specialist(service, language);
                ToolOutcome::result(&NoQuote::of(service, "referred", message))
            }
            (Status::Refused, ..) => {
                let message = quote_words::not_offered(service, language);
                ToolOutcome::result(&NoQuote::of(service, "service_not_offered", message))
            }
        }
    }
}

impl NoQuote<'_> {
    fn of<'a>(service: &'a Service, reason: &'static str, message: String) -> NoQuote<'a> {
        let refer_to = service.refer_to.as_deref();
        NoQuote { quoted: false, reason, message, service: &service.id, refer_to }
    }
}

fn read_request(args: &Args) -> Request {
    let beside = [args.text(&DESCRIPTION), args.text(&BUILDING), Some(args.list(&ADD_ONS))];
    let beside: Vec<String> = beside.into_iter().flatten().collect();
    Request::new(&args.text(&SERVICE).unwrap_or_default(), &beside.join("\n"))
}

/// "Débouchage with GPS": what can be added to something else is not the main thing beside it.
fn priced_first<'a>(found: &Found<'a>, quotes: &Quotes) -> &'a Service {
    let is_add_on = |service: &Service| quotes.of(&service.id).is_some_and(|price| price.add_on.is_some());
    let main = |service: &&&Service| !is_add_on(service) && quotes.of(&service.id).is_some();
    match is_add_on(found.service) {
        true => found.also.iter().find(main).copied().unwrap_or(found.service),
        false => found.service,
    }
}

struct Priced<'a> {
    quotes: &'a Quotes,
    services: &'a Services,
    service: &'a Service,
    price: &'a Price,
    found: &'a Found<'a>,
}

impl<'a> Priced<'a> {
    /// `zone`: where the work is, when it is known.
    fn quote(&self, zone: Option<&'a Zone>, args: &Args, context: &'a ToolContext) -> Quote<'a> {
        let language = context.language();
        let work = Work {
            feet: feet(args),
            percent: complexity(args, self.quotes),
            add_ons: self.add_ons(args).filter_map(|price| price.add_on).sum(),
            surcharge: zone.map_or(0, |zone| zone.surcharge),
        };
        let amounts = self.quotes.amounts(self.price, work);
        let said = quote_words::Said { quotes: self.quotes, service: self.service, price: self.price, language };
        Quote {
            min: amounts.min,
            max: amounts.max,
            currency: &self.quotes.currency,
            message: said.message(amounts, work),
            factors: Factors::of(amounts, work),
            estimated_duration: self.price.duration,
            service: &self.service.id,
            zone: zone.map(|zone| zone.id.as_ref()),
            note: said.note(self.first_visit()),
        }
    }

    /// Named by the caller beside the service, or set as a flag: `gps: true`.
    fn add_ons(&self, args: &Args) -> impl Iterator<Item = &Price> {
        let named = |id: &str| {
            let flag = super::args::folded_key(id);
            let beside = self.found.also.iter().chain([&self.found.service]).any(|service| service.id.as_ref() == id);
            beside || args.is_true(&[flag.as_str()])
        };
        self.quotes.iter().filter(move |price| price.service != self.price.service && named(&price.service))
    }

    fn first_visit(&self) -> Option<(&'a Service, Amounts)> {
        let id = self.price.first_visit.as_ref()?;
        let price = self.quotes.of(id)?;
        Some((self.services.get(id)?, self.quotes.amounts(price, Work::default())))
    }
}

impl Factors {
    fn of(amounts: Amounts, work: Work) -> Factors {
        Factors {
            base_price: amounts.base,
            complexity: f64::from(work.percent.unwrap_or(100)) / 100.0,
            urgency: 1.0,
            location: 1.0,
            surcharge: work.surcharge,
            add_ons: work.add_ons,
        }
    }
}

/// Whether the business goes where the work is.
enum Reached<'a> {
    /// Or a place that nobody listed: a price for it has no surcharge, and whoever comes is asked about.
    Served(Option<&'a Zone>),
    NotServed(&'a City),
}

/// Where the work is: the place the caller names, else the zone a flag names, as in `rive_sud: true`.
fn place<'a>(args: &Args, playbook: &'a Playbook) -> Reached<'a> {
    let Some(territories) = playbook.territories.as_ref() else { return Reached::Served(None) };
    let places: Vec<String> = PLACE.iter().filter_map(|name| args.text(&[name])).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let is_flagged = |zone: &&Zone| {
        let flag = super::args::folded_key(&zone.id);
        args.is_true(&[flag.as_str()]) || args.amount(&[flag.as_str()]) == Some(1.0)
    };
    match territories.find(&places).place {
        Some(Place::Served { zone, .. }) => Reached::Served(Some(zone)),
        Some(Place::Unserved { city }) => Reached::NotServed(city),
        None => Reached::Served(territories.zones().iter().find(is_flagged)),
    }
}

fn complexity(args: &Args, quotes: &Quotes) -> Option<u32> {
    let named = super::args::folded_key(&args.text(&COMPLEXITY)?);
    let step = quotes.complexity.iter().find(|step| super::args::folded_key(&step.name) == named)?;
    Some(step.percent)
}

/// As an argument, or in the caller's words: "environ 25 pieds". Too long to be a drain's is as good as not said.
fn feet(args: &Args) -> Option<u32> {
    let feet = args.amount(&FEET).or_else(|| feet_in_words(&args.text(&DESCRIPTION)?))?;
    (feet <= f64::from(MAX_FEET)).then_some(feet.ceil() as u32)
}

fn feet_in_words(text: &str) -> Option<f64> {
    let folded = fold(text);
    let apart: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let followed = apart.windows(2).find(|pair| A_FOOT.contains(&pair[1]) && pair[0].parse::<u32>().is_ok());
    let glued = |word: &&str| A_FOOT.iter().find_map(|unit| word.strip_suffix(unit)?.parse::<u32>().ok());
    followed.and_then(|pair| pair[0].parse().ok()).or_else(|| apart.iter().find_map(glued).map(f64::from))
}
