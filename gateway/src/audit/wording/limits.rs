//! What an audit cannot know, said as plainly as what it can.

use engine::playbook::Language;

use super::super::findings::Audit;
use super::Wording;

/// Names of tools and places written out before the rest is only counted.
const NAMED: usize = 6;

impl Wording {
    pub fn limits(&self, audit: &Audit) -> Vec<String> {
        let mut limits = vec![
            self.say(
                "Un enregistrement ne contient pas d'accusés de réception: « prévenu » veut dire que l'outil d'alerte a répondu sans se plaindre, pas qu'un texto est arrivé.",
                "A recording has no delivery reports: “told” means that an alert tool answered without complaint, not that a text arrived.",
            ).to_owned(),
            self.say(
                "Ce que l'ancien webhook a fait après l'appel, ou sans outil, n'y est pas non plus.",
                "What the old webhook did after a call, or without a tool, is not in it either.",
            ).to_owned(),
            self.say(
                "L'agent est celui de l'enregistrement: avec d'autres réponses, il aurait parlé autrement. Un texto part ici quand l'agent a demandé une alerte alors.",
                "The agent is that of the recording: given other answers, it would have spoken otherwise. A text leaves here when the agent asked for an alert then.",
            ).to_owned(),
        ];
        limits.extend(self.tools_not_run(audit));
        limits.extend(self.unjudged(audit));
        limits.extend(self.unreadable(audit));
        limits
    }

    fn tools_not_run(&self, audit: &Audit) -> Option<String> {
        let names = listed(audit.tools_not_run.iter().map(|name| &**name));
        (!audit.tools_not_run.is_empty()).then(|| match self.language {
            Language::Fr => format!("Ces outils font leur travail ailleurs et ne sont pas exécutés ici: {names}."),
            Language::En => format!("These tools do their work elsewhere and are not run here: {names}."),
        })
    }

    fn unjudged(&self, audit: &Audit) -> Option<String> {
        let n = audit.unjudged.len();
        let calls = self.count(
            n,
            [
                "appel n'a pas pu être jugé: il n'y a aucun mot de l'appelant",
                "appels n'ont pas pu être jugés: il n'y a aucun mot de l'appelant",
                "call could not be judged: there is no word of the caller",
                "calls could not be judged: there is no word of the caller",
            ],
        );
        (n > 0).then(|| format!("{calls}."))
    }

    fn unreadable(&self, audit: &Audit) -> Option<String> {
        let places = listed(audit.unreadable.iter().map(|bad| &*bad.place));
        (!audit.unreadable.is_empty()).then(|| match self.language {
            Language::Fr => format!("Illisible, et donc pas compté: {places}."),
            Language::En => format!("Unreadable, and so not counted: {places}."),
        })
    }
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named}, +{more}") }
}
