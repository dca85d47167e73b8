//! What the platform can use as an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

/// What the body of a 200 must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Anything,
    /// A JSON object.
    Object,
    /// `results` with one entry for each of these ids, in their order, each with a result or an error.
    ToolResults(Arc<[Box<str>]>),
}

impl Wanted {
    /// Is this the body of a right answer?
    pub fn is(&self, body: &[u8]) -> bool {
        match self {
            Wanted::Anything => true,
            Wanted::Object => serde_json::from_slice::<BTreeMap<String, &RawValue>>(body).is_ok(),
            Wanted::ToolResults(ids) => results_for(body, ids),
        }
    }
}

fn results_for(body: &[u8], ids: &[Box<str>]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
    let Some(results) = answer["results"].as_array() else { return false };
    let matches = |(result, id): (&Value, &str)| {
        let spoken: Vec<&Value> = ["result", "error"].into_iter().filter_map(|key| result.get(key)).collect();
        let one_line = |text: &Value| text.as_str().is_some_and(|text| !text.contains('\n'));
        result["toolCallId"].as_str() == Some(id) && spoken.len() == 1 && one_line(spoken[0])
    };
    results.len() == ids.len() && results.iter().zip(ids.iter().map(|id| &**id)).all(matches)
}
