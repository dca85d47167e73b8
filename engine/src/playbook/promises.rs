//! What nobody may promise a caller in the name of a business: a date, an hour, today.
//!
//! Windows ("1 to 3 weeks") and weekdays of every week ("Fridays", "le vendredi") are no promises.

use super::fold;

/// In a row, folded; `'` and `-` are between words.
#[rustfmt::skip]
const FORBIDDEN: &[&[&str]] = &[
    &["aujourd", "hui"], &["aujourdhui"], &["demain"], &["ce", "matin"], &["ce", "midi"], &["ce", "soir"],
    &["ce", "jour"], &["cet", "apres", "midi"], &["cette", "nuit"], &["cette", "journee"], &["meme", "jour"],
    &["jour", "meme"], &["meme", "journee"], &["dans", "la", "journee"], &["dans", "la", "soiree"],
    &["dans", "la", "matinee"], &["dans", "la", "nuit"], &["dans", "l", "apres", "midi"], &["dans", "un", "jour"],
    &["en", "soiree"], &["en", "matinee"], &["en", "apres", "midi"], &["avant", "la", "nuit"], &["avant", "le", "soir"],
    &["fin", "de", "la", "journee"], &["fin", "de", "journee"], &["avant", "midi"], &["midi"], &["minuit"],
    &["today"], &["to", "day"], &["tonight"], &["tomorrow"], &["this", "morning"], &["this", "afternoon"],
    &["this", "evening"], &["in", "the", "morning"], &["in", "the", "afternoon"], &["in", "the", "evening"],
    &["same", "day"], &["noon"], &["midnight"], &["nightfall"], &["before", "night"], &["before", "dark"],
    &["end", "of", "day"], &["end", "of", "the", "day"], &["eod"], &["close", "of", "business"],
    &["within", "a", "day"], &["within", "one", "day"], &["within", "1", "day"], &["within", "the", "day"],
    &["o", "clock"], &["oclock"], &["half", "past"], &["quarter", "past"], &["quarter", "to"],
];
/// Promises too, unless they are said of a call back: that one can be kept.
const AT_ONCE: &[&[&str]] = &[
    &["tout", "de", "suite"],
    &["immediatement"],
    &["sur", "le", "champ"],
    &["right", "away"],
    &["straight", "away"],
    &["immediately"],
];
/// Beginnings of words of a call.
const OF_A_CALL: [&str; 5] = ["rappel", "appel", "call", "phone", "telephon"];
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
/// Stand behind a number that is no day of a month: "le 20 pieds".
#[rustfmt::skip]
const COUNTED: [&str; 18] = [
    "pied", "pieds", "pi", "pouce", "pouces", "po", "metre", "metres", "m", "cm", "jour", "jours", "semaine",
    "semaines", "mois", "ans", "fois", "etage",
];
#[rustfmt::skip]
const MONTHS: [&str; 40] = [
    "janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre", "novembre",
    "decembre", "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december", "janv", "jan", "fevr", "fev", "feb", "mar", "avr", "apr", "jun", "juil", "jul", "aug",
    "sep", "oct", "nov", "dec",
];
/// Days of a month in words, as they end: "vingt-quatre", "twenty-fourth".
#[rustfmt::skip]
const DAYS_IN_WORDS: [&str; 48] = [
    "premier", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
    "treize", "quatorze", "quinze", "seize", "vingt", "trente", "first", "second", "third", "fourth", "fifth",
    "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth",
    "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth", "thirtieth", "one", "two", "three", "four",
    "five", "seven", "eight", "nine",
];

/// The first words of this text that promise a moment.
pub fn find(text: &str) -> Option<String> {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let begins =
        |place: usize, list: &[&[&str]]| list.iter().find(|it| words[place..].starts_with(it)).map(|it| it.len());
    let forbidden = |place: usize| {
        let at_once = || begins(place, AT_ONCE).filter(|len| !is_of_a_call(&words, place, *len));
        begins(place, FORBIDDEN).or_else(at_once)
    };
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
        let before = if ["of", "de"].contains(&before) { back(2) } else { before };
        // "The first may take a while."
        let in_words = |day: &str| word != "may" && DAYS_IN_WORDS.contains(&day);
        return is_day(before) || is_day(after) || in_words(before) || in_words(after);
    }
    if is_day(word) && is_named_day(word, before, after, back(2)) {
        return true;
    }
    let is_half_day = ["a", "p"].contains(&word) && after == "m";
    is_clock_word(word) || (is_number(before) && (is_half_day || SHORT_HOURS.contains(&word)))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// "Somebody calls you back right away."
fn is_of_a_call(words: &[&str], place: usize, len: usize) -> bool {
    let around = &words[place.saturating_sub(4)..words.len().min(place + len + 2)];
    around.iter().any(|word| OF_A_CALL.iter().any(|call| word.starts_with(call)))
}

/// A day without its month: "le 24", "du 3 au 7", "by the 24th".
fn is_named_day(word: &str, before: &str, after: &str, earlier: &str) -> bool {
    let digits = word.trim_end_matches(char::is_alphabetic);
    let is_of_a_month = digits.parse().is_ok_and(|day: u32| (1..=31).contains(&day));
    let in_french =
        is_number(word) && !COUNTED.contains(&after) && (before == "le" || (before == "du" && after == "au"));
    let in_english = !is_number(word) && before == "the" && ["on", "by", "before", "until"].contains(&earlier);
    is_of_a_month && (in_french || in_english)
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
            "le premier décembre",
            "le vingt-quatre décembre",
            "the third of March",
            "le 24",
            "on passe le 24 si possible",
            "du 3 au 7",
            "by the 24th",
            "Dec 24",
            "24 déc.",
            "half past nine",
            "nine in the morning",
            "ce jour",
            "la même journée",
            "to-day",
            "to day",
            "by EOD",
            "right away",
            "on vient tout de suite",
            "immédiatement",
            "a team comes immediately",
            "within a day",
            "avant la nuit",
            "en soirée",
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
            "Quelqu'un vous rappelle tout de suite.",
            "on vous rappelle immédiatement",
            "the first may take a while",
            "le 20 pieds de tuyau",
            "on the 2 visits",
            "1 to 2 business days",
            "appelez le 911",
            "au deuxième, par le balcon",
            "",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
