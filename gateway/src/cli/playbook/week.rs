//! Opening hours as people write them: `mon-fri 08:00-17:00, sat 09:00-12:00`, in English or French.

use engine::playbook::Language;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Week {
    /// Monday first; spans of each day as the playbook writes them.
    pub days: [Vec<String>; 7],
}

const ENGLISH: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const FRENCH: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
/// How a day may begin, in both languages.
const BEGINNINGS: [[&str; 2]; 7] =
    [["mon", "lun"], ["tue", "mar"], ["wed", "mer"], ["thu", "jeu"], ["fri", "ven"], ["sat", "sam"], ["sun", "dim"]];

impl Week {
    /// Nothing at all is a week of which nothing is known.
    pub fn parse(text: &str) -> Result<Week, String> {
        let mut week = Week::default();
        for part in text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()) {
            let (days, span) = part.rsplit_once(' ').ok_or_else(|| refused(part))?;
            let (first, last) = days_of(days).ok_or_else(|| refused(part))?;
            let span = span_of(span).ok_or_else(|| refused(part))?;
            // `sat-mon` goes over the end of the week.
            let count = (last + 7 - first) % 7 + 1;
            (first..first + count).for_each(|day| week.days[day % 7].push(span.clone()));
        }
        Ok(week)
    }

    /// Days on which somebody is there, as the playbook names them, and their spans.
    pub fn open(&self) -> Vec<(&'static str, Vec<String>)> {
        let days = ENGLISH.into_iter().zip(self.days.iter().cloned());
        days.filter(|(_, spans)| !spans.is_empty()).collect()
    }

    /// `monday 08:00-17:00, saturday 09:00-12:00`; empty when nothing is known.
    pub fn in_words(&self, language: Language) -> String {
        let names = match language {
            Language::Fr => FRENCH,
            Language::En => ENGLISH,
        };
        let open = names.iter().zip(&self.days).filter(|(_, spans)| !spans.is_empty());
        open.map(|(day, spans)| format!("{day} {}", spans.join(" + "))).collect::<Vec<_>>().join(", ")
    }
}

fn refused(part: &str) -> String {
    format!("{part:?} is no opening time; write days and hours: mon-fri 08:00-17:00, sat 09:00-12:00")
}

fn days_of(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once(['-', '–']).unwrap_or((text, text));
    Some((day_of(first)?, day_of(last)?))
}

fn day_of(text: &str) -> Option<usize> {
    let day = text.trim().to_lowercase();
    BEGINNINGS.iter().position(|beginnings| beginnings.iter().any(|beginning| day.starts_with(beginning)))
}

/// `8:00-17:00` as `08:00-17:00`.
fn span_of(text: &str) -> Option<String> {
    let (opens, closes) = text.split_once(['-', '–'])?;
    let (opens, closes) = (clock(opens)?, clock(closes)?);
    (opens != closes).then(|| format!("{opens}-{closes}"))
}

fn clock(text: &str) -> Option<String> {
    let (hour, minute) = text.trim().split_once([':', 'h'])?;
    let hour: u8 = hour.parse().ok()?;
    let minute: u8 = if minute.is_empty() { 0 } else { minute.parse().ok()? };
    let fits = (hour < 24 && minute < 60) || (hour == 24 && minute == 0);
    fits.then(|| format!("{hour:02}:{minute:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Result<String, String> {
        Week::parse(text).map(|week| week.days.map(|spans| spans.join("+")).join(" "))
    }

    #[test]
    fn hours_are_read_as_people_write_them() {
        for (text, days) in [
            ("", "      "),
            ("mon-fri 8:00-17:00", "08:00-17:00 08:00-17:00 08:00-17:00 08:00-17:00 08:00-17:00  "),
            ("lundi 9h-12h, lun 13h30-17h", "09:00-12:00+13:30-17:00      "),
            ("sat-mon 00:00-24:00", "00:00-24:00     00:00-24:00 00:00-24:00"),
            ("Wednesday 22:00-06:00;", "  22:00-06:00    "),
        ] {
            assert_eq!(spans(text).as_deref(), Ok(days), "{text}");
        }
        let sunday = Week::parse("dim 10:00-12:00").unwrap();
        assert_eq!(sunday.in_words(Language::Fr), "dimanche 10:00-12:00");
        for bad in ["mon", "mon 8-17", "mon 25:00-26:00", "mon-fri", "someday 08:00-17:00", "mon 08:00-08:00"] {
            assert!(spans(bad).is_err(), "{bad}");
        }
    }
}
