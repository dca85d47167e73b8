//! What a playbook listens for: its lists of words, its phrases, its model.

use std::sync::Arc;

use toml::Spanned;

use super::{Check, Checked};
use crate::playbook::PlaybookError;
use crate::playbook::file::{PriorityTable, PriorityTables, RecognitionTable};
use crate::priority::Priority;
use crate::recognition::{Model, Phrases, Recogniser, SHIPPED_MODELS, shipped_model};

impl Check<'_> {
    pub(super) fn recogniser(&self, table: RecognitionTable, priorities: &PriorityTables) -> Checked<Recogniser> {
        let mut recogniser = Recogniser::new(table.model.map(|name| self.model(&name)).transpose()?);
        for (name, words) in &table.words {
            let key = format!("recognition.words.{}", name.get_ref());
            let added = recogniser.add_list(name.get_ref(), words.iter().map(|word| word.get_ref().as_str()));
            added.map_err(|word| {
                self.refuse(name, &key, format!("{word:?} has no letter"), "remove it, or write a word")
            })?;
        }
        let PriorityTables { p1, p2, p3, p4 } = priorities;
        for (priority, table) in Priority::ALL.into_iter().zip([p1, p2, p3, p4]) {
            let Some(PriorityTable { phrases, hints, .. }) = table.as_ref().map(Spanned::get_ref) else { continue };
            for phrase in phrases {
                let added = recogniser.add_phrase(priority, phrase.get_ref());
                added.map_err(|problem| self.refuse_phrase(phrase, priority, "phrases", &problem))?;
            }
            for hint in hints {
                let added = recogniser.add_hint(priority, hint.get_ref());
                added.map_err(|problem| self.refuse_phrase(hint, priority, "hints", &problem))?;
            }
        }
        Ok(recogniser)
    }

    fn refuse_phrase(&self, at: &Spanned<String>, priority: Priority, list: &str, problem: &str) -> PlaybookError {
        self.refuse(at, &format!("priorities.{priority}.{list}"), problem, "remove it, or write a word")
    }

    /// Phrases that refer a call to somebody, not make it urgent.
    pub(super) fn phrases(&self, phrases: &[Spanned<String>], key: &str) -> Checked<Phrases> {
        let mut known = Phrases::default();
        for phrase in phrases {
            let added = known.add(phrase.get_ref());
            added.map_err(|problem| self.refuse(phrase, key, problem, "remove it, or write a word"))?;
        }
        Ok(known)
    }

    fn model(&self, name: &Spanned<String>) -> Checked<Arc<Model>> {
        shipped_model(name.get_ref()).ok_or_else(|| {
            let problem = format!("there is no model {:?}", name.get_ref());
            let fix = format!("take one of: {}; or leave it out", SHIPPED_MODELS.join(", "));
            self.refuse(name, "recognition.model", problem, &fix)
        })
    }
}
