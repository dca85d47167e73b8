//! Recorded failures of an earlier system, run against the shipped playbook. Needs `CORDBOARD_CONTRACTS`.

use engine::playbook::Playbook;
use engine::priority::Priority;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    id: String,
    text: String,
    wanted: String,
}

#[test]
fn no_description_is_classified_wrong_again() {
    let Ok(contracts) = std::env::var("CORDBOARD_CONTRACTS") else {
        eprintln!("skipped: CORDBOARD_CONTRACTS is not set");
        return;
    };
    let path = format!("{contracts}/drain-fortin/scenarios/regression-cases.json");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let playbook = Playbook::parse(include_str!("../../config/playbooks/boreal.toml"), "boreal.toml").unwrap();
    let classified = cases.iter().filter_map(|case| Some((case, case.wanted.parse::<Priority>().ok()?)));
    let mut run = 0;
    for (case, wanted) in classified {
        assert_eq!(playbook.classify(&case.text, None).priority, wanted, "{}: {}", case.id, case.text);
        run += 1;
    }
    assert!(run >= 7, "only {run} cases name a priority");
}
