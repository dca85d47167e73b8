//! `[required]`: what the agent asks of every caller, in this order, one question at a time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::check::{Check, Checked};
use super::{Language, Words};

const MAX_QUESTION_CHARS: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequiredTable {
    ask: Spanned<Vec<Field>>,
    #[serde(default)]
    questions: BTreeMap<Field, Spanned<Words>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Problem,
    Name,
    Phone,
    Address,
    PostalCode,
    Email,
    /// How the caller found the business.
    Source,
}

/// Empty when the business asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Required {
    pub ask: Vec<Field>,
    questions: Vec<(Field, Words)>,
}

impl Required {
    /// The business's own question, where it has one.
    pub fn question(&self, field: Field, language: Language) -> Option<&str> {
        self.questions.iter().find(|(it, _)| *it == field).map(|(_, words)| words.in_language(language))
    }
}

impl Check<'_> {
    pub(super) fn required(&self, table: Option<RequiredTable>, languages: &[Language]) -> Checked<Required> {
        let Some(RequiredTable { ask, questions }) = table else { return Ok(Required::default()) };
        let fields = ask.get_ref();
        if fields.iter().enumerate().any(|(place, field)| fields[..place].contains(field)) {
            return Err(self.refuse(&ask, "required.ask", "a field is asked for twice", "name each once"));
        }
        let question = |(field, say): (Field, Spanned<Words>)| {
            let key = "required.questions";
            if !fields.contains(&field) {
                let fix = "add it to required.ask, or remove the question";
                return Err(self.refuse(&say, key, "this field is not asked for", fix));
            }
            Ok((field, self.words(say, key, languages, MAX_QUESTION_CHARS)?))
        };
        let questions = questions.into_iter().map(question).collect::<Checked<_>>()?;
        Ok(Required { ask: ask.into_inner(), questions })
    }
}
