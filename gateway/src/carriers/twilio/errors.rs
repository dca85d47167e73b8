//! The table of Twilio's error codes, kept as data beside this file's parent.

use std::collections::HashMap;

use engine::sms::ErrorClass;

const BUILT_IN: &str = include_str!("../twilio_errors.toml");

/// Codes and their classes.
pub(super) struct ErrorTable(HashMap<u32, ErrorClass>);

impl ErrorTable {
    pub fn built_in() -> ErrorTable {
        parse(BUILT_IN).expect("the built-in table is read by a test")
    }

    /// `None`: a code we have not heard of.
    pub fn class_of(&self, code: u32) -> Option<ErrorClass> {
        self.0.get(&code).copied()
    }
}

fn parse(text: &str) -> Result<ErrorTable, String> {
    let classes: HashMap<ErrorClass, Vec<u32>> = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut table = HashMap::new();
    for (class, codes) in classes {
        for code in codes {
            if table.insert(code, class).is_some() {
                return Err(format!("{code} has two classes"));
            }
        }
    }
    Ok(ErrorTable(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_read() {
        let table = ErrorTable::built_in();
        assert_eq!(table.class_of(21211), Some(ErrorClass::PermanentRecipient));
        assert_eq!(table.class_of(20429), Some(ErrorClass::ThrottleAccount));
        assert_eq!(table.class_of(99999), None);
    }

    #[test]
    fn a_code_has_one_class_and_a_class_a_name_we_know() {
        assert!(parse("opted_out = [1]\nblocked = [1]").is_err());
        assert!(parse("misspelt = [1]").is_err());
    }

    /// Runs when `CORDBOARD_CONTRACTS` names a folder of recorded contracts.
    #[test]
    fn every_code_of_the_contract_has_its_class() {
        let Ok(contracts) = std::env::var("CORDBOARD_CONTRACTS") else {
            eprintln!("skipped: CORDBOARD_CONTRACTS is not set");
            return;
        };
        let file = std::path::Path::new(&contracts).join("twilio/error-classification.json");
        let listed: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let table = ErrorTable::built_in();
        for entry in listed["codes"].as_array().unwrap() {
            let code = u32::try_from(entry["code"].as_u64().unwrap()).unwrap();
            // Of two classes the first; none at all is what says nothing of our messages.
            let class = match entry["class"].as_str().unwrap().split(" / ").next().unwrap() {
                "-" => "warning",
                class => class,
            };
            let ours = serde_json::to_value(table.class_of(code)).unwrap();
            assert_eq!(ours, class, "{code}");
        }
    }
}
