//! What the agent says when a tool cannot do what it was asked: one sentence a caller may hear, per language.

use crate::playbook::Language;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sentence {
    UnknownTool,
    MissingDescription,
    MissingMessage,
    AlreadyAlerted,
    NobodyToAlert,
}

impl Sentence {
    pub const ALL: [Sentence; 5] = [
        Sentence::UnknownTool,
        Sentence::MissingDescription,
        Sentence::MissingMessage,
        Sentence::AlreadyAlerted,
        Sentence::NobodyToAlert,
    ];

    pub const fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::Fr => self.french(),
            Language::En => self.english(),
        }
    }

    const fn french(self) -> &'static str {
        match self {
            Sentence::UnknownTool => "Je ne peux pas faire cela moi-même; je prends le message et on vous rappelle.",
            Sentence::MissingDescription => "Pouvez-vous me décrire le problème en quelques mots?",
            Sentence::MissingMessage => "Que dois-je dire à l'équipe: quel est le problème, et à quelle adresse?",
            Sentence::AlreadyAlerted => "L'équipe est déjà alertée; on vous rappelle.",
            Sentence::NobodyToAlert => "Je n'arrive pas à joindre l'équipe; je garde votre message.",
        }
    }

    const fn english(self) -> &'static str {
        match self {
            Sentence::UnknownTool => "I cannot do that myself; I will take a message and somebody will call you back.",
            Sentence::MissingDescription => "Could you describe the problem in a few words?",
            Sentence::MissingMessage => "What should I tell the team: what is the problem, and at which address?",
            Sentence::AlreadyAlerted => "The team has already been alerted; they will call you back.",
            Sentence::NobodyToAlert => "I cannot reach the team; I am keeping your message.",
        }
    }
}
