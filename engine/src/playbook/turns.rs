//! Who said what, where a description is a piece of transcript: `AI: Is it urgent? User: no`.

use std::borrow::Cow;

const AGENTS: [&str; 9] = ["ai", "ia", "agent", "agente", "assistant", "assistante", "bot", "system", "systeme"];
const CALLERS: [&str; 9] =
    ["user", "caller", "client", "cliente", "customer", "human", "appelant", "appelante", "utilisateur"];

/// The text without the agent's turns: an agent that asks "is it an emergency?" makes none.
/// A text without an agent's label is the caller's, whole.
pub fn of_caller(text: &str) -> Cow<'_, str> {
    let labels = labels(text);
    if !labels.iter().any(|label| label.is_agent) {
        return Cow::Borrowed(text);
    }
    let ends = labels.iter().skip(1).map(|label| label.start).chain([text.len()]);
    let turns = labels.iter().zip(ends).filter(|(label, _)| !label.is_agent).map(|(label, end)| &text[label.end..end]);
    Cow::Owned([&text[..labels[0].start]].into_iter().chain(turns).collect::<Vec<_>>().join("\n"))
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
    let name = super::phrases::fold(word);
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
        ] {
            let said = of_caller(text);
            assert!(said.contains(kept), "{text} → {said}");
            assert!(!said.contains(dropped), "{text} → {said}");
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
