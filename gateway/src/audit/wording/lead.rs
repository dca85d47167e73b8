//! The opening of an audit: what somebody who reads nothing else should know.

use engine::playbook::Language;

use super::super::findings::{Audit, Totals};
use super::Wording;

impl Wording {
    /// The opening, one sentence each.
    pub fn lead(&self, audit: &Audit) -> Vec<String> {
        let totals = &audit.totals;
        let calls = self.count(totals.calls, ["appel", "appels", "call", "calls"]);
        let business = &audit.business;
        let replayed = match self.language {
            Language::Fr => format!(
                "{calls}{}, {} avec le playbook de {business}. Rien n'a été envoyé à personne.",
                self.window(audit),
                if totals.calls < 2 { "rejoué" } else { "rejoués" }
            ),
            Language::En => format!(
                "{calls}{}, replayed through the playbook of {business}. Nothing was sent to anybody.",
                self.window(audit)
            ),
        };
        [replayed, self.emergencies(totals), self.texted(totals), self.waiting(totals)]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect()
    }

    /// From the first day to the last; what the two have in common is said once.
    fn window(&self, audit: &Audit) -> String {
        let Some([from, to]) = audit.window else { return String::new() };
        let (first, last, until) = (self.local(from), self.local(to), self.date(to));
        if first.date() == last.date() {
            return format!(" {} {until}", self.say("du", "of"));
        }
        let whole = self.date(from);
        let shared = match (first.year() == last.year(), first.month() == last.month()) {
            (true, true) => 2,
            (true, false) => 1,
            _ => 0,
        };
        let words: Vec<&str> = whole.split(' ').collect();
        format!(" {} {} {} {until}", self.say("du", "from"), words[..3 - shared].join(" "), self.say("au", "to"))
    }

    fn emergencies(&self, totals: &Totals) -> String {
        let alarms = match totals.false_alarms {
            0 => String::new(),
            n => format!(
                " {}",
                self.count(
                    n,
                    ["alarme était fausse.", "alarmes étaient fausses.", "alarm was false.", "alarms were false.",]
                )
            ),
        };
        let told = match (totals.emergencies, totals.untold) {
            (0, _) => self.say("Personne n'a décrit d'urgence.", "Nobody described an emergency.").to_owned(),
            (n, untold) => {
                let described = self.count(
                    n,
                    [
                        "appelant décrivait une urgence",
                        "appelants décrivaient une urgence",
                        "caller described an emergency",
                        "callers described an emergency",
                    ],
                );
                format!("{described}{}", self.untold(n, untold))
            }
        };
        told + &alarms
    }

    fn untold(&self, emergencies: usize, untold: usize) -> String {
        match (untold, untold == emergencies) {
            (0, _) => {
                self.say("; un outil a prévenu quelqu'un chaque fois.", "; a tool told somebody each time.").to_owned()
            }
            (1, true) => self
                .say(", et personne n'a été prévenu pendant l'appel.", ", and nobody was told during the call.")
                .to_owned(),
            (_, true) => self
                .say(", et personne n'a été prévenu pendant ces appels.", ", and nobody was told during the calls.")
                .to_owned(),
            (n, false) => match self.language {
                Language::Fr => format!("; dans {n} de ces appels, personne n'a été prévenu."),
                Language::En => format!("; during {n} of these calls nobody was told."),
            },
        }
    }

    /// What would have come of the emergencies. Not every agent asks for an alert, and only that sends a text.
    fn texted(&self, totals: &Totals) -> String {
        let asked = totals.texted;
        let silent = totals.emergencies - asked;
        let rest = match (silent, self.language) {
            (0, _) => String::new(),
            (n, Language::Fr) => {
                format!(" Dans {n}, l'urgence aurait été vue, mais l'agent n'a demandé aucune alerte.")
            }
            (n, Language::En) => {
                format!(" In {n} the emergency would have been seen, but the agent asked for no alert.")
            }
        };
        match (totals.emergencies, self.language) {
            (0, _) => String::new(),
            (_, Language::Fr) => {
                format!("Avec Cordboard, des textos seraient partis dans {asked} de ces appels.{rest}")
            }
            (_, Language::En) => format!("With Cordboard, texts would have left in {asked} of these calls.{rest}"),
        }
    }

    fn waiting(&self, totals: &Totals) -> String {
        if totals.silence_s == 0.0 {
            return String::new();
        }
        let (all, worst) = (self.duration(totals.silence_s), self.duration(totals.silence_worst_s));
        match self.language {
            Language::Fr => format!(
                "Les appelants ont attendu {all} en silence pendant que des outils travaillaient, au pire {worst}."
            ),
            Language::En => format!("Callers waited {all} in silence while tools ran, {worst} at worst."),
        }
    }
}
