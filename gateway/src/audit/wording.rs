//! The sentences of an audit, in French and English. Numbers and names come in as values; nothing here decides.

use engine::call::{Fault, Role};
use engine::playbook::Language;
use engine::priority::Priority;
use engine::time::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

use super::before::Failure;
use super::findings::{FalseAlarm, Outcome, Recognised, Then, Told, Totals};

mod lead;
mod limits;

const MONTHS: [[&str; 2]; 12] = [
    ["janvier", "January"],
    ["février", "February"],
    ["mars", "March"],
    ["avril", "April"],
    ["mai", "May"],
    ["juin", "June"],
    ["juillet", "July"],
    ["août", "August"],
    ["septembre", "September"],
    ["octobre", "October"],
    ["novembre", "November"],
    ["décembre", "December"],
];

/// A language and where its days begin.
#[derive(Clone, Debug)]
pub struct Wording {
    pub language: Language,
    pub time_zone: TimeZone,
}

impl Wording {
    pub fn say<'a>(&self, fr: &'a str, en: &'a str) -> &'a str {
        match self.language {
            Language::Fr => fr,
            Language::En => en,
        }
    }

    /// `3 appels`, `1 call`. French counts nought as one.
    pub fn count(&self, n: usize, [fr, frs, en, ens]: [&str; 4]) -> String {
        let noun = match self.language {
            Language::Fr => {
                if n < 2 {
                    fr
                } else {
                    frs
                }
            }
            Language::En => {
                if n == 1 {
                    en
                } else {
                    ens
                }
            }
        };
        format!("{n} {noun}")
    }

    /// `4.2 s`, `1 min 10 s`, `30 min`.
    pub fn duration(&self, seconds: f64) -> String {
        if seconds >= 60.0 {
            let whole = seconds.round() as u64;
            let (minutes, rest) = (whole / 60, whole % 60);
            return if rest == 0 { format!("{minutes} min") } else { format!("{minutes} min {rest} s") };
        }
        let text = if seconds.fract() == 0.0 { format!("{seconds:.0}") } else { format!("{seconds:.1}") };
        format!("{} s", if self.language == Language::Fr { text.replace('.', ",") } else { text })
    }

    /// `0:41`.
    pub fn clock(seconds: f64) -> String {
        let whole = seconds as u64;
        format!("{}:{:02}", whole / 60, whole % 60)
    }

    /// `8 September 2026`, in the business's own time.
    pub fn date(&self, at: Timestamp) -> String {
        let local = self.local(at);
        let [fr, en] = MONTHS[local.month() as usize - 1];
        let first = if local.day() == 1 { self.say("1er", "1").to_owned() } else { local.day().to_string() };
        format!("{first} {} {}", self.say(fr, en), local.year())
    }

    /// `2026-09-08 14:05`.
    pub fn moment(&self, at: Timestamp) -> String {
        self.local(at).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn local(&self, at: Timestamp) -> civil::DateTime {
        let moment = jiff::Timestamp::from_millisecond(at.as_millis()).expect("clamped to the years 1970 to 9999");
        self.time_zone.to_datetime(moment)
    }

    pub fn speaker(&self, role: Role) -> &'static str {
        match role {
            Role::Caller => self.say("Appelant", "Caller"),
            Role::Agent => "Agent",
        }
    }

    /// Whose fault an ending was, in brackets; nothing where it was nobody's.
    pub fn fault(&self, fault: Fault) -> &'static str {
        match fault {
            Fault::None => "",
            Fault::Server => self.say(" (votre serveur)", " (your server)"),
            Fault::Account => self.say(" (votre compte)", " (your account)"),
            Fault::Platform => self.say(" (la plateforme)", " (the platform)"),
            Fault::Provider => self.say(" (un fournisseur)", " (a provider)"),
            Fault::Unknown => self.say(" (cause inconnue)", " (cause unknown)"),
        }
    }

    /// What the playbook would have done.
    pub fn here(&self, call: &Recognised) -> String {
        let names = self.names(&call.told);
        if !call.asked {
            return match self.language {
                Language::Fr => format!("{names}, dès que l'agent le demande; ici, il ne l'a pas fait"),
                Language::En => {
                    format!("{names}, once the agent asks; here it did not")
                }
            };
        }
        let after = call.told.iter().filter_map(|told| told.after_s).reduce(f64::max);
        let when = match (after, self.language) {
            (None, _) => String::new(),
            (Some(s), Language::Fr) => format!(" {} après cette phrase", self.duration(s)),
            (Some(s), Language::En) => format!(" {} after this sentence", self.duration(s)),
        };
        let segments: usize = call.told.iter().filter_map(|told| told.segments).map(usize::from).sum();
        let segments = self.count(segments, ["segment", "segments", "segment", "segments"]);
        match self.language {
            Language::Fr => format!("texto à {names}{when} ({segments})"),
            Language::En => format!("{names} texted{when} ({segments})"),
        }
    }

    fn names(&self, told: &[Told]) -> String {
        let names: Vec<&str> = told.iter().map(|told| &*told.contact).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} {} {last}", rest.join(", "), self.say("et", "and")),
            _ => names.concat(),
        }
    }

    /// What the old webhook did, and whether that was good.
    pub fn then(&self, then: &Then) -> String {
        let tool = then.alert_tool.as_deref().unwrap_or_default();
        let told = match then.outcome {
            Outcome::NotAsked if !then.used_tools => self
                .say("n'a appelé aucun outil; personne n'a été prévenu", "called no tool; nobody was told")
                .to_owned(),
            Outcome::NotAsked => self.say("n'a prévenu personne", "told nobody").to_owned(),
            Outcome::Failed => match self.language {
                Language::Fr => format!("{tool} a échoué; personne n'a été prévenu"),
                Language::En => format!("{tool} failed; nobody was told"),
            },
            Outcome::Unknown => match self.language {
                Language::Fr => format!("a appelé {tool}; l'enregistrement s'arrête avant la réponse"),
                Language::En => format!("called {tool}; the recording ends before an answer"),
            },
            Outcome::Told => match (then.told_after_s, self.language) {
                (Some(s), Language::Fr) => format!("{tool} a répondu {} après cette phrase", self.duration(s)),
                (Some(s), Language::En) => format!("{tool} answered {} after this sentence", self.duration(s)),
                (None, _) => format!("{tool} {}", self.say("a répondu", "answered")),
            },
        };
        match then.priority {
            Some(priority) => format!("{} {priority}; {told}", self.say("a dit", "said")),
            None => told,
        }
    }

    pub fn false_alarm(&self, alarm: &FalseAlarm) -> [String; 2] {
        let now = alarm.priority.unwrap_or(Priority::P4);
        let told =
            if alarm.told_before { self.say("; des gens ont été prévenus", "; people were told") } else { "" };
        [
            format!("{} ({now})", self.routine(now)),
            format!("{} {}{told}", self.say("a dit", "said"), alarm.priority_before),
        ]
    }

    fn routine(&self, priority: Priority) -> &'static str {
        if priority == Priority::P4 { "routine" } else { self.say("pas une urgence", "no emergency") }
    }

    pub fn failure(&self, failure: Failure) -> &'static str {
        match failure {
            Failure::NoAnswer => self.say("aucune réponse dans l'enregistrement", "no answer in the recording"),
            Failure::NoResult => {
                self.say("réponse que la plateforme n'a pas pu lire", "an answer the platform could not read")
            }
            Failure::Error => self.say("a répondu une erreur", "answered an error"),
        }
    }

    /// The distribution of the waits.
    pub fn silences(&self, totals: &Totals) -> String {
        let [all, half, most] =
            [totals.silence_s, totals.silence_p50_s, totals.silence_p95_s].map(|seconds| self.duration(seconds));
        match self.language {
            Language::Fr => format!("{all} en tout; la moitié des attentes dure au plus {half}, 95 % au plus {most}."),
            Language::En => format!("{all} in all; half of the waits took {half} at most, 95 % took {most} at most."),
        }
    }
}
