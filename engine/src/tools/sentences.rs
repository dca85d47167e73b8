//! What the agent says when a tool cannot do what it was asked: one sentence a caller may hear, in each language.
//! A tool keeps its own sentences beside its code; these belong to none.

use crate::playbook::Language;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub fr: &'static str,
    pub en: &'static str,
}

impl Sentence {
    pub const UNKNOWN_TOOL: Sentence = Sentence {
        fr: "Je ne peux pas faire cela moi-même; je prends le message et on vous rappelle.",
        en: "I cannot do that myself; I will take a message and somebody will call you back.",
    };

    pub const fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::Fr => self.fr,
            Language::En => self.en,
        }
    }
}
