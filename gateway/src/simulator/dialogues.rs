//! What is said in simulated calls: `dialogues.toml`, read once.

use std::sync::LazyLock;

use engine::playbook::Language;
use engine::priority::Priority;
use serde::Deserialize;

/// One call's conversation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialogue {
    pub name: String,
    pub language: Language,
    /// What a good agent makes of it.
    pub priority: Priority,
    pub caller: String,
    pub number: String,
    pub ended_reason: String,
    pub summary: String,
    pub turns: Vec<Turn>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    Agent(String),
    Caller(String),
    /// The agent calls `classifyPriority` with this description.
    Classify(String),
    /// The agent calls `sendSMSAlert` with this message.
    Alert(String),
}

static DIALOGUES: LazyLock<Vec<Dialogue>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        dialogue: Vec<Dialogue>,
    }
    let file: File = toml::from_str(include_str!("dialogues.toml")).expect("the built-in dialogues are read by a test");
    file.dialogue
});

pub fn all() -> &'static [Dialogue] {
    &DIALOGUES
}

pub fn of_priority(priority: Priority) -> &'static Dialogue {
    all().iter().find(|dialogue| dialogue.priority == priority).expect("every priority has a dialogue; a test counts")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn both_languages_and_all_priorities_are_spoken() {
        let mut spoken: BTreeMap<(String, bool), usize> = BTreeMap::new();
        for dialogue in all() {
            *spoken.entry((dialogue.priority.to_string(), dialogue.language == Language::Fr)).or_default() += 1;
        }
        assert_eq!(spoken.len(), 8, "{spoken:?}");
    }

    #[test]
    fn urgent_calls_and_only_those_of_p1_and_p2_end_in_an_alert() {
        for dialogue in all() {
            let alerts = dialogue.turns.iter().filter(|turn| matches!(turn, Turn::Alert(_))).count();
            let wanted = usize::from(matches!(dialogue.priority, Priority::P1 | Priority::P2));
            assert_eq!(alerts, wanted, "{}", dialogue.name);
        }
    }

    #[test]
    fn every_number_is_reserved_for_fiction() {
        for dialogue in all() {
            let number = &dialogue.number;
            assert!(number.len() == 12 && &number[5..10] == "55501", "{}: {number}", dialogue.name);
        }
    }
}
