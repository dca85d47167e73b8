//! What Twilio's error codes mean for us: a table kept as data, so that a code Twilio adds tomorrow needs no new version.
//!
//! The built-in table is `errors.toml` beside this file. A file of the operator's in the same form goes over it, code by
//! code, and is looked at again while the server runs; one that cannot be read leaves the table as it was, loudly.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use actors::supervise::{Supervised, supervise};
use arc_swap::ArcSwap;
use engine::sms::ErrorClass;
use metrics::counter;
use parking_lot::Mutex;
use std::sync::Arc;

const BUILT_IN: &str = include_str!("errors.toml");

/// How often the operator's file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Larger than any table of codes.
const LONGEST_FILE: u64 = 256 * 1024;

type Table = HashMap<u32, ErrorClass>;

/// Where a code came from: a metric's label.
#[derive(Clone, Copy)]
pub(super) enum Heard {
    InAnAnswer,
    InAReport,
}

/// Codes and their classes, in force now.
pub struct Errors {
    table: ArcSwap<Table>,
    file: Option<PathBuf>,
    /// When the file was last changed, as far as it was read.
    seen: Mutex<Option<SystemTime>>,
}

impl Errors {
    /// Empty: the built-in table alone.
    pub fn new(file: &str) -> Result<Errors, String> {
        let file = (!file.is_empty()).then(|| PathBuf::from(file));
        let errors = Errors { table: ArcSwap::from_pointee(built_in()), file, seen: Mutex::default() };
        errors.look().map(|_| errors)
    }

    /// Reads the file again if it has changed; `true`: it is in force.
    pub fn look(&self) -> Result<bool, String> {
        let Some(file) = &self.file else { return Ok(false) };
        let named = |why: String| format!("{}: {why}", file.display());
        let about = std::fs::metadata(file).map_err(|why| named(why.to_string()))?;
        let changed_at = about.modified().ok();
        let mut seen = self.seen.lock();
        if changed_at.is_some() && *seen == changed_at {
            return Ok(false);
        }
        // One that is wrong is said once, and read again when it has changed.
        *seen = changed_at;
        if about.len() > LONGEST_FILE {
            return Err(named(format!("longer than {LONGEST_FILE} bytes")));
        }
        let text = std::fs::read_to_string(file).map_err(|why| named(why.to_string()))?;
        let mut table = built_in();
        table.extend(parse(&text).map_err(named)?);
        self.table.store(Arc::new(table));
        Ok(true)
    }

    /// Looks at the file for ever. `None` when there is none.
    pub fn watch(self: &Arc<Self>) -> Option<Supervised> {
        self.file.as_ref()?;
        let errors = self.clone();
        Some(supervise("carrier_errors", move || {
            let errors = errors.clone();
            async move {
                loop {
                    tokio::time::sleep(LOOK_EVERY).await;
                    match errors.look() {
                        Ok(true) => tracing::info!("the carrier's table of errors was read again"),
                        Ok(false) => (),
                        Err(why) => tracing::error!(error = %why, "the carrier's table of errors is kept as it was"),
                    }
                }
            }
        }))
    }

    /// `None`: a code we have not heard of. It is counted, and whoever asks does what is safe.
    pub(super) fn class_of(&self, code: u32, heard: Heard) -> Option<ErrorClass> {
        let class = self.known(code);
        if class.is_none() {
            let heard = match heard {
                Heard::InAnAnswer => "answer",
                Heard::InAReport => "report",
            };
            counter!("cordboard_sms_unknown_codes_total", "heard_in" => heard).increment(1);
            tracing::warn!(twilio.code = code, heard_in = heard, "an error code that is in no table");
        }
        class
    }

    pub(super) fn known(&self, code: u32) -> Option<ErrorClass> {
        self.table.load().get(&code).copied()
    }
}

fn built_in() -> Table {
    parse(BUILT_IN).expect("the built-in table is read by a test")
}

fn parse(text: &str) -> Result<Table, String> {
    let classes: HashMap<ErrorClass, Vec<u32>> = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut table = Table::new();
    for (class, codes) in classes {
        for code in codes {
            if table.insert(code, class).is_some() {
                return Err(format!("{code} has two classes"));
            }
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_read() {
        let errors = Errors::new("").unwrap();
        assert_eq!(errors.known(21211), Some(ErrorClass::PermanentRecipient));
        assert_eq!(errors.known(20429), Some(ErrorClass::ThrottleAccount));
        assert_eq!(errors.known(99999), None);
        assert_eq!(errors.look(), Ok(false));
    }

    #[test]
    fn a_code_has_one_class_and_a_class_a_name_we_know() {
        assert!(parse("opted_out = [1]\nblocked = [1]").is_err());
        assert!(parse("misspelt = [1]").is_err());
    }

    #[test]
    fn an_operators_table_goes_over_the_built_in_one_and_a_bad_edit_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("errors.toml");
        let write = |text: &str, second: u64| {
            std::fs::write(&file, text).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + second);
            std::fs::File::options().append(true).open(&file).unwrap().set_modified(at).unwrap();
        };
        write("blocked = [99001]\nfiltered = [30003]", 1);
        let errors = Errors::new(file.to_str().unwrap()).unwrap();
        let classes = || [99001, 30003, 21211].map(|code| errors.known(code));
        let expected = [ErrorClass::Blocked, ErrorClass::Filtered, ErrorClass::PermanentRecipient].map(Some);
        assert_eq!(classes(), expected);
        assert_eq!(errors.look(), Ok(false), "nothing has changed");
        write("blocked = [", 2);
        assert!(errors.look().unwrap_err().contains("errors.toml"));
        assert_eq!(errors.look(), Ok(false), "said once");
        assert_eq!(classes(), expected);
        write("loop = [99001]", 3);
        assert_eq!(errors.look(), Ok(true));
        assert_eq!(
            classes(),
            [ErrorClass::Loop, ErrorClass::TransientRecipient, ErrorClass::PermanentRecipient].map(Some)
        );
        assert!(Errors::new("no/such/file.toml").is_err());
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
        let errors = Errors::new("").unwrap();
        for entry in listed["codes"].as_array().unwrap() {
            let code = u32::try_from(entry["code"].as_u64().unwrap()).unwrap();
            // Of two classes the first; none at all is what says nothing of our messages.
            let class = match entry["class"].as_str().unwrap().split(" / ").next().unwrap() {
                "-" => "warning",
                class => class,
            };
            let ours = serde_json::to_value(errors.known(code)).unwrap();
            assert_eq!(ours, class, "{code}");
        }
    }
}
