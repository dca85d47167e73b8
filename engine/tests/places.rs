//! What is told of hours, waits, areas and the business itself, asked of the shipped playbooks as an agent would.

use engine::call::{Answer, Call, Event, ToolAnswer};
use engine::playbook::{Language, Playbook, promises};
use engine::priority::Priority;
use engine::testing::fixtures::{call_after, event, key, playbook, tool_call};
use engine::time::Timestamp;
use engine::tools;
use serde_json::{Value, json};

const BOREAL: &str = include_str!("../../config/playbooks/boreal.toml");
const HARBOUR: &str = include_str!("../../config/playbooks/harbour-dental.toml");

/// A Wednesday in summer, 10:00 in Montréal.
const OPEN: &str = "2026-07-15T10:00:00-04:00";
/// The Saturday after, at night.
const CLOSED: &str = "2026-07-18T22:00:00-04:00";

fn boreal() -> Playbook {
    Playbook::parse(BOREAL, "boreal.toml").unwrap()
}

fn harbour() -> Playbook {
    Playbook::parse(HARBOUR, "harbour-dental.toml").unwrap()
}

fn at(at: &str, kind: engine::call::EventKind) -> Event {
    Event { at: at.parse().unwrap(), ..event(kind, 0) }
}

fn in_language(language: Language) -> Call {
    Call { language: Some(language), ..call_after([]) }
}

/// The result, or the sentence said instead.
fn ask(playbook: &Playbook, call: &Call, when: &str, tool: &str, arguments: Value) -> Result<Value, String> {
    let event = at(when, tool_call("tc", tool, arguments));
    match call.decide(&key("c1"), &event, playbook, event.at).answer {
        Answer::Tool(ToolAnswer::Result(json)) => Ok(serde_json::from_str(&json).unwrap()),
        Answer::Tool(ToolAnswer::Error(sentence)) => Err(sentence.to_string()),
        other => panic!("a tool's answer wanted, not {other:?}"),
    }
}

fn result(playbook: &Playbook, when: &str, tool: &str, arguments: Value) -> Value {
    ask(playbook, &in_language(playbook.language), when, tool, arguments.clone())
        .unwrap_or_else(|sentence| panic!("{tool} {arguments}: {sentence}"))
}

#[test]
fn every_shipped_playbook_can_be_read_and_offers_what_it_has() {
    for (playbook, wanted) in [
        (boreal(), &["evaluateScheduling", "checkServiceArea", "getCompanyInfo"][..]),
        (harbour(), &["evaluateScheduling", "getCompanyInfo"]),
        (playbook(), &[]),
    ] {
        let offered = tools::offered(&playbook, playbook.language);
        let names: Vec<&str> = offered.iter().map(|(tool, _)| tool.name()).collect();
        for tool in ["evaluateScheduling", "checkServiceArea", "getCompanyInfo"] {
            assert_eq!(names.contains(&tool), wanted.contains(&tool), "{} {tool}", playbook.tenant);
        }
        assert!(playbook.contacts.iter().all(|contact| contact.phone.as_str().contains("55501")));
    }
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/playbooks");
    let files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2);
    for file in files {
        Playbook::parse(&std::fs::read_to_string(&file).unwrap(), &file.display().to_string()).unwrap();
    }
}

#[test]
fn a_tool_without_its_section_answers_a_sentence() {
    for tool in ["evaluateScheduling", "checkServiceArea", "getCompanyInfo", "searchWebsiteInfo"] {
        for language in [Language::Fr, Language::En] {
            let arguments = json!({"serviceType": "gainage", "city": "Laval", "infoType": "hours"});
            let sentence = ask(&playbook(), &in_language(language), OPEN, tool, arguments).unwrap_err();
            assert!(
                sentence.ends_with('.')
                    && sentence.contains(if language == Language::Fr { "on vous" } else { "you back" })
            );
        }
    }
}

#[test]
fn a_missing_argument_is_a_question() {
    for tool in ["evaluateScheduling", "checkServiceArea", "getCompanyInfo"] {
        for arguments in [json!({}), json!({"city": null, "serviceType": [], "infoType": {}, "unknown": 7})] {
            let sentence = ask(&boreal(), &in_language(Language::En), OPEN, tool, arguments).unwrap_err();
            assert!(sentence.ends_with('?'), "{sentence}");
        }
    }
}

#[test]
fn the_wait_is_the_services_or_the_emergencys() {
    for (arguments, window) in [
        (json!({"serviceType": "drain_francais"}), "1 to 3 weeks"),
        (json!({"service": "Nettoyage de drains français"}), "1 to 3 weeks"),
        (json!({"service_type": "inspection"}), "1 to 2 weeks"),
        (json!({"serviceType": "camera_inspection", "urgency": "medium"}), "1 to 2 weeks"),
        (json!({"serviceType": "gainage_installation"}), "2 to 4 weeks, in two visits"),
        (json!({"serviceType": "gainage", "urgency": "high"}), "2 to 4 weeks, in two visits"),
        (json!({"serviceInfo": {"typeService": "cheminées"}}), "on Fridays"),
        (json!({"serviceType": "debouchage_camera"}), "3 to 5 business days"),
        (json!({"serviceType": "a visit"}), "3 to 5 business days"),
        (json!({"serviceType": "autre"}), "3 to 5 business days"),
        (json!({"serviceType": "gainage", "priority": "P1"}), "as soon as a team is free"),
        (json!({"serviceType": "gainage", "urgence": "P1"}), "as soon as a team is free"),
        (json!({"serviceType": "gainage", "urgency": "critical"}), "as soon as a team is free"),
        (json!({"serviceType": "gainage", "urgency": true}), "as soon as a team is free"),
        (json!({"serviceType": "gainage", "priority": "P2"}), "1 to 2 business days"),
        (json!({"serviceType": "gainage", "priorité": 3}), "2 to 4 weeks, in two visits"),
        (json!({"priority": "P1"}), "as soon as a team is free"),
    ] {
        let told = ask(&boreal(), &in_language(Language::En), OPEN, "evaluateScheduling", arguments.clone()).unwrap();
        assert_eq!(told["window"], window, "{arguments}");
        assert_eq!(told["canSchedule"], true, "{arguments}");
        assert!(told["requirements"].as_array().unwrap().len() >= 2 && told.get("earliestDate").is_none());
    }
    let under_slab = result(&boreal(), OPEN, "evaluateScheduling", json!({"serviceType": "sous_dalle"}));
    assert_eq!(
        (&under_slab["canSchedule"], &under_slab["window"]),
        (&json!(false), &json!("après la visite du spécialiste"))
    );
}

#[test]
fn what_is_not_offered_and_what_nobody_knows_has_no_wait() {
    for arguments in [
        json!({"serviceType": "piscines"}),
        json!({"service": "vidange de fosse septique"}),
        json!({"serviceType": "vacuum", "priority": "P1"}),
        json!({"serviceType": "banana"}),
        json!({"serviceType": "a new roof", "priority": "P2"}),
    ] {
        let told = |tool| ask(&boreal(), &in_language(Language::En), OPEN, tool, arguments.clone()).unwrap();
        let (wait, offer) = (told("evaluateScheduling"), told("validateServiceRequest"));
        assert_eq!(wait["message"], offer["message"], "{arguments}");
        assert_eq!((&wait["canSchedule"], wait.get("window")), (&json!(false), None), "{arguments}");
    }
    let visit = ask(&boreal(), &in_language(Language::En), OPEN, "evaluateScheduling", json!({"service": "a visit"}));
    assert!(visit.unwrap()["message"].as_str().unwrap().ends_with("A person confirms it."));
}

#[test]
fn an_emergency_in_words_does_not_wait_like_its_service() {
    for arguments in [
        json!({"serviceType": "debouchage", "description": "j'ai de l'eau plein le sous-sol"}),
        json!({"serviceType": "gainage", "problem": "sewage is coming up in the basement", "priority": "P4"}),
        json!({"description": "le sous-sol est inondé"}),
        json!({"serviceType": "banana", "description": "water is pouring through the ceiling"}),
    ] {
        let told = ask(&boreal(), &in_language(Language::En), OPEN, "evaluateScheduling", arguments.clone()).unwrap();
        assert_eq!(told["window"], "as soon as a team is free", "{arguments}");
    }
    let calm = json!({"serviceType": "debouchage", "description": "pas de dégât d'eau, juste un évier lent"});
    let told = ask(&boreal(), &in_language(Language::En), OPEN, "evaluateScheduling", calm).unwrap();
    assert_eq!(told["window"], "3 to 5 business days");
}

#[test]
fn a_call_that_is_an_emergency_stays_one_when_asked_about_a_service() {
    let call = Call { priority: Some(Priority::P1), ..in_language(Language::En) };
    let told = ask(&boreal(), &call, CLOSED, "evaluateScheduling", json!({"serviceType": "gainage", "priority": "P4"}));
    assert_eq!(told.unwrap()["window"], "as soon as a team is free");
}

#[test]
fn closed_is_said_unless_it_is_an_emergency() {
    for (when, priority, closed) in [(OPEN, "P4", false), (CLOSED, "P4", true), (CLOSED, "P1", false)] {
        let told =
            result(&boreal(), when, "evaluateScheduling", json!({"serviceType": "gainage", "priority": priority}));
        let message = told["message"].as_str().unwrap();
        assert_eq!(message.contains("fermés"), closed, "{message}");
        assert!(message.contains("rappelle"), "{message}");
    }
}

#[test]
fn a_place_is_served_or_not_and_an_unknown_one_is_asked_about() {
    for (arguments, serviced, zone, surcharge, city) in [
        (json!({"city": "Brossard", "postalCode": "J4Z 1A1"}), true, "rive_sud", 100, "Brossard"),
        (json!({"postalCode": "J4Z1A1"}), true, "rive_sud", 100, "Brossard"),
        (json!({"code_postal": "J4P"}), true, "rive_sud", 100, "Saint-Lambert"),
        (json!({"ville": "St-Lambert"}), true, "rive_sud", 100, "Saint-Lambert"),
        (json!({"city": "Dollard des Ormeaux"}), true, "ouest_island", 0, "Dollard-des-Ormeaux"),
        (json!({"city": "DDO"}), true, "ouest_island", 0, "Dollard-des-Ormeaux"),
        (json!({"city": "Laval, Québec"}), true, "laval", 0, "Laval"),
        (json!({"address": "100 rue Sherbrooke, Montreal-Nord, QC"}), true, "montreal", 0, "Montréal-Nord"),
        (json!({"customerInfo": {"address": "12 rue Exemple, Lachine H8S 1A1"}}), true, "montreal", 0, "Lachine"),
        (json!({"postalCode": "H8Y 1A1"}), true, "ouest_island", 0, "Pierrefonds"),
        (json!({"location": "rive_nord"}), true, "rive_nord", 0, "Rive-Nord"),
        (json!({"address": "1 rue A", "location": "rive_sud"}), true, "rive_sud", 100, "Rive-Sud"),
        (json!({"address": "1 rue A", "location": "Longueuil"}), true, "rive_sud", 100, "Longueuil"),
        (json!({"address": "1 rue A, Ottawa", "location": "rive_sud"}), false, "unknown", 0, "Ottawa"),
        (json!({"postalCode": "J0L 9Z9", "location": "rive_sud"}), false, "unknown", 0, "J0L 9Z9"),
        (json!({"city": "Laval", "postalCode": "J4W 2A2"}), true, "rive_sud", 100, "Brossard"),
        (json!({"city": "Verchères"}), true, "rive_sud", 100, "Verchères"),
        (json!({"postalCode": "j0l 2r0"}), true, "rive_sud", 100, "Verchères"),
        (json!({"city": "Québec"}), false, "unknown", 0, "Québec"),
        (json!({"city": "quebec"}), false, "unknown", 0, "Québec"),
        (json!({"city": "Sherbrooke"}), false, "unknown", 0, "Sherbrooke"),
        (json!({"city": "Sainte-Exemple", "location": "montreal"}), false, "unknown", 0, "Sainte-Exemple"),
        (json!({"city": "Ottawa"}), false, "unknown", 0, "Ottawa"),
        (json!({"city": "Gatineau"}), false, "unknown", 0, "Gatineau"),
        (json!({"city": "Toronto", "postalCode": "M5V 2T6"}), false, "unknown", 0, "Toronto"),
        (json!({"postalCode": "J0L 9Z9"}), false, "unknown", 0, "J0L 9Z9"),
    ] {
        let told = result(&boreal(), OPEN, "checkServiceArea", arguments.clone());
        let wanted = json!({"serviced": serviced, "zone": zone, "surcharge": surcharge, "city": city});
        for (key, value) in wanted.as_object().unwrap() {
            assert_eq!(&told[key], value, "{arguments}: {told}");
        }
        assert_eq!(told.get("responseTime").is_some(), serviced);
    }
}

#[test]
fn an_answer_about_a_place_says_what_matters_in_the_callers_language() {
    let say = |language, arguments| {
        let told = ask(&boreal(), &in_language(language), OPEN, "checkServiceArea", arguments).unwrap();
        told["message"].as_str().unwrap().to_owned()
    };
    assert!(say(Language::Fr, json!({"city": "Brossard"})).contains("supplément de 100 $"));
    assert!(say(Language::En, json!({"city": "Brossard"})).contains("surcharge of $100"));
    let corrected = say(Language::En, json!({"city": "Laval", "postalCode": "J4W 2A2"}));
    assert!(corrected.contains("not in Laval") && corrected.contains("Brossard"), "{corrected}");
    assert!(say(Language::Fr, json!({"city": "Sainte-Exemple, Québec"})).contains("Quel est le code postal?"));
    assert!(say(Language::En, json!({"postalCode": "M5V 2T6"})).contains("call you back"));
    assert!(say(Language::En, json!({"city": "Quebec City"})).contains("do not serve"));
}

#[test]
fn a_question_finds_its_topic_by_id_by_an_older_name_or_by_its_words() {
    for (arguments, topic) in [
        (json!({"infoType": "hours"}), "hours"),
        (json!({"infoType": "warranty"}), "warranty"),
        (json!({"category": "garanties", "query": "x"}), "warranty"),
        (json!({"category": "horaires", "query": "le samedi"}), "hours"),
        (json!({"category": "processus", "query": ""}), "process"),
        (json!({"infoType": "Certifications"}), "certifications"),
        (json!({"category": "faq", "query": "do you take credit cards?"}), "payment"),
        (json!({"query": "do you take credit cards"}), "payment"),
        (json!({"question": "êtes-vous certifiés RBQ?"}), "certifications"),
        (json!({"infoType": "other", "query": "à quelle heure vous ouvrez?"}), "hours"),
        (json!({"infoType": "are you open on Saturday"}), "hours"),
        (json!({"category": "faq", "query": "who owns the pipe"}), "faq"),
        (json!({"category": "faq", "query": "quelque chose d'autre"}), "faq"),
        (json!({"infoType": "about"}), "about"),
        (json!({"infoType": "contact"}), "contact"),
        (json!({"category": "zones", "query": "x"}), "zones"),
    ] {
        for tool in ["getCompanyInfo", "search_website_info"] {
            let told = result(&boreal(), OPEN, tool, arguments.clone());
            assert_eq!(told["infoType"], topic, "{arguments}");
            assert!(!told["data"]["text"].as_str().unwrap().is_empty());
        }
    }
    let unknown = ask(&boreal(), &in_language(Language::En), OPEN, "getCompanyInfo", json!({"infoType": "zodiac"}));
    assert!(unknown.unwrap_err().contains("calls you back"));
}

#[test]
fn hours_are_told_as_they_are_now() {
    let told = result(&boreal(), OPEN, "getCompanyInfo", json!({"infoType": "hours"}));
    let text = told["data"]["text"].as_str().unwrap();
    assert!(text.starts_with("Nos heures: lundi au vendredi, 6 h à 15 h; samedi et dimanche, fermé."), "{text}");
    assert!(text.ends_with("En ce moment, nous sommes ouverts."), "{text}");
    assert_eq!((&told["data"]["openNow"], &told["data"]["timeZone"]), (&json!(true), &json!("America/Toronto")));
    let closed = ask(&boreal(), &in_language(Language::En), CLOSED, "getCompanyInfo", json!({"infoType": "hours"}));
    let closed = closed.unwrap();
    assert!(
        closed["data"]["text"].as_str().unwrap().ends_with("We are closed at the moment; we open Monday at 6 a.m.")
    );
    assert_eq!(closed["data"]["week"][0], json!({"days": "Monday to Friday", "hours": "6 a.m. to 3 p.m."}));
    let lunch =
        result(&harbour(), "2026-07-15T12:30:00-03:00", "getCompanyInfo", json!({"query": "when do you open?"}));
    assert!(lunch["data"]["text"].as_str().unwrap().ends_with("we open Wednesday at 1 p.m."), "{lunch}");
}

#[test]
fn business_hours_are_the_businesss_own_in_summer_and_winter() {
    for (when, open) in [
        ("2026-07-15T08:00:00-04:00", true),
        ("2026-01-14T08:00:00-05:00", true),
        ("2026-01-14T05:30:00-05:00", false),
        ("2026-07-15T15:00:00-04:00", false),
        ("2026-07-18T10:00:00-04:00", false),
        ("2026-05-18T10:00:00-04:00", false),
        ("2026-06-24T10:00:00-04:00", false),
    ] {
        let told = result(&boreal(), when, "classifyPriority", json!({"description": "un évier bouché"}));
        assert_eq!(told["businessHours"], open, "{when}");
    }
    let without = result(&playbook(), OPEN, "classifyPriority", json!({"description": "a slow sink"}));
    assert!(without.get("businessHours").is_none());
}

#[test]
fn no_answer_promises_a_moment() {
    let services = ["debouchage", "inspection", "racines", "gainage", "drain_francais", "cheminée", "sous_dalle", "x"];
    let business = [boreal(), harbour()];
    let cities = ["Laval", "Brossard", "DDO", "Québec", "Sainte-Exemple", "M5V 2T6"];
    let mut answers = 0;
    for playbook in &business {
        for language in &playbook.languages {
            let call = in_language(*language);
            let mut asked: Vec<(&str, Value)> = Vec::new();
            for service in services.iter().chain(&["cleaning", "whitening", "implant"]) {
                for priority in Priority::ALL {
                    asked.push(("evaluateScheduling", json!({"serviceType": service, "priority": priority})));
                }
            }
            asked.extend(cities.map(|city| ("checkServiceArea", json!({ "city": city }))));
            let topics =
                playbook.company.iter().flat_map(|company| company.topics()).filter(|topic| &*topic.id != "hours");
            asked.extend(topics.map(|topic| ("getCompanyInfo", json!({ "infoType": topic.id }))));
            for (tool, arguments) in asked {
                for when in [OPEN, CLOSED] {
                    let said = match ask(playbook, &call, when, tool, arguments.clone()) {
                        Ok(Value::Object(told)) => told.values().map(Value::to_string).collect::<Vec<_>>().join(" | "),
                        Ok(other) => panic!("{other}"),
                        Err(sentence) => sentence,
                    };
                    assert_eq!(promises::find(&said), None, "{tool} {arguments}: {said}");
                    answers += 1;
                }
            }
        }
    }
    assert!(answers > 200, "only {answers} answers");
}

#[test]
fn a_clinic_knows_its_own_emergencies_and_nothing_of_drains() {
    let harbour = harbour();
    for (said, priority) in [
        ("my son's front tooth got knocked out playing hockey", Priority::P1),
        ("the swelling makes it hard to breathe", Priority::P1),
        ("it's been an hour and it won't stop bleeding", Priority::P1),
        ("I have a terrible toothache", Priority::P2),
        ("my filling broke, a cracked tooth I think", Priority::P2),
        ("how do implants work", Priority::P3),
        ("I need a cleaning", Priority::P4),
        ("my basement is flooded", Priority::P4),
    ] {
        assert_eq!(harbour.classify(said, None).priority, priority, "{said}");
    }
    let saturday = |hour: u8| format!("2026-07-18T{hour:02}:00:00-03:00").parse::<Timestamp>().unwrap();
    assert_eq!([8, 9, 12, 13].map(|hour| harbour.is_open(saturday(hour))), [false, true, true, false].map(Some));
    let told = result(&harbour, OPEN, "evaluateScheduling", json!({"serviceType": "a cleaning for two"}));
    assert_eq!(told["window"], "4 to 6 weeks");
}

#[test]
fn sections_are_refused_with_their_line_and_the_fix() {
    for (good, bad, key, says) in [
        ("monday = [\"06:00-15:00\"]", "monday = [\"6-15\"]", "hours.monday", "write \"06:00-15:00\""),
        ("monday = [\"06:00-15:00\"]", "monday = [\"06:00-15:00\", \"14:00-16:00\"]", "hours.monday", "covers both"),
        ("\"patriots_day\"", "\"patriotes\"", "hours.holidays", "one of: new_year"),
        ("\"12-31\",", "\"13-31\",", "hours.holidays", "is no day"),
        ("[hours.special]", "[hours.special]\n\"2026-02-29\" = []", "hours.special", "is no day"),
        ("time_zone = \"America/Toronto\"", "", "hours", "add time_zone"),
        ("de 3 à 5 jours ouvrables", "aujourd'hui même", "scheduling.general", "\"aujourd hui\" promises a moment"),
        ("1 to 3 weeks", "within 48 hours", "scheduling.services.drain_francais.window", "write a window"),
        ("on Fridays", "this Friday", "scheduling.services.installation_cheminee.window", "promises a moment"),
        ("Somebody calls you back right away.", "We come tomorrow.", "scheduling.priorities.P1.message", "tomorrow"),
        ("the full address with the postal code", "the address by 10:30", "scheduling.requirements", "10:30"),
        (
            "{ fr = \"les vendredis\", en = \"on Fridays\" }",
            "{ fr = \"les vendredis\" }",
            "scheduling.services.installation_cheminee.window",
            "no words in `en`",
        ),
        ("[scheduling.priorities.P2]", "[scheduling.priorities.P5]", "scheduling.priorities.P5", "unknown variant"),
        (
            "can_schedule = false",
            "can_shedule = false",
            "scheduling.services.sous_dalle.can_shedule",
            "did you mean `can_schedule`",
        ),
        ("\"RBQ\", \"CMMTQ\"", "\"RBQ\", \"!\"", "company.topics.certifications.words", "no word in it"),
        ("surcharge = 100", "surcharge = -1", "territories.zones.surcharge", "0 or more"),
        ("postal = [\"H7\"]", "postal = [\"H7N 3W2 1\"]", "territories.zones.laval.postal", "1 to 6 letters"),
    ] {
        assert!(BOREAL.contains(good), "{good}");
        let text = BOREAL.replacen(good, bad, 1);
        let error = Playbook::parse(&text, "boreal.toml").unwrap_err();
        assert_eq!(&*error.key, key, "{error}");
        let told = error.to_string();
        assert!(told.starts_with(&format!("boreal.toml:{}: ", error.line)) && told.contains(says), "{told}");
        let at = text.lines().nth(error.line - 1).unwrap();
        assert!(bad.is_empty() || at.contains(bad.lines().last().unwrap()), "line {} is {at:?}", error.line);
    }
}
