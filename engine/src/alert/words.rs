//! What people are told: by text in the business's own words, on the phone and about each other in ours.

use super::reply::Answer;
use super::state::{Alert, AlertState, Telling};
use super::step;
use crate::ids::AlertId;
use crate::playbook::{AlertWords, Contact, Language, Playbook};
use crate::tools::checked;

/// The text of an alert to this contact.
pub(crate) fn body(contact: &Contact, words: &AlertWords, alert: AlertId, playbook: &Playbook) -> String {
    let link = playbook.links.as_ref().map(|links| links.link(alert, &contact.name)).unwrap_or_default();
    let words = AlertWords { link, ..words.clone() };
    let body = playbook.templates.render_alert(contact.language, &words);
    checked(body, &words.callback, || {
        let nothing = AlertWords {
            client: String::new(),
            callback: String::new(),
            service: String::new(),
            address: String::new(),
            message: String::new(),
            ..words.clone()
        };
        playbook.templates.render_alert(contact.language, &nothing)
    })
}

/// What the others are told when somebody took it.
pub(super) fn taken(language: Language, by: &str, words: &AlertWords) -> String {
    format!("{}: {}.", about(words), takes(language, by))
}

fn about(words: &AlertWords) -> String {
    let AlertWords { business, priority, client, .. } = words;
    let client = if client.is_empty() { String::new() } else { format!(" ({client})") };
    format!("{business} {priority}{client}")
}

pub(super) fn takes(language: Language, by: &str) -> String {
    let by = named(language, by);
    match language {
        Language::Fr => format!("{by} s'en occupe"),
        Language::En => format!("{by} is taking it"),
    }
}

/// What whoever answered this telling is told came of it: how the alert stands now.
pub fn came_of(language: Language, told: &Telling, answer: Answer, alert: &Alert) -> String {
    let goes_on =
        alert.state.is_running() && (alert.place > told.place || alert.awaits_answer() && step::next(alert).is_some());
    let taken = alert.acknowledged.as_ref().filter(|_| alert.state == AlertState::Acknowledged);
    match (taken, alert.state, language) {
        (Some(taken), _, Language::Fr) if taken.by == told.contact && answer == Answer::Pass => {
            "Vous l'avez prise: elle reste à vous.".to_owned()
        }
        (Some(taken), _, Language::En) if taken.by == told.contact && answer == Answer::Pass => {
            "You have taken it: it is still yours.".to_owned()
        }
        (Some(taken), _, Language::Fr) if taken.by == told.contact => {
            "C'est noté, merci: vous vous en occupez.".to_owned()
        }
        (Some(taken), _, Language::En) if taken.by == told.contact => "Noted, thank you: it is yours.".to_owned(),
        (Some(taken), _, language) => format!("{}.", takes(language, &taken.by)),
        (None, AlertState::Resolved, Language::Fr) => "C'est déjà réglé.".to_owned(),
        (None, AlertState::Resolved, Language::En) => "It is closed already.".to_owned(),
        (None, _, Language::Fr) if goes_on => "C'est noté: la personne suivante est avisée.".to_owned(),
        (None, _, Language::En) if goes_on => "Noted: the next person is told.".to_owned(),
        (None, _, Language::Fr) => "C'est noté: il ne reste personne à aviser.".to_owned(),
        (None, _, Language::En) => "Noted: nobody is left to be told.".to_owned(),
    }
}

/// The same in a text, which says what it is about: its reader may have been told of several.
pub fn came_of_in_a_text(language: Language, told: &Telling, answer: Answer, alert: &Alert) -> String {
    format!("{}. {}", about(&alert.words), came_of(language, told, answer, alert))
}

/// Whoever reads the business's channel has no name.
pub fn named(language: Language, who: &str) -> &str {
    match (who, language) {
        (Contact::TEAM, Language::Fr) => "quelqu'un",
        (Contact::TEAM, Language::En) => "somebody",
        (who, _) => who,
    }
}

/// What is said on the phone.
pub fn spoken(language: Language, words: &AlertWords) -> String {
    let AlertWords { business, priority, service, address, message, client, .. } = words;
    let details: Vec<&str> =
        [service, message, client, address].into_iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    let details = details.join(". ");
    let alert = match language {
        Language::Fr => "alerte",
        Language::En => "alert",
    };
    format!("{business}, {alert} {priority}. {details}. {}", which_key(language))
}

/// Which keys there are during a call.
pub const fn which_key(language: Language) -> &'static str {
    match language {
        Language::Fr => "Faites le 1 pour la prendre, le 2 pour la passer.",
        Language::En => "Press 1 to take it, 2 to pass it on.",
    }
}

/// The newer word wins where there is one.
pub(super) fn newer(known: &mut AlertWords, told: &AlertWords) {
    let AlertWords { client, callback, service, address, message, .. } = told;
    for (known, told) in [
        (&mut known.client, client),
        (&mut known.callback, callback),
        (&mut known.service, service),
        (&mut known.address, address),
        (&mut known.message, message),
    ] {
        if !told.is_empty() {
            known.clone_from(told);
        }
    }
}
