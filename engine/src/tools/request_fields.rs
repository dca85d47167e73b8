//! What a caller must leave with every request: which of it is missing or cannot be right, and the next question.
//! What is read is checked and forgotten: a number that is spoken back may be somebody else's.

use super::arguments::{ADDRESS, DESCRIPTION, NAME, PHONE, POSTAL_CODE};
use super::contact_details::{is_address, is_email, is_said, phone_number, postal_code};
use super::{Args, Sentence, ToolContext};
use crate::playbook::{Field, fold};

const EMAIL: [&str; 8] =
    ["email", "courriel", "mail", "emailaddress", "clientemail", "customeremail", "adressecourriel", "adresseemail"];
const SOURCE: [&str; 6] = ["source", "leadsource", "provenance", "referral", "howdidyouhear", "sourceducontact"];
/// "The number I am calling from", in the words a model passes on.
#[rustfmt::skip]
const SAME_NUMBER: [&str; 12] = [
    "oui", "meme", "yes", "same", "this", "celui", "actuel", "current", "calling", "appelle", "confirme", "confirmed",
];

pub(super) struct Missing {
    pub field: Field,
    /// Given, but it cannot be right.
    pub is_invalid: bool,
}

enum Found {
    Good,
    Invalid,
    Nothing,
}

/// In the order of the playbook. `problem_is_known`: the service was already asked for in the caller's own words.
pub(super) fn missing(args: &Args, context: &ToolContext, problem_is_known: bool) -> Vec<Missing> {
    let state = |field| match field {
        Field::Problem if problem_is_known => Found::Good,
        field => find(field, args, context),
    };
    let missing = |field: &Field| match state(*field) {
        Found::Good => None,
        Found::Invalid => Some(Missing { field: *field, is_invalid: true }),
        Found::Nothing => Some(Missing { field: *field, is_invalid: false }),
    };
    context.playbook.required.ask.iter().filter_map(missing).collect()
}

/// What to ask next: one thing at a time.
pub(super) fn question<'a>(missing: &Missing, context: &'a ToolContext) -> &'a str {
    let language = context.language();
    let number_is_seen = context.call.seen_number().is_some();
    match missing.field {
        field if missing.is_invalid => again(field).in_language(language),
        Field::Phone if number_is_seen => CONFIRM_PHONE.in_language(language),
        field => match context.playbook.required.question(field, language) {
            Some(question) => question,
            None => first(field).in_language(language),
        },
    }
}

fn find(field: Field, args: &Args, context: &ToolContext) -> Found {
    let check = |names: &[&str], is_good: &dyn Fn(&str) -> bool| match args.text(names) {
        None => Found::Nothing,
        Some(text) if is_good(&text) => Found::Good,
        Some(_) => Found::Invalid,
    };
    match field {
        Field::Problem => check(&DESCRIPTION, &is_said),
        Field::Name => check(&NAME, &is_said),
        Field::Source => check(&SOURCE, &is_said),
        Field::Email => check(&EMAIL, &|text| is_email(text)),
        Field::Phone => check(&PHONE, &|text| phone_number(text).is_some() || is_seen_number(text, context)),
        Field::Address => check(&ADDRESS, &|text| is_address(text)),
        Field::PostalCode => match check(&POSTAL_CODE, &|text| postal_code(text).is_some()) {
            Found::Good => Found::Good,
            given => match args.text(&ADDRESS).is_some_and(|address| postal_code(&address).is_some()) {
                true => Found::Good,
                false => given,
            },
        },
    }
}

fn is_seen_number(text: &str, context: &ToolContext) -> bool {
    let is_seen = context.call.seen_number().is_some();
    let folded = fold(text);
    let mut words = folded.split(|c: char| !c.is_alphanumeric());
    let has_digit = text.contains(|c: char| c.is_ascii_digit());
    is_seen && !has_digit && words.any(|word| SAME_NUMBER.contains(&word))
}

const CONFIRM_PHONE: Sentence = Sentence {
    fr: "Est-ce qu'on peut vous rappeler au numéro d'où vous appelez?",
    en: "Can we call you back at the number you are calling from?",
};

const fn first(field: Field) -> Sentence {
    match field {
        Field::Problem => {
            Sentence { fr: "Pouvez-vous me décrire le problème?", en: "Could you describe the problem to me?" }
        }
        Field::Name => Sentence { fr: "Quel est votre nom complet?", en: "What is your full name?" },
        Field::Phone => Sentence {
            fr: "À quel numéro de téléphone peut-on vous rappeler?",
            en: "At which phone number can we call you back?",
        },
        Field::Address => {
            Sentence { fr: "Quelle est l'adresse des travaux?", en: "What is the address where the work is needed?" }
        }
        Field::PostalCode => Sentence { fr: "Quel est votre code postal?", en: "What is your postal code?" },
        Field::Email => Sentence { fr: "Quelle est votre adresse courriel?", en: "What is your e-mail address?" },
        Field::Source => {
            Sentence { fr: "Comment avez-vous obtenu nos coordonnées?", en: "How did you hear about us?" }
        }
    }
}

/// What was understood cannot be right.
const fn again(field: Field) -> Sentence {
    match field {
        Field::Phone => Sentence {
            fr: "Pouvez-vous répéter votre numéro de téléphone, les dix chiffres?",
            en: "Could you repeat your phone number, all ten digits?",
        },
        Field::Address => Sentence {
            fr: "Pouvez-vous me donner l'adresse au complet, avec le numéro civique?",
            en: "Could you give me the full address, with the house number?",
        },
        Field::PostalCode => Sentence {
            fr: "Pouvez-vous répéter votre code postal, les six caractères?",
            en: "Could you repeat your postal code, all six characters?",
        },
        Field::Email => Sentence {
            fr: "Pouvez-vous épeler votre adresse courriel?",
            en: "Could you spell your e-mail address for me?",
        },
        field => first(field),
    }
}
