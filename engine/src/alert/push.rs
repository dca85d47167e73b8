//! What the team's channel is told: that somebody is needed, that somebody goes, that nobody does.

use std::sync::Arc;

use super::notice::Reason;
use super::state::{Alert, Telling, Word};
use super::words;
use crate::ids::digest64;
use crate::playbook::{AlertWords, Contact, Language, Playbook};
use crate::ports::NewPush;

impl Alert {
    /// The notification of this telling. `None`: the playbook has no channel any more.
    pub fn push(&self, telling: &Telling, playbook: &Playbook) -> Option<NewPush> {
        let channel = Arc::clone(playbook.push.as_ref()?);
        let link = playbook.links.as_ref().map(|links| links.link(self.id, Contact::TEAM)).unwrap_or_default();
        let words = AlertWords { link, ..self.words.clone() };
        Some(NewPush {
            id: self.push_id(telling).into(),
            channel,
            alert: self.id,
            tenant: self.tenant.clone(),
            call: self.call.clone(),
            reason: self.reason,
            priority: self.priority,
            word: telling.word,
            title: self.title(telling.word, playbook.language).into(),
            text: text(telling.word, &words, self.priority).into(),
            words,
        })
    }

    fn push_id(&self, Telling { place, word, .. }: &Telling) -> String {
        let (walk, round, step) = (place.walk, place.round, place.step);
        let place = format!("{}/{walk}/{round}/{step}/{}", self.id, word.as_str());
        format!("{:016x}{:016x}", digest64(&["push", &place]), digest64(&[&place, "push"]))
    }

    fn title(&self, word: Word, language: Language) -> String {
        let AlertWords { business, .. } = &self.words;
        let what = match (word, language, self.reason) {
            (Word::Open, Language::Fr, Reason::Drill) => "exercice".to_owned(),
            (Word::Open, Language::En, Reason::Drill) => "drill".to_owned(),
            (Word::Open, Language::Fr, _) => "alerte".to_owned(),
            (Word::Open, Language::En, _) => "alert".to_owned(),
            (Word::Unanswered, Language::Fr, _) => "personne n'a répondu".to_owned(),
            (Word::Unanswered, Language::En, _) => "nobody answered".to_owned(),
            (Word::Taken, language, _) => {
                let by = self.acknowledged.as_ref().map_or("", |taken| &taken.by);
                words::takes(language, by)
            }
        };
        format!("{business} {}: {what}", self.priority)
    }
}

/// Line by line what is known; the link last.
fn text(word: Word, words: &AlertWords, priority: crate::priority::Priority) -> String {
    let AlertWords { service, message, client, address, callback, link, .. } = words;
    let link = if word == Word::Taken { "" } else { link };
    let lines: Vec<&str> =
        [service, message, client, address, callback].into_iter().map(String::as_str).chain([link]).collect();
    let known: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    if known.is_empty() { priority.as_str().to_owned() } else { known.join("\n") }
}
