//! A business that only watches.

use std::time::Duration;

use engine::call::{Call, Fact};
use engine::playbook::{Playbook, SUPPRESSED, Shadow};
use engine::sms::SmsState;
use engine::testing::fixtures::{at, event, key, playbook, tool_call};
use serde_json::json;

const BOREAL: &str = include_str!("../../config/playbooks/boreal.toml");

/// `before` stands above the first table, `after` below the last.
fn with(before: &str, after: &str) -> Result<Playbook, String> {
    Playbook::parse(&format!("{before}\n{BOREAL}\n{after}\n"), "boreal.toml").map_err(|error| error.to_string())
}

#[test]
fn watching_is_off_unless_it_is_asked_for() {
    let forward_to = "https://old.example.com/hook";
    let table = format!("[shadow]\nforward_to = \"{forward_to}\"\ntimeout_s = 5");
    let watching = |forward_to: Option<&str>, seconds| {
        Some(Shadow { forward_to: forward_to.map(Box::from), timeout: Duration::from_secs(seconds) })
    };
    assert_eq!(with("", "").unwrap().shadow, None);
    assert_eq!(with("shadow = false", "").unwrap().shadow, None);
    assert_eq!(with("shadow = true", "").unwrap().shadow, watching(None, 20));
    assert_eq!(with("", &table).unwrap().shadow, watching(Some(forward_to), 5));
}

#[test]
fn what_cannot_be_watched_is_refused_with_the_key() {
    for (table, words) in [
        ("[shadow]\nforward_to = \"old.example.com\"", "shadow.forward_to: not a web address"),
        ("[shadow]\nforward_to = \"https://a.example\"\ntimeout_s = 0", "shadow.timeout_s: not between"),
        ("[shadow]\nforward = \"https://a.example\"", "true, or [shadow] with forward_to"),
    ] {
        let refused = with("", table).unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn whoever_only_watches_decides_and_records_everything_and_sends_nothing() {
    let alert = event(tool_call("tc1", "sendSMSAlert", json!({"priority": "P1", "message": "water"})), 1);
    let watching = Playbook { shadow: with("shadow = true", "").unwrap().shadow, ..playbook() };
    let decide = |playbook: &Playbook| Call::new("line", at(0)).decide(&key("c1"), &alert, playbook, at(1));
    let (real, mut shadow) = (decide(&playbook()), decide(&watching));
    let marks = shadow.facts.iter_mut().filter_map(|fact| match fact {
        Fact::AlertOpened(notice) => Some(&mut notice.watching),
        _ => None,
    });
    assert_eq!(marks.map(std::mem::take).collect::<Vec<_>>(), [true], "an alert that nobody is told of says so");
    assert_eq!((&real.facts, &real.answer), (&shadow.facts, &shadow.answer));
    assert!(!real.texts.is_empty() && real.texts.iter().all(|text| text.state() == SmsState::Queued));
    assert!(shadow.texts.iter().all(|text| text.state() == SmsState::Suppressed));
    assert!(shadow.texts.iter().all(|text| text.suppressed.as_deref() == Some(SUPPRESSED)));
}
