//! The six questions, and what makes an answer good. A refusal says why and what to write.

use engine::phone::PhoneNumber;
use engine::playbook::Language;

use super::answers::{Answers, Trade};
use super::draft;
use super::week::Week;

pub struct Question {
    pub flag: &'static str,
    pub text: &'static str,
    /// Takes the answer, or says why not.
    pub take: fn(&mut Answers, &str) -> Result<(), String>,
}

pub const QUESTIONS: [Question; 6] = [
    Question { flag: "name", text: "1/6 What is the business called?", take: name },
    Question { flag: "languages", text: "2/6 Which languages does it speak? (fr, en; its own first)", take: languages },
    Question { flag: "trade", text: "3/6 What does it do? (drains, dental, other)", take: trade },
    Question {
        flag: "hours",
        text: "4/6 In which time zone is it, and when is it open? (America/Toronto mon-fri 08:00-17:00, sat 09:00-12:00)",
        take: hours,
    },
    Question {
        flag: "emergency",
        text: "5/6 Who is texted in an emergency? (a name and a number: Marie +15145550110)",
        take: emergency,
    },
    Question {
        flag: "assistant",
        text: "6/6 Which assistant answers? (the platform's id of it, or none: one is written)",
        take: assistant,
    },
];

const MAX_TENANT_CHARS: usize = 40;
const MAX_CONTACT_CHARS: usize = 40;

fn name(answers: &mut Answers, answer: &str) -> Result<(), String> {
    if answer.is_empty() || answer.chars().count() > 80 || answer.contains(char::is_control) {
        return Err("a business has a name of 1 to 80 characters on one line".to_owned());
    }
    let tenant = plain(answer, '-', MAX_TENANT_CHARS);
    if tenant.is_empty() {
        return Err("a name has at least one letter or digit from a to z, 0 to 9".to_owned());
    }
    (answers.name, answers.tenant) = (answer.to_owned(), tenant);
    Ok(())
}

fn languages(answers: &mut Answers, answer: &str) -> Result<(), String> {
    let mut languages = Vec::new();
    for tag in answer.split(|c: char| !c.is_alphanumeric() && c != '-').filter(|tag| !tag.is_empty()) {
        let language = Language::from_tag(tag).ok_or_else(|| format!("{tag:?} is neither fr nor en"))?;
        if !languages.contains(&language) {
            languages.push(language);
        }
    }
    if languages.is_empty() {
        return Err("write fr, en, or both: \"fr, en\"".to_owned());
    }
    answers.languages = languages;
    Ok(())
}

fn trade(answers: &mut Answers, answer: &str) -> Result<(), String> {
    let wanted = answer.to_lowercase();
    let found = Trade::NAMES.iter().find(|(name, _)| *name == wanted);
    let (_, trade) = found.ok_or_else(|| format!("{answer:?} is none of: drains, dental, other"))?;
    answers.trade = *trade;
    Ok(())
}

fn hours(answers: &mut Answers, answer: &str) -> Result<(), String> {
    let (zone, week) = answer.split_once([' ', ',', ';']).unwrap_or((answer, ""));
    draft::check_time_zone(zone)?;
    answers.week = Week::parse(week)?;
    zone.clone_into(&mut answers.time_zone);
    Ok(())
}

fn emergency(answers: &mut Answers, answer: &str) -> Result<(), String> {
    let wanted = "write a name and a number: Marie +15145550110";
    let start = answer.find(|c: char| c == '+' || c == '(' || c.is_ascii_digit());
    let (name, number) = answer.split_at(start.ok_or_else(|| format!("there is no number in it; {wanted}"))?);
    let contact = plain(name, '_', MAX_CONTACT_CHARS);
    match contact.as_str() {
        "" => return Err(format!("there is no name in it; {wanted}")),
        "caller" => return Err("the caller is nobody of the team; write another name".to_owned()),
        _ => {}
    }
    let phone: PhoneNumber = international(number).parse().map_err(|_| {
        format!("{:?} is not a telephone number; write + and the country code: +15145550110", number.trim())
    })?;
    (answers.contact, answers.phone) = (contact, phone.as_str().to_owned());
    Ok(())
}

fn assistant(answers: &mut Answers, answer: &str) -> Result<(), String> {
    if answer.is_empty() || answer.chars().count() > 128 || answer.contains(|c: char| c.is_control() || c == ' ') {
        return Err("write the platform's id of an assistant, or none".to_owned());
    }
    answers.assistant = (answer.to_lowercase() != "none").then(|| answer.to_owned());
    Ok(())
}

/// Ten digits without a country code are a number of North America.
fn international(number: &str) -> String {
    let number = number.trim();
    let is_written = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')'));
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    match (is_written, number.starts_with('+'), digits.len()) {
        (true, true, _) => format!("+{digits}"),
        (true, false, 10) => format!("+1{digits}"),
        (true, false, 11) if digits.starts_with('1') => format!("+{digits}"),
        _ => number.to_owned(),
    }
}

/// `Clinique Évasion & Fils` as `clinique-evasion-fils`.
fn plain(text: &str, joint: char, max_chars: usize) -> String {
    let mut plain = String::new();
    for letter in draft::without_accents(text).chars() {
        match letter {
            'a'..='z' | '0'..='9' => plain.push(letter),
            _ if plain.ends_with(joint) || plain.is_empty() => {}
            _ => plain.push(joint),
        }
    }
    let cut: String = plain.chars().take(max_chars).collect();
    cut.trim_end_matches(joint).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(answer: &str, take: fn(&mut Answers, &str) -> Result<(), String>) -> Result<Answers, String> {
        let mut answers = Answers::default();
        take(&mut answers, answer).map(|()| answers)
    }

    #[test]
    fn a_business_gets_a_tenant_of_plain_letters() {
        for (answer, tenant) in [
            ("Drains Exemple", "drains-exemple"),
            ("Clinique Évasion & Fils, inc.", "clinique-evasion-fils-inc"),
            ("  L'Hôtel du Cœur 24  ", "l-hotel-du-coeur-24"),
            (&"Very ".repeat(15), "very-very-very-very-very-very-very-very"),
        ] {
            assert_eq!(taken(answer, name).unwrap().tenant, tenant);
        }
        for bad in ["", "!!!", "日本", &"x".repeat(81)] {
            assert!(taken(bad, name).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_number_is_understood_as_people_write_it() {
        for (answer, contact, phone) in [
            ("Marie +15145550110", "marie", "+15145550110"),
            ("Marie Côté, (514) 555-0110", "marie_cote", "+15145550110"),
            ("owner: 1-514-555-0110", "owner", "+15145550110"),
            ("Bureau +44 20 7946 0958", "bureau", "+442079460958"),
        ] {
            let answers = taken(answer, emergency).unwrap();
            assert_eq!((answers.contact.as_str(), answers.phone.as_str()), (contact, phone));
        }
        for bad in ["", "Marie", "+15145550110", "Marie 911", "Marie 514-555-011O", "caller +15145550110"] {
            assert!(taken(bad, emergency).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_other_answers_are_taken_or_refused() {
        assert_eq!(
            taken("en et FR", languages).map(|a| a.languages.len()),
            Err("\"et\" is neither fr nor en".to_owned())
        );
        assert_eq!(taken("en / fr-CA", languages).unwrap().languages, [Language::En, Language::Fr]);
        assert_eq!(taken("Dental", trade).unwrap().trade, Trade::Dental);
        assert!(taken("plumbing", trade).is_err() && taken("", languages).is_err() && taken("", assistant).is_err());
        assert_eq!(taken("None", assistant).unwrap().assistant, None);
        assert_eq!(taken("a-1", assistant).unwrap().assistant.as_deref(), Some("a-1"));
        assert!(taken("America/Nowhere mon 08:00-17:00", hours).unwrap_err().contains("time zone"));
        assert!(taken("America/Toronto someday", hours).is_err());
        assert_eq!(taken("America/Toronto", hours).unwrap().time_zone, "America/Toronto");
    }
}
