//! Recorded failures of an earlier system, run against the shipped playbook. Needs `CORDBOARD_CONTRACTS`.

use engine::call::{Answer, Call, Event, ToolAnswer};
use engine::playbook::{Language, Playbook, promises};
use engine::priority::Priority;
use engine::testing::fixtures::{call_after, event, key, tool_call};
use engine::tools;
use serde::Deserialize;
use serde_json::{Value, json};

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

fn contracts() -> Option<String> {
    let contracts = std::env::var("CORDBOARD_CONTRACTS").ok();
    if contracts.is_none() {
        eprintln!("skipped: CORDBOARD_CONTRACTS is not set");
    }
    contracts
}

fn read(contracts: &str, file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(format!("{contracts}/drain-fortin/{file}")).unwrap()).unwrap()
}

fn boreal() -> Playbook {
    Playbook::parse(include_str!("../../config/playbooks/boreal.toml"), "boreal.toml").unwrap()
}

/// What a tool says on a Wednesday in winter at 08:00 in Montréal.
fn ask(playbook: &Playbook, language: Language, tool: &str, arguments: Value) -> String {
    let event =
        Event { at: "2026-01-14T08:00:00-05:00".parse().unwrap(), ..event(tool_call("tc", tool, arguments), 0) };
    let call = Call { language: Some(language), ..call_after([]) };
    let answer = match call.decide(&key("c1"), &event, playbook, event.at).answer {
        Answer::Tool(answer) => answer,
        // Somebody has to be asked first: what is said when that fails.
        Answer::Errand(errand) => errand.otherwise,
        other => panic!("a tool's answer wanted, not {other:?}"),
    };
    let (ToolAnswer::Result(text) | ToolAnswer::Error(text)) = answer;
    text.to_string()
}

#[test]
fn every_postal_area_of_the_rules_is_in_its_zone_and_every_city_too() {
    let Some(contracts) = contracts() else { return };
    let rules = read(&contracts, "rules/territories.json");
    let territories = boreal().territories.unwrap();
    let mut areas = 0;
    for (zone, rule) in rules["zones"].as_object().unwrap() {
        let cities = rule["cities"].as_object().into_iter().flatten();
        let of_cities = cities.clone().flat_map(|(_, areas)| areas.as_array().unwrap());
        for area in rule["fsa"].as_array().into_iter().flatten().chain(of_cities) {
            for written in [area.as_str().unwrap().to_owned(), format!("{} 1A1", area.as_str().unwrap().to_lowercase())]
            {
                let found = territories.zone_of(&written).unwrap_or_else(|| panic!("{written} is in no zone"));
                assert_eq!(
                    (&*found.id, u64::from(found.surcharge)),
                    (zone.as_str(), rule["surcharge"].as_u64().unwrap())
                );
                areas += 1;
            }
        }
        for (city, _) in cities {
            assert_eq!(territories.zone_of(city).map(|zone| &*zone.id), Some(zone.as_str()), "{city}");
        }
    }
    assert!(areas > 200, "only {areas} areas");
    for city in rules["rive_sud_names_v5"].as_array().unwrap() {
        assert_eq!(territories.zone_of(city.as_str().unwrap()).map(|zone| &*zone.id), Some("rive_sud"), "{city}");
    }
    for city in rules["known_unserviced"].as_array().unwrap() {
        let told = ask(&boreal(), Language::Fr, "checkServiceArea", json!({ "city": city }));
        assert!(told.contains("\"serviced\":false") && told.contains("Nous ne desservons pas"), "{told}");
    }
}

#[test]
fn no_answer_says_what_the_rules_forbid() {
    let Some(contracts) = contracts() else { return };
    let playbook = boreal();
    let forbidden = ["on passe aujourd'hui", "normalement dans", "on essaie de passer le jour même"];
    let services = read(&contracts, "rules/services.json");
    let kinds = ["accepted", "refused", "redirected"].iter().flat_map(|kind| services[kind].as_array().unwrap());
    let names: Vec<&str> = kinds.flat_map(|it| [it["id"].as_str(), it["fr"].as_str()]).flatten().collect();
    assert!(names.len() > 20);
    for tool in tools::offered(&playbook, Language::Fr).iter().map(|(tool, _)| tool.name()) {
        for service in &names {
            for priority in Priority::ALL {
                for language in [Language::Fr, Language::En] {
                    let arguments = json!({ "serviceType": service, "service": service, "priority": priority,
                        "description": service, "message": service, "city": "Laval", "infoType": "process" });
                    let said = ask(&playbook, language, tool, arguments).to_lowercase();
                    assert!(forbidden.iter().all(|phrase| !said.contains(phrase)), "{tool} {service}: {said}");
                    let window = serde_json::from_str(&said).unwrap_or(Value::Null)["window"].to_string();
                    assert_eq!(promises::find(&window), None, "{said}");
                }
            }
        }
    }
}

#[test]
fn cases_about_places_and_times_are_answered_as_wanted() {
    let Some(contracts) = contracts() else { return };
    let cases = read(&contracts, "scenarios/regression-cases.json");
    let known: Vec<&str> = cases.as_array().unwrap().iter().filter_map(|case| case["id"].as_str()).collect();
    let boreal = boreal();
    let parsed =
        |tool, arguments| -> Value { serde_json::from_str(&ask(&boreal, Language::Fr, tool, arguments)).unwrap() };
    for id in ["full-postal", "overlapping-fsa", "utc-hours", "p1-schedule-v3"] {
        assert!(known.contains(&id), "{id}");
        let told = match id {
            "full-postal" => parsed("checkServiceArea", json!({"city": "Brossard", "postalCode": "J4Z 1A1"})),
            "overlapping-fsa" => parsed("checkServiceArea", json!({"postalCode": "J4P"})),
            "utc-hours" => parsed("classifyPriority", json!({"description": "un prix"})),
            _ => parsed("evaluateScheduling", json!({"serviceType": "debouchage", "priority": "P1"})),
        };
        match id {
            "full-postal" | "overlapping-fsa" => {
                assert_eq!((&told["serviced"], &told["zone"]), (&json!(true), &json!("rive_sud")))
            }
            "utc-hours" => assert_eq!(told["businessHours"], true),
            _ => assert!(told.get("earliestDate").is_none() && promises::find(&told.to_string()).is_none(), "{told}"),
        }
    }
}
