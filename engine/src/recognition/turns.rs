//! Who said what, where a description is a piece of transcript: `AI: Is it urgent? User: no`.

use std::borrow::Cow;

use super::words::fold;

const AGENTS: [&str; 9] = ["ai", "ia", "agent", "agente", "assistant", "assistante", "bot", "system", "systeme"];
const CALLERS: [&str; 9] =
    ["user", "caller", "client", "cliente", "customer", "human", "appelant", "appelante", "utilisateur"];
/// A caller who begins like this means what was asked.
const YES: [&str; 12] =
    ["oui", "ouais", "ouin", "exact", "exactement", "absolument", "mets", "yes", "yeah", "yep", "yup", "exactly"];
/// What makes a question of a statement, longest first; without it the caller's "yes" is the statement.
const QUESTION: [&str; 16] = [
    "est-ce que vous avez ",
    "est-ce qu'il y a ",
    "est-ce que c'est ",
    "est-ce que ",
    "est-ce qu'",
    "est-ce ",
    "avez-vous ",
    "y a-t-il ",
    "do you have ",
    "are you having ",
    "are you seeing ",
    "is there ",
    "are there ",
    "is this ",
    "is it ",
    "is ",
];

/// The text without the agent's turns: an agent that asks "is it an emergency?" makes none. Only a question that the
/// caller answers with yes is kept, as the statement it then is. A text without labels is the caller's, whole.
pub fn of_caller(text: &str) -> Cow<'_, str> {
    let labels = labels(text);
    let Some(first) = labels.first() else { return Cow::Borrowed(text) };
    let ends = labels.iter().skip(1).map(|label| label.start).chain([text.len()]);
    let mut said = text[..first.start].to_owned();
    let mut asked = "";
    for (label, end) in labels.iter().zip(ends) {
        let turn = text[label.end..end].trim();
        if label.is_agent {
            asked = question(turn);
            continue;
        }
        said.push('\n');
        if is_yes(turn) && !asked.is_empty() {
            said.push_str(&statement(asked));
            said.push('\n');
        }
        said.push_str(turn);
        asked = "";
    }
    Cow::Owned(said)
}

/// The sentence an agent's turn ends with, if it is a question.
fn question(turn: &str) -> &str {
    let Some(asked) = turn.trim_end_matches(['"', '*', ' ']).strip_suffix('?') else { return "" };
    asked.rsplit(['.', '!', '?', '\n']).next().unwrap_or_default().trim()
}

fn is_yes(turn: &str) -> bool {
    let start: String = turn.chars().take(24).collect();
    let folded = fold(&start);
    let mut words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.find(|word| !matches!(*word, "ah" | "oh" | "ben" | "bin" | "euh" | "uh" | "um" | "well"));
    first.is_some_and(|word| YES.contains(&word))
}

fn statement(asked: &str) -> String {
    let lower = asked.to_lowercase();
    let rest = QUESTION.iter().find_map(|words| lower.strip_prefix(words).map(str::to_owned));
    rest.unwrap_or(lower)
}

struct Label {
    start: usize,
    /// Behind the colon.
    end: usize,
    is_agent: bool,
}

fn labels(text: &str) -> Vec<Label> {
    text.match_indices(':').filter_map(|(colon, _)| label_before(text, colon)).collect()
}

/// A speaker's name stands at the beginning, after a line or a sentence, or is capitalised: "j'ai parlé à un agent:"
/// is the caller's own sentence.
fn label_before(text: &str, colon: usize) -> Option<Label> {
    let head = text[..colon].trim_end_matches([' ', '\u{a0}', '\u{202f}', '*']);
    let start = head
        .rfind(|c: char| !c.is_alphabetic())
        .map_or(0, |place| place + head[place..].chars().next().map_or(0, char::len_utf8));
    let word = &head[start..];
    let before = head[..start].trim_end_matches([' ', '\t', '\u{a0}', '*', '[', '-', '"']);
    let glued = head[..start].ends_with(['\'', '’', '_', '.']);
    let opens = before.is_empty() || before.ends_with(['.', '!', '?', '…', '\n', '\r', '|', ';']);
    if glued || !(opens || word.starts_with(char::is_uppercase)) {
        return None;
    }
    let name = fold(word);
    let is_agent = AGENTS.contains(&name.as_str());
    (is_agent || CALLERS.contains(&name.as_str())).then_some(Label { start, end: colon + 1, is_agent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_callers_turns_are_kept() {
        for (text, kept, dropped) in [
            ("AI: Est-ce une urgence? User: non, pas pressé", "pas pressé", "urgence"),
            ("User: un débouchage. AI: une inspection par caméra", "débouchage", "inspection"),
            ("Assistant : urgence?\nClient : bonjour", "bonjour", "urgence"),
            ("bonjour IA: urgence? Appelante: merci", "bonjour", "urgence"),
            ("User: bonjour AI: urgence User: merci", "merci", "urgence"),
            ("AI: C'est une urgence. User: oui bonjour", "bonjour", "urgence"),
            ("User: de l'eau", "de l'eau", "User"),
        ] {
            let said = of_caller(text);
            assert!(said.contains(kept), "{text} → {said}");
            assert!(!said.contains(dropped), "{text} → {said}");
        }
    }

    #[test]
    fn a_question_answered_with_yes_is_what_the_caller_says() {
        for (text, said) in [
            ("AI: Est-ce une urgence? User: oui", "\nune urgence\noui"),
            (
                "AI: Bonjour! Avez-vous de l'eau par terre? User: Ben oui, partout",
                "\nde l'eau par terre\nBen oui, partout",
            ),
            ("AI: Is it overflowing? User: Yeah.", "\noverflowing\nYeah."),
            ("AI: Is it overflowing? User: not yet", "\nnot yet"),
        ] {
            assert_eq!(of_caller(text), said, "{text}");
        }
    }

    #[test]
    fn a_colon_does_not_make_a_speaker() {
        for text in [
            "j'ai parlé à un agent: inondation",
            "adresse: 100 rue Exemple",
            "l'IA: inondation",
            "il est 10:30",
            ":",
            "é: à",
        ] {
            assert_eq!(of_caller(text), text);
        }
    }
}
