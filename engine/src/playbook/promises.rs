//! What nobody may promise a caller in the name of a business: a date, an hour, today.
//!
//! Windows ("1 to 3 weeks") and weekdays of every week ("Fridays", "le vendredi") are no promises.

use super::fold;

/// In a row, folded; `'` and `-` are between words.
#[rustfmt::skip]
const FORBIDDEN: [&[&str]; 29] = [
    &["aujourd", "hui"], &["aujourdhui"], &["demain"], &["ce", "matin"], &["ce", "midi"], &["ce", "soir"],
    &["cet", "apres", "midi"], &["cette", "nuit"], &["meme", "jour"], &["jour", "meme"], &["dans", "la", "journee"],
    &["fin", "de", "la", "journee"], &["fin", "de", "journee"],
    &["avant", "midi"], &["midi"], &["minuit"],
    &["today"], &["tonight"], &["tomorrow"], &["this", "morning"], &["this", "afternoon"], &["this", "evening"],
    &["same", "day"], &["noon"], &["midnight"], &["end", "of", "day"], &["end", "of", "the", "day"],
    &["o", "clock"], &["oclock"],
];
const HOURS: [&str; 6] = ["heure", "heures", "hour", "hours", "minute", "minutes"];
/// Units that are hours only behind a number: `2 h`, `30 min`, `3pm`.
const SHORT_HOURS: [&str; 11] = ["h", "hr", "hrs", "hre", "hres", "mn", "min", "mins", "am", "pm", "sec"];
const OF_BUSINESS: [&str; 6] = ["business", "opening", "office", "working", "regular", "normal"];
const WEEKDAYS: [&str; 14] = [
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "dimanche",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
/// Stand before a weekday of every week, or join two of them: "le vendredi", "Monday to Friday".
const EVERY_WEEK: [&str; 8] = ["le", "chaque", "every", "each", "du", "au", "to", "through"];
const UNTIL: [&str; 4] = ["au", "a", "to", "through"];
const ONE_OF_THEM: [&str; 6] = ["ce", "prochain", "prochaine", "this", "next", "coming"];
#[rustfmt::skip]
const MONTHS: [&str; 24] = [
    "janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre", "novembre",
    "decembre", "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
];

/// The first words of this text that promise a moment.
pub fn find(text: &str) -> Option<String> {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let forbidden =
        |place: usize| FORBIDDEN.iter().find(|phrase| words[place..].starts_with(phrase)).map(|it| it.len());
    let promise = |place: usize| {
        let around = words[place.saturating_sub(1)..words.len().min(place + 2)].join(" ");
        match forbidden(place) {
            Some(len) => Some(words[place..place + len].join(" ")),
            None => is_moment(&words, place).then_some(around),
        }
    };
    (0..words.len()).find_map(promise).or_else(|| numeric(&folded))
}

fn is_moment(words: &[&str], place: usize) -> bool {
    let word = words[place];
    let back = |by: usize| place.checked_sub(by).map_or("", |before| words[before]);
    let (before, after) = (back(1), words.get(place + 1).copied().unwrap_or_default());
    if HOURS.contains(&word) {
        let of_business = OF_BUSINESS.contains(&before) && !is_number(back(2));
        let ouvrables = ["ouvrables", "d"].contains(&after) && !is_number(before);
        return !(of_business || ouvrables);
    }
    if WEEKDAYS.contains(&word) {
        let every_week = EVERY_WEEK.contains(&before) || UNTIL.contains(&after);
        return !every_week || ONE_OF_THEM.contains(&after) || is_number(after);
    }
    if MONTHS.contains(&word) {
        return is_day(before) || is_day(after);
    }
    let is_half_day = ["a", "p"].contains(&word) && after == "m";
    is_clock_word(word) || (is_number(before) && (is_half_day || SHORT_HOURS.contains(&word)))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `24`, `1er`, `3rd`.
fn is_day(word: &str) -> bool {
    let digits = word.trim_end_matches(char::is_alphabetic);
    is_number(digits) && ["", "er", "e", "st", "nd", "rd", "th"].contains(&&word[digits.len()..])
}

/// `10h30`, `8h`, `3pm`, `24hrs`.
fn is_clock_word(word: &str) -> bool {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let unit = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    rest.len() < word.len() && (SHORT_HOURS.contains(&unit) || HOURS.contains(&unit))
}

/// `10:30`, `24/12`, `2026-12-24`; any year.
fn numeric(folded: &str) -> Option<String> {
    let is_mark = |c: char| matches!(c, ':' | '/' | '-' | '.');
    let tokens = folded.split(|c: char| !(c.is_ascii_digit() || is_mark(c))).map(|token| token.trim_matches(is_mark));
    let is_moment = |token: &&str| {
        let parts: Vec<&str> = token.split(is_mark).collect();
        let is_pair = parts.len() == 2 && parts.iter().all(|part| (1..=2).contains(&part.len()));
        let is_year = parts.iter().any(|part| part.len() == 4 && (part.starts_with("19") || part.starts_with("20")));
        is_year || (is_pair && token.contains([':', '/'])) || (parts.len() == 3 && parts.iter().all(|it| is_number(it)))
    };
    tokens.into_iter().find(is_moment).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_found_however_it_is_promised() {
        for text in [
            "on passe aujourd'hui",
            "AUJOURD’HUI",
            "dès demain matin",
            "après-demain",
            "on essaie de passer le jour même",
            "ce soir",
            "same-day service",
            "we will be there today",
            "tomorrow morning",
            "normalement dans 2 heures",
            "dans une heure",
            "within the hour",
            "within 3 hours",
            "2 à 4 h",
            "24h",
            "48 hrs",
            "in 30 minutes",
            "4 business hours",
            "à 8 h 30",
            "10h30",
            "at 10:30",
            "3pm",
            "3 p.m.",
            "8 o'clock",
            "avant midi",
            "le 24 décembre",
            "le 1er mai",
            "December 24",
            "March 3rd",
            "2026-12-24",
            "24/12",
            "en 2027",
            "ce vendredi",
            "vendredi prochain",
            "next Monday",
            "lundi 3",
            "le vendredi prochain",
            "by Friday",
            "d'ici mardi",
            "before the end of the day",
            "d'ici la fin de la journée",
            "2-3 hours",
            "en 24-48h",
            "in half an hour",
        ] {
            assert!(find(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_window_is_no_promise() {
        for text in [
            "1 à 3 semaines",
            "1-3 weeks",
            "2 to 4 weeks",
            "3 à 5 jours ouvrables",
            "on Fridays",
            "le vendredi",
            "les vendredis",
            "Monday to Friday",
            "du lundi au vendredi",
            "every Friday",
            "dès qu'une équipe se libère",
            "as soon as a team is free; somebody calls back right away",
            "pendant les heures d'ouverture",
            "pendant nos heures ouvrables",
            "during business hours",
            "it may take a while",
            "in two visits, up to 20 ft",
            "",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
