//! The answer to HELP and AIDE: who texts, how to reach them, how to get no more. One segment.

use super::{is_seven_bit, segments, with_look_alikes};
use crate::playbook::{Language, Playbook};

/// Most characters of an answer. Source: CWTA common short code guidelines; one segment besides.
const LONGEST: usize = 160;

/// In the language asked, else the business's own. `None`: nobody knows whose texts these are.
pub fn help_answer(playbook: Option<&Playbook>, asked: Option<Language>) -> String {
    let language = asked.or(playbook.map(|playbook| playbook.language)).unwrap_or(Language::En);
    let name = playbook.map_or("", |playbook| &playbook.name);
    let phone = playbook.and_then(|playbook| playbook.routing.numbers.first()).map_or("", |number| number);
    [phone, ""].iter().map(|phone| answer(name, phone, language)).find(|answer| fits(answer)).unwrap_or_else(|| {
        // A name that long is cut: what it is about matters more.
        let name: String = with_look_alikes(name).chars().filter(|letter| is_seven_bit(*letter)).take(40).collect();
        answer(&name, "", language)
    })
}

fn answer(name: &str, phone: &str, language: Language) -> String {
    let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
    match (language, phone) {
        (Language::Fr, "") => format!(
            "{name}textos au sujet de votre appel. ARRET pour ne plus en recevoir. Des frais peuvent s'appliquer."
        ),
        (Language::Fr, phone) => {
            format!(
                "{name}textos au sujet de votre appel. Info: {phone}. ARRET pour ne plus en recevoir. Des frais peuvent s'appliquer."
            )
        }
        (Language::En, "") => {
            format!("{name}texts about your call. Reply STOP to get no more. Msg & data rates may apply.")
        }
        (Language::En, phone) => {
            format!(
                "{name}texts about your call. Info: {phone}. Reply STOP to get no more. Msg & data rates may apply."
            )
        }
    }
}

fn fits(text: &str) -> bool {
    text.chars().count() <= LONGEST && segments(text).count <= 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn help_is_one_segment_in_the_language_asked_whatever_the_business_is_called() {
        let named = |name: &str| Playbook { name: name.into(), ..fixtures::playbook() };
        for name in ["Acme", "Drains Boréal", "L’Hôpital du Drain & Fils Ltée 🚰", &"é".repeat(150), &"ô".repeat(150)]
        {
            let playbook = named(name);
            for (asked, said) in [(Some(Language::Fr), "ARRET"), (Some(Language::En), "STOP")] {
                let answer = help_answer(Some(&playbook), asked);
                assert!(fits(&answer) && answer.contains(said), "{answer}");
            }
        }
        assert!(help_answer(Some(&named("Acme")), None).starts_with("Acme: "));
        assert!(help_answer(None, Some(Language::Fr)).starts_with("textos"));
    }

    #[test]
    fn help_tells_how_to_call_where_that_is_known() {
        let mut playbook = fixtures::playbook();
        playbook.routing.numbers = vec!["+15145550100".into()];
        assert!(help_answer(Some(&playbook), None).contains("+15145550100"));
    }
}
